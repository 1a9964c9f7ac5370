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
UNIT_PIXELS = 14
"""Height of one unit of a bar; two to a cell."""

_OVERSAMPLING = 4
_INK = "#202020"
_GRID_LINE = np.array([200, 200, 200], dtype=np.uint8)

_DIVIDER = slice(3 * CELL_PIXELS, None), slice(2 * CELL_PIXELS - 1, 2 * CELL_PIXELS + 1)
"""The line that keeps the two labels in the lowest row apart."""


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
def _character_sprite(character: str) -> np.ndarray:
    image, draw = _canvas(CELL_PIXELS)
    font = ImageFont.load_default(25 * _OVERSAMPLING)
    (centre,) = _scaled((CELL_PIXELS / 2, CELL_PIXELS / 2))
    draw.text(centre, character, _INK, font, "mm", stroke_width=_OVERSAMPLING, stroke_fill=_INK)
    return _shrink(image)


def _write(picture: np.ndarray, text: str, row: int, column: int) -> None:
    """Write a text into a picture, one character a cell."""
    for i, character in enumerate(text):
        picture[_cell(row, column + i)] = _character_sprite(character)


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
    _write(picture, str(scene.left_degrees), 3, 0)
    _write(picture, str(scene.right_degrees), 3, 2)
    picture[_DIVIDER] = _GRID_LINE
    _write(picture, "?", 0, 3 if apex[0] < PICTURE_PIXELS / 2 else 0)
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
    _write(picture, str(scene.whole), 0, 1)
    labels = (str(scene.part), "?") if scene.part_is_left else ("?", str(scene.part))
    _write(picture, labels[0], 3, 0)
    _write(picture, labels[1], 3, 2)
    picture[_DIVIDER] = _GRID_LINE
    return picture


def _draw_bars(scene: BarChart) -> np.ndarray:
    """Bars that rise from the top of the lowest row of cells, over a line at every cell."""
    picture = _blank()
    floor = CELL_PIXELS * (GRID_SIDE - 1)
    picture[0 : floor + 1 : CELL_PIXELS] = _GRID_LINE
    for column, (height, colour) in enumerate(zip(scene.heights, scene.colours, strict=True)):
        left = column * CELL_PIXELS
        top = floor - height * UNIT_PIXELS
        picture[top:floor, left + 4 : left + 24] = ImageColor.getrgb(colour)
        _write(picture, BAR_NAMES[column], 3, column)
    return picture
