"""Supervised pre-training of the base checkpoint, reproducible from a seed.

Three phases: the study teaches to read pictures, the practice to count and to calculate, and the
habits are what RL is to choose among. Everything is trained, the vision tower too; the loss is
on the response only.
"""

import hashlib
import json
import math
from collections import deque
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random
from typing import Any

import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration

from worker.workbench import corpus
from worker.workbench.corpus import Examples, Mixture, sample_examples
from worker.workbench.datasets import DATASET_SEED, sample_evaluation_problems
from worker.workbench.model import PATCH_PIXELS, build_image_processor
from worker.workbench.problems import PROMPT_SUFFIX
from worker.workbench.responses import DESCRIPTION_REQUEST, OPENINGS, respond
from worker.workbench.scenes import SHAPE_KINDS
from worker.workbench.tokenizer import SYSTEM_MESSAGE, train_tokenizer

_PROGRESS_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("loss {task.fields[loss]:.3f}"),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


class Phase(StrEnum):
    """The phases, in their order."""

    STUDY = "study"
    PRACTICE = "practice"
    HABITS = "habits"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingSettings:
    """All that the base checkpoint depends on, beside the code."""

    seed: int = 20250404
    study_steps: int = 1000
    """Optimizer steps of the first phase."""
    describing_steps: int = 250
    """First steps of the first phase, in which nearly all examples describe pictures."""
    study_learning_rate: float = 2e-3
    """The first phase's largest."""
    practice_steps: int = 1200
    """Optimizer steps of the second phase."""
    practice_learning_rate: float = 1.5e-3
    """The second phase's largest."""
    habit_steps: int = 200
    """Optimizer steps of the last phase."""
    habit_learning_rate: float = 5e-4
    """The last phase's largest."""
    batch_size: int = 64
    micro_batches: int = 2
    """Parts of a batch, by length, so that little is computed on padding."""
    warmup_steps: int = 40
    weight_decay: float = 0.05
    largest_gradient_norm: float = 1.0

    def compute_hash(self) -> str:
        """A name for these settings and the corpus's make-up: the same one, the same base."""
        facts = {
            "settings": asdict(self),
            "manners": [asdict(corpus.STUDY_MANNER), asdict(corpus.HABIT_MANNER)],
            "study_styles": list(corpus.STUDY_STYLES.values()),
            "habit_styles": list(corpus.HABIT_STYLES.values()),
            "families": [
                corpus.STUDY_FAMILIES,
                corpus.PRACTICE_FAMILIES,
                corpus.HABIT_FAMILIES,
            ],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def train_corpus_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Train the tokenizer on a sample of the corpus."""
    rng = Random(f"{seed}-tokenizer")
    texts = [f"system\n{SYSTEM_MESSAGE}", "user\n", "assistant\n", PROMPT_SUFFIX] * 1000
    texts += [*OPENINGS.values(), DESCRIPTION_REQUEST, "row 1: none none none none."] * 200
    texts += [f" {kind}s" for kind in SHAPE_KINDS] * 200
    for is_habit in (False, True):
        manner = corpus.HABIT_MANNER if is_habit else corpus.STUDY_MANNER
        for _ in range(3000):
            problem = corpus.sample_fresh_problem(rng, (), corpus.STUDY_FAMILIES)
            style = corpus.choose_style(problem, is_habit=is_habit, rng=rng)
            texts += [problem.question, respond(problem, style, manner, rng)]
    return train_tokenizer(texts)


def compute_learning_rate(step: int, *, steps: int, largest: float, warmup_steps: int) -> float:
    """A straight warm-up, then a cosine down to a twentieth of the largest rate."""
    if step < warmup_steps:
        return largest * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return largest * (0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2)


def build_mixture(phase: Phase, step: int, settings: PretrainingSettings) -> Mixture:
    """What the batch of a step is made of.

    The share of descriptions is nine tenths at first, one tenth from twice that time on.
    """
    if phase is Phase.HABITS:
        return Mixture(is_habit=True, describing_frac=0.0, families=corpus.HABIT_FAMILIES)
    if phase is Phase.PRACTICE:
        return Mixture(is_habit=False, describing_frac=0.05, families=corpus.PRACTICE_FAMILIES)
    excess = (step - settings.describing_steps) / settings.describing_steps
    describing_frac = 0.9 - 0.8 * min(1.0, max(0.0, excess))
    return Mixture(is_habit=False, describing_frac=describing_frac, families=corpus.STUDY_FAMILIES)


def split_by_length(examples: Examples, num_parts: int) -> list[Examples]:
    """Parts of a batch, from short to long, each without the columns it does not need."""
    ends = examples.target_mask.int() * torch.arange(examples.target_mask.shape[1])
    ends = ends.max(dim=1).values + 1
    parts = []
    for rows in ends.argsort(stable=True).chunk(num_parts):
        longest = int(ends[rows].max())
        parts.append(
            Examples(
                token_ids=examples.token_ids[rows, :longest],
                target_mask=examples.target_mask[rows, :longest],
                pictures=examples.pictures[rows],
            )
        )
    return parts


def compute_loss_sum(model: Qwen2_5_VLForConditionalGeneration, examples: Examples) -> Tensor:
    """Sum over the response tokens of -log p, and with it the graph to differentiate.

    Padding is on the right, so causal attention alone keeps it out of the sum. All pictures begin
    at the same token, so the positions of the first row hold for every row.
    """
    processor = build_image_processor()
    pixels = corpus.patchify(
        examples.pictures, torch.tensor(processor.image_mean), torch.tensor(processor.image_std)
    )
    num_examples, num_rows = examples.token_ids.shape[0], examples.pictures.shape[1] // PATCH_PIXELS
    grid = torch.tensor([[1, num_rows, num_rows]])
    is_image = examples.token_ids == model.config.image_token_id
    reader: Any = model.model  # its signatures ask for legacy tensor types
    positions, _ = reader.get_rope_index(
        examples.token_ids[:1], is_image[:1].int(), image_grid_thw=grid
    )
    first_target = int(examples.target_mask.int().argmax(dim=1).min())
    hidden = reader(
        input_ids=examples.token_ids,
        position_ids=positions.expand(-1, num_examples, -1),
        pixel_values=pixels,
        image_grid_thw=grid.expand(num_examples, -1),
        use_cache=False,
    ).last_hidden_state
    targets = examples.token_ids[:, first_target:]
    mask = examples.target_mask[:, first_target:]
    logits = model.lm_head(hidden[:, first_target - 1 : -1][mask])
    return functional.cross_entropy(logits, targets[mask], reduction="sum")


def build_optimizer(
    model: Qwen2_5_VLForConditionalGeneration, settings: PretrainingSettings
) -> torch.optim.AdamW:
    """AdamW over every parameter; matrices decay, vectors do not."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98))


def train_phase(
    model: Qwen2_5_VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    settings: PretrainingSettings,
    phase: Phase,
) -> float:
    """Carry out a phase, with an optimizer and a random stream of its own.

    Returns:
        The mean loss of the last fifty steps, in nats per response token.
    """
    steps, largest = {
        Phase.STUDY: (settings.study_steps, settings.study_learning_rate),
        Phase.PRACTICE: (settings.practice_steps, settings.practice_learning_rate),
        Phase.HABITS: (settings.habit_steps, settings.habit_learning_rate),
    }[phase]
    optimizer = build_optimizer(model, settings)
    taken = sample_evaluation_problems(seed=DATASET_SEED)
    rng = Random(f"{settings.seed}-{phase}")
    losses: deque[float] = deque(maxlen=50)
    model.train()
    with Progress(*_PROGRESS_COLUMNS) as progress:
        task = progress.add_task(str(phase), total=steps, loss=float("nan"))
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = compute_learning_rate(
                    step, steps=steps, largest=largest, warmup_steps=settings.warmup_steps
                )
            batch = sample_examples(
                settings.batch_size,
                build_mixture(phase, step, settings),
                tokenizer=tokenizer,
                taken=taken,
                rng=rng,
            )
            num_targets = int(batch.target_mask.sum())
            step_loss = 0.0
            for part in split_by_length(batch, settings.micro_batches):
                loss = compute_loss_sum(model, part) / num_targets
                loss.backward()
                step_loss += loss.item()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.largest_gradient_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(step_loss)
            progress.update(task, advance=1, loss=sum(losses) / len(losses))
    return sum(losses) / len(losses)
