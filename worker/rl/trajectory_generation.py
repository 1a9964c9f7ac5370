"""Step III, trajectory generation: log-probabilities, rewards and advantages of the responses."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.contract.config import RLConfig
from worker.modeling.forward import response_logits
from worker.modeling.loading import Processor
from worker.modeling.precision import autocast
from worker.rewards.judge import Judge
from worker.rewards.scoring import Reward, score
from worker.rl.advantages import compute_advantages
from worker.rl.types import Batch, Trajectory
from worker.tensors.batches import Prompts, Responses
from worker.tensors.logprobs import entropy, processed_logits, token_logprobs
from worker.tensors.micro_batches import micro_batches


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """What is trained, what it is held to, and what encodes for both."""

    policy: PreTrainedModel
    """The model being trained."""
    reference: PreTrainedModel | None
    """Its frozen copy from before training; None when the KL coefficient is 0."""
    processor: Processor
    """Tokenizer and image processor."""


def build(
    models: Models, judge: Judge, batch: Batch, responses: Responses, cfg: RLConfig
) -> Trajectory:
    """Everything that the update needs to know about the responses."""
    rewards = judge_responses(judge, batch, responses, cfg)
    policy_logprobs, policy_entropy = measure_responses(
        models.policy, batch.prompts, responses, cfg=cfg, banned=models.processor.banned_token_ids
    )
    reference_logprobs = None
    if models.reference is not None:
        reference_logprobs, _ = measure_responses(
            models.reference,
            batch.prompts,
            responses,
            cfg=cfg,
            banned=models.processor.banned_token_ids,
        )
    outcomes = torch.tensor([reward.outcome for reward in rewards], device=responses.tokens.device)
    return Trajectory(
        prompts=batch.prompts,
        responses=responses,
        policy_logprobs=policy_logprobs,
        reference_logprobs=reference_logprobs,
        entropy=policy_entropy,
        rewards=rewards,
        advantages=compute_advantages(outcomes, responses.response_mask, cfg.algorithm.discount),
    )


def judge_responses(
    judge: Judge, batch: Batch, responses: Responses, cfg: RLConfig
) -> tuple[Reward, ...]:
    """The rewards of B responses."""
    pairs = [(text, item.answer) for text, item in zip(responses.texts, batch.items, strict=True)]
    return tuple(
        score(text, verdict, is_finished=is_finished, cfg=cfg.reward)
        for (text, _), verdict, is_finished in zip(
            pairs, judge.verdicts(pairs), responses.is_finished.tolist(), strict=True
        )
    )


@torch.no_grad()
def measure_responses(
    model: PreTrainedModel,
    prompts: Prompts,
    responses: Responses,
    *,
    cfg: RLConfig,
    banned: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy of every response token under a model.

    Returns:
        [B, R] log-probabilities and [B, R] entropies; 0 on padding.
    """
    mask = responses.response_mask
    logprobs = torch.zeros(mask.shape, device=mask.device)
    entropies = torch.zeros_like(logprobs)
    lengths = (prompts.attention_mask.sum(dim=1) + responses.num_tokens).tolist()
    for rows in micro_batches(lengths, cfg.algorithm.tokens_per_micro_batch):
        width = int(responses.num_tokens[rows].max())
        tokens, row_mask = responses.tokens[rows, :width], mask[rows, :width]
        with autocast(mask.device, cfg.precision):
            logits = response_logits(model, prompts.select(rows), tokens, row_mask)
        processed = processed_logits(logits, cfg.sampling.temperature, banned)
        logprobs[rows, :width] = token_logprobs(processed, tokens) * row_mask
        entropies[rows, :width] = entropy(processed) * row_mask
    return logprobs, entropies
