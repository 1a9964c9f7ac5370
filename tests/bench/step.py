"""One RL step against TRL's `GRPOTrainer`: same model, problems, lengths, judge and settings.

A step of ours is run after each of TRL's, in one process; peak memory is measured with each alone
in a process of its own: `python -m tests.bench.step trl varying`.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from transformers import Qwen2_5_VLProcessor, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from backend.contract.config import RLConfig
from tests.bench.engine import median
from tests.bench.known_lengths import KnownLengths, known_lengths
from tests.bench.memory import peak_gib, resident_gib
from tests.bench.workload import (
    MAX_TOKENS,
    Workload,
    fixed_lengths,
    load_workload,
    varying_lengths,
)
from tests.platform.living_platform import ROOT
from worker.data.collate import collate
from worker.data.prompts import encode_prompt
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.loading import copy_reference
from worker.modeling.optimizer import build_optimizer
from worker.rewards.judge import Judge
from worker.rl import policy_update, response_collection, trajectory_generation
from worker.rl.trajectory_generation import Models
from worker.rl.types import Batch, Progress
from worker.workbench.problems import PROMPT_SUFFIX

ROUNDS = 7
WARM_UP = 1
GROUP = 8
NUM_COMPLETIONS = 64
KL_COEFFICIENT = 0.04
LEARNING_RATE = 1e-6
LENGTHS: dict[str, Callable[[], list[int]]] = {"fixed": fixed_lengths, "varying": varying_lengths}

CONFIG = RLConfig.model_validate(
    {
        "model": "workbench-base",
        "dataset": "workbench-vision",
        "precision": "float32",
        "device": "cpu",
        "data": {"prompt_suffix": PROMPT_SUFFIX},
        "sampling": {"max_response_tokens": MAX_TOKENS},
        "algorithm": {
            "name": "grpo",
            "responses_per_rl_step": NUM_COMPLETIONS,
            "responses_per_prompt": GROUP,
            "responses_per_update": NUM_COMPLETIONS,
            "kl_coefficient": KL_COEFFICIENT,
            "tokens_per_micro_batch": 2048,
        },
        "optimizer": {"learning_rate": LEARNING_RATE},
    }
)


@dataclass(slots=True)
class OurTrainer:
    """The four steps of `worker/rl/train.py`, on pictures in memory."""

    work: Workload
    models: Models
    engine: TransformersEngine
    optimizer: torch.optim.AdamW
    judge: Judge
    rl_step: int = 0

    def step(self, lengths: Sequence[int]) -> None:
        """One RL step with responses of these lengths."""
        per_step = NUM_COMPLETIONS // GROUP
        start = self.rl_step * per_step % len(self.work.items)
        self.rl_step += 1
        rows = range(start, start + per_step)
        items = tuple(self.work.items[row] for row in rows)
        encoded = [
            encode_prompt(
                self.work.items[row],
                self.work.images[row],
                processor=self.work.processor,
                cfg=CONFIG.data,
            )
            for row in rows
        ]
        prompts = collate(encoded, policy=self.models.policy, processor=self.work.processor)
        batch = Batch(items=items, prompts=prompts)
        with known_lengths(self.work.processor, lengths):
            responses = response_collection.collect(
                self.engine, batch, CONFIG, rl_step=self.rl_step
            )
        answers = trajectory_generation.judge_responses(self.judge, batch, responses, CONFIG)
        trajectory = trajectory_generation.build(self.models, answers, CONFIG)
        policy_update.apply(
            self.models,
            self.optimizer,
            trajectory,
            CONFIG,
            progress=Progress(rl_step=self.rl_step, total_rl_steps=1000),
        )


def build_ours(judge: Judge) -> OurTrainer:
    """Our trainer on a fresh copy of the model."""
    work = load_workload()
    parameters = [p for p in work.policy.parameters() if p.requires_grad]
    return OurTrainer(
        work=work,
        models=Models(
            policy=work.policy, reference=copy_reference(work.policy), processor=work.processor
        ),
        engine=TransformersEngine(work.policy, work.processor, seed=0),
        optimizer=build_optimizer(parameters, CONFIG.optimizer),
        judge=judge,
    )


class PictureProcessor(Qwen2_5_VLProcessor):
    """Qwen's processor without videos, whose processor would need torchvision."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> type:
        """Any image processor will do."""
        del argument_name
        return type(argument)


def build_trl(judge: Judge, lengths: Sequence[int], num_steps: int, folder: str) -> GRPOTrainer:
    """TRL's trainer on a fresh copy of the model, with our judge as its reward."""
    work = load_workload()
    tokenizer = work.processor.tokenizer
    processor = PictureProcessor(
        image_processor=work.processor.image_processor,
        tokenizer=tokenizer,
        video_processor=None,
        chat_template=tokenizer.chat_template,
    )
    rows = [
        {
            "prompt": [{"role": "user", "content": item.question + PROMPT_SUFFIX}],
            "image": image,
            "gold": item.answer,
        }
        for item, image in zip(work.items, work.images, strict=True)
    ]

    def accuracy(completions: Any, gold: list[str], **_: Any) -> list[float | None]:
        texts = [completion[0]["content"] for completion in completions]
        verdicts = judge.verdicts(list(zip(texts, gold, strict=True)))
        return [float(verdict.is_correct) for verdict in verdicts]

    model: Any = work.policy
    generate = model.generate
    model.generate = lambda **inputs: generate(
        **inputs, logits_processor=[KnownLengths(work.processor, lengths)]
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=accuracy,
        args=GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=NUM_COMPLETIONS,
            num_generations=GROUP,
            max_completion_length=MAX_TOKENS,
            beta=KL_COEFFICIENT,
            learning_rate=LEARNING_RATE,
            max_steps=num_steps,
            temperature=1.0,
            bf16=False,
            use_cpu=True,
            gradient_checkpointing=False,
            report_to=[],
            save_strategy="no",
            logging_steps=10**6,
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=processor,
    )
    reference: Any = trainer.ref_model
    assert {p.dtype for p in (*model.parameters(), *reference.parameters())} == {torch.float32}
    return trainer


class TurnByTurn(TrainerCallback):
    """Runs a step of ours after each of TRL's and times both."""

    def __init__(self, ours: Callable[[], None]) -> None:
        """Take what one of our steps is."""
        self._ours = ours
        self.seconds: dict[str, list[float]] = {"ours": [], "trl": []}
        self._started = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start TRL's clock."""
        self._started = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop TRL's clock, take our turn, start TRL's again."""
        now = time.perf_counter()
        self.seconds["trl"].append(now - self._started)
        self._ours()
        self._started = time.perf_counter()
        self.seconds["ours"].append(self._started - now)


def compare(name: str, rounds: int) -> dict[str, float]:
    """Seconds a step of both, medians of alternating steps, and their ratio."""
    lengths = LENGTHS[name]()
    with Judge(timeout_s=30.0) as judge, tempfile.TemporaryDirectory() as folder:
        ours = build_ours(judge)
        trainer = build_trl(judge, lengths, rounds + WARM_UP, folder)
        turns = TurnByTurn(lambda: ours.step(lengths))
        trainer.add_callback(turns)
        trainer.train()
    seconds = {who: median(times[WARM_UP:]) for who, times in turns.seconds.items()}
    return {
        f"{name}: ours s": seconds["ours"],
        f"{name}: TRL s": seconds["trl"],
        f"{name}: ratio": seconds["trl"] / seconds["ours"],
        f"{name}: pictures preprocessed": ours.work.processor.pictures.num_preprocessed,
        f"{name}: prompts with a picture": (rounds + WARM_UP) * NUM_COMPLETIONS // GROUP,
    }


def peak_memory(who: str, name: str) -> float:
    """GiB that three steps add to what is resident when everything is loaded."""
    lengths = LENGTHS[name]()
    with Judge(timeout_s=30.0) as judge, tempfile.TemporaryDirectory() as folder:
        if who == "trl":
            trainer = build_trl(judge, lengths, 3, folder)
            before = resident_gib()
            trainer.train()
        else:
            ours = build_ours(judge)
            before = resident_gib()
            for _ in range(3):
                ours.step(lengths)
    return peak_gib() - before


def measure_alone(who: str, name: str) -> float:
    """The same in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.step", who, name]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Times and peaks, for fixed and for varying lengths."""
    figures: dict[str, float] = {}
    for name in LENGTHS:
        figures |= compare(name, rounds)
        for who in ("ours", "trl"):
            figures[f"{name}: {who}, peak GiB"] = measure_alone(who, name)
    return figures


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    print(peak_memory(sys.argv[1], sys.argv[2]))
