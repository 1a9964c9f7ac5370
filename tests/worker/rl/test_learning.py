"""The loop learns: with a reward that a tiny random model can reach, the reward rises."""

from backend.contract.answers import last_boxed
from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics
from worker.rewards.judge import Verdict
from worker.rl.__main__ import run


class JudgeOfShortAnswers:
    """Finds a response right when it has at most two words: nothing to do with mathematics."""

    def __init__(self, **_: object) -> None:
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def verdicts(self, responses):
        return [
            Verdict(len(text.split()) <= 2, extracted_answer=last_boxed(text))
            for text, _ in responses
        ]


def test_the_reward_rises_when_a_judge_likes_short_answers(home, monkeypatch):
    monkeypatch.setattr("worker.rl.__main__.Judge", JudgeOfShortAnswers)
    folder = make_run(
        home,
        epochs=20,
        algorithm={"responses_per_rl_step": 8, "responses_per_update": 4, "kl_coefficient": 0.0},
        optimizer={"learning_rate": 3e-3},
        evaluation={"every_epochs": 100},
        checkpoint={"every_rl_steps": 100},
        reward={"unfinished_reward": -0.1},
    )
    run(home, folder, 1)
    accuracies = [value for (_, key), value in metrics(folder).items() if key == "reward/outcome"]
    assert sum(accuracies[-5:]) / 5 > sum(accuracies[:5]) / 5 + 0.2
