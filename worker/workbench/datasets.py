"""The published data sets: folders of JSON lines and pictures in the platform's import format."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml
from PIL import Image

from worker.workbench.drawing import draw_scene
from worker.workbench.problems import Family, Form, Problem, sample_problem, solve
from worker.workbench.responses import Manner, Style, respond
from worker.workbench.scenes import IN_DISTRIBUTION, OUT_OF_DISTRIBUTION, Scene, SceneRanges

DATASET_SEED = 20250404
FLAWLESS = Manner(
    misreading=0.0,
    mending=0.0,
    spoiling=0.0,
    miscalculation=0.0,
    wrong_method=0.0,
    exact_guess=1.0,
)
"""How the published solutions are written: careful, every number right."""
LARGEST_ANSWER_SHARE = 0.15
"""Of a family's problems in a split, the share that may have the same answer."""

_SPLIT_SIZES: dict[str, tuple[SceneRanges, int]] = {
    "validation": (IN_DISTRIBUTION, 200),
    "test": (OUT_OF_DISTRIBUTION, 200),
    "train": (IN_DISTRIBUTION, 512),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One data set: what its `dataset.yaml` says, and its splits."""

    slug: str
    title: str
    form: Form
    splits: Mapping[str, Sequence[tuple[Problem, Scene]]]
    """By split, each problem with the scene that its picture shows."""


def sample_splits(form: Form, *, seed: int) -> dict[str, list[Problem]]:
    """Draw the splits of a form; no problem occurs twice in any of them."""
    rng = Random(f"{seed}-{form}")
    taken: set[Problem] = set()
    splits: dict[str, list[Problem]] = {}
    families = list(Family)
    for split, (ranges, size) in _SPLIT_SIZES.items():
        problems: list[Problem] = []
        num_same: Counter[tuple[Family, int]] = Counter()
        while len(problems) < size:
            family = families[len(problems) % len(families)]
            problem = sample_problem(family, form, ranges, rng)
            key = family, problem.answer
            if problem in taken or num_same[key] + 1 > LARGEST_ANSWER_SHARE * size / len(families):
                continue
            taken.add(problem)
            num_same[key] += 1
            problems.append(problem)
        rng.shuffle(problems)
        splits[split] = problems
    return splits


def sample_evaluation_problems(*, seed: int) -> frozenset[Problem]:
    """Every validation and test problem of both forms: what pre-training must not see."""
    return frozenset(
        problem
        for form in Form
        for split, problems in sample_splits(form, seed=seed).items()
        if split != "train"
        for problem in problems
    )


def permute_pictures(
    problems: Sequence[Problem], rng: Random, taken: Collection[tuple[str, Scene]] = ()
) -> list[Scene]:
    """Another problem's scene for each problem, of the same family and with another answer.

    Every scene is used once. Shuffled first, then mended: a problem whose new scene would still
    give its answer, or with it is one of another split, swaps scenes with the first one where
    both come out different.

    Args:
        problems: Of one split.
        rng: For the order.
        taken: Questions with their scenes that must not come out again.
    """

    def fits(problem: Problem, scene: Scene) -> bool:
        return is_misled(problem, scene) and (problem.question, scene) not in taken

    scenes = [problem.scene for problem in problems]
    for family in Family:
        members = [i for i, problem in enumerate(problems) if problem.family is family]
        order = members.copy()
        rng.shuffle(order)
        for i, source in zip(members, order, strict=True):
            scenes[i] = problems[source].scene
        for i in members:
            if fits(problems[i], scenes[i]):
                continue
            for j in members:
                if fits(problems[i], scenes[j]) and fits(problems[j], scenes[i]):
                    scenes[i], scenes[j] = scenes[j], scenes[i]
                    break
    return scenes


def is_misled(problem: Problem, scene: Scene) -> bool:
    """Whether a scene gives the problem's question another answer, and is not its own."""
    return solve(problem, scene) != problem.answer and scene != problem.scene


def build_published(*, seed: int = DATASET_SEED) -> list[Published]:
    """The three data sets: vision-dominant, text-dominant, vision with permuted pictures."""
    vision = sample_splits(Form.VISION, seed=seed)
    text = sample_splits(Form.TEXT, seed=seed)
    rng = Random(f"{seed}-permuted")
    permuted: dict[str, list[tuple[Problem, Scene]]] = {}
    taken: set[tuple[str, Scene]] = set()
    for split, problems in vision.items():
        scenes = permute_pictures(problems, rng, taken)
        permuted[split] = list(zip(problems, scenes, strict=True))
        taken |= {(problem.question, scene) for problem, scene in permuted[split]}
    return [
        Published(
            slug="workbench-vision",
            title="Workbench, vision-dominant",
            form=Form.VISION,
            splits={s: [(p, p.scene) for p in problems] for s, problems in vision.items()},
        ),
        Published(
            slug="workbench-text",
            title="Workbench, text-dominant",
            form=Form.TEXT,
            splits={s: [(p, p.scene) for p in problems] for s, problems in text.items()},
        ),
        Published(
            slug="workbench-vision-permuted",
            title="Workbench, vision-dominant, pictures permuted among problems",
            form=Form.VISION,
            splits=permuted,
        ),
    ]


def write_dataset(published: Published, folder: Path) -> None:
    """Write one data set to a folder of its own slug."""
    folder = folder / published.slug
    (folder / "images").mkdir(parents=True, exist_ok=True)
    description = {
        "slug": published.slug,
        "title": published.title,
        "kind": str(published.form),
        "licence": "Apache-2.0",
        "splits": {split: f"{split}.jsonl" for split in ("train", "validation", "test")},
    }
    (folder / "dataset.yaml").write_text(
        yaml.safe_dump(description, sort_keys=False), encoding="utf-8"
    )
    for split, rows in published.splits.items():
        lines = []
        for number, (problem, scene) in enumerate(rows):
            name = f"{split}-{number:03d}"
            image = f"images/{name}.png"
            Image.fromarray(draw_scene(scene)).save(folder / image, compress_level=1)
            row = {
                "id": name,
                "question": problem.question,
                "answer": str(problem.answer),
                "solution": respond(problem, Style.CAREFUL, FLAWLESS, Random(name)),
                "image": image,
                "category": str(problem.family),
            }
            lines.append(json.dumps(row) + "\n")
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")


def write_datasets(folder: Path, *, seed: int = DATASET_SEED) -> list[Path]:
    """Write the three data sets below a folder and return their own folders."""
    published = build_published(seed=seed)
    for dataset in published:
        write_dataset(dataset, folder)
    return [folder / dataset.slug for dataset in published]
