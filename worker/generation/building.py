"""The engine that a configuration asks for. There is no other one to fall back to."""

from pathlib import Path

from transformers import PreTrainedModel

from backend.contract.config import AnyRunConfig, RLConfig
from backend.contract.errors import TrainingError
from worker.generation.engine import Engine
from worker.generation.transformers_engine import TransformersEngine
from worker.generation.vllm_engine import VllmEngine
from worker.generation.vllm_start import Start
from worker.modeling.loading import Processor


def build_engine(
    cfg: AnyRunConfig, policy: PreTrainedModel, processor: Processor, model_folder: Path
) -> Engine:
    """The engine of a run.

    Args:
        cfg: The run's configuration.
        policy: The model as it was loaded.
        processor: Its tokenizer and image processor.
        model_folder: Where both came from.

    Raises:
        TrainingError: vllm is asked for and not installed, or refuses the model or the settings.
    """
    if cfg.engine.name == "transformers":
        return TransformersEngine(
            policy,
            processor,
            seed=cfg.seed,
            precision=cfg.precision,
            max_rows=cfg.engine.max_rows,
        )
    start = Start(
        folder=model_folder,
        cfg=cfg.engine,
        seed=cfg.seed,
        precision=cfg.precision,
        max_tokens=longest_sequence(cfg, policy),
        device=policy.device,
    )
    return VllmEngine(processor, start)


def longest_sequence(cfg: AnyRunConfig, policy: PreTrainedModel) -> int:
    """Tokens of the longest prompt with the longest response that the configuration allows.

    Raises:
        TrainingError: the model has fewer positions; vLLM sets memory aside for all of them.
    """
    longest = cfg.evaluation.max_response_tokens
    if isinstance(cfg, RLConfig):
        longest = max(longest, cfg.sampling.max_response_tokens)
    total = cfg.data.max_prompt_tokens + longest
    positions = policy.config.get_text_config().max_position_embeddings
    if total > positions:
        raise TrainingError(
            f"data.max_prompt_tokens ({cfg.data.max_prompt_tokens}) and the longest "
            f"max_response_tokens ({longest}) make {total} tokens, the model has {positions} "
            "positions: lower one of them"
        )
    return total
