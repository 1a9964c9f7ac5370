"""`make bench`: measure, print and write `docs/benchmarks.md`; or one of them, by name."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping

import torch

from tests.bench import drawing, engine, gpu, logprobs, step
from tests.bench.report import record

BENCHMARKS: Mapping[str, Callable[[], dict[str, float]]] = {
    "drawing": drawing.measure,
    "engine": engine.measure,
    "step": step.measure,
    "logprobs": logprobs.measure,
}
"""What `make bench` runs."""


def main() -> int:
    """Run the benchmarks that are asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, "gpu", []], metavar="NAME")
    torch.set_num_threads(os.cpu_count() or 1)
    for name in parser.parse_args().names or BENCHMARKS:
        print(f"{name} ...", flush=True)
        figures = (BENCHMARKS | {"gpu": gpu.measure})[name]()
        print(figures, flush=True)
        record(name, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
