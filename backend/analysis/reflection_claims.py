"""Claims about reflection: does it come with length, and do answers that reflect do better?"""

from collections.abc import Iterator, Sequence

from backend.analysis import keys
from backend.analysis.arms import Arm, Cell
from backend.analysis.correlation import length_reflection_r
from backend.analysis.curves import RunCurves
from backend.analysis.decisions import Direction, decide, direction, percent, place, points
from backend.analysis.intervals import student_t, wilson
from backend.analysis.report import Estimate, Finding


def length_comes_with_reflection(cell: Cell) -> Iterator[Finding]:
    """For each RL setting: mean length and reflection ratio rise and fall together."""
    for arm in _rl_arms(cell):
        r = length_reflection_r(arm.finished)
        claim = f"response length and reflection ratio of {arm.setting} are correlated"
        yield Finding(
            name="length-correlates-with-reflection",
            claim=f"{claim} ({place(cell)})",
            verdict=decide([direction(r)], "up"),
            sentence=_r_words(r),
            estimates={} if r is None else {"r": r},
        )


def reflective_answers_do_worse(cell: Cell) -> Iterator[Finding]:
    """For each RL setting: answers with a reflection word are right less often than the others.

    Pooled over all training steps and seeds. Which answers reflect is not assigned by lot: hard
    problems may bring about both, so this says nothing of what reflection does.
    """
    for arm in _rl_arms(cell):
        yield _reflective(cell, arm)


def _reflective(cell: Cell, arm: Arm) -> Finding:
    name = "reflective-answers-are-less-accurate"
    claim = f"reflective answers of {arm.setting} are right less often ({place(cell)})"
    counts = [_counts(run) for run in arm.finished]
    pooled = [sum(of_runs) for of_runs in zip(*counts, strict=True)] or [0, 0, 0, 0]
    reflective, other = _share(*pooled[:2]), _share(*pooled[2:])
    if reflective is None or other is None:
        return Finding(
            name=name,
            claim=claim,
            verdict="not decidable",
            sentence="No run that has succeeded has both answers that reflect and others.",
            estimates={},
        )
    estimates = {"reflective": reflective, "other": other}
    tests: list[Direction] = [direction(reflective, other)]
    by_seed = _difference_by_seed(counts)
    if by_seed is not None:
        estimates["difference over seeds"] = by_seed
        tests.append(direction(by_seed))
    return Finding(
        name=name,
        claim=claim,
        verdict=decide(tests, "down") if len(counts) > 1 else "not decidable",
        sentence=f"Right of {pooled[1]} reflective answers {percent(reflective)}, of {pooled[3]} "
        f"others {percent(other)}; pooled over training of {len(counts)} "
        f"seed{'s' if len(counts) != 1 else ''}."
        + ("" if by_seed is None else f" Difference over seeds: {points(by_seed)}."),
        estimates=estimates,
    )


def _counts(run: RunCurves) -> tuple[int, int, int, int]:
    """Right and all reflective answers, right and all others."""
    total, reflective, right, reflective_right = (
        round(sum(count for _, count in run.series.get(key, ())))
        for key in (
            keys.NUM_RESPONSES,
            keys.NUM_REFLECTIVE,
            keys.NUM_CORRECT,
            keys.NUM_REFLECTIVE_CORRECT,
        )
    )
    return reflective_right, reflective, right - reflective_right, total - reflective


def _share(num_right: int, num_answers: int) -> Estimate | None:
    if num_answers == 0:
        return None
    low, high = wilson(num_right, num_answers)
    return Estimate(
        value=num_right / num_answers,
        low=low,
        high=high,
        method=f"Wilson over {num_answers} responses",
        num_observations=num_answers,
    )


def _difference_by_seed(counts: Sequence[tuple[int, int, int, int]]) -> Estimate | None:
    """Reflective less other, over seeds; None for fewer than two that have both."""
    values = [a / b - c / d for a, b, c, d in counts if b and d]
    interval = student_t(values)
    return interval and Estimate(
        value=sum(values) / len(values),
        low=interval[0],
        high=interval[1],
        method=f"Student's t over {len(values)} seeds",
        num_observations=len(values),
    )


def _rl_arms(cell: Cell) -> list[Arm]:
    return [arm for arm in cell.arms if arm.kind == "rl"]


def _r_words(r: Estimate | None) -> str:
    if r is None:
        return "One of the two does not vary, or too few steps have both."
    if r.low is None or r.high is None:
        return f"Pearson's r is {r.value:.2f}, over too few steps for an interval."
    return f"Pearson's r is {r.value:.2f} ({r.low:.2f} to {r.high:.2f}); {r.method}."
