"""Table and curves as CSV. LaTeX is in `latex`, pictures in `plots`; JSON is the report itself."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from backend.analysis.report import Estimate, Figure, Report, TableEntry, TableRow

TABLE_COLUMNS = (
    "model",
    "dataset",
    "split",
    "k",
    "temperature",
    "setting",
    "statistic",
    "value",
    "low",
    "high",
    "interval",
    "num_observations",
    "relative_gain",
)
CURVE_COLUMNS = (
    "figure",
    "block",
    "panel",
    "curve",
    "role",
    "metric",
    "num_runs",
    "x_label",
    "x",
    "mean",
    "std",
)


def table_csv(report: Report) -> str:
    """The table, one number a line: shares 0..1, empty where nothing is measured."""
    lines: list[Sequence[object]] = []
    for row in report.table:
        place = (row.model, row.dataset, row.split, row.k, row.temperature)
        lines.extend((*place, *cells) for cells in _table_lines(row))
    return _csv(TABLE_COLUMNS, lines)


def curves_csv(figures: Sequence[Figure]) -> str:
    """Every curve of some figures, one point a line; a gap has an empty mean."""
    return _csv(CURVE_COLUMNS, (line for figure in figures for line in _curve_lines(figure)))


def _table_lines(row: TableRow) -> Iterable[Sequence[object]]:
    yield ("vanilla", "accuracy", *_numbers(row.vanilla), None)
    for entry in row.entries:
        yield from _entry_lines(entry)


def _entry_lines(entry: TableEntry) -> Iterable[Sequence[object]]:
    yield (entry.setting, "mean", *_numbers(entry.mean), entry.mean_gain)
    yield (entry.setting, "max", *_numbers(entry.maximum), entry.maximum_gain)


def _numbers(estimate: Estimate | None) -> Sequence[object]:
    if estimate is None:
        return (None,) * 5
    return (
        estimate.value,
        estimate.low,
        estimate.high,
        estimate.method,
        estimate.num_observations,
    )


def _curve_lines(figure: Figure) -> Iterable[Sequence[object]]:
    for block in figure.blocks:
        for panel in block.panels:
            for series in panel.series:
                stds = series.std or (None,) * len(series.x)
                for x, mean, std in zip(series.x, series.mean, stds, strict=True):
                    yield (
                        figure.name,
                        block.title,
                        panel.title,
                        series.label,
                        series.role,
                        series.metric,
                        series.num_runs,
                        panel.x_label,
                        x,
                        mean,
                        std,
                    )


def _csv(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = StringIO()
    writer = csv.writer(text)  # lines end in CR LF (RFC 4180); None is an empty field
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()
