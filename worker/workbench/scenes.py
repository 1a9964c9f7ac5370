"""What is in a picture: four kinds of scene, and the ranges that a split draws them from."""

from dataclasses import dataclass
from random import Random

GRID_SIDE = 4
"""Cells per side of a picture; each cell becomes one visual token."""

SHAPE_KINDS = ("circle", "square", "triangle", "star")
LARGEST_HEIGHT = 6
BAR_NAMES = ("A", "B", "C", "D")


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape that fills a cell."""

    kind: str
    colour: str


@dataclass(frozen=True, slots=True)
class ShapeGrid:
    """Shapes in the cells of a 4 x 4 grid."""

    cells: tuple[Shape | None, ...]
    """The 16 cells, row by row; None is an empty one."""

    def count_rows(self, kind: str) -> tuple[int, ...]:
        """How many shapes of a kind each row has, from the top."""
        rows = (self.cells[i : i + GRID_SIDE] for i in range(0, len(self.cells), GRID_SIDE))
        return tuple(sum(cell is not None and cell.kind == kind for cell in row) for row in rows)

    def count(self, kind: str) -> int:
        """How many shapes of a kind the grid has."""
        return sum(self.count_rows(kind))


@dataclass(frozen=True, slots=True)
class Triangle:
    """A triangle with its two base angles labelled and the third unknown."""

    left_degrees: int
    right_degrees: int
    colour: str
    line_width: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment in two parts, with the whole and one part labelled."""

    whole: int
    part: int
    part_is_left: bool
    colour: str
    line_width: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """Four bars named A to D."""

    heights: tuple[int, ...]
    """Heights in units of a half a cell, 1 to 6."""
    colours: tuple[str, ...]


Scene = ShapeGrid | Triangle | Segment | BarChart


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRanges:
    """The ranges that the scenes of a split are drawn from."""

    colours: tuple[str, ...]
    line_widths: tuple[int, ...]
    counts: tuple[int, int]
    """Smallest and largest number of the shapes asked for."""
    differences: tuple[int, int]
    """Smallest and largest difference between the two kinds compared."""
    has_held_out_values: bool
    """True draws only the pairs of numbers that `is_held_out`, False only the others."""


IN_DISTRIBUTION = SceneRanges(
    colours=("red", "blue", "green", "orange", "purple", "brown"),
    line_widths=(2, 3),
    counts=(1, 9),
    differences=(1, 8),
    has_held_out_values=False,
)
OUT_OF_DISTRIBUTION = SceneRanges(
    colours=("teal", "magenta", "olive"),
    line_widths=(4,),
    counts=(5, 11),
    differences=(2, 9),
    has_held_out_values=True,
)


def is_held_out(first: int, second: int) -> bool:
    """Whether a pair of labelled numbers is kept for the out-of-distribution test."""
    return (first + 3 * second + first * second) % 7 == 0


def _fill_grid(placed: list[str], ranges: SceneRanges, rng: Random) -> ShapeGrid:
    cells: list[Shape | None] = [Shape(kind, rng.choice(ranges.colours)) for kind in placed]
    cells += [None] * (GRID_SIDE**2 - len(cells))
    rng.shuffle(cells)
    return ShapeGrid(tuple(cells))


def sample_counting_grid(ranges: SceneRanges, rng: Random) -> tuple[ShapeGrid, str]:
    """Draw a grid and the kind of shape to be counted in it."""
    kind, *others = rng.sample(SHAPE_KINDS, len(SHAPE_KINDS))
    number = rng.randint(*ranges.counts)
    num_distractors = rng.randint(1, min(6, GRID_SIDE**2 - number))
    distractors = [rng.choice(others) for _ in range(num_distractors)]
    return _fill_grid([kind] * number + distractors, ranges, rng), kind


def sample_comparison_grid(ranges: SceneRanges, rng: Random) -> tuple[ShapeGrid, str, str]:
    """Draw a grid with more shapes of the first returned kind than of the second."""
    more, fewer, other, _ = rng.sample(SHAPE_KINDS, len(SHAPE_KINDS))
    difference = rng.randint(*ranges.differences)
    num_fewer = rng.randint(1, min(6, (GRID_SIDE**2 - difference) // 2))
    placed = [more] * (num_fewer + difference) + [fewer] * num_fewer
    placed += [other] * rng.randint(0, min(2, GRID_SIDE**2 - len(placed)))
    return _fill_grid(placed, ranges, rng), more, fewer


def sample_triangle(ranges: SceneRanges, rng: Random) -> Triangle:
    """Draw a triangle whose angles are multiples of five degrees."""
    while True:
        left, right = 5 * rng.randint(4, 19), 5 * rng.randint(4, 19)
        if left + right <= 165 and is_held_out(left, right) == ranges.has_held_out_values:
            colour, width = rng.choice(ranges.colours), rng.choice(ranges.line_widths)
            return Triangle(left, right, colour, width)


def sample_segment(ranges: SceneRanges, rng: Random) -> Segment:
    """Draw a segment of 12 to 40 units in two parts of at least three."""
    while True:
        whole = rng.randint(12, 40)
        part = rng.randint(3, whole - 3)
        if is_held_out(whole, part) == ranges.has_held_out_values:
            colour, width = rng.choice(ranges.colours), rng.choice(ranges.line_widths)
            return Segment(whole, part, rng.random() < 0.5, colour, width)


def sample_bar_chart(ranges: SceneRanges, rng: Random) -> BarChart:
    """Draw four bars of different heights."""
    heights = rng.sample(range(1, LARGEST_HEIGHT + 1), len(BAR_NAMES))
    return BarChart(tuple(heights), tuple(rng.choice(ranges.colours) for _ in BAR_NAMES))
