"""`make bench`: measure, print and write `docs/benchmarks.md`."""

import copy
import os
import platform as machine
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import yaml

from tests.bench import drawing, engine
from tests.platform.living_platform import ROOT, LivingPlatform

MODEL = ROOT / "worker" / "workbench" / "base"


def main() -> int:
    """Run all benchmarks."""
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
            print("from logged to drawn ...", flush=True)
            delays = drawing.measure(platform, short_config())
            print(delays, flush=True)
        finally:
            platform.stop()
        print("engine ...", flush=True)
        speeds = engine.measure(MODEL, home / "datasets" / "workbench-vision")
        print(speeds, flush=True)
    write_report(delays, speeds)
    return 0


def publish_files(home: Path) -> None:
    """Workbench data sets and base model where they can be imported."""
    folder = home / "import"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "worker.workbench", "datasets", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    shutil.copytree(MODEL, folder / "workbench-base")


def short_config() -> dict[str, object]:
    """The quickstart, cut to three epochs and one decoding setting."""
    preset = ROOT / "backend" / "contract" / "presets" / "quickstart.yaml"
    config = copy.deepcopy(yaml.safe_load(preset.read_text())["config"])
    config["epochs"] = 3
    config["evaluation"]["decoding"] = [{"k": 1, "temperature": 0.01, "top_p": 0.001}]
    return config


def write_report(delays: dict[str, float], speeds: dict[str, float]) -> None:
    """Write the tables."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine.machine()}, "
        f"{os.cpu_count()} cores, no GPU. Read ratios, not seconds: other work on the machine "
        "changes every absolute figure.",
        "",
        "## From logged to drawn",
        "",
        "Time from the trainer's writing of a metric to its painting in a Chromium that shows all "
        "charts of the run, over one run of the shortened quickstart. Aim: 1 s at the 99th "
        "percentile.",
        "",
        *table(delays),
        "",
        "## Decoding",
        "",
        "Response tokens per second of the engine and of transformers' `generate` on the same 64 "
        "prompts with pictures, alternating, median of three rounds.",
        "",
        *table(speeds),
    ]
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines) + "\n")


def table(figures: dict[str, float]) -> list[str]:
    """A two-column table."""
    rows = [f"| {name} | {value:.3g} |" for name, value in figures.items()]
    return ["| what | figure |", "|---|---|", *rows]


if __name__ == "__main__":
    sys.exit(main())
