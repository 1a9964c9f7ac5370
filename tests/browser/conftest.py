"""A living platform with a small workbench, and a browser that reports every error."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.platform.living_platform import ROOT, LivingPlatform

KEPT_ROWS = {"train": 16, "validation": 4, "test": 4}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; an error in its console fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # The browser itself reports refused requests, which the tests provoke on purpose.
        if message.type == "error" and "Failed to load resource" not in message.text:
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingPlatform]:
    """`maye up` with the base model and the first rows of the vision-dominant workbench."""
    platform = LivingPlatform(tmp_path_factory.mktemp("browser") / "home")
    folder = platform.home / "import"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "worker.workbench", "datasets", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    cut_splits(folder / "workbench-vision")
    shutil.copytree(ROOT / "worker" / "workbench" / "base", folder / "workbench-base")
    try:
        platform.start()
        with platform.client() as client:
            client.post("datasets", {"folder": "workbench-vision"})
            model = {"folder": "workbench-base", "slug": "workbench-base", "title": "Base"}
            client.post("models", model)
        yield platform
    finally:
        platform.stop()


def cut_splits(folder: Path) -> None:
    """Keep the first rows of each split, so that an epoch takes seconds."""
    for split, count in KEPT_ROWS.items():
        path = folder / f"{split}.jsonl"
        rows = path.read_text().splitlines()[:count]
        assert all(json.loads(row)["image"] for row in rows)
        path.write_text("\n".join(rows) + "\n")
