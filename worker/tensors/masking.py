"""Means, whitening and sums over the tokens that take part."""

import torch
from torch import Tensor

VARIANCE_EPSILON = 1e-8


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values where the mask is True.

    Args:
        values: Any shape.
        mask: The same shape, True where a value counts; at least one must.

    >>> masked_mean(torch.tensor([1.0, 2.0, 9.0]), torch.tensor([True, True, False]))
    tensor(1.5000)
    """
    return (values * mask).sum() / mask.sum()


def masked_whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Values with mean 0 and variance 1 over the whole batch; 0 where the mask is False.

    Variance has Bessel's correction. The mean is not added back: Reinforce++ whitens over the
    global batch (arXiv 2501.03262, Eq. 6). Deviation from the authors' code, which whitens per
    rank and adds the mean again.

    Args:
        values: [B, R].
        mask: [B, R] True where a value counts; at least two must.
    """
    count = mask.sum()
    centred = (values - masked_mean(values, mask)) * mask
    variance = centred.square().sum() / (count - 1)
    return centred * torch.rsqrt(variance + VARIANCE_EPSILON)
