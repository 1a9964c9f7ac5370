"""`python -m docs._generate` writes `docs/reference/`; with `--check` it only compares."""

import sys
from pathlib import Path

from docs._generate.pages import find_drift, write_pages

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


def main(arguments: list[str]) -> int:
    """Write the pages, or say which of them are no longer what the code says."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m docs._generate [--check]", file=sys.stderr)
        return 2
    if not arguments:
        write_pages(REFERENCE)
        return 0
    drift = find_drift(REFERENCE)
    for line in drift:
        print(line, file=sys.stderr)
    if drift:
        print("`make reference` writes docs/reference/ anew", file=sys.stderr)
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
