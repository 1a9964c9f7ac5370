"""States, errors, messages, metrics and settings that API and worker agree on."""

import pickle
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from backend.api.error_handlers import STATUS_OF_CODE
from backend.api.services.field_errors import InvalidFieldError
from backend.contract.errors import IllegalTransitionError, PlatformError
from backend.contract.messages import IngestBatch, SpoolRecord, StepRecord
from backend.contract.metrics import CATALOGUE, metric_key, metric_of_key
from backend.contract.runs import LEGAL_TRANSITIONS, RunStatus, check_transition
from backend.contract.settings import Settings


def all_errors(root: type[PlatformError] = PlatformError) -> list[type[PlatformError]]:
    return [root] + [error for child in root.__subclasses__() for error in all_errors(child)]


def test_every_pair_of_states_is_legal_or_refused_by_name() -> None:
    for current in RunStatus:
        for wanted in RunStatus:
            if wanted in LEGAL_TRANSITIONS[current]:
                check_transition(current, wanted)
                continue
            with pytest.raises(IllegalTransitionError, match=f"{current} cannot become {wanted}"):
                check_transition(current, wanted)


def test_every_state_can_reach_an_end_and_only_a_resume_leaves_one() -> None:
    for status in RunStatus:
        reached = {status}
        while True:
            grown = reached.union(*(LEGAL_TRANSITIONS[state] for state in reached))
            if grown == reached:
                break
            reached = grown
        assert any(state.is_terminal for state in reached)
        if status.is_terminal:
            resumed = {RunStatus.QUEUED} if status.is_resumable else set[RunStatus]()
            assert LEGAL_TRANSITIONS[status] == resumed
        assert not (status.is_terminal and status.is_owned)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_every_error_pickles_and_has_a_status(error: type[PlatformError]) -> None:
    original = (
        InvalidFieldError("what went wrong", ("config", "model"), "'x'")
        if error is InvalidFieldError
        else error("what went wrong")
    )
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is error
    assert copy.args == original.args
    assert copy.message == "what went wrong"
    assert error.code in STATUS_OF_CODE


def test_non_finite_numbers_travel_as_words() -> None:
    adapter: TypeAdapter[SpoolRecord] = TypeAdapter(SpoolRecord)
    line = (
        '{"type":"step","rl_step":1,"epoch":0,"samples":0,"tokens":0,"seconds":0,'
        '"logged_at":"2026-01-01T00:00:00Z","metrics":{"policy/loss":"NaN","policy/kl":"-Infinity"}}'
    )
    record = adapter.validate_json(line)
    assert isinstance(record, StepRecord)
    assert record.metrics["policy/kl"] == float("-inf")
    assert '"policy/loss":"NaN"' in IngestBatch(fence=1, records=[record]).model_dump_json()


def test_a_metric_outside_the_catalogue_cannot_be_named() -> None:
    assert len(CATALOGUE) > 20
    key = metric_key(
        "evaluation/accuracy", temperature=1.0, k=8, split="validation", pictures="own"
    )
    assert key == "evaluation/accuracy{k=8,pictures=own,split=validation,temperature=1.0}"
    assert metric_of_key(key).title == "Evaluation accuracy"
    for wrong in ("training/loss", "evaluation/accuracy", "training/accuracy{k=1}", "x"):
        with pytest.raises(ValueError, match="metric"):
            metric_of_key(wrong)


def test_settings_come_from_the_environment_and_name_what_is_wrong(tmp_path: Path) -> None:
    settings = Settings.from_environment({"MAYE_HOME": str(tmp_path), "MAYE_PORT": "9", "X": "1"})
    assert settings.port == 9
    assert settings.resolved_import_dir == tmp_path.resolve() / "import"
    assert settings.resolved_database_url == f"sqlite:///{tmp_path.resolve() / 'maye.db'}"
    with pytest.raises(ValidationError, match="port"):
        Settings.from_environment({"MAYE_PORT": "70000"})
