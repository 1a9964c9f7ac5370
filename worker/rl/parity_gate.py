"""The gate at start-up: engine and trainer must give the same tokens the same probability.

A run whose engine reads pictures, positions or weights differently learns from responses of
another model, and its curves do not show it.
"""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from backend.contract.config import RLConfig
from backend.contract.datasets import Item
from backend.contract.errors import TrainingError
from worker.generation.engine import Decoding, Engine
from worker.rl.trajectory_generation import Models, measure_together
from worker.tensors.batches import Prompts

log = logging.getLogger(__name__)

GATE_TOKENS = 32
"""Tokens of each answer: enough to tell engines apart, and quick."""
LIKELY_CAUSES = (
    "the engine does not apply the temperature (raw in place of processed log-probabilities)",
    "positions of visual tokens differ (M-RoPE)",
    "visual placeholders are expanded twice",
    "precision or attention kernels differ",
    "pictures are scaled or normalised differently",
    "the engine answers with stale weights",
)


def gate_items(items: Sequence[Item], count: int) -> list[Item]:
    """The first problems of a split, those with pictures before those without."""
    return sorted(items, key=lambda item: item.image is None)[:count]


@torch.no_grad()
def pass_gate(
    engine: Engine, models: Models, prompts: Prompts, cfg: RLConfig, *, rl_step: int
) -> float:
    """Answer prompts with the engine and score the same tokens with the trainer.

    Args:
        engine: Holds the policy's weights.
        models: The policy.
        prompts: B problems of the run's own data set.
        cfg: Sampling, and the limit.
        rl_step: Where the run stands; part of the random streams.

    Returns:
        Mean |difference| of the tokens' log-probabilities, in nats.

    Raises:
        TrainingError: it is over the limit; the message names number, limit and likely causes.
    """
    decoding = Decoding(
        num_samples=1,
        temperature=cfg.sampling.temperature,
        top_p=cfg.sampling.top_p,
        stream="gate",
    )
    [responses] = engine.generate(
        prompts,
        [decoding],
        rl_step=rl_step,
        max_tokens=min(GATE_TOKENS, cfg.sampling.max_response_tokens),
    )
    scored = measure_together(models, models.policy, prompts, responses, cfg)
    differences = (scored.logprobs - responses.rollout_logprobs).abs()
    drift = float(differences[responses.response_mask].double().mean())
    parts = _describe(differences, responses.response_mask, prompts)
    log.info("engine %s, trainer: mean |difference| %.6f nats (%s)", cfg.engine.name, drift, parts)
    # Not "drift > limit": a difference that is no number must not pass.
    if not drift <= cfg.mismatch.gate_limit:
        raise TrainingError(
            f"engine {cfg.engine.name} and trainer disagree: the mean |difference| of "
            f"log-probabilities is {drift:.4f} nats ({parts}), mismatch.gate_limit allows "
            f"{cfg.mismatch.gate_limit:g}. Likely causes: {'; '.join(LIKELY_CAUSES)}"
        )
    return drift


def _describe(differences: Tensor, mask: Tensor, prompts: Prompts) -> str:
    """The drift of problems with and without pictures: which one is off says where to look."""
    has_picture = torch.tensor([picture is not None for picture in prompts.pictures])
    parts = []
    for name, rows in (("with pictures", has_picture), ("without", ~has_picture)):
        if rows.any():
            chosen = rows.to(mask.device)
            mean = float(differences[chosen][mask[chosen]].double().mean())
            parts.append(f"{int(rows.sum())} problems {name}: {mean:.4f}")
    return ", ".join(parts)
