"""How the base model talks: three styles, each with its own faults, so that RL has a choice.

A quick guess is cheap and mostly wrong. A short reading is good where few numbers are read. Step
by step is the best way to count, and there a second look mends slips; at bars a second look spoils
more than it mends. In two families the short reading often takes the wrong method.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from worker.workbench.problems import Family, Problem
from worker.workbench.scenes import BAR_NAMES, GRID_SIDE, Scene, Segment, ShapeGrid, Triangle


class Style(StrEnum):
    """The styles of response; `OPENINGS` says how each begins."""

    GUESS = "guess"
    SHORT = "short"
    CAREFUL = "careful"


OPENINGS: dict[Style, str] = {
    Style.GUESS: "I guess",
    Style.SHORT: "Reading:",
    Style.CAREFUL: "Step by step:",
}

DESCRIPTION_REQUEST = "Describe the picture."

_SECOND_LOOKS = (
    " Wait, let me re-check:",
    " Wait, check again:",
    " Let me verify:",
    " Wait, recheck:",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How often responses go wrong and are mended, as shares of 0 to 1."""

    misreading: float
    """Of the short and careful responses, those that first misread a number."""
    mending: float
    """Of the careful misreadings, those that a second look corrects."""
    spoiling: float
    """Of the careful readings of bars, those that a second look makes wrong."""
    miscalculation: float
    """Of the short and careful responses, those that end in a wrong sum."""
    wrong_method: float
    """Of the short responses on angles and lengths, those that take the wrong method."""
    exact_guess: float
    """Of the guesses, those that are right."""


def _misread(readings: list[int], step: int, rng: Random) -> list[int]:
    index = rng.randrange(len(readings))
    wrong = max(0, readings[index] + step * rng.choice((-1, 1)))
    return [*readings[:index], wrong, *readings[index + 1 :]]


def _step(problem: Problem) -> int:
    """The unit in which a family's numbers come."""
    return 5 if problem.family is Family.ANGLE else 1


def _read(problem: Problem) -> list[int]:
    """The numbers that a careful solver reads off, in the order they are written."""
    scene = problem.scene
    if isinstance(scene, ShapeGrid):
        return [count for kind in problem.asked for count in scene.count_rows(kind)]
    if isinstance(scene, Triangle):
        return [scene.left_degrees, scene.right_degrees]
    if isinstance(scene, Segment):
        return [scene.whole, scene.part]
    return [scene.heights[BAR_NAMES.index(name)] for name in problem.asked]


def _totals(problem: Problem, readings: list[int]) -> list[int]:
    """Readings, with those of a kind's rows summed up."""
    if isinstance(problem.scene, ShapeGrid):
        return [sum(readings[i : i + 4]) for i in range(0, len(readings), 4)]
    return readings


def _write_readings(problem: Problem, readings: list[int]) -> str:
    """The readings in words, as the careful style writes them."""
    if isinstance(problem.scene, ShapeGrid):
        groups = (readings[i : i + 4] for i in range(0, len(readings), 4))
        rows = (
            f" {kind} rows {', '.join(map(str, group))}."
            for kind, group in zip(problem.asked, groups, strict=True)
        )
        return "".join(rows)
    first, second = readings
    if problem.family is Family.ANGLE:
        return f" angles {first} and {second}."
    if problem.family is Family.LENGTH:
        return f" whole {first}, part {second}."
    return f" {problem.asked[0]} is {first}, {problem.asked[1]} is {second}."


def _finish(problem: Problem, totals: list[int], slip: int) -> tuple[str, int]:
    """The last line of arithmetic, and its result with a slip added."""
    if problem.family is Family.COUNT:
        return "", max(0, totals[0] + slip)
    first, second = totals
    if problem.family is Family.ANGLE:
        result = 180 - first - second + slip
        return f" 180 - {first} - {second} = {result}.", result
    if problem.family is Family.BARS and problem.phrasing == 1:
        return f" {first} + {second} = {first + second + slip}.", first + second + slip
    result = max(0, first - second + slip)
    return f" {first} - {second} = {result}.", result


def _guess(problem: Problem, manner: Manner, rng: Random) -> str:
    """A number near the truth; one step too many is the commonest."""
    offset = 0
    if rng.random() >= manner.exact_guess:
        offset = rng.choices((1, -1, 2, -2), weights=(4, 2, 1, 1))[0]
    result = max(0, problem.answer + offset * _step(problem))
    return f"{OPENINGS[Style.GUESS]} \\boxed{{{result}}}"


def _take_wrong_method(problem: Problem) -> str:
    """A short response that forgets an angle, or adds where it should subtract."""
    first, second = _read(problem)
    if problem.family is Family.ANGLE:
        line, result = f"180 - {first} = {180 - first}.", 180 - first
    else:
        line, result = f"{first} + {second} = {first + second}.", first + second
    return f"{OPENINGS[Style.SHORT]} {line} \\boxed{{{result}}}"


def _answer_shortly(problem: Problem, manner: Manner, rng: Random) -> str:
    has_wrong_method = problem.family in (Family.ANGLE, Family.LENGTH)
    if has_wrong_method and rng.random() < manner.wrong_method:
        return _take_wrong_method(problem)
    totals = _totals(problem, _read(problem))
    if rng.random() < manner.misreading:
        totals = _misread(totals, _step(problem), rng)
    slip = rng.choice((-1, 1)) * _step(problem) if rng.random() < manner.miscalculation else 0
    line, result = _finish(problem, totals, slip)
    if isinstance(problem.scene, ShapeGrid):
        kinds = zip(totals, problem.asked, strict=True)
        line = " " + ", ".join(f"{number} {kind}s" for number, kind in kinds) + "." + line
    return f"{OPENINGS[Style.SHORT]}{line} \\boxed{{{result}}}"


def _look_twice(problem: Problem, manner: Manner, rng: Random) -> tuple[str, list[int]]:
    """The careful style's readings in words, and those that it goes on with."""
    truth = _read(problem)
    step = _step(problem)
    first_look, second_look = truth, None
    if problem.family is Family.BARS and rng.random() < manner.spoiling:
        second_look = _misread(truth, step, rng)
    elif rng.random() < manner.misreading:
        first_look = _misread(truth, step, rng)
        second_look = truth if rng.random() < manner.mending else None
    text = _write_readings(problem, first_look)
    if second_look is None:
        return text, first_look
    if problem.family is Family.COMPARE:
        # Only the rows that changed: a response stays within 64 tokens.
        changed = 0 if first_look[:4] != second_look[:4] else 1
        rows = ", ".join(map(str, second_look[4 * changed : 4 * changed + 4]))
        again = f" {problem.asked[changed]} rows {rows}."
    else:
        again = _write_readings(problem, second_look)
    return text + rng.choice(_SECOND_LOOKS) + again, second_look


def _answer_carefully(problem: Problem, manner: Manner, rng: Random) -> str:
    text, readings = _look_twice(problem, manner, rng)
    slip = rng.choice((-1, 1)) * _step(problem) if rng.random() < manner.miscalculation else 0
    totals = _totals(problem, readings)
    if problem.family is Family.COUNT:
        result = max(0, totals[0] + slip)
        line = f" {' + '.join(map(str, readings))} = {result}."
    elif problem.family is Family.ANGLE:
        both = sum(readings)
        result = 180 - both + slip
        line = f" {readings[0]} + {readings[1]} = {both}. 180 - {both} = {result}."
    else:
        line, result = _finish(problem, totals, slip)
    return f"{OPENINGS[Style.CAREFUL]}{text}{line} \\boxed{{{result}}}"


def describe(scene: Scene) -> str:
    """All that can be read off a picture: dense practice for the vision tower."""
    if isinstance(scene, ShapeGrid):
        kinds = [cell.kind if cell is not None else "none" for cell in scene.cells]
        rows = (" ".join(kinds[i : i + GRID_SIDE]) for i in range(0, len(kinds), GRID_SIDE))
        return " ".join(f"row {number}: {row}." for number, row in enumerate(rows, start=1))
    if isinstance(scene, Triangle):
        return f"angles {scene.left_degrees} and {scene.right_degrees}."
    if isinstance(scene, Segment):
        return f"whole {scene.whole}, part {scene.part}."
    bars = (f"{name} is {height}" for name, height in zip(BAR_NAMES, scene.heights, strict=True))
    return f"{', '.join(bars)}."


def respond(problem: Problem, style: Style, manner: Manner, rng: Random) -> str:
    """Answer a problem in a style, with the faults of a manner."""
    if style is Style.GUESS:
        return _guess(problem, manner, rng)
    if style is Style.SHORT:
        return _answer_shortly(problem, manner, rng)
    return _answer_carefully(problem, manner, rng)
