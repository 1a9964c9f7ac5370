import pytest

from backend.contract.config import RewardConfig
from worker.rewards.format import format_reward
from worker.rewards.judge import Verdict
from worker.rewards.language import language_reward
from worker.rewards.scoring import score

RIGHT = Verdict(is_correct=True, has_failed=False, extracted_answer="4")
WRONG = Verdict(is_correct=False, has_failed=False, extracted_answer="5")


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


def test_a_finished_response_is_worth_the_sum_of_its_parts():
    reward = score("\u7b54\u6848ab", RIGHT, is_finished=True, cfg=RewardConfig())
    assert reward.parts == {"accuracy": 1.0, "language": pytest.approx(-0.05)}
    assert reward.outcome == pytest.approx(0.95)


def test_format_counts_only_when_the_configuration_asks_for_it():
    text = "<think>a</think>"
    assert score(text, WRONG, is_finished=True, cfg=RewardConfig()).outcome == 0.0
    with_format = score(text, WRONG, is_finished=True, cfg=RewardConfig(format=True))
    assert with_format.parts["format"] == with_format.outcome == 1.0


def test_an_unfinished_response_keeps_its_parts_but_not_its_sum():
    cfg = RewardConfig(unfinished_reward=-0.3)
    reward = score("x", RIGHT, is_finished=False, cfg=cfg)
    assert reward.outcome == -0.3
    assert reward.parts == {"accuracy": 1.0, "language": 0.0}
