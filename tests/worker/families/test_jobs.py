"""Every family through the real job: steps, freezing, resume, and what becomes of its pictures."""

import json
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


def weights_after(folder, home):
    """Every parameter at the end: those of the checkpoint over those of the model's folder."""
    before = dict(load_policy(home.model("tiny"), torch.device("cpu")).named_parameters())
    checkpoint = load_newest(folder.checkpoints)[0]
    assert checkpoint is not None
    return before, checkpoint.weights


def test_two_rl_steps_never_sample_vision_tokens_and_resume_bit_for_bit(family_home):
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


@pytest.mark.parametrize(
    "trained",
    [
        {"vision_tower": True, "connector": False, "language_model": False, "lm_head": False},
        {"vision_tower": False, "connector": True, "language_model": False, "lm_head": False},
        {"vision_tower": False, "connector": False, "language_model": True, "lm_head": False},
        ALL,
    ],
    ids=["vision_tower", "connector", "language_model", "all"],
)
def test_frozen_parts_keep_every_byte_and_trained_parts_move(
    picture_family_home, picture_family_folder, trained
):
    folder = make_run(picture_family_home, trained=trained, epochs=1)
    run(picture_family_home, folder, 1)
    before, after = weights_after(folder, picture_family_home)
    family = FAMILIES[picture_family_folder.model_type]
    assert set(after) == {name for name in before if trained[part_of(name, family)]}
    moved = {part_of(name, family) for name in after if not torch.equal(before[name], after[name])}
    policy = load_policy(picture_family_home.model("tiny"), torch.device("cpu"))
    tied = {"lm_head"} if is_tied(policy) else set()
    assert moved == {part for part, is_trained in trained.items() if is_trained} - tied
