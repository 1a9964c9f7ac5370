"""The terms of an update's rows, from the devices that computed them to all."""

from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor

from worker.parallel.devices import Devices
from worker.rl.aggregation import Part
from worker.rl.types import RowTerms

_WEIGHTS = ("loss_weights", "kl_weights")


def join_terms(
    devices: Devices,
    terms: Sequence[tuple[list[int], RowTerms]],
    part: Part,
    kl_weights: Tensor,
    *,
    width: int,
) -> list[tuple[list[int], RowTerms]]:
    """Terms of all rows of an update on every device.

    Args:
        devices: All devices; a single one has all terms already.
        terms: What this device computed, with the places of its rows in the part.
        part: The update.
        kl_weights: [n] weight of a token's KL.
        width: Columns of the joined terms.
    """
    if devices.count == 1:
        return list(terms)
    columns: dict[str, Tensor | None] = {}
    for field in (f.name for f in fields(RowTerms) if f.name not in _WEIGHTS):
        if all(getattr(term, field) is None for _, term in terms):
            # Every device has rows: what none of them computed here is computed nowhere.
            columns[field] = None
            continue
        joined = torch.zeros(len(part.rows), width, dtype=torch.float64)
        for places, term in terms:
            values = getattr(term, field)
            joined[places, : values.shape[1]] = values.cpu().double()
        joined = devices.sum(joined, "the loss terms of all devices")
        example = getattr(terms[0][1], field)
        columns[field] = joined.to(example.dtype).to(example.device)
    joined_terms = RowTerms(loss_weights=part.loss_weights, kl_weights=kl_weights, **columns)  # pyright: ignore[reportArgumentType]
    return [(list(range(len(part.rows))), joined_terms)]
