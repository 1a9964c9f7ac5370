"""How much of the difference between runs of one setting is the seed?

Runs that differ in nothing but the seed answer the same problems. Their accuracies would differ
even if all seeds were equally good, because single answers come out this way or that. A two-way
analysis of variance (seed x problem) tells the two apart: the mean square between seeds over the
residual one is F. 1 - 1/F is the share of a run's variance that the seed makes; its interval
follows from the F distribution (Searle, Casella and McCulloch 1992, section 3.6).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from backend.analysis.arms import Arm, Cell
from backend.analysis.comparisons import MIN_PROBLEMS
from backend.analysis.curves import Decoded, RunCurves
from backend.analysis.decisions import asked, decide, direction, percent, place
from backend.analysis.intervals import CONFIDENCE
from backend.analysis.report import Estimate, Finding

NAME = "seeds-differ"


def seeds_differ(cell: Cell) -> Iterator[Finding]:
    """For each trained setting and decoding: the seed changes accuracy by more than chance."""
    for arm in cell.trained:
        for decoded in cell.decodings:
            yield _finding(cell, arm, decoded)


def seed_share(solved: np.ndarray) -> Estimate | None:
    """Share of the variance of a run's accuracy that the seed makes.

    Args:
        solved: [seeds, problems] 1 where solved.

    Returns:
        None for fewer than two seeds or problems, or where nothing but the seed varies.
    """
    num_seeds, num_problems = solved.shape
    if num_seeds < 2 or num_problems < 2:
        return None
    by_seed, by_problem = solved.mean(axis=1), solved.mean(axis=0)
    residual = solved - by_seed[:, None] - by_problem[None, :] + solved.mean()
    freedom = (num_seeds - 1, (num_seeds - 1) * (num_problems - 1))
    between = num_problems * float(by_seed.var(ddof=1))
    within = float((residual**2).sum()) / freedom[1]
    if within < 1e-12:
        return None
    ratio = between / within
    tail = (1 - CONFIDENCE) / 2
    upper, lower = (float(stats.f.ppf(p, *freedom)) for p in (1 - tail, tail))
    return Estimate(
        value=_share(ratio),
        low=_share(ratio / upper),
        high=_share(ratio / lower),
        method=f"two-way analysis of variance over {num_seeds} seeds and {num_problems} problems",
        num_observations=num_seeds,
    )


def _share(ratio: float) -> float:
    return max(0.0, 1 - 1 / ratio) if ratio > 0 else 0.0


def _finding(cell: Cell, arm: Arm, decoded: Decoded) -> Finding:
    claim = f"the seed of {arm.setting} changes accuracy ({place(cell)}; {asked(decoded)})"
    solved = _solved(arm.finished, decoded)
    share = None if solved is None else seed_share(solved)
    if solved is None or share is None:
        return Finding(
            name=NAME,
            claim=claim,
            verdict="not decidable",
            sentence=f"This needs the answers of two seeds that have succeeded to {MIN_PROBLEMS} "
            "problems or more, and problems on which they do not all agree.",
            estimates={},
        )
    accuracies = solved.mean(axis=1)
    mean = float(accuracies.mean())
    binomial = (mean * (1 - mean) / solved.shape[1]) ** 0.5
    return Finding(
        name=NAME,
        claim=claim,
        verdict=decide([direction(share)], "up"),
        sentence=f"Of the variance of a run's last accuracy {percent(share)} comes from the seed. "
        f"Standard deviation over {len(accuracies)} seeds {100 * accuracies.std(ddof=1):.1f} "
        f"points; the binomial one of a share of {solved.shape[1]} problems {100 * binomial:.1f}.",
        estimates={"share of the seed": share},
    )


def _solved(runs: Sequence[RunCurves], decoded: Decoded) -> np.ndarray | None:
    """[seeds, problems] over the problems that all were asked."""
    answered = [run.solved.get(decoded, {}) for run in runs]
    if len(answered) < 2 or not all(answered):
        return None
    problems = sorted(set.intersection(*(set(solved) for solved in answered)))
    if len(problems) < MIN_PROBLEMS:
        return None
    return np.array([[float(solved[p]) for p in problems] for solved in answered])
