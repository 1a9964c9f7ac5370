"""The generator: right answers, separate splits, one result a seed."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from worker.workbench.corpus import HABIT_MANNER, STUDY_MANNER, sample_fresh_problem
from worker.workbench.datasets import (
    DATASET_SEED,
    build_published,
    is_misled,
    sample_evaluation_problems,
    sample_splits,
    write_datasets,
)
from worker.workbench.drawing import draw_scene
from worker.workbench.measuring import is_correct
from worker.workbench.problems import Family, Form, Problem, sample_problem
from worker.workbench.responses import OPENINGS, Manner, Style, respond
from worker.workbench.scenes import IN_DISTRIBUTION, OUT_OF_DISTRIBUTION

FAULTLESS = Manner(
    misreading=0, mending=0, spoiling=0, miscalculation=0, wrong_method=0, exact_guess=1
)


def answer_from_facts(problem: Problem) -> int:
    """The answer, worked out anew from the scene's plain fields."""
    scene = problem.scene
    match problem.family:
        case Family.COUNT | Family.COMPARE:
            kinds = [cell.kind for cell in scene.cells if cell is not None]
            numbers = [kinds.count(kind) for kind in problem.asked]
            return numbers[0] if problem.family is Family.COUNT else numbers[0] - numbers[1]
        case Family.ANGLE:
            return 180 - (scene.left_degrees + scene.right_degrees)
        case Family.LENGTH:
            return scene.whole - scene.part
    heights = dict(zip("ABCD", scene.heights, strict=True))
    first, second = (heights[name] for name in problem.asked)
    return first + second if "add up" in problem.question else first - second


def read_folder(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_answers_follow_from_the_scene() -> None:
    rng = Random(3)
    for ranges in (IN_DISTRIBUTION, OUT_OF_DISTRIBUTION):
        for family in Family:
            for _ in range(60):
                problem = sample_problem(family, rng.choice(list(Form)), ranges, rng)
                assert problem.answer == answer_from_facts(problem) >= 1


def test_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("once", "twice"):
        write_datasets(tmp_path / name)
    assert read_folder(tmp_path / "once") == read_folder(tmp_path / "twice")
    rows = (tmp_path / "once/workbench-vision/train.jsonl").read_text().splitlines()
    assert len(rows) == 512
    row = json.loads(rows[0])
    assert set(row) == {"id", "question", "answer", "solution", "image", "category"}
    assert (tmp_path / "once/workbench-vision" / row["image"]).exists()
    for row in map(json.loads, rows):
        assert row["solution"].startswith("Step by step:")
        assert row["solution"].endswith(f" \\boxed{{{row['answer']}}}")


@pytest.mark.parametrize("form", list(Form))
def test_splits_share_no_problem_and_no_answer_is_common(form: Form) -> None:
    splits = sample_splits(form, seed=DATASET_SEED)
    assert {name: len(problems) for name, problems in splits.items()} == {
        "train": 512,
        "validation": 200,
        "test": 200,
    }
    everything = [problem for problems in splits.values() for problem in problems]
    assert len(set(everything)) == len(everything)
    for problems in splits.values():
        answers = Counter(problem.answer for problem in problems)
        assert max(answers.values()) / len(problems) <= 0.12


def test_pretraining_never_sees_an_evaluation_problem() -> None:
    rng = Random(5)
    taken = sample_evaluation_problems(seed=DATASET_SEED)
    assert len(taken) == 800
    assert all(sample_fresh_problem(rng, taken) not in taken for _ in range(500))


def test_no_permuted_picture_gives_the_answer() -> None:
    permuted = build_published()[2]
    assert permuted.slug == "workbench-vision-permuted"
    for rows in permuted.splits.values():
        assert all(is_misled(problem, scene) for problem, scene in rows)
        assert Counter(s for _, s in rows) == Counter(p.scene for p, _ in rows)


def test_no_published_problem_occurs_in_two_splits() -> None:
    for published in build_published():
        asked = {
            split: {(problem.question, draw_scene(scene).tobytes()) for problem, scene in rows}
            for split, rows in published.splits.items()
        }
        assert asked["train"].isdisjoint(asked["validation"] | asked["test"]), published.slug


def test_pictures_are_112_pixels_square_and_repeatable() -> None:
    rng = Random(7)
    for family in Family:
        scene = sample_problem(family, Form.VISION, IN_DISTRIBUTION, rng).scene
        picture = draw_scene(scene)
        assert picture.shape == (112, 112, 3)
        assert picture.dtype == "uint8"
        assert (picture == draw_scene(scene)).all()


@pytest.mark.parametrize("style", list(Style))
def test_responses_without_faults_are_right(style: Style) -> None:
    rng = Random(9)
    for _ in range(200):
        problem = sample_fresh_problem(rng, ())
        response = respond(problem, style, FAULTLESS, rng)
        assert response.startswith(OPENINGS[style])
        assert is_correct(response, problem)


def test_second_looks_mend_more_often_than_not_while_studying() -> None:
    rng = Random(11)
    problems = [sample_fresh_problem(rng, ()) for _ in range(2000)]
    rates = {}
    for name, manner in (("study", STUDY_MANNER), ("habit", HABIT_MANNER)):
        responses = [respond(p, Style.CAREFUL, manner, rng) for p in problems]
        looks = [(p, r) for p, r in zip(problems, responses, strict=True) if "check:" in r]
        rates[name] = sum(is_correct(r, p) for p, r in looks) / len(looks)
    assert rates["study"] == 1
    assert 0.3 < rates["habit"] < 0.95
