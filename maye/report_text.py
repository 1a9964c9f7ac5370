"""The report of an experiment in a terminal: its table, its findings, and what to know of them."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from maye.client import Json

STYLES = {"true": "green", "false": "red", "not decidable": "yellow"}


def print_report(report: Json, console: Console) -> None:
    """Table, findings and warnings."""
    console.print(build_report_table(report["name"], report["table"]))
    for finding in report["findings"]:
        verdict = finding["verdict"]
        console.print(f"[{STYLES[verdict]}]{verdict}[/]", end=" ", highlight=False)
        console.print(f"{finding['claim']}: {finding['sentence']}", markup=False, highlight=False)
    for warning in report["warnings"]:
        console.print(f"warning: {warning}", markup=False, highlight=False)


def build_report_table(title: str, rows: Iterable[Json]) -> Table:
    """Accuracies in per cent: vanilla, then mean and best epoch of every trained setting."""
    rows = list(rows)
    table = Table(title=title, title_justify="left")
    for name in ("data set", "split", "decoding"):
        table.add_column(name)
    table.add_column("vanilla", justify="right")
    settings = [entry["setting"] for entry in rows[0]["entries"]] if rows else []
    for setting in settings:
        table.add_column(f"{setting} mean", justify="right")
        table.add_column(f"{setting} max", justify="right")
    for row in rows:
        cells = [show_estimate(row["vanilla"])]
        for entry in row["entries"]:
            cells += [show_estimate(entry["mean"]), show_estimate(entry["maximum"])]
        decoding = f"pass@{row['k']}, T={row['temperature']:g}"
        table.add_row(f"{row['model']}, {row['dataset']}", row["split"], decoding, *cells)
    return table


def show_estimate(estimate: Json | None) -> str:
    """A share in per cent, with its 95 % interval where it has one.

    >>> show_estimate({"value": 0.5, "low": 0.4, "high": 0.6})
    '50.0 [40.0, 60.0]'
    >>> show_estimate(None)
    '-'
    """
    if estimate is None:
        return "-"
    value = f"{100 * estimate['value']:.1f}"
    if estimate["low"] is None or estimate["high"] is None:
        return value
    return f"{value} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"
