import pytest

from backend.contract.config import RewardConfig
from backend.contract.config.reward import BUILT_IN_REWARDS, ExtraReward
from backend.contract.metrics.catalogue import metric_of_key
from worker.rewards.child_process import Failure
from worker.rewards.format import format_reward
from worker.rewards.judge import Verdict
from worker.rewards.language import language_reward
from worker.rewards.length import length_reward
from worker.rewards.scoring import REWARDS, Rollout, part_weights, reward_metrics, score

RIGHT = Verdict(is_correct=True, extracted_answer="4")
WRONG = Verdict(is_correct=False, extracted_answer="5")


def rollout(text: str, *, is_finished: bool = True, num_tokens: int = 3) -> Rollout:
    return Rollout(text=text, answer="4", num_tokens=num_tokens, is_finished=is_finished)


@pytest.mark.parametrize(
    ("response", "reward"),
    [
        ("", 0.0),
        (
            "plain English, accents \N{LATIN SMALL LETTER E WITH ACUTE} and \N{HIRAGANA LETTER A}",
            0.0,
        ),
        ("\u4e00\u9fff", -0.1),
        ("ab\u7b54\u6848", -0.05),
        ("\u4dff\ua000", 0.0),
    ],
)
def test_language_costs_a_tenth_of_the_share_of_ideographs(response: str, reward: float):
    assert language_reward(response) == pytest.approx(reward)


@pytest.mark.parametrize(
    ("response", "reward"),
    [
        ("<think>\na\n</think> b", 1.0),
        ("<think>a</think><think>b</think>", 0.0),
        ("<think>a <think>b</think>", 1.0),
        ("<think>a", 0.0),
        ("a</think>", 0.0),
        ("", 0.0),
    ],
)
def test_format_wants_exactly_one_block_of_thoughts(response: str, reward: float):
    assert format_reward(response) == reward


@pytest.mark.parametrize(
    ("num_tokens", "reward"), [(100, 0.0), (75, -0.25), (150, -0.5), (200, -1.0), (900, -1.0)]
)
def test_length_costs_its_distance_from_the_budget_at_most_once(num_tokens: int, reward: float):
    assert length_reward(num_tokens, 100) == reward


def test_a_finished_response_is_worth_the_sum_of_its_parts():
    reward = score(rollout("\u7b54\u6848ab"), RIGHT, RewardConfig())
    assert reward.parts == {"accuracy": 1.0, "language": pytest.approx(-0.05)}
    assert reward.outcome == pytest.approx(0.95)


def test_every_part_counts_by_its_weight_and_is_kept_without_it():
    cfg = RewardConfig(
        accuracy_weight=2.0,
        language_weight=0.0,
        format_weight=0.5,
        length_weight=0.1,
        length_budget_tokens=100,
        extra=(ExtraReward(name="polite", weight=-3.0), ExtraReward(name="brief", weight=1.0)),
    )
    extra = {"polite": 0.25, "brief": None}
    reward = score(rollout("<think>a</think>", num_tokens=150), RIGHT, cfg, extra)
    assert reward.parts == {
        "accuracy": 1.0,
        "format": 1.0,
        "length": -0.5,
        "polite": 0.25,
        "brief": 0.0,
    }
    # 2 x 1 + 0.5 x 1 + 0.1 x -0.5 - 3 x 0.25 + 0
    assert reward.outcome == pytest.approx(1.7)
    assert reward.failed_parts == ("brief",)
    assert list(part_weights(cfg)) == list(reward.parts)


def test_accuracy_is_measured_even_without_a_weight():
    reward = score(rollout("a"), RIGHT, RewardConfig(accuracy_weight=0.0))
    assert reward.parts["accuracy"] == 1.0
    assert reward.outcome == 0.0


def test_an_unfinished_response_keeps_its_parts_but_not_its_sum():
    cfg = RewardConfig(unfinished_reward=-0.3)
    reward = score(rollout("x", is_finished=False), RIGHT, cfg)
    assert reward.outcome == -0.3
    assert reward.parts == {"accuracy": 1.0, "language": 0.0}


def test_every_built_in_part_has_a_weight_and_a_function():
    assert tuple(REWARDS) == BUILT_IN_REWARDS


def test_failures_and_disputes_are_counted_apart():
    verdicts = [
        RIGHT,
        Verdict(False, "a", Failure.HUNG),
        Verdict(False, "b", Failure.CRASHED),
        Verdict(False, "c", Failure.RAISED),
        Verdict(False, "d", is_disputed=True),
    ]
    cfg = RewardConfig(extra=(ExtraReward(name="brief", weight=1.0),))
    values = [{"brief": 1.0}] * 4 + [{"brief": None}]
    rewards = [
        score(rollout("x"), verdict, cfg, extra)
        for verdict, extra in zip(verdicts, values, strict=True)
    ]
    assert reward_metrics(rewards) == {
        "reward/outcome": pytest.approx((2 + 1 + 1 + 1 + 0) / 5),
        "reward/accuracy": 0.2,
        "reward/language": 0.0,
        "reward/judge_failed_frac": 0.6,
        "reward/judge_hung_frac": 0.2,
        "reward/judge_crashed_frac": 0.2,
        "reward/judge_disagreement_frac": 0.2,
        "reward/extra{reward=brief}": 0.8,
        "reward/extra_failed_frac{reward=brief}": 0.2,
    }
    assert all(metric_of_key(key) for key in reward_metrics(rewards))
