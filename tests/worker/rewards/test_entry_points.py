"""Rewards from an installed package: only those that the operator lets in, in their own process."""

import math
import os
from pathlib import Path

import pytest

from backend.contract.config import RewardConfig
from backend.contract.config.reward import ExtraReward
from backend.contract.errors import InvalidInputError
from worker.rewards.entry_points import find_reward, permitted_rewards
from worker.rewards.judge import Judge
from worker.rewards.scoring import Rollout, reward_metrics, score_responses

CODE = """
import os, time

def brevity(response: str, answer: str) -> float:
    print("a package may print")
    if response == "hang":
        time.sleep(1000)
    if response == "crash":
        os.abort()
    if response == "raise":
        raise KeyError(response)
    if response == "nan":
        return float("nan")
    return len(answer) / len(response)

def process(response: str, answer: str) -> float:
    return float(os.getpid())
"""
ENTRY_POINTS = """
[maye.rewards]
brevity = tiny_rewards:brevity
process = tiny_rewards:process
absent = tiny_rewards:absent
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny_rewards.py").write_text(CODE)
    info = tmp_path / "tiny_rewards-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-rewards\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def config(*names: str) -> RewardConfig:
    return RewardConfig(extra=tuple(ExtraReward(name=name, weight=2.0) for name in names))


def rollouts(*texts: str) -> list[Rollout]:
    return [Rollout(text=text, answer="ab", num_tokens=1, is_finished=True) for text in texts]


@pytest.mark.usefixtures("package")
def test_an_allowed_reward_joins_the_sum_and_its_failures_are_counted():
    cfg = config("brevity")
    extra = permitted_rewards(cfg, "process, brevity")
    assert extra == ("brevity",)
    with Judge(timeout_s=1.0, num_workers=2, extra=extra) as judge:
        rewards = score_responses(
            judge, rollouts("abcd", "hang", "raise", "crash", "nan", "ab"), cfg
        )
    assert [reward.parts["brevity"] for reward in rewards] == [0.5, 0.0, 0.0, 0.0, 0.0, 1.0]
    assert [reward.outcome for reward in rewards] == [1.0, 0.0, 0.0, 0.0, 0.0, 2.0]
    assert [bool(reward.failed_parts) for reward in rewards] == [False, *[True] * 4, False]
    metrics = reward_metrics(rewards)
    assert metrics["reward/extra{reward=brevity}"] == pytest.approx(0.25)
    assert math.isclose(metrics["reward/extra_failed_frac{reward=brevity}"], 4 / 6)


@pytest.mark.usefixtures("package")
def test_it_never_runs_in_the_trainers_process():
    cfg = config("process")
    with Judge(timeout_s=5.0, extra=permitted_rewards(cfg, "process")) as judge:
        reward = score_responses(judge, rollouts("x"), cfg)[0]
    assert reward.parts["process"] not in {0.0, float(os.getpid())}


@pytest.mark.usefixtures("package")
def test_a_reward_that_the_operator_has_not_named_is_refused_with_what_is_allowed():
    with pytest.raises(InvalidInputError, match=r"reward\.extra\.0\.name \(brevity\).*: process$"):
        permitted_rewards(config("brevity"), "process")
    with pytest.raises(InvalidInputError, match=r"none$"):
        permitted_rewards(config("brevity"), "")


@pytest.mark.usefixtures("package")
def test_a_reward_that_no_package_brings_is_refused_with_those_that_are_there():
    with pytest.raises(InvalidInputError, match=r"unheard.*there are: absent, brevity, process"):
        permitted_rewards(config("unheard"), "unheard")


@pytest.mark.usefixtures("package")
def test_a_reward_whose_code_is_missing_ends_the_run_and_is_no_zero():
    cfg = config("absent")
    with (
        Judge(timeout_s=5.0, extra=permitted_rewards(cfg, "absent")) as judge,
        pytest.raises(RuntimeError, match="does not start"),
    ):
        score_responses(judge, rollouts("x"), cfg)


def test_two_packages_with_the_same_name_are_refused_by_name(package: Path):
    info = package / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[maye.rewards]\nbrevity = os:getcwd\n")
    with pytest.raises(InvalidInputError, match="other, tiny-rewards"):
        find_reward("brevity")
