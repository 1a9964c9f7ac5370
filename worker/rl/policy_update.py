"""Step IV, policy update: surrogate and KL loss, over shuffled parts of the trajectory."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW

from backend.contract.config import RLConfig
from worker.modeling.freezing import is_vision_trained, vision_modules
from worker.modeling.lora import adapter_dropout
from worker.modeling.optimizer import learning_rate_at, take_step
from worker.parallel.sharding import recomputed, zero_of
from worker.parallel.splitting import update_passes
from worker.rl.aggregation import Part, shuffled_parts
from worker.rl.algorithms import ALGORITHMS, Scored, kl_estimate
from worker.rl.corrections import measure_drift
from worker.rl.losses import KL_LIMIT
from worker.rl.sharing import join_terms
from worker.rl.trajectory_generation import Models, Scoring, score_rows
from worker.rl.types import Progress, RowObserver, RowTerms, Scores, Trajectory, UpdateStats


def apply(
    models: Models,
    optimizer: AdamW,
    trajectory: Trajectory,
    cfg: RLConfig,
    *,
    progress: Progress,
    on_rows: RowObserver | None = None,
) -> UpdateStats:
    """Update the policy with the trajectory, `passes_per_rl_step` times over.

    Args:
        models: The policy is changed.
        optimizer: Of its trained parameters.
        trajectory: The whole step's responses.
        cfg: The run's configuration.
        progress: Which step it is, for order and learning rate.
        on_rows: Sees the terms of every response of every update, before the optimizer's step.
    """
    algorithm = cfg.algorithm
    total_updates = progress.total_rl_steps * algorithm.updates_per_rl_step
    done = (progress.rl_step - 1) * algorithm.updates_per_rl_step
    totals, rate, policy = np.zeros(6), 0.0, trajectory.policy
    for part in shuffled_parts(trajectory.responses.num_tokens, cfg, progress.rl_step):
        rate = learning_rate_at(done + part.index, total_updates, cfg.optimizer)
        key = (cfg.seed, "rl", progress.rl_step, part.index, models.devices.rank)
        with adapter_dropout(models.policy, *key):
            sums, terms = compute_gradient(models, optimizer, trajectory, part, cfg)
        policy = policy or scores_of(terms, part, trajectory)
        if on_rows is not None:
            for places, term in terms:
                on_rows(part.index, [part.rows[i] for i in places], term)
        grad_norm = take_step(
            optimizer,
            learning_rate=rate,
            max_grad_norm=cfg.optimizer.max_grad_norm,
            loss=f"surrogate loss {sums[0]}, KL loss {sums[1]}",
        )
        totals += np.append(sums, grad_norm)
    surrogate, kl_loss, clip_frac, ratio, loss, grad_norm = totals / algorithm.updates_per_rl_step
    assert policy is not None, "every step has an update"
    return UpdateStats(
        policy=policy,
        drift=measure_drift(
            policy.logprobs,
            trajectory.responses.rollout_logprobs,
            trajectory.response_mask,
            cfg.mismatch,
        ),
        loss=loss,
        surrogate_loss=surrogate,
        kl_loss=kl_loss if algorithm.has_kl_loss else None,
        clip_frac=clip_frac,
        ratio=ratio,
        grad_norm=grad_norm,
        learning_rate=rate,
    )


def compute_gradient(
    models: Models,
    optimizer: AdamW,
    trajectory: Trajectory,
    part: Part,
    cfg: RLConfig,
) -> tuple[np.ndarray, list[tuple[list[int], RowTerms]]]:
    """The gradient of one update's loss; the split into micro-batches changes nothing.

    Returns:
        [5] surrogate loss, KL loss, clipped share, ratio, loss; and the terms of all rows, with
        the places of the rows in the part.
    """
    coefficient = cfg.algorithm.kl_coefficient if cfg.algorithm.has_kl_loss else 0.0
    kl_weights = coefficient * part.loss_weights
    optimizer.zero_grad(set_to_none=True)
    terms = _backward_all(models, trajectory, part, kl_weights, cfg)
    sums = _row_sums(terms, len(part.rows))
    kl_loss = part.by_slice(part.loss_weights * sums[:, 1]).sum(dim=1)
    if cfg.algorithm.holds_mean_kl:
        # The authors clamp a rank's mean: beyond the limit its KL gives no gradient. Whether it
        # is beyond is known only when all of its rows are.
        limit = KL_LIMIT / part.num_slices
        is_free = (kl_loss <= limit).unsqueeze(1)
        if not is_free.all():
            kl_weights = (part.by_slice(kl_weights) * is_free).flatten()
            optimizer.zero_grad(set_to_none=True)
            terms = _backward_all(models, trajectory, part, kl_weights, cfg)
        kl_loss = kl_loss.clamp(max=limit)
    surrogate, kl = float((part.loss_weights * sums[:, 0]).sum()), float(kl_loss.sum())
    clipped, ratio = (sums[:, 2:].sum(dim=0) / part.num_tokens).tolist()
    return np.array([surrogate, kl, clipped, ratio, surrogate + coefficient * kl]), terms


def scores_of(
    terms: Sequence[tuple[list[int], RowTerms]], part: Part, trajectory: Trajectory
) -> Scores:
    """What the only update of a step found of the policy that it started from."""
    mask = trajectory.response_mask
    logprobs = torch.zeros(mask.shape, device=mask.device)
    entropy = torch.zeros_like(logprobs)
    for places, term in terms:
        rows, width = [part.rows[i] for i in places], term.logprobs.shape[1]
        assert term.entropy is not None
        logprobs[rows, :width] = term.logprobs.to(logprobs)
        entropy[rows, :width] = term.entropy.to(logprobs)
    return Scores(logprobs=logprobs, entropy=entropy)


def _backward_all(
    models: Models, trajectory: Trajectory, part: Part, kl_weights: Tensor, cfg: RLConfig
) -> list[tuple[list[int], RowTerms]]:
    """Add the gradient of all rows, pass by pass, on every device its own.

    Returns:
        Terms of all rows of all devices, with the places of their rows in the part.
    """
    devices, rows = models.devices, part.rows
    lengths = trajectory.prompts.attention_mask.sum(dim=1) + trajectory.responses.num_tokens
    terms: list[tuple[list[int], RowTerms]] = []
    devices.meet("the start of an update")
    with (
        devices.waiting_for("the gradient of an update"),
        recomputed(models.policy, is_on=cfg.parallel.activation_checkpointing),
    ):
        for forward in update_passes(
            devices, lengths[list(rows)].tolist(), cfg.algorithm.tokens_per_micro_batch
        ):
            places = list(forward.rows)
            # Sharded gradients are averaged over the devices, and are to be summed.
            scale = 0.0 if forward.is_filler else float(devices.count)
            weights = (part.loss_weights[places], kl_weights[places])
            term = _backward(models, trajectory, [rows[i] for i in places], weights, scale, cfg)
            if not forward.is_filler:
                terms.append((places, term))
    return join_terms(devices, terms, part, kl_weights, width=trajectory.response_mask.shape[1])


def _backward(
    models: Models,
    trajectory: Trajectory,
    rows: Sequence[int],
    weights: tuple[Tensor, Tensor],
    scale: float,
    cfg: RLConfig,
) -> RowTerms:
    """Add one micro-batch's share of the gradient.

    Args:
        models: The policy gets the gradient.
        trajectory: The whole step's responses.
        rows: b of them.
        weights: [b] of the surrogate and [b] of the KL, for each token of a row.
        scale: Factor of the gradient alone.
        cfg: The run's configuration.
    """
    index, old = list(rows), trajectory.policy
    logprobs, entropy = score_rows(
        models.policy,
        trajectory.prompts,
        trajectory.responses,
        index,
        Scoring(cfg=cfg, banned=models.processor.banned_token_ids, with_entropy=old is None),
    )
    width = logprobs.shape[1]
    mask = trajectory.response_mask[index, :width]
    scored = Scored(
        policy_logprobs=logprobs,
        old_logprobs=logprobs.detach() if old is None else old.logprobs[index, :width],
        advantages=trajectory.advantages[index, :width],
        mask=mask,
    )
    surrogate = ALGORITHMS[cfg.algorithm.name].surrogate(scored, cfg.algorithm)
    corrected = surrogate.loss * mask
    if trajectory.importance_weights is not None:
        corrected = corrected * trajectory.importance_weights[index, :width]
    loss_weights, kl_weights = (w.to(logprobs).unsqueeze(1) for w in weights)
    loss, kl = (corrected * loss_weights).sum(), None
    if cfg.algorithm.has_kl_loss and trajectory.reference_logprobs is not None:
        reference = trajectory.reference_logprobs[index, :width]
        kl = kl_estimate(logprobs, reference, cfg.algorithm) * mask
        loss = loss + (kl * kl_weights).sum()
    if models.devices.count > 1 and is_vision_trained(models.policy):
        loss = loss + zero_of(vision_modules(models.policy))
    (loss * scale).backward()
    return RowTerms(
        mask=mask,
        logprobs=logprobs.detach(),
        entropy=entropy.detach() if old is None else None,
        ratio=surrogate.ratio,
        is_clipped=surrogate.is_clipped & mask,
        surrogate_loss=surrogate.loss.detach() * mask,
        corrected_loss=corrected.detach(),
        kl_loss=None if kl is None else kl.detach(),
        loss_weights=weights[0],
        kl_weights=weights[1],
    )


def _row_sums(terms: Sequence[tuple[list[int], RowTerms]], num_rows: int) -> Tensor:
    """[n, 4] float64 sums over each row's tokens: corrected surrogate, KL, clipped, ratio."""
    sums = torch.zeros(num_rows, 4, dtype=torch.float64)
    for positions, term in terms:
        kl = torch.zeros_like(term.ratio) if term.kl_loss is None else term.kl_loss
        columns = (term.corrected_loss, kl, term.is_clipped, term.ratio * term.mask)
        sums[positions] = torch.stack(
            [column.double().sum(dim=1).cpu() for column in columns], dim=1
        )
    return sums
