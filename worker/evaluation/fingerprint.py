"""Whether two policies are the same, bit for bit, without copying them off their device."""

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from worker.parallel.devices import Devices

CHUNK = 2**22
"""Numbers looked at together: bounds the memory."""
PERIOD = 65521
"""Weights of the places repeat after so many; a prime."""


@torch.no_grad()
def fingerprint(policy: nn.Module, devices: Devices) -> str:
    """Sums over the bits of every parameter, one by one and weighted by their places.

    Integers, so that neither order nor device changes them; they wrap around. All devices together.
    """
    sums = torch.stack([_sums(parameter) for parameter in policy.parameters()])
    weights = torch.arange(1, len(sums) + 1).unsqueeze(1)
    plain, placed = devices.sum((sums * weights).sum(dim=0), "the fingerprint of the policy")
    return f"{int(plain) & 2**64 - 1:016x}{int(placed) & 2**64 - 1:016x}"


def _sums(parameter: Tensor) -> Tensor:
    """[2] plain and weighted sum over the bits of a parameter (of this device's part of it)."""
    local = parameter.to_local() if isinstance(parameter, DTensor) else parameter
    flat = local.detach().contiguous().view(-1)
    bits = flat.view(torch.int32 if flat.element_size() == 4 else torch.int16)
    total = torch.zeros(2, dtype=torch.int64, device=bits.device)
    for start in range(0, bits.numel(), CHUNK):
        part = bits[start : start + CHUNK].to(torch.int64)
        places = torch.arange(start, start + part.numel(), device=part.device) % PERIOD + 1
        total += torch.stack([part.sum(), (part * places).sum()])
    return total.cpu()
