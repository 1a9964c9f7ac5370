"""A synthetic step and evaluation on one or two devices; each device prints a line of JSON.

python -m tests.worker.rl.reflecting MODEL_FOLDER ANSWERS_FOLDER
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from backend.contract.config import (
    DataConfig,
    DecodingSetting,
    EvaluationSettings,
    ParallelConfig,
    ReflectionConfig,
    RewardConfig,
    RLConfig,
)
from backend.contract.datasets import Item
from worker.data.encoding import encode_prompts
from worker.evaluation.evaluate import evaluate
from worker.evaluation.store import AnswerStore
from worker.evaluation.types import Examiner, Scheme, Subject
from worker.generation.engine import Decoding, Engine
from worker.modeling.loading import Processor, load_policy, load_processor
from worker.parallel.devices import Devices
from worker.parallel.shared import SharedEngine, SharedJudge
from worker.rewards.judge import Verdict
from worker.rl.journal import reflection_of_step
from worker.rl.trajectory_generation import judge_responses
from worker.rl.types import Batch
from worker.tensors.batches import Prompts, Responses

RIGHT, WRONG = "It is one.", "It is two."
REFLECTS = "Wait, let me verify. wait! "
SCRIPT = (
    # Right and reflective: 2, right and plain: 1, wrong and reflective: 1, wrong and plain: 3.
    # Of two devices the first gets three of them: no right one that is plain.
    REFLECTS + RIGHT,
    REFLECTS + WRONG,
    WRONG,
    REFLECTS + RIGHT,
    RIGHT,
    WRONG,
    WRONG,
)


class Script:
    """Answers problem i with the i-th text of the script, whatever is asked."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self.num_asked = 0

    def load_weights(self, policy: Any) -> None:
        pass

    def generate(
        self, prompts: Prompts, decodings: Sequence[Decoding], *, rl_step: int, max_tokens: int
    ) -> list[Responses]:
        self.num_asked += len(prompts)
        return [self._answer(prompts) for _ in decodings]

    def _answer(self, prompts: Prompts) -> Responses:
        texts = [SCRIPT[int(key.rpartition("-")[2])] for key in prompts.keys]
        end = self._processor.end_token_ids[0]
        rows = [
            [*self._processor.tokenizer.encode(text, add_special_tokens=False), end]
            for text in texts
        ]
        width = max(map(len, rows))
        pad = self._processor.pad_token_id
        tokens = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
        mask = torch.tensor([[column < len(row) for column in range(width)] for row in rows])
        return Responses(
            tokens=tokens,
            response_mask=mask,
            rollout_logprobs=torch.zeros(mask.shape),
            is_finished=torch.ones(len(rows), dtype=torch.bool),
            texts=tuple(texts),
        )


class Oracle:
    """Knows what is right."""

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        return [Verdict(text.endswith(RIGHT), text[-4:-1]) for text, _ in responses]


def main(model: Path, folder: Path) -> None:
    """A step's responses, and two evaluations of which the second finds all in the store."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    devices = Devices.join(ParallelConfig(devices=count), torch.device("cpu"))
    policy, processor = load_policy(model, devices.device), load_processor(model, None)
    items = [Item(id=str(i), row=i + 1, question="?", answer="1") for i in range(len(SCRIPT))]

    def encode(items: Sequence[Item]) -> Prompts:
        return encode_prompts(
            items, folder=folder, policy=policy, processor=processor, cfg=DataConfig()
        )

    script = Script(processor)
    engine: Engine = script
    if count > 1:
        engine = SharedEngine(script, devices, processor, decodes_with=None)
    judge = SharedJudge(Oracle() if devices.is_first else None, devices)  # type: ignore[arg-type]
    batch = Batch(items=tuple(items), prompts=encode(items))
    way = Decoding(num_samples=1, temperature=1.0, top_p=1.0, stream="rollout")
    [responses] = engine.generate(batch.prompts, [way], rl_step=1, max_tokens=64)
    answers = judge_responses(judge, batch, responses, RLConfig(model="m", dataset="d"))
    step: Any = SimpleNamespace(responses=answers.responses, rewards=answers.rewards)
    found: dict[str, Any] = {"step": reflection_of_step(step, ReflectionConfig())}
    examiner = Examiner(
        engine=engine,
        judge=judge,
        encode=encode,
        store=AnswerStore(folder, {}, devices),
        weights="",
    )
    scheme = Scheme(
        evaluation=EvaluationSettings(decoding=(DecodingSetting(k=1, temperature=1.0),)),
        reward=RewardConfig(),
        reflection=ReflectionConfig(),
    )
    subject = Subject(split="test", pictures="own", items=items)
    for name in ("evaluation", "again"):
        script.num_asked = 0
        found[name] = evaluate(
            examiner, subject, scheme, rl_step=1, report=lambda done, answers: None
        )
        found[f"asked in {name}"] = script.num_asked
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    devices.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
