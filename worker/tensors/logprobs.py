"""Log-probabilities and entropy of a policy's distribution over tokens, always in fp32."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CHUNK_ELEMENTS = 2**25
"""Logits held at a time by `chunked_logprobs`: 128 MiB in fp32."""


def processed_logits(logits: Tensor, temperature: float, banned_token_ids: Sequence[int]) -> Tensor:
    """The logits that define the policy: in fp32 (or finer), over temperature, image tokens banned.

    Args:
        logits: [..., V] of the model, any precision; fp64 stays fp64.
        temperature: > 0.
        banned_token_ids: Tokens that can never be sampled; their probability is exactly 0.
    """
    wide = logits if logits.dtype == torch.float64 else logits.float()
    wide = wide / temperature
    if banned_token_ids:
        index = torch.as_tensor(list(banned_token_ids), device=wide.device)
        wide = wide.index_fill(-1, index, float("-inf"))
    return wide


def token_logprobs(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-probability of each given token.

    Args:
        logits: [..., V] processed logits.
        tokens: [...] token ids.

    Returns:
        [...] log-probability in nats.
    """
    chosen = logits.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return chosen - torch.logsumexp(logits, dim=-1)


def entropy(logits: Tensor) -> Tensor:
    """Entropy of the whole distribution in nats (not -p log p of the sampled token).

    Args:
        logits: [..., V] processed logits; -inf has probability 0.

    Returns:
        [...] entropy.
    """
    logprobs = torch.log_softmax(logits, dim=-1)
    return torch.special.entr(logprobs.exp()).sum(dim=-1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """How logits become probabilities."""

    temperature: float
    """> 0."""
    banned_token_ids: tuple[int, ...]
    """Tokens that can never be sampled; their probability is exactly 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    distribution: Distribution
    with_entropy: bool
    chunk: int
    """Tokens at a time."""


def chunked_logprobs(
    hidden: Tensor,
    weight: Tensor,
    tokens: Tensor,
    distribution: Distribution,
    *,
    with_entropy: bool = False,
    chunk_elements: int = CHUNK_ELEMENTS,
) -> tuple[Tensor, Tensor]:
    """`token_logprobs` and `entropy` of hidden states, without all their logits in memory.

    Logits are made for some tokens at a time and made again in the backward pass, where their
    gradient goes straight into those of hidden states and weight: memory grows with the number
    of tokens plus the vocabulary, not with their product.

    Args:
        hidden: [..., H] last hidden states, each of which predicts a token.
        weight: [V, H] of the output projection.
        tokens: [...] token ids.
        distribution: Temperature and banned tokens.
        with_entropy: Compute the entropies too.
        chunk_elements: Logits held at a time.

    Returns:
        [...] log-probabilities in nats and [...] entropies in nats, 0 where not asked for; fp32,
        or fp64 for fp64 hidden states.
    """
    chunk = max(1, chunk_elements // len(weight))
    plan = _Plan(distribution=distribution, with_entropy=with_entropy, chunk=chunk)
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        precision = torch.get_autocast_dtype(device)
        hidden, weight = hidden.to(precision), weight.to(precision)
    with torch.autocast(device, enabled=False):
        logprobs, entropies = _ChunkedLogprobs.apply(
            hidden.flatten(0, -2),
            weight,
            tokens.flatten(),
            plan,
        )  # pyright: ignore[reportGeneralTypeIssues]
    return logprobs.view(tokens.shape), entropies.view(tokens.shape)


class _ChunkedLogprobs(torch.autograd.Function):
    """N tokens, some of them at a time.

    With z the processed logits, p = softmax(z) and H the entropy,
    d log p_t / d z_v = [v = t] - p_v and d H / d z_v = -p_v (log p_v + H).
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, tokens: Tensor, plan: _Plan
    ) -> tuple[Tensor, Tensor]:
        wide = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        logprobs = torch.zeros(len(tokens), dtype=wide, device=hidden.device)
        normalizers, entropies = torch.zeros_like(logprobs), torch.zeros_like(logprobs)
        for rows in _chunks(len(tokens), plan.chunk):
            logits = _logits(hidden[rows], weight, plan.distribution)
            chosen = logits.gather(-1, tokens[rows].unsqueeze(-1)).squeeze(-1)
            normalizers[rows] = torch.logsumexp(logits, dim=-1)
            logprobs[rows] = chosen - normalizers[rows]
            if plan.with_entropy:
                entropies[rows] = _entropy_(logits.sub_(normalizers[rows].unsqueeze(-1)))
        ctx.save_for_backward(hidden, weight, tokens, normalizers, entropies)
        ctx.plan = plan
        ctx.set_materialize_grads(False)
        return logprobs, entropies

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        hidden, weight, tokens, normalizers, entropies = ctx.saved_tensors
        plan: _Plan = ctx.plan
        grad_logprobs, grad_entropies = grads
        if grad_logprobs is None:
            grad_logprobs = torch.zeros_like(normalizers)
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = None
        if ctx.needs_input_grad[1]:
            # Summed up in fp32: a sum of many bf16 parts would lose the small ones.
            grad_weight = torch.zeros(weight.shape, dtype=normalizers.dtype, device=weight.device)
        for rows in _chunks(len(tokens), plan.chunk):
            logprobs = _logits(hidden[rows], weight, plan.distribution)
            logprobs.sub_(normalizers[rows].unsqueeze(-1))
            factor = -grad_logprobs[rows].unsqueeze(-1)
            if grad_entropies is not None:
                # Banned tokens: p is 0 and so is p log p.
                surprise = logprobs.masked_fill(logprobs == float("-inf"), 0.0)
                surprise.add_(entropies[rows].unsqueeze(-1))
                factor = surprise.mul_(-grad_entropies[rows].unsqueeze(-1)).add_(factor)
            grad_logits = logprobs.exp_().mul_(factor)
            chosen = tokens[rows].unsqueeze(-1)
            grad_logits.scatter_add_(-1, chosen, grad_logprobs[rows].unsqueeze(-1))
            grad_logits = grad_logits.div_(plan.distribution.temperature).to(weight.dtype)
            if grad_hidden is not None:
                grad_hidden[rows] = grad_logits @ weight
            if grad_weight is not None:
                _add_product_(grad_weight, grad_logits.t(), hidden[rows])
        if grad_weight is not None:
            grad_weight = grad_weight.to(weight.dtype)
        return grad_hidden, grad_weight, None, None


def _chunks(num_tokens: int, chunk: int) -> Iterator[slice]:
    return (slice(start, start + chunk) for start in range(0, num_tokens, chunk))


def _logits(hidden: Tensor, weight: Tensor, distribution: Distribution) -> Tensor:
    """`processed_logits` of a chunk, in place where its memory is our own."""
    logits = hidden @ weight.t()
    logits = logits if logits.dtype == torch.float64 else logits.float()
    logits.div_(distribution.temperature)
    if distribution.banned_token_ids:
        index = torch.tensor(distribution.banned_token_ids, device=logits.device)
        logits.index_fill_(-1, index, float("-inf"))
    return logits


def _entropy_(logprobs: Tensor) -> Tensor:
    """Entropy of log-probabilities, whose memory it overwrites."""
    return torch.special.entr(logprobs.exp_(), out=logprobs).sum(dim=-1)


def _add_product_(total: Tensor, left: Tensor, right: Tensor) -> None:
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total.add_(left @ right)
