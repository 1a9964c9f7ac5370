"""The paper's claims as tests on an experiment's numbers."""

from collections.abc import Sequence

from backend.analysis.arms import Cell
from backend.analysis.report import Finding


def build_findings(cells: Sequence[Cell]) -> tuple[Finding, ...]:
    """Every claim for every model and data set."""
    del cells
    return ()
