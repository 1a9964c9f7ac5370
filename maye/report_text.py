"""The report of an experiment in a terminal: its table, its findings, and what to know of them."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from maye.client import Json

STYLES = {"true": "green", "false": "red", "not decidable": "yellow"}
WIDEST = max(map(len, STYLES))


def print_report(report: Json, console: Console) -> None:
    """Tables, verdicts and warnings."""
    rows_of: dict[str, list[Json]] = {}
    for row in report["table"]:
        rows_of.setdefault(f"{row['model']} on {row['dataset']}", []).append(row)
    for title, rows in rows_of.items():
        console.print(build_report_table(f"{report['name']}: {title}", rows))
    if report["findings"]:
        console.print("claims, tested (the numbers behind each verdict are in the report):")
    for finding in report["findings"]:
        verdict = finding["verdict"]
        console.print(Text(f"  {verdict:<{WIDEST}}", style=STYLES[verdict]), end=" ")
        console.print(finding["claim"], markup=False, highlight=False)
    for warning in report["warnings"]:
        console.print(f"warning: {warning}", markup=False, highlight=False)


def build_report_table(title: str, rows: Sequence[Json]) -> Table:
    """Accuracies in per cent: vanilla, then mean and best epoch of every trained setting.

    It fits into 80 columns with two trained settings; intervals of best epochs are in the exports.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("split", "pass@k, T"):
        table.add_column(name)
    table.add_column("vanilla", justify="right")
    for entry in rows[0]["entries"]:
        table.add_column(f"{entry['setting']} mean", justify="right")
        table.add_column(f"{entry['setting']} max", justify="right")
    for row in rows:
        cells = [show_estimate(row["vanilla"])]
        for entry in row["entries"]:
            best = entry["maximum"]
            cells += [show_estimate(entry["mean"]), show_estimate(best).partition("\n")[0]]
        table.add_row(row["split"], f"{row['k']}, {row['temperature']:g}", *cells)
    table.caption = "per cent; below vanilla and means: 95 % intervals"
    table.caption_justify = "left"
    return table


def show_estimate(estimate: Json | None) -> str:
    r"""A share in per cent, and below it its 95 % interval where it has one.

    >>> show_estimate({"value": 0.5, "low": 0.4, "high": 0.6})
    '50.0\n40.0-60.0'
    >>> show_estimate(None)
    '-'
    """
    if estimate is None:
        return "-"
    value = f"{100 * estimate['value']:.1f}"
    if estimate["low"] is None or estimate["high"] is None:
        return value
    return f"{value}\n{100 * estimate['low']:.1f}-{100 * estimate['high']:.1f}"
