"""Every block of the tutorial is carried out, in order, in one folder, as a reader would.

How a block is written says what is done with it:

    bash                          a script of its own, which must succeed
    bash title="First terminal"   the same in the background, until the end of the test
    yaml title="NAME"             the file NAME
    python                        in one interpreter
    text title="Output"           what the block before it prints
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.markdown_blocks import Block, find_mismatch, read_blocks

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first-run.md"
PYTHON_PAGE = ROOT / "docs" / "how-to" / "python.md"
BLOCK_TIMEOUT_S = 240.0
KNOWN = {"bash", "yaml", "python", "text"}
INTERPRETER = """
import contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(json.loads(line), "tutorial", "exec"), names)
            error = None
        except BaseException:
            error = traceback.format_exc()
    print(json.dumps({"printed": printed.getvalue(), "error": error}), flush=True)
"""


class Reader:
    """Somebody who follows the page: a folder, two terminals and an interpreter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        known = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {
            **known,
            "PATH": path,
            "MAYE_PORT": "0",
            "PYTHONUNBUFFERED": "1",
            # On a busy machine threads that wait for each other cost more than they give.
            "OMP_NUM_THREADS": "1",
        }
        self.background: list[subprocess.Popen[bytes]] = []
        self.python: subprocess.Popen[str] | None = None
        self.seconds: list[tuple[float, str]] = []

    def follow(self, blocks: list[Block]) -> None:
        """Carry out the blocks; each output is compared with the one that the page shows."""
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            shown = following if following is not None and following.language == "text" else None
            began = time.monotonic()
            if block.language == "bash" and block.title == "First terminal: leave it running":
                self.start(block, shown)
            elif block.language == "yaml":
                assert block.title is not None, block.place
                (self.folder / block.title).write_text(block.body)
            elif block.language in {"bash", "python"}:
                run = self.run_shell if block.language == "bash" else self.run_python
                printed = run(block)
                mismatch = find_mismatch(shown.body, printed) if shown else None
                assert mismatch is None, f"{block.place}: {mismatch}"
            self.seconds.append((time.monotonic() - began, block.place))

    def run_shell(self, block: Block) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.body],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{block.place}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def run_python(self, block: Block) -> str:
        if self.python is None:
            self.python = subprocess.Popen(
                [sys.executable, "-c", INTERPRETER],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.python.stdin is not None
        assert self.python.stdout is not None
        self.python.stdin.write(json.dumps(block.body) + "\n")
        self.python.stdin.flush()
        answer = json.loads(self.python.stdout.readline())
        assert answer["error"] is None, f"{block.place}: {answer['error']}"
        return answer["printed"]

    def start(self, block: Block, shown: Block | None) -> None:
        """Start a command that stays, and wait until it has printed what the page shows."""
        output = self.folder / f"terminal-{len(self.background)}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {block.body.strip()}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.background.append(process)
        assert shown is not None, f"{block.place}: nothing says when it is ready"
        deadline = time.monotonic() + BLOCK_TIMEOUT_S
        while mismatch := find_mismatch(shown.body, output.read_text()):
            assert process.poll() is None, f"{block.place} ended: {output.read_text()}"
            assert time.monotonic() < deadline, f"{block.place}: {mismatch}"
            time.sleep(0.2)

    def stop(self) -> None:
        """Ctrl-C in every terminal."""
        if self.python is not None:
            self.python.terminate()
            self.python.communicate(timeout=20)
        for process in self.background:
            process.send_signal(signal.SIGINT)
        for process in self.background:
            assert process.wait(timeout=60) == 0


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    try:
        yield reader
    finally:
        reader.stop()


# Five runs of real training take minutes where other work is on the cores.
@pytest.mark.timeout(900)
def test_every_block_of_the_tutorial_works(reader: Reader) -> None:
    reader.follow(read_blocks(PAGE))
    # Its platform has what the page on the client needs.
    reader.follow(read_blocks(PYTHON_PAGE))
    for seconds, place in sorted(reader.seconds, reverse=True)[:8]:
        print(f"{place}: {seconds:.1f} s")
    print(f"all: {sum(seconds for seconds, _ in reader.seconds):.0f} s")


def test_no_block_is_of_an_unknown_kind() -> None:
    blocks = read_blocks(PAGE) + read_blocks(PYTHON_PAGE)
    assert len(blocks) > 20
    for block, before in zip(blocks, [None, *blocks], strict=False):
        assert block.language in KNOWN, block.place
        if block.language == "text":
            assert block.title == "Output", block.place
            assert before is not None, block.place
            assert before.language in {"bash", "python"}, block.place
        if block.language == "yaml":
            assert block.title, block.place


def test_an_output_that_differs_is_told() -> None:
    shown = "first ... 8\n...\nlast  line\n"
    assert find_mismatch(shown, "first run: 8\nmore\nand more\nlast line\n") is None
    assert find_mismatch(shown, "first run: 8\nlast line\n") is None
    assert find_mismatch(shown, "first run: 9\nlast line\n") is not None
    assert find_mismatch(shown, "first run: 8\nlast line\nand more\n") is not None
