"""What a trace says about the algorithm: its loss again, and what its advantages were made of."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from backend.contract.config import AlgorithmConfig, MismatchConfig
from backend.contract.traces import METADATA_KEY, OFFSETS, TENSORS, StepTrace, TracedEntry
from worker.rl.advantages import RewardSignal, centred_in_group, compute_returns
from worker.rl.algorithms import ALGORITHMS, Scored, kl_estimate
from worker.rl.corrections import importance_weights
from worker.rl.losses import KL_LIMIT
from worker.rl.types import Trajectory

WHITENS_RETURNS = ("reinforce_plus_plus", "maye_legacy")
"""Algorithms whose advantages are the normalised returns."""


def advantages_before_normalisation(trajectory: Trajectory, cfg: AlgorithmConfig) -> Tensor:
    """What the algorithm divides by a deviation, or whitens: [B, R], 0 on padding.

    Returns (Reinforce++), returns of outcomes less their group's mean (its baseline form), or
    rewards less their group's mean. Where an algorithm divides by nothing (Dr. GRPO, RLOO), its
    advantages are as they were.
    """
    mask = trajectory.response_mask
    if cfg.name in WHITENS_RETURNS:
        return trajectory.returns
    if cfg.name in ("dr_grpo", "rloo"):
        return trajectory.advantages
    signal = RewardSignal(
        outcome_rewards=torch.tensor([r.outcome for r in trajectory.rewards], device=mask.device),
        kl_rewards=trajectory.kl_rewards,
        response_mask=mask,
        discount=cfg.discount,
        responses_per_prompt=cfg.responses_per_prompt,
    )
    if cfg.name == "reinforce_plus_plus_baseline":
        groups = signal.groups(signal.outcome_rewards)
        centred = groups - groups.mean(dim=1, keepdim=True)
        return compute_returns(signal.with_outcomes(centred.flatten()), cfg.discount) * mask
    return centred_in_group(signal)


def read_trace(path: Path) -> tuple[StepTrace, dict[str, Tensor]]:
    """The JSON and the tensors of a trace."""
    with safe_open(path, framework="pt") as file:
        trace = StepTrace.model_validate_json(file.metadata()[METADATA_KEY])
        return trace, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def recompute_loss(trace: StepTrace, tensors: dict[str, Tensor]) -> float:
    """The loss that the step logged, in float64 from log-probabilities and advantages alone.

    Ratios, surrogates, corrections and KL are computed again; of what the updates reported, only
    their log-probabilities and the normalisers are used.

    Raises:
        ValueError: not every response of the step is traced.
    """
    if not trace.is_complete:
        raise ValueError(
            f"the loss needs every response of the step: {len(trace.samples)} of "
            f"{trace.num_responses} are traced (trace.samples empty traces all)"
        )
    losses = [
        _update_loss(trace, tensors, [n for n, e in enumerate(trace.entries) if e.update == index])
        for index in range(len(trace.updates))
    ]
    return sum(losses) / len(losses)


def _update_loss(trace: StepTrace, tensors: dict[str, Tensor], numbers: Sequence[int]) -> float:
    """The loss of the update that some entries make up."""
    cfg = AlgorithmConfig.model_validate(trace.algorithm)
    entries = [trace.entries[number] for number in numbers]
    rows = [entry.sample for entry in entries]
    mask = _padded(tensors, "response_mask", rows).bool()
    old, policy = (
        _padded(tensors, "policy_logprobs", rows),
        _padded(tensors, "update_logprobs", numbers),
    )
    scored = Scored(
        policy_logprobs=policy,
        old_logprobs=old,
        advantages=_padded(tensors, "advantages", rows),
        mask=mask,
    )
    surrogate = ALGORITHMS[cfg.name].surrogate(scored, cfg).loss
    correction = importance_weights(
        old,
        _padded(tensors, "rollout_logprobs", rows),
        mask,
        MismatchConfig.model_validate(trace.mismatch),
    )
    if correction is not None:
        surrogate = surrogate * correction
    loss = (surrogate * mask * _column(entries, "loss_weight")).sum()
    if cfg.has_kl_loss:
        kl = kl_estimate(policy, _padded(tensors, "reference_logprobs", rows), cfg)
        of_rows = (kl * mask * _column(entries, "loss_weight")).sum(dim=1)
        loss = loss + cfg.kl_coefficient * _held(of_rows, trace, rows, cfg).sum()
    return float(loss)


def _held(of_rows: Tensor, trace: StepTrace, rows: Sequence[int], cfg: AlgorithmConfig) -> Tensor:
    """KL losses whose sum the loss takes; maye_legacy clamps the sum of each slice.

    Args:
        of_rows: [rows] each response's part of the KL loss.
        trace: The step: a slice is a run of its responses, by number.
        rows: Places of the responses among the samples.
        cfg: The algorithm.

    Returns:
        [rows], or [slices] where they were clamped.
    """
    if not cfg.holds_mean_kl:
        return of_rows
    height = trace.num_responses // cfg.num_slices
    slices = torch.tensor([trace.samples[row].index // height for row in rows])
    sums = torch.zeros(cfg.num_slices, dtype=of_rows.dtype).index_add(0, slices, of_rows)
    return sums.clamp(max=KL_LIMIT / cfg.num_slices)


def _column(entries: Sequence[TracedEntry], name: str) -> Tensor:
    """[entries, 1] float64."""
    return torch.tensor([[getattr(entry, name)] for entry in entries], dtype=torch.float64)


def _padded(tensors: dict[str, Tensor], name: str, rows: Sequence[int]) -> Tensor:
    """[rows, R] float64 of a ragged tensor, 0 after each row's end."""
    bounds = tensors[OFFSETS[TENSORS[name].rows]].tolist()
    parts = [tensors[name][bounds[row] : bounds[row + 1]].double() for row in rows]
    return pad_sequence(parts, batch_first=True)
