"""Supervised fine-tuning on a real, tiny model: it learns, repeats itself and resumes exactly."""

import json
import shutil

import pytest
import torch

from backend.contract.errors import InvalidInputError, ResumeRefusedError
from backend.contract.messages import AnswerRecord
from tests.worker.rl.spooled import metrics, records, samples
from tests.worker.sft.conftest import make_run
from worker.modeling.checkpoints import list_checkpoints, load_newest
from worker.modeling.loading import load_policy
from worker.sft.__main__ import run


def test_it_overfits_eight_problems(home):
    folder = make_run(
        home,
        epochs=30,
        supervised={"samples_per_update": 8},
        evaluation={"every_epochs": 100},
        checkpoint={"every_rl_steps": 100},
    )
    run(home, folder, 1)
    logged = metrics(folder)
    losses = [logged[step, "training/sft_loss"] for step in range(1, 31)]
    assert losses[0] > 1.0
    assert losses[-1] < 0.1 * losses[0]


def test_a_run_logs_every_update_and_evaluates_before_training_and_after_each_epoch(home):
    folder = make_run(home)
    run(home, folder, 1)
    logged = metrics(folder)
    assert {step for step, key in logged if key == "training/sft_loss"} == {1, 2, 3, 4}
    greedy = "evaluation/accuracy{k=1,pictures=own,split=validation,temperature=0.01}"
    assert {step for step, key in logged if key == greedy} == {0, 2, 4}
    control = "evaluation/accuracy{k=1,pictures=permuted,split=validation,temperature=0.01}"
    assert {step for step, key in logged if key == control} == {0, 4}
    assert samples(folder) == []
    assert records(folder)[-1].phase == "finished"


def test_without_an_evaluation_at_the_start_the_first_comes_after_an_epoch(home):
    folder = make_run(home, epochs=1, evaluation={"at_start": False})
    run(home, folder, 1)
    evaluated = {step for step, key in metrics(folder) if key.startswith("evaluation/")}
    assert evaluated == {2}
    told = [record for record in records(folder) if isinstance(record, AnswerRecord)]
    assert {record.rl_step for record in told} == {2}
    # Three problems, with their own and with permuted pictures.
    assert len(told) == 6


@pytest.mark.parametrize("lora", [None, {"rank": 2, "dropout": 0.3}])
def test_a_resumed_run_equals_one_that_was_never_interrupted(home, lora):
    straight, broken = make_run(home, lora=lora), make_run(home, lora=lora)
    run(home, straight, 1)
    run(home, broken, 1)
    for path in list_checkpoints(broken.checkpoints):
        if not path.name.startswith("step-00000002"):
            shutil.rmtree(path)
    run(home, broken, 2)
    resumed, expected = metrics(broken, fence=2), metrics(straight)
    assert {step for step, _ in resumed} == {3, 4}
    assert all(expected[key] == value for key, value in resumed.items())
    ours, theirs = (load_newest(f.checkpoints)[0] for f in (straight, broken))
    assert set(ours.weights) == set(theirs.weights)
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    assert all(torch.equal(ours.moments[name], theirs.moments[name]) for name in ours.moments)


def test_with_adapters_only_they_are_trained_and_saved(home):
    folder = make_run(home, lora={"rank": 2})
    run(home, folder, 1)
    weights = load_newest(folder.checkpoints)[0].weights
    assert weights
    assert all(".lora_" in name for name in weights)
    assert any(tensor.abs().max() > 0 for name, tensor in weights.items() if "lora_B" in name)


def test_only_the_language_model_moves(home):
    folder = make_run(home)
    run(home, folder, 1)
    before = dict(load_policy(home.model("tiny"), torch.device("cpu")).named_parameters())
    weights = load_newest(folder.checkpoints)[0].weights
    assert not any(name.startswith("model.visual.") for name in weights)
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(weights[name], before[name])


def rewrite(home, row, **changes):
    path = home.dataset("made-here") / "train.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[row - 1] |= changes
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"solution": None}, r"row 3 \(train-2\) has no solution"),
        ({"solution": "It is <|im_end|> so."}, r"row 3 \(train-2\): the solution contains"),
        ({"solution": "red " * 300}, r"row 3 \(train-2\): prompt and solution have .* 256"),
    ],
)
def test_a_solution_that_cannot_be_learnt_refuses_the_run_by_row(home, changes, message):
    rewrite(home, 3, **changes)
    with pytest.raises(InvalidInputError, match=message):
        run(home, make_run(home), 1)


def test_a_checkpoint_of_another_configuration_is_not_resumed(home):
    folder = make_run(home)
    run(home, folder, 1)
    other = make_run(home, supervised={"packing": False})
    shutil.copytree(folder.checkpoints, other.checkpoints)
    with pytest.raises(ResumeRefusedError, match=r"supervised\.packing: true -> false"):
        run(home, other, 1)


def test_activations_computed_again_give_the_same_run(home):
    kept, again = make_run(home), make_run(home, parallel={"activation_checkpointing": True})
    run(home, kept, 1)
    run(home, again, 1)
    expected, got = metrics(kept), metrics(again)
    assert got == pytest.approx(expected, abs=1e-5)
