"""The report of an experiment, put together from its runs' curves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.analysis.arms import Cell, cells, counts
from backend.analysis.correlation import length_against_reflection
from backend.analysis.curves import RunCurves
from backend.analysis.differences import config_differences
from backend.analysis.figures import build_figures
from backend.analysis.findings import build_findings
from backend.analysis.report import Report, ReportRun, Spread
from backend.analysis.table import build_table
from backend.contract.runs import RunStatus


def build_report(  # noqa: PLR0913 - a report names all that it is made of
    experiment_id: UUID,
    name: str,
    runs: Sequence[RunCurves],
    configs: Mapping[str, Mapping[str, Any]],
    warnings: Sequence[str],
    spread: Spread,
    now: datetime,
) -> Report:
    """All that an experiment says at this moment.

    Args:
        experiment_id: The experiment.
        name: Its name.
        runs: Its runs with what they have logged so far, in the experiment's order.
        configs: Setting to its configuration, in the experiment's order.
        warnings: What is known of the experiment beyond its curves (contaminated data); what the
            runs' states show is added here.
        spread: Standard deviation of the bands.
        now: When the curves were read (UTC).
    """
    found = cells(runs, tuple(configs))
    return Report(
        experiment_id=experiment_id,
        name=name,
        made_at=now,
        is_complete=bool(runs) and all(run.status == RunStatus.SUCCEEDED for run in runs),
        spread=spread,
        runs=tuple(_listed(run) for run in runs),
        warnings=(*warnings, *_left_out(runs), *_unequal_seeds(found)),
        table=build_table(found),
        figures=build_figures(found, spread),
        correlations=length_against_reflection(found),
        findings=build_findings(found),
        differences=config_differences(configs),
    )


def _listed(run: RunCurves) -> ReportRun:
    return ReportRun(
        run_id=run.run_id,
        model=run.model,
        dataset=run.dataset,
        setting=run.setting,
        kind=run.kind,
        seed=run.seed,
        status=run.status,
    )


def _left_out(runs: Sequence[RunCurves]) -> list[str]:
    lost = Counter(
        (run.setting, run.model, run.dataset, run.status) for run in runs if not counts(run)
    )
    return [
        f"{number} {status} run{'s' if number > 1 else ''} of {setting} ({model} on {dataset}) "
        "left out of table, figures and findings"
        for (setting, model, dataset, status), number in lost.items()
    ]


def _unequal_seeds(found: Sequence[Cell]) -> list[str]:
    warnings: list[str] = []
    for cell in found:
        seeds = {arm.setting: sorted(run.seed or 0 for run in arm.runs) for arm in cell.trained}
        if len({tuple(given) for given in seeds.values()}) > 1:
            listed = "; ".join(
                f"{setting}: {', '.join(map(str, given)) or 'none'}"
                for setting, given in seeds.items()
            )
            warnings.append(
                f"settings of {cell.model} on {cell.dataset} rest on different seeds ({listed})"
            )
    return warnings
