"""Evaluations: jobs, stored answers, comparisons."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status

from backend.api.dependencies import NowDep, PageDep, PlatformDep
from backend.api.routes.runs import IdempotencyKey
from backend.api.schemas import RunDetail
from backend.api.schemas_evaluations import (
    AnswerPage,
    Comparison,
    EvaluationCreate,
    EvaluationInfo,
)
from backend.api.services import answer_comparison, answers, evaluation_jobs
from backend.api.services.answers import AnswerFilter
from backend.database.columns import MAX_INTEGER

router = APIRouter(prefix="/evaluations", tags=["evaluations"])
Text = Annotated[str | None, Query(min_length=1, max_length=200)]
EvaluationId = Annotated[int, Path(alias="evaluation_id", ge=1, le=MAX_INTEGER)]
EvaluationQuery = Annotated[int, Query(ge=1, le=MAX_INTEGER)]


@router.post("", status_code=status.HTTP_201_CREATED)
def create_evaluation(
    body: EvaluationCreate,
    platform: PlatformDep,
    now: NowDep,
    idempotency_key: IdempotencyKey = None,
) -> RunDetail:
    """Queue an evaluation of a model or a checkpoint as a run of its own."""
    with platform.database.session_scope() as session:
        run = evaluation_jobs.create_evaluation(
            session,
            body,
            home=platform.settings.paths,
            idempotency_key=idempotency_key,
            now=now,
        )
    platform.relay.wake()
    return run


@router.get("")
def list_evaluations(platform: PlatformDep, run: Annotated[UUID, Query()]) -> list[EvaluationInfo]:
    """What a run's policy made of each split, step and decoding setting, oldest first."""
    with platform.database.read_scope() as session:
        return answers.list_evaluations(session, run)


@router.get("/compare")
def compare_evaluations(
    platform: PlatformDep, a: EvaluationQuery, b: EvaluationQuery
) -> Comparison:
    """Problems gained and lost between two evaluations of the same data set and split."""
    with platform.database.read_scope() as session:
        return answer_comparison.compare(session, a, b)


@router.get("/{evaluation_id}/answers")
def list_answers(  # noqa: PLR0913 - each filter is a parameter of the address
    evaluation_id: EvaluationId,
    platform: PlatformDep,
    page: PageDep,
    item: Text = None,
    correct: bool | None = None,
    reflective: bool | None = None,
    category: Text = None,
    difficulty: Text = None,
    search: Text = None,
) -> AnswerPage:
    """Single answers with their problems, in file order."""
    wanted = AnswerFilter(item, correct, reflective, category, difficulty, search)
    with platform.database.read_scope() as session:
        return answers.list_answers(session, evaluation_id, wanted, page)
