"""From logged to drawn: how old a point is when a real browser has painted it."""

import copy
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from playwright.sync_api import Page, sync_playwright

from backend.contract.artifacts import Home
from backend.contract.messages import StepRecord
from tests.bench.workload import MODEL
from tests.browser.chromium import launch_chromium
from tests.platform.living_platform import ROOT, LivingPlatform
from worker.spool import read_slice

WATCH_CHARTS = """
window.drawnSteps = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const key = target.dataset.key, step = Number(target.dataset.lastStep);
    if (key === undefined || Number.isNaN(step)) continue;
    requestAnimationFrame(() => requestAnimationFrame(() =>
      window.drawnSteps.push([key, step, Date.now() / 1000])));
  }
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-last-step"] });
"""
TALL = {"width": 1440, "height": 8000}
"""All charts in view: they mount only when they are seen."""


@contextmanager
def signed_in_page(platform: LivingPlatform) -> Iterator[Page]:
    """A browser page that is signed in and notes when each chart is painted."""
    token = Home(platform.home).admin_token.read_text().strip()
    with sync_playwright() as playwright, launch_chromium(playwright) as browser:
        page = browser.new_page(viewport=TALL)  # pyright: ignore[reportArgumentType]
        page.add_init_script(WATCH_CHARTS)
        address = f"http://127.0.0.1:{platform.port}"
        page.goto(address)
        page.request.post(
            f"{address}/api/v1/session", data={"token": token}, headers={"Origin": address}
        )
        yield page


def drawing_delays(platform: LivingPlatform, run_id: str) -> tuple[np.ndarray, int]:
    """Watch a run in a browser until it ends.

    Returns:
        Delays from logged to painted in s, one for each point of each chart with one series, and
        the number of logged points that were never painted.
    """
    with signed_in_page(platform) as page, platform.client() as client:
        page.goto(f"http://127.0.0.1:{platform.port}/runs/{run_id}")
        while client.run(run_id)["status"] not in ("succeeded", "failed", "cancelled"):
            page.wait_for_timeout(500)
        page.wait_for_timeout(3000)
        drawn: list[tuple[str, int, float]] = page.evaluate("window.drawnSteps")
    return match_points(logged_points(platform.home, run_id), drawn)


def logged_points(home: Path, run_id: str) -> dict[tuple[str, int], float]:
    """(metric key, rl_step) to the time at which the trainer wrote it."""
    points: dict[tuple[str, int], float] = {}
    for spool in sorted((home / "runs" / run_id / "spool").glob("*.jsonl")):
        for line in read_slice(spool, 0, is_live=False).lines:
            if isinstance(line.record, StepRecord):
                for key in line.record.metrics:
                    points[key, line.record.rl_step] = line.record.logged_at.timestamp()
    return points


def match_points(
    logged: dict[tuple[str, int], float], drawn: list[tuple[str, int, float]]
) -> tuple[np.ndarray, int]:
    """Delay of every logged point whose chart was seen; a chart shows all steps up to its last."""
    charts = {key for key, _, _ in drawn}
    delays, num_missing = [], 0
    for (key, rl_step), logged_at in logged.items():
        if key not in charts:
            continue
        times = [at for name, step, at in drawn if name == key and step >= rl_step]
        if times:
            delays.append(min(times) - logged_at)
        else:
            num_missing += 1
    return np.array(delays), num_missing


def measure() -> dict[str, float]:
    """Percentiles of the delay over one run, on a platform of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        platform = LivingPlatform(home, overrides={"OMP_NUM_THREADS": str(os.cpu_count())})
        publish_files(home)
        platform.start()
        try:
            with platform.client() as client:
                client.post("datasets", {"folder": "workbench-vision"})
                model = {"folder": "workbench-base", "slug": "workbench-base", "title": "Base"}
                client.post("models", model)
            return measure_run(platform, short_config())
        finally:
            platform.stop()


def publish_files(home: Path) -> None:
    """Workbench data sets and base model where they can be imported."""
    folder = home / "import"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "worker.workbench", "datasets", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    shutil.copytree(MODEL, folder / "workbench-base")


def short_config() -> dict[str, Any]:
    """The quickstart, cut to three epochs and one decoding setting."""
    preset = ROOT / "backend" / "contract" / "presets" / "quickstart.yaml"
    config = copy.deepcopy(yaml.safe_load(preset.read_text())["config"])
    config["epochs"] = 3
    config["evaluation"]["decoding"] = [{"k": 1, "temperature": 0.01, "top_p": 0.001}]
    return config


def measure_run(platform: LivingPlatform, config: dict[str, Any]) -> dict[str, float]:
    """Percentiles of the delay over one run."""
    with platform.client() as client:
        run = client.post("runs", {"name": "bench", "config": config, "preset": None})
    started = time.monotonic()
    delays, num_missing = drawing_delays(platform, run["id"])
    p50, p99 = np.percentile(delays, [50, 99])
    return {
        "points": len(delays),
        "never drawn": num_missing,
        "p50 s": float(p50),
        "p99 s": float(p99),
        "largest s": float(delays.max()),
        "run s": time.monotonic() - started,
        "load": os.getloadavg()[0],
    }
