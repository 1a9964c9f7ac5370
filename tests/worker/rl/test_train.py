"""The loop on a real, tiny model: repeatable, resumable, and only the language model moves."""

import hashlib
import shutil

import pytest
import torch

from backend.contract.errors import ResumeRefusedError, TrainingError
from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics, records, samples
from worker.modeling.checkpoints import list_checkpoints, load_newest
from worker.modeling.loading import load_policy
from worker.rl.__main__ import run


def vision_digest(state: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.startswith("model.visual."):
            digest.update(name.encode() + state[name].numpy().tobytes())
    return digest.hexdigest()


def test_the_same_seed_twice_gives_bit_identical_metrics_responses_and_weights(home):
    first, second = make_run(home), make_run(home)
    run(home, first, 1)
    run(home, second, 1)
    assert metrics(first) == metrics(second)
    assert [s.response for s in samples(first)] == [s.response for s in samples(second)]
    ours, theirs = (load_newest(f.checkpoints)[0].weights for f in (first, second))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_another_seed_gives_another_run(home):
    first, second = make_run(home), make_run(home, seed=1)
    run(home, first, 1)
    run(home, second, 1)
    assert [s.response for s in samples(first)] != [s.response for s in samples(second)]


def test_a_run_logs_every_step_and_evaluates_before_training_and_after_each_epoch(home):
    folder = make_run(home)
    run(home, folder, 1)
    logged = metrics(folder)
    assert {step for step, key in logged if key == "policy/loss"} == {1, 2, 3, 4}
    greedy = "evaluation/accuracy{k=1,pictures=own,split=validation,temperature=0.01}"
    assert {step for step, key in logged if key == greedy} == {0, 2, 4}
    control = "evaluation/accuracy{k=1,pictures=permuted,split=validation,temperature=0.01}"
    assert {step for step, key in logged if key == control} == {0, 4}
    assert len(samples(folder)) == 4 * 4
    assert records(folder)[-1].phase == "finished"


def test_a_resumed_run_equals_one_that_was_never_interrupted(home):
    straight, broken = make_run(home), make_run(home)
    run(home, straight, 1)
    run(home, broken, 1)
    for path in list_checkpoints(broken.checkpoints):
        if not path.name.startswith("step-00000002"):
            shutil.rmtree(path)
    run(home, broken, 2)
    resumed = metrics(broken, fence=2)
    assert {step for step, _ in resumed} == {3, 4}
    expected = metrics(straight)
    assert all(expected[key] == value for key, value in resumed.items())
    ours, theirs = (load_newest(f.checkpoints)[0] for f in (straight, broken))
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    assert all(torch.equal(ours.moments[name], theirs.moments[name]) for name in ours.moments)


def test_vision_tower_and_connector_keep_every_byte_while_the_language_model_moves(
    home, monkeypatch
):
    folder = make_run(home)
    trained = {}

    def load_and_keep(path, device):
        trained["policy"] = load_policy(path, device)
        return trained["policy"]

    monkeypatch.setattr("worker.rl.__main__.load_policy", load_and_keep)
    run(home, folder, 1)
    before = load_policy(home.model("tiny"), torch.device("cpu")).state_dict()
    after = trained["policy"].state_dict()
    assert vision_digest(before) == vision_digest(after)
    assert not torch.equal(
        before["model.language_model.layers.0.mlp.up_proj.weight"],
        after["model.language_model.layers.0.mlp.up_proj.weight"],
    )


def test_the_split_into_micro_batches_changes_nothing_but_rounding(home):
    whole = make_run(home)
    small = make_run(home, algorithm={"tokens_per_micro_batch": 64})
    run(home, whole, 1)
    run(home, small, 1)
    expected, got = metrics(whole), metrics(small)
    for key, value in expected.items():
        assert got[key] == pytest.approx(value, abs=2e-4), key


def test_without_a_kl_coefficient_there_is_no_reference_and_no_kl_is_logged(home):
    folder = make_run(home, algorithm={"kl_coefficient": 0.0})
    run(home, folder, 1)
    assert not any(key.startswith("policy/kl") for _, key in metrics(folder))


def test_the_first_update_sees_ratio_one_and_no_drift_between_engine_and_trainer(home):
    folder = make_run(home, algorithm={"responses_per_update": 4})
    run(home, folder, 1)
    logged = metrics(folder)
    assert logged[1, "policy/ratio"] == pytest.approx(1.0, abs=1e-4)
    assert logged[1, "policy/kl"] == pytest.approx(0.0, abs=1e-6)
    assert logged[1, "policy/clip_frac"] == 0.0
    assert all(logged[step, "policy/rollout_drift"] < 1e-3 for step in (1, 2, 3, 4))


def test_a_checkpoint_of_another_configuration_is_not_resumed(home):
    folder = make_run(home)
    run(home, folder, 1)
    other = make_run(home, optimizer={"learning_rate": 2e-3})
    shutil.copytree(folder.checkpoints, other.checkpoints)
    with pytest.raises(ResumeRefusedError, match=r"optimizer.learning_rate: 0.001 -> 0.002"):
        run(home, other, 1)


def test_a_batch_larger_than_the_training_split_is_refused_with_both_sizes(home):
    folder = make_run(home, algorithm={"responses_per_rl_step": 16})
    with pytest.raises(TrainingError, match=r"8 problems.*16"):
        run(home, folder, 1)


def test_a_truncated_response_is_rewarded_the_fixed_value(home):
    folder = make_run(home, reward={"unfinished_reward": -0.7})
    run(home, folder, 1)
    cut = [sample for sample in samples(folder) if sample.is_truncated]
    assert cut
    assert {sample.outcome_reward for sample in cut} == {-0.7}
