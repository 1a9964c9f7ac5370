"""The pixels of a scene: 112 x 112 pictures whose parts lie inside 28-pixel cells.

Alignment with the cells, each of which becomes one visual token, is what lets a vision tower of
two blocks learn to read the pictures within minutes.
"""

from functools import cache, lru_cache
from math import cos, pi, radians, sin, tan

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from worker.workbench.scenes import (
    BAR_NAMES,
    GRID_SIDE,
    BarChart,
    Scene,
    Segment,
    ShapeGrid,
    Triangle,
)

CELL_PIXELS = 28
PICTURE_PIXELS = CELL_PIXELS * GRID_SIDE
UNIT_PIXELS = 7
"""Height of one unit of a bar; four to a cell."""

_OVERSAMPLING = 4
_INK = "#202020"
_GRID_LINE = np.array([225, 225, 225], dtype=np.uint8)


def draw_scene(scene: Scene) -> np.ndarray:
    """Draw a scene.

    Returns:
        [112, 112, 3] uint8 picture.
    """
    if isinstance(scene, ShapeGrid):
        return _draw_grid(scene)
    if isinstance(scene, Triangle):
        return _draw_triangle(scene).copy()
    if isinstance(scene, Segment):
        return _draw_segment(scene).copy()
    return _draw_bars(scene)


def _cell(row: int, column: int) -> tuple[slice, slice]:
    top, left = row * CELL_PIXELS, column * CELL_PIXELS
    return slice(top, top + CELL_PIXELS), slice(left, left + CELL_PIXELS)


def _blank() -> np.ndarray:
    return np.full((PICTURE_PIXELS, PICTURE_PIXELS, 3), 255, dtype=np.uint8)


def _canvas(pixels: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (pixels * _OVERSAMPLING, pixels * _OVERSAMPLING), "white")
    return image, ImageDraw.Draw(image)


def _shrink(image: Image.Image) -> np.ndarray:
    return np.asarray(image.reduce(_OVERSAMPLING))


def _scaled(*points: tuple[float, float]) -> list[tuple[float, float]]:
    return [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points]


@cache
def _shape_sprite(kind: str, colour: str) -> np.ndarray:
    image, draw = _canvas(CELL_PIXELS)
    if kind == "circle":
        draw.ellipse(_scaled((4, 4), (24, 24)), fill=colour)
    elif kind == "square":
        draw.rectangle(_scaled((5, 5), (23, 23)), fill=colour)
    elif kind == "triangle":
        draw.polygon(_scaled((14, 3), (25, 24), (3, 24)), fill=colour)
    else:
        corners = [
            (14 + radius * sin(pi * i / 5), 14.5 - radius * cos(pi * i / 5))
            for i, radius in enumerate([12, 5] * 5)
        ]
        draw.polygon(_scaled(*corners), fill=colour)
    return _shrink(image)


@cache
def _label_sprite(label: str) -> np.ndarray:
    """A label of one or two characters, each centred in its half of the cell if there are two."""
    image, draw = _canvas(CELL_PIXELS)
    font = ImageFont.load_default(19 * _OVERSAMPLING)
    width = CELL_PIXELS / len(label)
    for i, character in enumerate(label):
        (centre,) = _scaled(((i + 0.5) * width, CELL_PIXELS / 2))
        draw.text(centre, character, fill=_INK, font=font, anchor="mm")
    return _shrink(image)


def _draw_grid(scene: ShapeGrid) -> np.ndarray:
    picture = _blank()
    for i, shape in enumerate(scene.cells):
        if shape is not None:
            picture[_cell(*divmod(i, GRID_SIDE))] = _shape_sprite(shape.kind, shape.colour)
    return picture


@lru_cache(maxsize=16384)
def _draw_triangle(scene: Triangle) -> np.ndarray:
    """The triangle in the upper three rows of cells, its labels below the base."""
    left, right = radians(scene.left_degrees), radians(scene.right_degrees)
    apex = (8 + 96 * min(1.1, max(-0.1, _apex_share(left, right))), 24.0)
    image, draw = _canvas(PICTURE_PIXELS)
    corners = _scaled((8, 80), apex, (104, 80), (8, 80), apex)
    draw.line(corners, fill=scene.colour, width=scene.line_width * _OVERSAMPLING, joint="curve")
    picture = _shrink(image).copy()
    picture[_cell(3, 0)] = _label_sprite(str(scene.left_degrees))
    picture[_cell(3, 3)] = _label_sprite(str(scene.right_degrees))
    column = 3 if apex[0] < PICTURE_PIXELS / 2 else 0
    picture[_cell(0, column)] = _label_sprite("?")
    return picture


def _apex_share(left: float, right: float) -> float:
    """Where the apex stands over the base, as a share of the base from its left end."""
    return tan(right) / (tan(left) + tan(right))


@lru_cache(maxsize=16384)
def _draw_segment(scene: Segment) -> np.ndarray:
    """The whole's label and bracket above, the divided segment and its parts' labels below."""
    left_part = scene.part if scene.part_is_left else scene.whole - scene.part
    split = 6 + 100 * left_part / scene.whole
    image, draw = _canvas(PICTURE_PIXELS)
    width = scene.line_width * _OVERSAMPLING
    draw.line(_scaled((6, 44), (6, 36), (106, 36), (106, 44)), fill=_INK, width=_OVERSAMPLING)
    draw.line(_scaled((6, 70), (106, 70)), fill=scene.colour, width=width)
    for x in (6, split, 106):
        draw.line(_scaled((x, 62), (x, 78)), fill=scene.colour, width=width)
    picture = _shrink(image).copy()
    picture[_cell(0, 1)] = _label_sprite(str(scene.whole))
    labels = (str(scene.part), "?") if scene.part_is_left else ("?", str(scene.part))
    picture[_cell(3, 0)], picture[_cell(3, 3)] = map(_label_sprite, labels)
    return picture


def _draw_bars(scene: BarChart) -> np.ndarray:
    """Bars that rise from the top of the lowest row of cells, over a line at every cell."""
    picture = _blank()
    floor = CELL_PIXELS * (GRID_SIDE - 1)
    picture[0 : floor + 1 : CELL_PIXELS] = _GRID_LINE
    for column, (height, colour) in enumerate(zip(scene.heights, scene.colours, strict=True)):
        left = column * CELL_PIXELS
        top = floor - height * UNIT_PIXELS
        picture[top:floor, left + 5 : left + 23] = ImageColor.getrgb(colour)
        picture[_cell(3, column)] = _label_sprite(BAR_NAMES[column])
    return picture
