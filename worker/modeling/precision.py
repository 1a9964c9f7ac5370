"""The arithmetic of forward passes."""

from typing import Literal

import torch


def autocast(device: torch.device, precision: Literal["float32", "bfloat16"]) -> torch.autocast:
    """Context of a forward pass: bf16 matrix products, or plain fp32.

    Enter it anew after every update: it keeps bf16 copies of the weights while it is open.
    """
    return torch.autocast(
        device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=True
    )
