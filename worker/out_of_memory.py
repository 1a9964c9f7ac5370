"""Running out of memory, told as such: what was being done, how large it was, what would help.

The phase is read off the traceback, so that the steps of the loop need not say what they do.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from backend.contract.config import AnyRunConfig, RunKind

CODE = "out_of_memory"
"""Error code of a run that ended so; it is not tried again."""

_WORDS_OF_RUNTIME_ERRORS = (
    "can't allocate memory",  # torch's allocator on the CPU
    "std::bad_alloc",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
_MAX_CAUSE_CHARS = 400


@dataclass(frozen=True, slots=True)
class Phase:
    """Something that needs much memory."""

    words: str
    """What is being done."""
    sizes: tuple[str, ...]
    """Settings that say how large it is."""
    remedies: tuple[str, str]
    """Two settings that make it smaller."""


_LOADING = Phase(
    "loading the model",
    ("precision", "parallel.devices"),
    ("raise parallel.devices", "set algorithm.kl_coefficient to 0, which spares the reference"),
)
_LOADING_SFT = Phase(
    "loading the model",
    ("precision", "parallel.devices"),
    ("raise parallel.devices", "choose lora, whose optimizer is small"),
)
_LOADING_EVALUATION = Phase(
    "loading the model",
    ("device",),
    ("choose another device", "evaluate a smaller model"),
)
_COLLECTING = Phase(
    "collecting responses",
    ("algorithm.responses_per_rl_step", "sampling.max_response_tokens", "engine.max_rows"),
    ("lower engine.max_rows", "lower sampling.max_response_tokens"),
)
_MEASURING = Phase(
    "measuring log-probabilities",
    ("algorithm.tokens_per_micro_batch", "data.max_prompt_tokens", "sampling.max_response_tokens"),
    ("lower algorithm.tokens_per_micro_batch", "lower sampling.max_response_tokens"),
)
_UPDATING = Phase(
    "updating the policy",
    ("algorithm.tokens_per_micro_batch", "algorithm.responses_per_update"),
    ("lower algorithm.tokens_per_micro_batch", "set parallel.activation_checkpointing"),
)
_UPDATING_SFT = Phase(
    "updating the model",
    ("supervised.tokens_per_micro_batch", "supervised.samples_per_update"),
    ("lower supervised.tokens_per_micro_batch", "set parallel.activation_checkpointing"),
)
_EVALUATING = Phase(
    "evaluating",
    ("evaluation.max_response_tokens", "engine.max_rows"),
    ("lower engine.max_rows", "lower evaluation.max_response_tokens"),
)

_LOADING_OF_KIND: Mapping[RunKind, Phase] = MappingProxyType(
    {"rl": _LOADING, "sft": _LOADING_SFT, "evaluation": _LOADING_EVALUATION}
)

_PHASES: Mapping[str, Phase] = MappingProxyType(
    {
        "worker.evaluation.evaluate": _EVALUATING,
        "worker.rl.response_collection": _COLLECTING,
        "worker.rl.dynamic_sampling": _COLLECTING,
        "worker.rl.trajectory_generation": _MEASURING,
        "worker.rl.policy_update": _UPDATING,
        "worker.sft.update": _UPDATING_SFT,
    }
)
"""Module to what it does; the outermost one of a traceback decides."""


def is_out_of_memory(error: BaseException) -> bool:
    """True for every way in which Python, torch and CUDA say that memory is short."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in _WORDS_OF_RUNTIME_ERRORS
    )


def describe(error: BaseException, cfg: AnyRunConfig) -> str:
    """What to tell the user: phase, sizes, two settings that would help, and the cause.

    Args:
        error: One for which `is_out_of_memory` holds.
        cfg: The run's configuration.
    """
    phase = find_phase(error) or _LOADING_OF_KIND[cfg.kind]
    sizes = ", ".join(f"{path} {_value(cfg, path)}" for path in phase.sizes)
    cause = (str(error).strip() or type(error).__name__).splitlines()[0][:_MAX_CAUSE_CHARS]
    return (
        f"out of memory while {phase.words} ({sizes}). What would help: {phase.remedies[0]}, or "
        f"{phase.remedies[1]}. The run is not tried again with the same settings. Cause: {cause}"
    )


def find_phase(error: BaseException) -> Phase | None:
    """What the outermost known module of the traceback was doing; None for no known one."""
    modules = (
        str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    return next((_PHASES[name] for name in modules if name in _PHASES), None)


def _value(cfg: AnyRunConfig, path: str) -> object:
    value: object = cfg
    for key in path.split("."):
        value = getattr(value, key)
    return value
