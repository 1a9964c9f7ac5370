"""One entry of the metric catalogue."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Unit = Literal["share", "tokens", "nats", "s", "reward", "1", "tokens/s", "bytes"]


class Metric(BaseModel):
    """One entry of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """`group/name`, snake case."""
    title: str
    """Chart title in words."""
    unit: Unit
    """Unit of the values; a share is 0..1."""
    definition: str
    """What the number is, in a sentence for the tool-tip."""
    source: str
    """Where the definition comes from."""
    labels: tuple[str, ...] = ()
    """Names of the labels that a key of this metric must carry."""
    has_zero_axis: bool = False
    """True when the chart's axis must include 0 (shares, counts, lengths)."""
    paper_key: str | None = None
    """The paper's own key for the same quantity."""

    @property
    def group(self) -> str:
        """First part of the name: the dashboard's tab."""
        return self.name.split("/")[0]
