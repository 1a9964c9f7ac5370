"""The paper's claims as tests on an experiment's numbers, claim by claim.

They rest on runs that have succeeded. Each test is made at 95 %, without a correction for how many
there are; what a claim says of all settings together is a finding of its own.
"""

from collections.abc import Sequence

from backend.analysis.arms import Cell
from backend.analysis.comparisons import (
    gains_hold_over_seeds,
    rl_beats_sft,
    rl_beats_vanilla,
    sft_below_vanilla,
)
from backend.analysis.reflection_claims import (
    length_comes_with_reflection,
    reflective_answers_do_worse,
)
from backend.analysis.report import Finding
from backend.analysis.seed_variance import seeds_differ

CLAIMS = (
    rl_beats_vanilla,
    rl_beats_sft,
    sft_below_vanilla,
    gains_hold_over_seeds,
    seeds_differ,
    length_comes_with_reflection,
    reflective_answers_do_worse,
)


def build_findings(cells: Sequence[Cell]) -> tuple[Finding, ...]:
    """Every claim for every model and data set."""
    return tuple(finding for claim in CLAIMS for cell in cells for finding in claim(cell))
