"""The report of an experiment as files: tables, curves, all numbers, and every figure."""

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from backend.analysis.exports import curves_csv, table_csv
from backend.analysis.latex import table_latex
from backend.analysis.plots import to_png, to_svg
from backend.analysis.report import Figure, Report, Spread
from backend.api.dependencies import NowDep, PlatformDep
from backend.api.services.experiment_report import make_report
from backend.contract.errors import NotFoundError

router = APIRouter(prefix="/experiments/{experiment_id}", tags=["experiments"])
CSV, TEX, JSON = "text/csv; charset=utf-8", "application/x-tex; charset=utf-8", "application/json"
IMAGES: MappingProxyType[str, tuple[Callable[[Figure], bytes], str]] = MappingProxyType(
    {"svg": (to_svg, "image/svg+xml"), "png": (to_png, "image/png")}
)
"""Extension of a figure to how it is drawn, and its type."""


def _read_report(
    experiment_id: UUID,
    platform: PlatformDep,
    now: NowDep,
    spread: Annotated[Spread, Query()] = "population",
) -> Report:
    with platform.database.read_scope() as session:
        return make_report(session, experiment_id, spread, now)


ReportDep = Annotated[Report, Depends(_read_report)]


def _describe(*media_types: str) -> dict[int | str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = {
        media_type.partition(";")[0]: {} for media_type in media_types
    }
    return {200: {"content": content, "description": "The file"}}


@router.get("/report.csv", response_class=Response, responses=_describe(CSV))
def get_report_csv(report: ReportDep) -> Response:
    """The table with its intervals."""
    return _answer_file(table_csv(report), CSV, f"{_stem(report)}-table.csv")


@router.get("/report-curves.csv", response_class=Response, responses=_describe(CSV))
def get_report_curves_csv(report: ReportDep) -> Response:
    """All curves of the figures."""
    return _answer_file(curves_csv(report.figures), CSV, f"{_stem(report)}-curves.csv")


@router.get("/report.tex", response_class=Response, responses=_describe(TEX))
def get_report_latex(report: ReportDep) -> Response:
    """The table for LaTeX, a document that compiles as it is."""
    return _answer_file(table_latex(report), TEX, f"{_stem(report)}-table.tex")


@router.get("/report.json", response_class=Response, responses=_describe(JSON))
def get_report_json(report: ReportDep) -> Response:
    """All numbers of the report."""
    return _answer_file(report.model_dump_json(indent=2), JSON, f"{_stem(report)}.json")


@router.get(
    "/figures/{name}.{extension}",
    response_class=Response,
    responses=_describe(*(media_type for _, media_type in IMAGES.values())),
)
def get_report_figure(
    report: ReportDep,
    name: Annotated[str, Path(pattern=r"^figure-[0-9]{1,2}$")],
    extension: Literal["svg", "png"],
) -> Response:
    """One figure in the paper's layout."""
    figure = next((figure for figure in report.figures if figure.name == name), None)
    if figure is None:
        names = ", ".join(figure.name for figure in report.figures)
        raise NotFoundError(f"there is no figure {name!r} (allowed: {names})")
    draw, media_type = IMAGES[extension]
    return _answer_file(draw(figure), media_type, f"{_stem(report)}-{name}.{extension}")


def _stem(report: Report) -> str:
    """The experiment's name as the beginning of a file name."""
    words = re.sub(r"[^a-z0-9]+", "-", report.name.lower()).strip("-")[:60].strip("-")
    return words or f"experiment-{report.experiment_id}"


def _answer_file(content: str | bytes, media_type: str, name: str) -> Response:
    """A file that the browser saves under its name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
