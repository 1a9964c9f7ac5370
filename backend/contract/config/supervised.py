"""Supervised fine-tuning: how solutions become updates."""

from pydantic import Field

from backend.contract.config.closed import Closed, unit


class SupervisedConfig(Closed):
    """Loss on the tokens of the solution only; the prompt carries none."""

    samples_per_update: int = Field(default=64, ge=1, le=65536)
    """Problems in one optimizer step."""
    tokens_per_micro_batch: int = Field(
        default=16384, ge=64, le=4_194_304, json_schema_extra=unit("tokens")
    )
    """Largest size of one forward and backward pass; does not change the gradient."""
    max_tokens: int = Field(default=4096, ge=16, le=131072, json_schema_extra=unit("tokens"))
    """Longest prompt and solution together; a longer one refuses the run by row."""
    packing: bool = True
    """Several problems share a row without seeing each other; does not change the gradient."""
