"""The metric catalogue."""

from itertools import groupby

from backend.contract.metrics import CATALOGUE, Metric
from docs._generate.markdown import anchor, code, head, join, sentence, table

INTRODUCTION = """\
Everything that a run may log. A metric that is not in this catalogue cannot be logged; charts,
tool-tips and this page come from the same entries. A share is a number from 0 to 1. A key may carry
labels in braces, for example `evaluation/accuracy{...}`; their names are listed. "Paper's key" is
the name of the same quantity in the authors' code."""


def write_metrics() -> str:
    """The page."""
    blocks = [head("Metrics", "`backend/contract/metrics/`"), INTRODUCTION]
    for group, metrics in groupby(CATALOGUE.values(), key=lambda metric: metric.group):
        blocks.append(f"## {group.capitalize()} {{ #{group} }}")
        blocks.append(table(("Metric", "Unit", "Definition", "Source"), map(_row, metrics)))
    return join(blocks)


def _row(metric: Metric) -> tuple[str, ...]:
    labels = f"{{{','.join(f'{name}=…' for name in metric.labels)}}}" if metric.labels else ""
    paper_key = f"; paper's key {code(metric.paper_key)}" if metric.paper_key else ""
    return (
        f"{anchor(metric.name)}{code(metric.name + labels)}<br>{sentence(metric.title)}",
        metric.unit,
        sentence(metric.definition),
        sentence(metric.source) + paper_key,
    )
