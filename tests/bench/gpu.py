"""Qwen2.5-VL-3B's shape with random weights on one GPU: rollouts, update, memory.

Model FLOPs utilisation counts 6 operations for each parameter of the language model and token,
plus those of attention (Chowdhery et al. 2022, appendix B), against the device's dense bf16 peak;
what is recomputed does not count.
"""

import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.forward import response_hidden
from worker.modeling.precision import autocast
from worker.tensors.batches import Picture, Prompts, PromptSource
from worker.tensors.logprobs import Distribution, chunked_logprobs

PEAK_FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "4090": 165e12}
"""Dense bf16 operations a second by a part of the device's name, from the vendor's data sheets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How large everything is."""

    config: Qwen2_5_VLConfig
    num_rollouts: int
    num_prompt_tokens: int
    num_visual_tokens: int
    num_response_tokens: int
    rows_per_micro_batch: int
    num_updates: int


def three_billion() -> Shape:
    """Qwen2.5-VL-3B, and prompts and responses like Geometry3K's."""
    text = {
        "vocab_size": 151_936,
        "hidden_size": 2048,
        "intermediate_size": 11_008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128_000,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1_000_000.0,
            "mrope_section": [16, 24, 24],
        },
    }
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 2048}
    return Shape(
        config=Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True),
        num_rollouts=128,
        num_prompt_tokens=400,
        num_visual_tokens=256,
        num_response_tokens=512,
        rows_per_micro_batch=16,
        num_updates=3,
    )


def measure() -> dict[str, float]:
    """The figures on the first GPU.

    Raises:
        SystemExit: there is no GPU, or its peak is not known.
    """
    if not torch.cuda.is_available():
        raise SystemExit("the gpu benchmark needs a CUDA device, and torch finds none")
    name = torch.cuda.get_device_name()
    peaks = [peak for part, peak in PEAK_FLOPS.items() if part in name]
    if not peaks:
        raise SystemExit(f"the bf16 peak of {name} is not in PEAK_FLOPS ({', '.join(PEAK_FLOPS)})")
    return run(three_billion(), torch.device("cuda"), peaks[0])


def run(shape: Shape, device: torch.device, peak_flops: float) -> dict[str, float]:
    """Rollouts and updates of a shape on a device."""
    torch.manual_seed(0)
    with torch.device(device):
        model: Any = Qwen2_5_VLForConditionalGeneration(shape.config).float()
    model.eval()
    model.model.visual.requires_grad_(False)
    prompts = make_prompts(shape, device)
    return roll_out(model, prompts, shape, device) | update(
        model, prompts, shape, device, peak_flops
    )


def make_prompts(shape: Shape, device: torch.device) -> Prompts:
    """Random prompts that begin with a picture's tokens."""
    rows, length, config = shape.num_rollouts, shape.num_prompt_tokens, shape.config
    text: Any = config.get_text_config()
    ids = torch.randint(10, text.vocab_size // 2, (rows, length), device=device)
    ids[ids == config.image_token_id] = 9
    ids[:, : shape.num_visual_tokens] = config.image_token_id
    features = torch.randn(1, shape.num_visual_tokens, text.hidden_size, device=device)
    picture = Picture(
        text="",
        num_tokens=shape.num_visual_tokens,
        grid=None,
        patches=None,
        features=features,
    )
    return Prompts(
        input_ids=ids,
        attention_mask=torch.ones_like(ids, dtype=torch.bool),
        position_ids=torch.arange(length, device=device).expand(3, rows, -1),
        next_position=torch.full((rows,), length, device=device),
        pictures=(picture,) * rows,
        keys=tuple(f"p{row}" for row in range(rows)),
        sources=(PromptSource(token_ids=(), open_picture=None),) * rows,
    )


def roll_out(model: Any, prompts: Prompts, shape: Shape, device: torch.device) -> dict[str, float]:
    """Tokens a second of the engine, after one short call that warms up."""
    processor: Any = SimpleNamespace(
        tokenizer=SimpleNamespace(decode=lambda *_, **__: ""),
        banned_token_ids=(shape.config.image_token_id,),
        pad_token_id=0,
        end_token_ids=(-1,),
    )
    engine = TransformersEngine(model, processor, seed=0, precision="bfloat16")
    sampled = Decoding(num_samples=1, temperature=1.0, top_p=1.0, stream="bench")
    engine.generate(prompts, [sampled], rl_step=0, max_tokens=2)
    started = _now(device)
    engine.generate(prompts, [sampled], rl_step=1, max_tokens=shape.num_response_tokens)
    num_tokens = shape.num_rollouts * shape.num_response_tokens
    return {"rollout tokens/s": num_tokens / (_now(device) - started)} | _peak("rollout", device)


def update(
    model: Any, prompts: Prompts, shape: Shape, device: torch.device, peak_flops: float
) -> dict[str, float]:
    """Utilisation and peak memory of optimizer steps, after one that warms up."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6)
    tokens = torch.randint(10, 100, (shape.num_rollouts, shape.num_response_tokens), device=device)
    every = Distribution(temperature=1.0, banned_token_ids=(shape.config.image_token_id,))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        for start in range(0, shape.num_rollouts, shape.rows_per_micro_batch):
            rows = list(range(start, min(start + shape.rows_per_micro_batch, shape.num_rollouts)))
            mask = torch.ones_like(tokens[rows], dtype=torch.bool)
            with autocast(device, "bfloat16"):
                head = response_hidden(model, prompts.select(rows), tokens[rows], mask)
                logprobs, _ = chunked_logprobs(head.states, head.weight, tokens[rows], every)
            torch.autograd.backward(-logprobs.mean())
        optimizer.step()

    step()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    started = _now(device)
    for _ in range(shape.num_updates):
        step()
    seconds = (_now(device) - started) / shape.num_updates
    num_tokens = shape.num_rollouts * (shape.num_prompt_tokens + shape.num_response_tokens)
    figures = {
        "update s": seconds,
        "update tokens/s": num_tokens / seconds,
        "update MFU": num_tokens * flops_per_token(model, shape) / seconds / peak_flops,
    }
    return figures | _peak("update", device)


def flops_per_token(model: Any, shape: Shape) -> float:
    """Operations of a forward and backward pass for one token."""
    text: Any = shape.config.get_text_config()
    num_parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    length = shape.num_prompt_tokens + shape.num_response_tokens
    return 6 * num_parameters + 12 * text.num_hidden_layers * text.hidden_size * length


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _peak(what: str, device: torch.device) -> dict[str, float]:
    if device.type != "cuda":
        return {}
    return {f"{what} peak GiB": torch.cuda.max_memory_allocated(device) / 2**30}
