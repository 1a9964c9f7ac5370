"""Every family as a tiny random model, and a home in which a job can train it."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from backend.contract.artifacts import Home
from tests.worker.conftest import picture
from tests.worker.families.tiny import RECIPES, build_family_folder
from worker.modeling.families import FAMILIES


class FamilyFolder(NamedTuple):
    """A model folder of one family."""

    model_type: str
    """Its entry in the table."""
    path: Path
    """Where it lies."""
    reads_pictures: bool
    """False for a language model."""


WITH_PICTURES = [name for name in sorted(RECIPES) if FAMILIES[name].vision is not None]


@pytest.fixture(scope="session")
def all_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FamilyFolder]:
    """A tiny random model of every family."""
    folder = tmp_path_factory.mktemp("families")
    return {
        name: FamilyFolder(name, build_family_folder(name, folder / name), name in WITH_PICTURES)
        for name in RECIPES
    }


@pytest.fixture(params=sorted(RECIPES))
def family_folder(request: pytest.FixtureRequest, all_folders) -> FamilyFolder:
    """Each family in turn."""
    return all_folders[request.param]


@pytest.fixture(params=WITH_PICTURES)
def picture_family_folder(request: pytest.FixtureRequest, all_folders) -> FamilyFolder:
    """Each family that reads pictures in turn."""
    return all_folders[request.param]


@pytest.fixture
def family_home(tmp_path: Path, family_folder: FamilyFolder) -> Home:
    """An installation with the family's model and four problems."""
    return make_home(tmp_path, family_folder)


@pytest.fixture
def picture_family_home(tmp_path: Path, picture_family_folder: FamilyFolder) -> Home:
    """The same for the families that read pictures."""
    return make_home(tmp_path, picture_family_folder)


def make_home(tmp_path: Path, family_folder: FamilyFolder) -> Home:
    """Model and problems laid out as imports lay them out; the second has no picture."""
    home = Home(tmp_path)
    home.model("tiny").parent.mkdir(parents=True)
    home.model("tiny").symlink_to(family_folder.path)
    folder = home.dataset("made-here")
    (folder / "images").mkdir(parents=True)
    rows = []
    for index in range(4):
        name = f"{index:064x}"
        picture(index, (56, 42)).save(folder / "images" / name, format="PNG")
        rows.append(
            {
                "id": f"train-{index}",
                "row": index + 1,
                "question": f"How many circles are in picture {index}?",
                "answer": str(index),
                "solution": f"The answer is \\boxed{{{index}}}.",
                "image": name if family_folder.reads_pictures and index != 1 else None,
            }
        )
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return home
