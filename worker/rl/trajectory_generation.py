"""Step III, trajectory generation: log-probabilities, rewards and advantages of the responses."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.contract.config import RLConfig
from worker.modeling.forward import response_hidden
from worker.modeling.loading import Processor
from worker.modeling.lora import adapters_off
from worker.modeling.precision import autocast
from worker.parallel.devices import Devices
from worker.parallel.sharding import gathered
from worker.parallel.splitting import device_rows
from worker.rewards.judging import Judging
from worker.rewards.scoring import Rollout, score_responses
from worker.rl.advantages import RewardSignal
from worker.rl.algorithms import ALGORITHMS, kl_estimate
from worker.rl.corrections import importance_weights
from worker.rl.types import Answers, Batch, Scores, Trajectory
from worker.tensors.batches import Prompts, Responses
from worker.tensors.logprobs import Distribution, chunked_logprobs
from worker.tensors.micro_batches import micro_batches


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """What is trained, what it is held to, and what encodes for both."""

    policy: PreTrainedModel
    """The model being trained."""
    reference: PreTrainedModel | None
    """Its frozen copy from before training, or with adapters the policy itself, whose adapters are
    off while it is the reference; None when the KL coefficient is 0."""
    processor: Processor
    """Tokenizer and image processor."""
    devices: Devices = field(default_factory=Devices.alone)
    """All devices that share policy and reference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scoring:
    """How responses are scored under a policy."""

    cfg: RLConfig
    """Temperature and precision."""
    banned: Sequence[int]
    """Tokens that cannot be sampled."""
    with_entropy: bool
    """Measure the entropies too."""


def judge_responses(judge: Judging, batch: Batch, responses: Responses, cfg: RLConfig) -> Answers:
    """What the responses to a batch are worth.

    Args:
        judge: Decides answers.
        batch: The prompts as the engine got them, each once.
        responses: B responses, prompt by prompt.
        cfg: Which parts count.
    """
    each = batch.repeated(cfg.algorithm.responses_per_prompt)
    rollouts = [
        Rollout(text=text, answer=item.answer, num_tokens=num_tokens, is_finished=is_finished)
        for text, item, num_tokens, is_finished in zip(
            responses.texts,
            each.items,
            responses.num_tokens.tolist(),
            responses.is_finished.tolist(),
            strict=True,
        )
    ]
    rewards = score_responses(judge, rollouts, cfg.reward)
    if cfg.algorithm.overlong_buffer_tokens is not None:
        penalties = overlong_penalties(
            responses.num_tokens,
            longest=cfg.sampling.max_response_tokens,
            buffer=cfg.algorithm.overlong_buffer_tokens,
        )
        rewards = [
            replace(r, parts=r.parts | {"overlong": penalty}, outcome=r.outcome + penalty)
            for r, penalty in zip(rewards, penalties.tolist(), strict=True)
        ]
    return Answers(
        batch=each,
        responses=responses,
        rewards=tuple(rewards),
        responses_per_prompt=cfg.algorithm.responses_per_prompt,
    )


def overlong_penalties(num_tokens: Tensor, *, longest: int, buffer: int) -> Tensor:
    """What is taken off long responses: 0 before the buffer, -1 at its end (DAPO, Eq. 13).

    Also taken off a response that was cut off, whose reward is the fixed one.

    Args:
        num_tokens: [B] response tokens.
        longest: Most tokens of a response.
        buffer: The last tokens, over which the penalty grows.
    """
    return ((longest - buffer - num_tokens).double() / buffer).clamp(-1, 0)


def build(models: Models, answers: Answers, cfg: RLConfig) -> Trajectory:
    """Everything that the update needs to know about the responses."""
    prompts, responses = answers.batch.prompts, answers.responses
    mask = responses.response_mask
    policy = None
    if not is_scored_by_update(cfg):
        policy = measure_together(models, models.policy, prompts, responses, cfg)
    reference_logprobs = None
    if models.reference is not None:
        with adapters_off(models.reference):
            reference_logprobs = measure_together(
                models, models.reference, prompts, responses, cfg
            ).logprobs
    kl_rewards = compute_kl_rewards(policy, reference_logprobs, mask, cfg)
    signal = RewardSignal(
        outcome_rewards=torch.tensor([r.outcome for r in answers.rewards], device=mask.device),
        kl_rewards=kl_rewards,
        response_mask=mask,
        discount=cfg.algorithm.discount,
        responses_per_prompt=cfg.algorithm.responses_per_prompt,
        num_slices=cfg.algorithm.num_slices,
    )
    return Trajectory(
        prompts=prompts,
        responses=responses,
        policy=policy,
        reference_logprobs=reference_logprobs,
        rewards=answers.rewards,
        kl_rewards=kl_rewards,
        token_rewards=signal.token_rewards,
        returns=signal.returns * mask,
        advantages=ALGORITHMS[cfg.algorithm.name].advantages(signal),
        importance_weights=None
        if policy is None
        else importance_weights(policy.logprobs, responses.rollout_logprobs, mask, cfg.mismatch),
    )


def is_scored_by_update(cfg: RLConfig) -> bool:
    """True when a pass of its own for the policy's log-probabilities would find nothing new.

    The only update of a step starts from the policy that answered: its pass finds them, and every
    ratio is 1. They are needed earlier for a KL in the reward and for a correction's weights, and
    adapters with dropout are another policy while they learn.
    """
    return (
        cfg.algorithm.updates_per_rl_step == 1
        and not cfg.algorithm.has_kl_reward
        and cfg.mismatch.correction == "none"
        and (cfg.lora is None or cfg.lora.dropout == 0)
    )


def compute_kl_rewards(
    policy: Scores | None, reference_logprobs: Tensor | None, mask: Tensor, cfg: RLConfig
) -> Tensor | None:
    """[B, R] minus the weighted KL of each token (Eq. 4); None when the KL is not in the reward."""
    if policy is None or reference_logprobs is None or not cfg.algorithm.has_kl_reward:
        return None
    estimate = kl_estimate(policy.logprobs, reference_logprobs, cfg.algorithm)
    return -cfg.algorithm.kl_coefficient * estimate * mask


def measure_together(
    models: Models, model: PreTrainedModel, prompts: Prompts, responses: Responses, cfg: RLConfig
) -> Scores:
    """`measure_responses` shared out over the devices; the same on all of them.

    Args:
        models: Whose devices and banned tokens.
        model: Policy or reference, whole on every device for the time.
        prompts: B prompts.
        responses: B responses.
        cfg: The run's configuration.
    """
    lengths = (prompts.attention_mask.sum(dim=1) + responses.num_tokens).tolist()
    with gathered(model):
        measured = measure_responses(
            model,
            prompts,
            responses,
            cfg=cfg,
            banned=models.processor.banned_token_ids,
            rows=device_rows(models.devices, lengths),
        )
    what = "the log-probabilities of all devices"
    logprobs, entropies = (models.devices.sum(values, what) for values in measured)
    return Scores(logprobs=logprobs, entropy=entropies)


@torch.no_grad()
def measure_responses(
    model: PreTrainedModel,
    prompts: Prompts,
    responses: Responses,
    *,
    cfg: RLConfig,
    banned: Sequence[int],
    rows: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy of every response token under a model.

    Args:
        model: Policy or reference.
        prompts: B prompts.
        responses: B responses.
        cfg: Temperature, precision and the budget of a forward pass.
        banned: Tokens that cannot be sampled.
        rows: The responses to measure, the others stay 0; None is all.

    Returns:
        [B, R] log-probabilities and [B, R] entropies; 0 on padding.
    """
    mask = responses.response_mask
    logprobs = torch.zeros(mask.shape, device=mask.device)
    entropies = torch.zeros_like(logprobs)
    chosen = list(range(len(mask)) if rows is None else rows)
    lengths = (prompts.attention_mask.sum(dim=1) + responses.num_tokens)[chosen].tolist()
    scoring = Scoring(cfg=cfg, banned=banned, with_entropy=True)
    for group in micro_batches(lengths, cfg.algorithm.tokens_per_micro_batch):
        index = [chosen[i] for i in group]
        measured = score_rows(model, prompts, responses, index, scoring)
        width = measured[0].shape[1]
        logprobs[index, :width], entropies[index, :width] = measured
    return logprobs, entropies


def score_rows(
    model: PreTrainedModel,
    prompts: Prompts,
    responses: Responses,
    rows: Sequence[int],
    scoring: Scoring,
) -> tuple[Tensor, Tensor]:
    """Log-probabilities and entropies of some rows' tokens, never with all logits in memory.

    Returns:
        [b, width] log-probabilities, as wide as the longest row, and as many entropies, which
        carry no gradient of their own; both 0 on padding, entropies 0 where not asked for.
    """
    index = list(rows)
    width = int(responses.num_tokens[index].max())
    tokens = responses.tokens[index, :width]
    mask = responses.response_mask[index, :width]
    distribution = Distribution(
        temperature=scoring.cfg.sampling.temperature, banned_token_ids=tuple(scoring.banned)
    )
    with autocast(mask.device, scoring.cfg.precision):
        head = response_hidden(model, prompts.select(index), tokens, mask)
        assert head.bias is None, "no family's output projection has a bias"
        logprobs, entropies = chunked_logprobs(
            head.states,
            head.weight,
            tokens,
            distribution,
            with_entropy=scoring.with_entropy,
        )
    return logprobs * mask, entropies * mask
