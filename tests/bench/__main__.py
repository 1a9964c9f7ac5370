"""`make bench`: measure, print and write `docs/benchmarks.md`; or one of them, by name."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping

import torch

from tests.bench import drawing, engine, gpu, ingest, logprobs, step
from tests.bench.report import record

BENCHMARKS: Mapping[str, Callable[[], dict[str, float]]] = {
    "drawing": drawing.measure,
    "engine": engine.measure,
    "step": step.measure,
    "logprobs": logprobs.measure,
    "ingest": ingest.measure,
    "gpu": gpu.measure,
}
EVERYWHERE = ("drawing", "engine", "step", "logprobs", "ingest")
"""What `make bench` runs: all that needs no GPU."""


def main() -> int:
    """Run the benchmarks that are asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    torch.set_num_threads(os.cpu_count() or 1)
    names = parser.parse_args().names or EVERYWHERE
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    for name in names:
        print(f"{name} ...", flush=True)
        figures = BENCHMARKS[name]()
        print(figures, flush=True)
        record(name, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
