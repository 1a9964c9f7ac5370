"""Evaluations as runs of their own: as in training, and killed ones go on where they were."""

import os
import subprocess
import sys
from uuid import uuid4

import pytest

from backend.contract.errors import InvalidInputError, NotFoundError
from backend.contract.messages import ProgressRecord, StepRecord
from tests.conftest import ROOT
from tests.worker.jobs.evaluated import (
    PROBLEMS,
    answers,
    home_with_tests,
    judged,
    kept,
    make_evaluation,
    run_watched,
)
from tests.worker.rl.conftest import make_run
from tests.worker.rl.interrupted import run_attempt
from tests.worker.rl.spooled import metrics, records
from worker.evaluation.__main__ import run
from worker.export import export

NUM_ANSWERS = 3 * (PROBLEMS["validation"] * 2 + PROBLEMS["test"])
"""Three responses to each problem; validation is answered with permuted pictures as well."""


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_folder):
    return home_with_tests(tmp_path_factory.mktemp("home"), tiny_folder)


@pytest.fixture(scope="module")
def straight(home):
    """An evaluation of the model that nobody disturbed."""
    folder = make_evaluation(home)
    run_watched(home, folder)
    return folder


@pytest.fixture(scope="module", params=[None, {"rank": 2, "alpha": 8.0}], ids=["full", "lora"])
def trained(request, home):
    """A run of four steps that evaluates before training and after both epochs."""
    folder = make_run(home, epochs=2, lora=request.param, optimizer={"learning_rate": 1e-2})
    run_attempt(home, folder, 1, None)
    return folder


def accuracies(folder, rl_step: int) -> dict[str, float]:
    return {
        key: value
        for (step, key), value in metrics(folder).items()
        if step == rl_step and key.startswith("evaluation/")
    }


def test_it_answers_every_problem_once_and_says_how_far_it_is(straight):
    assert len(answers(straight)) == NUM_ANSWERS == judged(straight)
    assert {step for step, _ in metrics(straight)} == {0}
    phases = [r.phase for r in records(straight) if isinstance(r, ProgressRecord)]
    assert phases[0] == "starting"
    assert phases[-1] == "finished"
    assert "evaluating: validation, 4 of 7" in phases
    assert "evaluating: validation, pictures permuted, 7 of 7" in phases
    assert "evaluating: test, 5 of 5" in phases
    assert not list(straight.checkpoints.glob("*"))


@pytest.mark.parametrize(
    "kills",
    [[("drawn", 5)], [("kept", 3)], [("kept", 1), ("drawn", 1), ("drawn", 4), ("kept", 2)]],
    ids=["while answers are drawn", "before anybody is told", "again and again"],
)
def test_killed_half_way_it_finds_the_same_and_judges_nothing_twice(home, straight, kills):
    folder = make_evaluation(home)
    for fence, kill in enumerate(kills, start=1):
        run_watched(home, folder, fence, kill)
    last = len(kills) + 1
    run_watched(home, folder, last)
    assert metrics(folder, last) == metrics(straight)
    # Also by itself, the last attempt has told everything.
    assert answers(folder, last) == answers(straight)
    assert answers(folder, *range(1, last + 1)) == answers(straight)
    assert judged(folder) == judged(straight)


@pytest.mark.parametrize("kill", [("kept", 15), ("kept", 18)], ids=["half-way", "at its end"])
def test_a_training_run_killed_in_an_evaluation_goes_on_with_it(home, kill):
    """Eleven chunks are answered before training, seven after the first epoch."""
    changes = {"epochs": 2, "checkpoint": {"every_rl_steps": 4}}
    changes["evaluation"] = {"permuted_control": True}
    undisturbed, folder = make_run(home, **changes), make_run(home, **changes)
    run_watched(home, undisturbed)
    run_watched(home, folder, 1, kill)
    run_watched(home, folder, 2)
    assert sorted(kept(folder)) == sorted(kept(undisturbed))
    assert metrics(folder) | metrics(folder, 2) == metrics(undisturbed)
    assert answers(folder, 1, 2) == answers(undisturbed)
    assert not list(folder.answers.iterdir())


def test_the_untrained_model_does_as_in_training_before_the_first_step(home, straight, trained):
    before = accuracies(trained, 0)
    found = accuracies(straight, 0)
    assert before
    assert {key: found[key] for key in before} == before


def test_a_checkpoint_does_as_it_did_in_training(home, straight, trained):
    choice = {"run": trained.root.name, "rl_step": 4}
    folder = make_evaluation(home, checkpoint=choice)
    run_watched(home, folder)
    expected = accuracies(trained, 4)
    assert accuracies(folder, 4) == expected
    of_step = {key: answer for key, answer in answers(trained).items() if answer.rl_step == 4}
    assert answers(folder) == of_step
    assert expected != accuracies(straight, 0)
    [axes] = {(r.rl_step, r.epoch, r.samples) for r in records(folder) if isinstance(r, StepRecord)}
    assert axes == (4, 2.0, 16)


def test_only_the_chosen_splits_are_answered(home):
    folder = make_evaluation(
        home,
        splits=["train"],
        evaluation={"decoding": [{"k": 1, "temperature": 1.0}], "max_response_tokens": 4},
    )
    run_watched(home, folder)
    assert {key[:2] for key in answers(folder)} == {("train", "own")}
    assert len(answers(folder)) == 8


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"checkpoint": {"run": str(uuid4()), "rl_step": 4}}, NotFoundError, "there is no run"),
        ({"splits": ["test"], "dataset": "gone"}, NotFoundError, "no split 'test'"),
    ],
)
def test_what_is_not_there_is_refused(home, monkeypatch, change, error, words):
    monkeypatch.setenv("MAYE_HOME", str(home.root))
    settings = {"evaluation": {"permuted_control": False}} | change
    with pytest.raises(error, match=words):
        run(home, make_evaluation(home, **settings), 1)


def test_an_empty_split_is_refused(tmp_path, tiny_folder, monkeypatch):
    home = home_with_tests(tmp_path, tiny_folder)
    monkeypatch.setenv("MAYE_HOME", str(home.root))
    (home.dataset("made-here") / "test.jsonl").write_text("")
    with pytest.raises(InvalidInputError, match="split 'test': there is no problem"):
        run(home, make_evaluation(home), 1)


def test_a_checkpoint_that_does_not_fit_is_refused(home, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("MAYE_HOME", str(home.root))
    choice = {"run": trained.root.name, "rl_step": 3}
    with pytest.raises(NotFoundError, match=r"no checkpoint of step 3 .*2, 4"):
        run(home, make_evaluation(home, checkpoint=choice), 1)
    home.model("other").symlink_to(home.model("tiny").resolve(), target_is_directory=True)
    try:
        with pytest.raises(InvalidInputError, match="trained from the model tiny"):
            run(home, make_evaluation(home, checkpoint=choice, model="other"), 1)
    finally:
        home.model("other").unlink()


def test_an_evaluation_has_nothing_to_export_or_to_be_evaluated(home, straight, monkeypatch):
    monkeypatch.setenv("MAYE_HOME", str(home.root))
    with pytest.raises(InvalidInputError, match="is an evaluation"):
        export(home, straight, "last")
    choice = {"run": straight.root.name, "rl_step": 0}
    with pytest.raises(InvalidInputError, match="is an evaluation"):
        run(home, make_evaluation(home, checkpoint=choice), 1)


def test_the_process_that_a_runner_starts_ends_with_0_and_the_real_judge(home):
    settings = {
        "evaluation": {"decoding": [{"k": 1, "temperature": 1.0}], "max_response_tokens": 4}
    }
    folder = make_evaluation(home, **settings)
    argv = ["--home", str(home.root), "--run", folder.root.name, "--fence", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "worker.evaluation", *argv],
        cwd=ROOT,
        env=os.environ | {"MAYE_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(answers(folder)) == sum(PROBLEMS.values())
    assert records(folder)[-1].phase == "finished"


@pytest.mark.parametrize("at_start", [True, False])
def test_a_run_may_leave_the_evaluation_before_training_to_another(home, at_start):
    folder = make_run(
        home,
        epochs=1,
        evaluation={"at_start": at_start, "decoding": [{"k": 1, "temperature": 1.0}]},
    )
    run_attempt(home, folder, 1, None)
    evaluated = {step for step, key in metrics(folder) if key.startswith("evaluation/accuracy")}
    assert evaluated == ({0, 2} if at_start else {2})
