"""Curves of a run as charts of characters."""

import math
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from maye.client import Json

TWO_COLUMNS_FROM = 100
"""Columns of a terminal from which on two charts stand side by side."""
LEAST_HEIGHT = 7
MOST_HEIGHT = 14


def draw_charts(series: Sequence[Json], *, width: int, height: int) -> RenderableType:
    """Charts in a grid.

    Args:
        series: as the platform sends them, with `key` and `points`.
        width: columns of characters for all.
        height: lines for all; each chart has at least LEAST_HEIGHT.
    """
    num_columns = 2 if width >= TWO_COLUMNS_FROM and len(series) > 1 else 1
    num_rows = max(1, math.ceil(len(series) / num_columns))
    each = min(MOST_HEIGHT, max(LEAST_HEIGHT, height // num_rows))
    grid = Table.grid(padding=0)
    for start in range(0, len(series), num_columns):
        row = series[start : start + num_columns]
        grid.add_row(*(draw_chart(one, width=width // num_columns, height=each) for one in row))
    return grid


def draw_chart(series: Json, *, width: int, height: int) -> Text:
    """One curve over RL steps, with its newest value in the title."""
    # Drawing is wanted by one command, and takes a while to load.
    import plotext

    from backend.contract.metrics import metric_of_key

    points = [(point["rl_step"], float(point["value"])) for point in series["points"]]
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    metric = metric_of_key(series["key"])
    labels = series["key"].removeprefix(metric.name)
    newest = f": {points[-1][1]:.4g}" if points else ": nothing yet"
    text = Text()
    title = f"{metric.title}{labels} [{metric.unit}]{newest}"
    text.append(f"{title[:width]:^{width}}\n", style="bold")
    if not finite:
        return text.append("\n" * (height - 2))
    figure = plotext.figure
    figure.clear.all()
    figure.plot_size(width, height - 1)
    steps, values = zip(*finite, strict=True)
    figure.draw(figure.signal(list(steps), list(values), marker="braille").lines(True))
    if metric.has_zero_axis and not any(values):
        figure.ruler("y").lim(0.0, 1.0)
    return text.append(plotext.uncolorize(str(figure.build())), style="cyan")
