"""Steps I and II of the RL loop: prompts, and how responses are drawn."""

from typing import Literal

from pydantic import Field

from backend.contract.config.closed import Closed, unit


class DataConfig(Closed):
    """Step I: how a problem becomes a prompt."""

    prompt_suffix: str = Field(
        default=(
            "\nSolve the problem above and write out the solution. Keep the notation of the "
            "question and give the final answer in \\boxed{}."
        ),
        max_length=2000,
    )
    """Text appended to every question; the judge reads the last \\boxed{} of the response."""
    max_prompt_tokens: int = Field(default=4096, ge=16, le=131072, json_schema_extra=unit("tokens"))
    """Longest prompt allowed, visual tokens included; a longer one refuses the run by row."""
    max_image_pixels: int | None = Field(
        default=None, ge=784, le=16_777_216, json_schema_extra=unit("pixels")
    )
    """Images are scaled down to at most this many pixels; empty keeps the model's own limit."""
    picture_cache_bytes: int = Field(
        default=8 * 2**30, ge=0, le=2**42, json_schema_extra=unit("bytes")
    )
    """Memory for pictures that were read: features of a frozen vision tower, else pixels. What
    finds no room is read anew each time; nothing that is kept leaves."""


class SamplingConfig(Closed):
    """Step II: how responses are drawn from the policy."""

    temperature: float = Field(default=1.0, gt=0.0, le=5.0)
    """Softmax temperature of the rollouts; policy log-probabilities use the same temperature."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Nucleus: the smallest set of tokens whose probability reaches this share is sampled from."""
    max_response_tokens: int = Field(default=2048, ge=2, le=65536, json_schema_extra=unit("tokens"))
    """Longest response of a rollout; one that is cut off here counts as truncated."""


class EngineConfig(Closed):
    """Step II: what draws the responses."""

    name: Literal["transformers", "vllm"] = "transformers"
    """transformers decodes with the policy itself; vllm is faster on a GPU."""
    placement: Literal["colocated", "own_device"] = "colocated"
    """vllm only: sleep on the trainer's GPU while it trains, or keep the last GPU for itself."""
    gpu_memory_frac: float = Field(default=0.5, gt=0.0, le=0.95)
    """vllm only: share of its GPU's memory for weights and key-value cache."""
    max_rows: int = Field(default=640, ge=1, le=65536, json_schema_extra=unit("responses"))
    """transformers only: responses decoded at a time; bounds the key-value cache's memory."""


class MismatchConfig(Closed):
    """What is done about an engine whose probabilities differ from the trainer's."""

    gate_limit: float = Field(default=0.05, gt=0.0, le=10.0, json_schema_extra=unit("nats"))
    """Largest mean |difference| of log-probabilities allowed at start-up; more refuses the run."""
    gate_prompts: int = Field(default=8, ge=1, le=256)
    """Problems, with their pictures, that the start-up check answers."""
    correction: Literal["none", "truncate", "mask"] = "none"
    """Importance sampling against the engine: weights cut at the limit, or tokens left out."""
    correction_level: Literal["token", "sequence"] = "token"
    """One importance weight for each token, or one for the whole response."""
    correction_limit: float = Field(default=3.0, gt=1.0, le=1000.0)
    """Largest importance weight; mask also leaves out weights below its inverse."""
