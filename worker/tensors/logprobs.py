"""Log-probabilities and entropy of a policy's distribution over tokens, always in fp32."""

from collections.abc import Sequence

import torch
from torch import Tensor


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
