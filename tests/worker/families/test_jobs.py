"""Every family through the real job: steps, freezing, resume, and what becomes of its pictures."""

import shutil
from uuid import uuid4

import pytest
import torch

from backend.contract.config import RLConfig
from backend.contract.messages import StepRecord
from tests.worker.rl.spooled import metrics, records, samples
from worker.modeling.checkpoints import list_checkpoints, load_newest
from worker.modeling.families import FAMILIES
from worker.modeling.freezing import is_tied, part_of
from worker.modeling.loading import load_policy, load_processor
from worker.rl.__main__ import run

SETTINGS = {
    "model": "tiny",
    "dataset": "made-here",
    "precision": "float32",
    "device": "cpu",
    "epochs": 2,
    "data": {"prompt_suffix": "", "max_prompt_tokens": 256},
    "sampling": {"max_response_tokens": 6},
    "algorithm": {
        "responses_per_rl_step": 4,
        "responses_per_update": 2,
        "kl_coefficient": 0.01,
    },
    "optimizer": {"learning_rate": 1e-3, "warmup_frac": 0.0},
    "evaluation": {"max_response_tokens": 4, "decoding": [{"k": 1, "temperature": 1.0}]},
    "checkpoint": {"every_rl_steps": 1, "keep": 4},
}
ALL = {"vision_tower": True, "connector": True, "language_model": True, "lm_head": True}


def make_run(home, **changes):
    """A run's folder with its configuration."""
    folder = home.run(uuid4())
    folder.root.mkdir(parents=True)
    settings = RLConfig.model_validate(SETTINGS | changes)
    folder.config.write_text(settings.model_dump_json())
    return folder


def health(folder) -> dict[tuple[int, str], float]:
    """(rl_step, key) to value of the picture counters."""
    return {
        (record.rl_step, key): value
        for record in records(folder)
        if isinstance(record, StepRecord)
        for key, value in record.metrics.items()
        if key.startswith("health/picture")
    }


def test_two_rl_steps_never_sample_vision_tokens_and_resume_bit_for_bit(family_home, family_folder):
    straight, broken = make_run(family_home), make_run(family_home)
    run(family_home, straight, 1)
    shutil.copytree(straight.checkpoints, broken.checkpoints)
    for path in list_checkpoints(broken.checkpoints):
        if not path.name.startswith("step-00000001"):
            shutil.rmtree(path)
    run(family_home, broken, 2)
    expected, resumed = metrics(straight), metrics(broken, fence=2)
    assert {step for step, key in expected if key == "policy/loss"} == {1, 2}
    assert {step for step, key in resumed if key == "policy/loss"} == {2}
    assert all(expected[key] == value for key, value in resumed.items())
    ours, theirs = (load_newest(f.checkpoints)[0].weights for f in (straight, broken))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)

    processor = load_processor(family_home.model("tiny"), None)
    for sample in samples(straight):
        ids = processor.tokenizer(sample.response, add_special_tokens=False)["input_ids"]
        assert not set(ids) & set(processor.banned_token_ids)

    # Three pictures among four problems, each problem once an epoch: read once in the whole run.
    counts = health(straight)
    num_pictures = 3 if family_folder.reads_pictures else 0
    assert counts[2, "health/pictures_preprocessed"] == num_pictures
    assert counts[2, "health/pictures_encoded"] == num_pictures
    assert counts[2, "health/picture_cache_hits"] >= num_pictures


@pytest.mark.parametrize(
    "trained",
    [
        {"vision_tower": True, "connector": False, "language_model": True, "lm_head": False},
        {"vision_tower": False, "connector": True, "language_model": False, "lm_head": True},
    ],
    ids=["vision_tower and language_model", "connector and lm_head"],
)
def test_frozen_parts_keep_every_byte_and_trained_parts_move(
    picture_family_home, picture_family_folder, trained, monkeypatch
):
    folder = make_run(picture_family_home, trained=trained, epochs=1)
    policies = []

    def load_and_keep(path, device):
        policies.append(load_policy(path, device))
        return policies[0]

    monkeypatch.setattr("worker.rl.__main__.load_policy", load_and_keep)
    run(picture_family_home, folder, 1)
    after = dict(policies[0].named_parameters())
    before = dict(
        load_policy(picture_family_home.model("tiny"), torch.device("cpu")).named_parameters()
    )
    family = FAMILIES[picture_family_folder.model_type]
    moved = {part_of(name, family) for name in after if not torch.equal(before[name], after[name])}
    tied = {"lm_head"} if is_tied(policies[0]) else set()
    assert moved == {part for part, is_trained in trained.items() if is_trained} - tied
    saved = load_newest(folder.checkpoints)[0]
    assert saved is not None
    assert set(saved.weights) == {name for name in before if trained[part_of(name, family)]}


def test_engine_and_reference_read_pictures_with_the_right_weights_when_vision_is_trained(
    picture_family_home,
):
    """After updates of the tower, the engine's probabilities are still the trainer's."""
    optimizer = {"learning_rate": 3e-3, "warmup_frac": 0.0}
    folder = make_run(picture_family_home, epochs=3, trained=ALL, optimizer=optimizer)
    run(picture_family_home, folder, 1)
    logged = metrics(folder)
    assert all(logged[step, "policy/rollout_drift"] < 1e-3 for step in (1, 2, 3))
    assert logged[1, "policy/kl"] == pytest.approx(0.0, abs=1e-6)
    assert logged[3, "policy/kl"] > 1e-7
    counts = health(folder)
    assert counts[3, "health/pictures_preprocessed"] == 3
    assert counts[3, "health/pictures_encoded"] == 0
