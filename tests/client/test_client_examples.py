"""Every block of docs/client.md, carried out in order against a living platform."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from tests.platform.living_platform import ROOT, LivingPlatform
from tests.platform.small_workbench import publish_workbench, write_workbench

PAGE = ROOT / "docs" / "client.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingPlatform]:
    folder = tmp_path_factory.mktemp("examples")
    write_workbench(folder / "workbench")
    platform = LivingPlatform(folder / "home")
    try:
        platform.start()
        with platform.client() as client:
            publish_workbench(client, folder / "workbench", platform.home)
        yield platform
    finally:
        platform.stop()


@pytest.mark.timeout(600)  # four runs: a minute on an idle machine, minutes on a busy one
def test_the_blocks_of_the_page_work_in_order(platform: LivingPlatform, tmp_path: Path) -> None:
    code: list[str] = []
    for language, title, body in BLOCK.findall(PAGE.read_text()):
        if language == "yaml":
            (tmp_path / title).write_text(body)
        else:
            assert language == "python", language
            code.append(body)
    assert len(code) >= 9
    assert PAGE.read_text().count("```") == 2 * len(BLOCK.findall(PAGE.read_text()))
    script = tmp_path / "page.py"
    script.write_text("\n".join(code))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env={**platform.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr
    assert "422 invalid_input ['config', 'epochs']" in done.stdout
    assert (tmp_path / "table.tex").read_text().startswith(r"\documentclass")
    assert (tmp_path / "figure-4.png").read_bytes().startswith(b"\x89PNG")


def test_the_trained_weights_open_by_from_pretrained(platform: LivingPlatform) -> None:
    """After the page: its first run has checkpoints."""
    with platform.client() as maye:
        (run,) = [run for run in maye.runs() if run["name"] == "A short run, seed 1"]
    done = subprocess.run(
        [sys.executable, "-m", "maye", "model", "export", run["id"], "--json"],
        cwd=ROOT,
        env={**os.environ, **platform.environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    folder = Path(json.loads(done.stdout)["folder"])
    trained = AutoModelForImageTextToText.from_pretrained(folder)
    base = AutoModelForImageTextToText.from_pretrained(platform.home / "models" / "workbench-base")
    assert sum(parameter.numel() for parameter in trained.parameters()) > 1_000_000
    assert type(trained) is type(base)
    pairs = zip(trained.parameters(), base.parameters(), strict=True)
    assert any(not torch.equal(after, before) for after, before in pairs), "it has learnt"
