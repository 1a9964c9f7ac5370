"""How a policy is evaluated."""

from pydantic import Field

from backend.contract.config.closed import Closed, unit


class DecodingSetting(Closed):
    """One way to decode in an evaluation: pass@k at a temperature."""

    k: int = Field(ge=1, le=64)
    """Responses per problem; the problem is solved when any of them is right."""
    temperature: float = Field(gt=0.0, le=5.0)
    """Softmax temperature."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Nucleus probability."""


PAPER_DECODING = (
    DecodingSetting(k=8, temperature=1.0, top_p=1.0),
    DecodingSetting(k=1, temperature=0.6, top_p=1.0),
    DecodingSetting(k=1, temperature=0.01, top_p=0.001),
)


class EvaluationConfig(Closed):
    """How the policy is evaluated on validation and test, before training and every few epochs."""

    every_epochs: int = Field(default=1, ge=1, le=10000, json_schema_extra=unit("epochs"))
    """Epochs between two evaluations; step 0 and the last step are always evaluated."""
    max_response_tokens: int = Field(default=2048, ge=2, le=65536, json_schema_extra=unit("tokens"))
    """Longest response of an evaluation."""
    decoding: tuple[DecodingSetting, ...] = Field(
        default=PAPER_DECODING, min_length=1, max_length=8
    )
    """Decoding settings; the default is the paper's three (high, medium, low)."""
    permuted_control: bool = False
    """Also evaluate validation with pictures permuted among problems, at step 0 and at the end."""
