"""The page of figures: one file of figures for each benchmark, one table for each file.

A benchmark that is run alone replaces its own table and leaves the others, with their dates.
"""

import json
import os
import platform as machine
from collections.abc import Mapping
from datetime import UTC, datetime

from tests.platform.living_platform import ROOT

FIGURES = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"

SECTIONS: Mapping[str, tuple[str, str]] = {
    "drawing": (
        "From logged to drawn",
        "Time from the trainer's writing of a metric to its painting in a Chromium that shows all "
        "charts of the run, over one run of the shortened quickstart. Aim: 1 s at the 99th "
        "percentile.",
    ),
    "engine": (
        "Rollouts",
        "The engine and transformers' `generate` on the same 64 prompts with pictures, greedy, "
        "the same tokens (asserted), alternating, median of seven rounds. Fixed: 128 tokens each; "
        "varying: known lengths whose mean is 40 % of the longest, 128. Aim: 1.5 and 3.",
    ),
    "step": (
        "One RL step",
        "A step of ours and of TRL's `GRPOTrainer` in turn: the workbench's model in float32, "
        "64 responses in groups of 8, KL on, the same judge and lengths, vision tower frozen, "
        "no gradient checkpointing; ours in micro-batches of 2,048 tokens, TRL's in one batch, as "
        "it comes; median of seven. Peak: what three steps add to the resident "
        "memory of a process of its own. Aim: 1.4 and 2 times as fast, no more memory. Pictures "
        "preprocessed: how often our trainer ran the image processor, over all its steps.",
    ),
    "logprobs": (
        "Log-probabilities of a large vocabulary",
        "Forward and backward pass from hidden states (64 wide, float32) to the log-probabilities "
        "of the tokens, with all logits and in chunks, each in a process of its own. Aim: a "
        "quarter of the peak.",
    ),
    "ingest": (
        "Metrics into the database",
        "What the API does with a batch of steps of 20 metrics, on SQLite (WAL, "
        "synchronous=NORMAL) and PostgreSQL (a commit waits for the disk) in turn, median of three "
        "rounds; then eight runs that log 100 steps a second each, every 0.2 s, and a reader that "
        "follows as the event stream does, looking every 0.2 s; then a run of a million points "
        "deleted in pieces while another run logs 100 points every 20 ms. Writers and reader share "
        "one process, as in the API. Aim: no ingest waits for a second, and points are seen within "
        "half of one.",
    ),
    "gpu": (
        "On a GPU",
        "Qwen2.5-VL-3B's shape with random weights, bf16, one GPU: `python -m tests.bench gpu`.",
    ),
}


def record(name: str, figures: Mapping[str, float]) -> None:
    """Keep a benchmark's figures and write the page anew."""
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    known[name] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{machine.machine()}, {os.cpu_count()} cores",
        "figures": dict(figures),
    }
    FIGURES.write_text(json.dumps(known, indent=1) + "\n")
    PAGE.write_text("\n".join(_page(known)) + "\n")


def _page(known: Mapping[str, dict]) -> list[str]:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; `python -m tests.bench NAME` runs one of: "
        f"{', '.join(SECTIONS)}. Read ratios, not seconds: other work on the machine changes every "
        "absolute figure.",
    ]
    for name, (title, text) in SECTIONS.items():
        lines += ["", f"## {title}", "", text, ""]
        if name not in known:
            lines.append("Not measured yet.")
            continue
        entry = known[name]
        lines += [f"{entry['date']}, {entry['machine']}.", "", "| what | figure |", "|---|---|"]
        lines += [f"| {what} | {value:.3g} |" for what, value in entry["figures"].items()]
    return lines
