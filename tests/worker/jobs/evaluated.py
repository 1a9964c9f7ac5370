"""Runs that are killed while they evaluate, and go on; what was judged is written down."""

import json
import multiprocessing
import os
import signal
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import EvaluationRunConfig
from backend.contract.messages import AnswerRecord
from tests.worker.rl.conftest import lay_out
from tests.worker.rl.spooled import records
from worker import identity
from worker.evaluation import __main__ as evaluation_job
from worker.evaluation import evaluate as evaluating
from worker.evaluation.store import AnswerStore
from worker.generation.transformers_engine import TransformersEngine
from worker.rewards.judge import Verdict
from worker.rl import __main__ as rl_job

TRAINERS: dict[str, Any] = {"evaluation": evaluation_job, "rl": rl_job}
PROBLEMS = {"validation": 7, "test": 5}
CHUNK = 2
SETTINGS = {
    "kind": "evaluation",
    "model": "tiny",
    "dataset": "made-here",
    "precision": "float32",
    "device": "cpu",
    "data": {"prompt_suffix": "\nAnswer in \\boxed{}."},
    "evaluation": {
        "max_response_tokens": 6,
        "decoding": [
            {"k": 2, "temperature": 1.0},
            {"k": 1, "temperature": 0.01, "top_p": 0.001},
        ],
        "permuted_control": True,
    },
}


class WritingJudge:
    """Rules by the checksum of the text, and writes down each verdict before it is known."""

    log: Path

    def __init__(self, **_: Any) -> None:
        pass

    def __enter__(self) -> "WritingJudge":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        with self.log.open("a") as file:
            file.writelines(json.dumps(pair) + "\n" for pair in responses)
        return [
            Verdict(is_correct=zlib.crc32(text.encode()) % 2 == 0, extracted_answer=text)
            for text, _ in responses
        ]


def home_with_tests(root: Path, tiny_folder: Path) -> Home:
    """Problems enough for several chunks of each held-out split."""
    home = lay_out(root, tiny_folder)
    folder = home.dataset("made-here")
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    for split, count in PROBLEMS.items():
        chosen = [row | {"id": f"{split}-{row['row']}"} for row in rows[:count]]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chosen))
    return home


def make_evaluation(home: Home, **changes: Any) -> RunFolder:
    """A run's folder with its configuration."""
    folder = home.run(uuid4())
    folder.root.mkdir(parents=True)
    cfg = EvaluationRunConfig.model_validate(SETTINGS | changes)
    folder.config.write_text(cfg.model_dump_json())
    return folder


def _attempt(root: Path, run_id: UUID, fence: int, kill: tuple[str, int] | None) -> None:
    folder = Home(root).run(run_id)
    WritingJudge.log = folder.root / "judged.jsonl"
    evaluating.ITEMS_AT_A_TIME = CHUNK
    identity.CODE = ()  # who edits the source while its tests run does not want them to fail
    os.environ["MAYE_HOME"] = str(root)
    _watch(TransformersEngine, "generate", "drawn", folder.root, kill)
    _watch(AnswerStore, "keep", "kept", folder.root, kill)
    trainer = TRAINERS[json.loads(folder.config.read_text())["kind"]]
    trainer.Judge = WritingJudge
    trainer.run(Home(root), folder, fence)


def _watch(owner: Any, name: str, place: str, root: Path, kill: tuple[str, int] | None) -> None:
    """Write down each call when it has returned, and die after the n-th of this attempt."""
    original, calls = getattr(owner, name), []

    def watched(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        calls.append(place)
        with (root / place).open("a") as file:
            file.write(f"{args[1].name if place == 'kept' else ''}\n")
        if kill == (place, len(calls)):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, watched)


def run_watched(
    home: Home, folder: RunFolder, fence: int = 1, kill: tuple[str, int] | None = None
) -> None:
    """An attempt in a process of its own, to its end or killed at a place's n-th call.

    Places: `drawn`, when responses are drawn and not yet judged; `kept`, when answers have just
    been kept and nobody was told.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.worker.jobs.evaluated"])
    process = context.Process(
        target=_attempt, args=(home.root, UUID(folder.root.name), fence, kill), daemon=True
    )
    process.start()
    process.join()
    assert process.exitcode == (0 if kill is None else -signal.SIGKILL), (fence, kill)


def kept(folder: RunFolder) -> list[str]:
    """Names of the chunks that were answered and kept, over all attempts."""
    return (folder.root / "kept").read_text().splitlines()


def judged(folder: RunFolder) -> int:
    """How many verdicts were asked for, over all attempts."""
    return len((folder.root / "judged.jsonl").read_text().splitlines())


def answers(folder: RunFolder, *fences: int) -> dict[tuple[Any, ...], AnswerRecord]:
    """Every answer that attempts have told, by its identity."""
    return {
        (r.split, r.pictures, r.k, r.temperature, r.item_id, r.sample, r.rl_step): r
        for fence in fences or (1,)
        for r in records(folder, fence)
        if isinstance(r, AnswerRecord)
    }
