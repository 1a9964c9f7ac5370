"""Visual-arithmetic problems: a question about a scene, and its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from worker.workbench.scenes import (
    BAR_NAMES,
    BarChart,
    Scene,
    SceneRanges,
    Segment,
    ShapeGrid,
    Triangle,
    sample_bar_chart,
    sample_comparison_grid,
    sample_counting_grid,
    sample_segment,
    sample_triangle,
)

PROMPT_SUFFIX = "\nAnswer in \\boxed{}."
"""What is appended to every question before it becomes a prompt."""

NUM_PHRASINGS = 2


class Family(StrEnum):
    """The task families."""

    COUNT = "count"
    COMPARE = "compare"
    ANGLE = "angle"
    LENGTH = "length"
    BARS = "bars"


class Form(StrEnum):
    """Where the numbers of a problem are to be found."""

    VISION = "vision-dominant"
    TEXT = "text-dominant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A question about a scene."""

    family: Family
    form: Form
    question: str
    scene: Scene
    asked: tuple[str, ...]
    """What the question names: kinds of shape, names of bars; empty for angles and lengths."""
    phrasing: int
    """Which of its family's phrasings the question has; bars: 0 asks a difference, 1 a sum."""

    @property
    def answer(self) -> int:
        """The answer to the question on the problem's own scene."""
        return solve(self, self.scene)


def solve(problem: Problem, scene: Scene) -> int:
    """The answer to a problem's question if its picture showed another scene of the family."""
    if isinstance(scene, ShapeGrid):
        counts = [scene.count(kind) for kind in problem.asked]
        return counts[0] - sum(counts[1:])
    if isinstance(scene, Triangle):
        return 180 - scene.left_degrees - scene.right_degrees
    if isinstance(scene, Segment):
        return scene.whole - scene.part
    first, second = (scene.heights[BAR_NAMES.index(name)] for name in problem.asked)
    return first + second if problem.phrasing else first - second


_QUESTIONS: dict[Family, tuple[str, str]] = {
    Family.COUNT: ("How many {0}s are there?", "Count the {0}s."),
    Family.COMPARE: ("How many more {0}s than {1}s?", "By how many do {0}s outnumber {1}s?"),
    Family.ANGLE: ("What is the third angle?", "Find the missing angle."),
    Family.LENGTH: ("How long is the missing part?", "Find the unknown length."),
    Family.BARS: ("How much taller is {0} than {1}?", "What do {0} and {1} add up to?"),
}


def _state(family: Family, scene: Scene, asked: tuple[str, ...]) -> str:
    """The sentence that tells in words what the picture shows."""
    if isinstance(scene, ShapeGrid):
        if family is Family.COMPARE:
            first, second = (f"{scene.count(kind)} {kind}s" for kind in asked)
            return f"There are {first} and {second}. "
        *rows, last = scene.count_rows(asked[0])
        return f"The rows have {', '.join(map(str, rows))} and {last} {asked[0]}s. "
    if isinstance(scene, Triangle):
        return f"Two angles are {scene.left_degrees} and {scene.right_degrees}. "
    if isinstance(scene, Segment):
        return f"The whole is {scene.whole}, one part is {scene.part}. "
    heights = (f"{name} is {scene.heights[BAR_NAMES.index(name)]}" for name in asked)
    return f"Bar {' and bar '.join(heights)}. "


def _sample_counting(ranges: SceneRanges, rng: Random, phrasing: int) -> tuple[Scene, tuple]:
    scene, kind = sample_counting_grid(ranges, rng)
    return scene, (kind,)


def _sample_comparison(ranges: SceneRanges, rng: Random, phrasing: int) -> tuple[Scene, tuple]:
    scene, more, fewer = sample_comparison_grid(ranges, rng)
    return scene, (more, fewer)


def _sample_angle(ranges: SceneRanges, rng: Random, phrasing: int) -> tuple[Scene, tuple]:
    return sample_triangle(ranges, rng), ()


def _sample_length(ranges: SceneRanges, rng: Random, phrasing: int) -> tuple[Scene, tuple]:
    return sample_segment(ranges, rng), ()


def _sample_bars(ranges: SceneRanges, rng: Random, phrasing: int) -> tuple[Scene, tuple]:
    scene: BarChart = sample_bar_chart(ranges, rng)
    names = rng.sample(BAR_NAMES, 2)
    if phrasing == 0:
        names.sort(key=lambda name: -scene.heights[BAR_NAMES.index(name)])
    return scene, tuple(names)


_SAMPLERS: dict[Family, Callable[[SceneRanges, Random, int], tuple[Scene, tuple]]] = {
    Family.COUNT: _sample_counting,
    Family.COMPARE: _sample_comparison,
    Family.ANGLE: _sample_angle,
    Family.LENGTH: _sample_length,
    Family.BARS: _sample_bars,
}


def sample_problem(family: Family, form: Form, ranges: SceneRanges, rng: Random) -> Problem:
    """Draw one problem of a family."""
    phrasing = rng.randrange(NUM_PHRASINGS)
    scene, asked = _SAMPLERS[family](ranges, rng, phrasing)
    question = _QUESTIONS[family][phrasing].format(*asked)
    if form is Form.TEXT:
        question = _state(family, scene, asked) + question
    return Problem(
        family=family, form=form, question=question, scene=scene, asked=asked, phrasing=phrasing
    )
