"""How an RL step is cut into updates, and how the losses of an update's tokens become one number.

Everything that normalises a loss is here and follows from the whole update, so that its rows may
be split into micro-batches and over devices as one likes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.contract.config import RLConfig
from backend.contract.config.algorithm import LossAggregation


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The responses of one optimizer step, and the weights of their tokens."""

    index: int
    """Number of the update in its RL step, from 0."""
    rows: tuple[int, ...]
    """n rows of the trajectory, slice by slice."""
    loss_weights: Tensor
    """[n] float64 weight that each token of a row has in the update's loss."""
    num_tokens: int
    """Response tokens of all rows."""
    num_slices: int
    """Equal slices of the rows that are averaged apart; 1 but for maye_legacy."""

    def by_slice(self, values: Tensor) -> Tensor:
        """[slices, n / slices] of [n] values."""
        return values.view(self.num_slices, -1)


def shuffled_parts(num_tokens: Tensor, cfg: RLConfig, rl_step: int) -> Iterator[Part]:
    """The updates of an RL step, a function of the seed and the step.

    maye_legacy shuffles each slice by itself and takes as many rows of each into an update, as
    the authors' ranks do.

    Args:
        num_tokens: [B] response tokens.
        cfg: The run's configuration.
        rl_step: Number of the step, from 1.
    """
    generator = np.random.Generator(np.random.Philox(key=[cfg.seed, 2**32 + rl_step]))
    algorithm, counts = cfg.algorithm, num_tokens.cpu()
    num_slices = algorithm.num_slices
    height, size = len(counts) // num_slices, algorithm.responses_per_update // num_slices
    index = 0
    for _ in range(algorithm.passes_per_rl_step):
        orders = [generator.permutation(height) + k * height for k in range(num_slices)]
        for start in range(0, height, size):
            rows = np.concatenate([order[start : start + size] for order in orders]).tolist()
            yield Part(
                index=index,
                rows=tuple(rows),
                loss_weights=token_weights(
                    counts[rows],
                    algorithm.aggregation,
                    max_response_tokens=cfg.sampling.max_response_tokens,
                    num_slices=num_slices,
                ),
                num_tokens=int(counts[rows].sum()),
                num_slices=num_slices,
            )
            index += 1


def token_weights(
    num_tokens: Tensor,
    aggregation: LossAggregation,
    *,
    max_response_tokens: int,
    num_slices: int = 1,
) -> Tensor:
    """The weight that each token of a response has in the loss of an update.

    The loss is the sum over all tokens of weight times token loss. With n responses of T_i tokens:
        token_mean: 1 / sum T (DAPO, arXiv 2503.14476, Eq. 8; the authors' code);
        response_mean: 1 / (n T_i) (Eq. 1; arXiv 2402.03300, Eq. 3);
        constant: 1 / (n max_response_tokens) (Dr. GRPO, arXiv 2503.20783).

    Args:
        num_tokens: [n] response tokens of the update's responses, slice by slice.
        aggregation: Which mean.
        max_response_tokens: The longest response allowed.
        num_slices: Equal slices of the update that are aggregated apart and then averaged.

    Returns:
        [n] float64 weights.
    """
    counts = num_tokens.double().view(num_slices, -1)
    share = 1.0 / len(num_tokens)
    if aggregation == "token_mean":
        weights = (1.0 / num_slices / counts.sum(dim=1, keepdim=True)).expand_as(counts)
    elif aggregation == "response_mean":
        weights = share / counts
    else:
        weights = torch.full_like(counts, share / max_response_tokens)
    return weights.flatten()
