"""An evaluation with scripted answers: what each problem is answered with is known beforehand."""

from collections.abc import Sequence
from pathlib import Path

import torch

from backend.contract.config import EvaluationSettings, ReflectionConfig, RewardConfig
from backend.contract.datasets import Item
from backend.contract.messages import AnswerRecord
from worker.evaluation.evaluate import evaluate
from worker.evaluation.store import AnswerStore
from worker.evaluation.types import Examiner, Scheme, Subject
from worker.parallel.devices import Devices
from worker.rewards.judge import Verdict
from worker.tensors.batches import Responses


class BoxJudge:
    """Right when the text holds the gold answer in a box; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        self.asked += responses
        return [Verdict(f"[{gold}]" in text, answer_of(text)) for text, gold in responses]


def answer_of(text: str) -> str | None:
    return text[text.index("[") + 1 : text.index("]")] if "[" in text else None


class ScriptedEngine:
    """Answers problem i at every setting with its script's texts, in order."""

    def __init__(self, script: dict[str, list[str]]) -> None:
        self.script = script
        self.asked: list[str] = []

    def load_weights(self, policy: object) -> None:
        pass

    def generate(self, prompts, decodings, *, rl_step, max_tokens) -> list[Responses]:
        self.asked += prompts
        return [
            responses_of([t for name in prompts for t in self.script[name][: d.num_samples]])
            for d in decodings
        ]


def responses_of(texts: list[str]) -> Responses:
    """Responses whose tokens are their characters; one that ends in a space is cut off."""
    width = max(1, *(len(text) for text in texts))
    mask = torch.tensor([[column < len(text) for column in range(width)] for text in texts])
    return Responses(
        tokens=mask.long(),
        response_mask=mask,
        rollout_logprobs=torch.zeros(mask.shape),
        is_finished=torch.tensor([not text.endswith(" ") for text in texts]),
        texts=tuple(texts),
    )


class Evaluation:
    """One policy, one split, one store on disk."""

    def __init__(
        self,
        folder: Path,
        script: dict[str, list[str]],
        settings: EvaluationSettings,
        *,
        weights: str = "one",
        identity: str = "this",
    ) -> None:
        self.engine, self.judge = ScriptedEngine(script), BoxJudge()
        self.told: list[AnswerRecord] = []
        self.progress: list[int] = []
        store = AnswerStore(folder, {"identity": identity}, Devices.alone())
        self.examiner = Examiner(
            engine=self.engine,
            judge=self.judge,  # type: ignore[arg-type]
            encode=lambda items: [item.id for item in items],  # type: ignore[arg-type,return-value]
            store=store,
            weights=weights,
        )
        self.scheme = Scheme(
            evaluation=settings, reward=RewardConfig(), reflection=ReflectionConfig()
        )
        items = [
            Item(id=name, row=row, question="?", answer="1") for row, name in enumerate(script, 1)
        ]
        self.subject = Subject(split="validation", pictures="own", items=items)

    def run(self, *, rl_step: int = 3) -> dict[str, float]:
        def report(done: int, answers: Sequence[AnswerRecord]) -> None:
            self.progress.append(done)
            self.told += answers

        return evaluate(self.examiner, self.subject, self.scheme, rl_step=rl_step, report=report)
