"""Figures as PNG and SVG, in the paper's layout and colours.

The same figure gives the same bytes: no date, and identifiers in the SVG from a fixed salt. Text is
drawn as outlines, so it looks the same where the fonts are others.
"""

from collections.abc import Sequence
from io import BytesIO
from math import ceil
from textwrap import fill
from threading import Lock
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.figure import SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from backend.analysis.plot_styles import CurveName, LineStyle, line_styles
from backend.analysis.report import Block, Figure, Panel, Series

mpl.rcParams.update(
    {
        "svg.hashsalt": "maye",
        # A "$" in a reflection word is no formula.
        "text.parse_math": False,
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 7,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)

PANEL_WIDTH_IN, PANEL_HEIGHT_IN = 2.25, 1.7
BLOCK_TITLE_IN, LEGEND_IN = 0.35, 0.45
TITLE_CHARACTERS = 32
"""A line of a panel's title; the layout does not make room for wider ones."""
PNG_DPI = 160
BAND_OPACITY = 0.3
FEW_POINTS = 12
"""Up to so many points each is marked: a line through three epochs hides which were measured."""

_DRAWING = Lock()
"""matplotlib keeps caches that two threads must not fill at once."""


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG."""
    return _rendered(figure, "png")


def to_svg(figure: Figure) -> bytes:
    """The figure as an SVG."""
    return _rendered(figure, "svg")


def _rendered(figure: Figure, form: Literal["png", "svg"]) -> bytes:
    buffer = BytesIO()
    metadata = {"Title": figure.title, **({"Date": None} if form == "svg" else {})}
    with _DRAWING:
        draw(figure).savefig(buffer, format=form, dpi=PNG_DPI, metadata=metadata)
    return buffer.getvalue()


def draw(figure: Figure) -> Canvas:
    """The figure laid out: blocks in two columns as in the paper, or below each other."""
    blocks_per_row = 2 if len(figure.blocks) > 1 and figure.blocks[0].num_columns <= 3 else 1
    rows = [
        figure.blocks[start : start + blocks_per_row]
        for start in range(0, len(figure.blocks), blocks_per_row)
    ]
    heights = [max(_height(block) for block in row) for row in rows]
    num_columns = max((block.num_columns for block in figure.blocks), default=1)
    canvas = Canvas(
        figsize=(
            PANEL_WIDTH_IN * num_columns * blocks_per_row,
            sum(heights, LEGEND_IN) if rows else PANEL_HEIGHT_IN,
        ),
        layout=ConstrainedLayoutEngine(h_pad=0.05, w_pad=0.05, hspace=0.03, wspace=0.03),
    )
    FigureCanvasAgg(canvas)
    if not rows:
        canvas.text(0.5, 0.5, "no data yet", ha="center", va="center", color="0.4")
        return canvas
    styles = line_styles(
        series for block in figure.blocks for p in block.panels for series in p.series
    )
    parts = canvas.subfigures(len(rows), blocks_per_row, height_ratios=heights, squeeze=False)
    for row, row_parts in zip(rows, parts, strict=True):
        for block, part in zip(row, row_parts, strict=False):
            _draw_block(part, block, _mark(figure.blocks, block), styles)
    _draw_legend(canvas, figure, styles)
    return canvas


def _height(block: Block) -> float:
    return PANEL_HEIGHT_IN * ceil(len(block.panels) / block.num_columns) + BLOCK_TITLE_IN


def _mark(blocks: Sequence[Block], block: Block) -> str:
    """(a), (b), ... before a block's title where there are several."""
    return f"({chr(ord('a') + blocks.index(block) % 26)}) " if len(blocks) > 1 else ""


def _draw_block(
    part: SubFigure, block: Block, mark: str, styles: dict[CurveName, LineStyle]
) -> None:
    part.suptitle(f"{mark}{block.title}", fontsize=9, fontweight="bold")
    num_rows = max(1, ceil(len(block.panels) / block.num_columns))
    axes = part.subplots(num_rows, block.num_columns, squeeze=False).flatten()
    for axis, panel in zip(axes, block.panels, strict=False):
        _draw_panel(axis, panel, styles)
    for axis in axes[len(block.panels) :]:
        axis.set_axis_off()


def _draw_panel(axis: Axes, panel: Panel, styles: dict[CurveName, LineStyle]) -> None:
    axis.set_title(fill(panel.title, TITLE_CHARACTERS))
    axis.set_xlabel(panel.x_label)
    axis.set_ylabel(panel.y_label)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
    axis.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.grid(visible=True, color="0.92", linewidth=0.6)
    axis.set_axisbelow(True)
    # The published curves lie under the experiment's own.
    for series in sorted(panel.series, key=lambda series: series.role != "published"):
        _draw_series(axis, series, styles[series.role, series.label])
    if not panel.series:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.text(
            0.5, 0.5, "no data yet", ha="center", va="center", color="0.4", transform=axis.transAxes
        )
    else:
        _set_limits(axis, panel)


def _draw_series(axis: Axes, series: Series, style: LineStyle) -> None:
    x = np.array(series.x)
    mean = np.array(series.mean, dtype=float)
    has_marks = len(x) <= FEW_POINTS and series.role in ("rl", "sft")
    axis.plot(
        x,
        mean,
        color=style.colour,
        linestyle=style.dashes,
        linewidth=1.1 if series.role == "published" else 1.4,
        marker="o" if has_marks else None,
        markersize=2.5,
    )
    alone = _isolated(mean)
    if alone.any() and not has_marks:
        axis.plot(
            x[alone], mean[alone], color=style.colour, linestyle="", marker="o", markersize=1.5
        )
    if series.std is not None:
        std = np.array(series.std, dtype=float)
        axis.fill_between(
            x, mean - std, mean + std, color=style.colour, alpha=BAND_OPACITY, linewidth=0
        )


def _isolated(mean: np.ndarray) -> np.ndarray:
    """[x] points between gaps, through which no line goes."""
    is_gap = np.isnan(np.concatenate(([np.nan], mean, [np.nan])))
    return ~is_gap[1:-1] & is_gap[:-2] & is_gap[2:]


def _set_limits(axis: Axes, panel: Panel) -> None:
    """No axis below 0 for what has no values there; counts from 0 to 1 at least."""
    means = [value for series in panel.series for value in series.mean if value is not None]
    low, high = axis.get_ylim()
    if panel.y_label == "count":
        axis.set_ylim(0.0, max(1.0, high))
    elif low < 0 <= min(means, default=0.0):
        axis.set_ylim(bottom=0.0)


def _draw_legend(canvas: Canvas, figure: Figure, styles: dict[CurveName, LineStyle]) -> None:
    if not styles:
        return
    handles = [
        Line2D(
            [],
            [],
            color=style.colour,
            linestyle=style.dashes,
            linewidth=1.4,
            label=label if role == "vanilla" else f"{label} (n = {style.num_runs})",
        )
        for (role, label), style in styles.items()
    ]
    width = canvas.get_figwidth()
    canvas.legend(
        handles=handles,
        loc="outside lower center",
        ncols=max(1, min(len(handles), int(width // 1.6))),
        frameon=False,
    )
