"""Names of workers: two processes never share one, and a restarted one gets its own back."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from worker.naming import default_name, take_name

ROOT = Path(__file__).resolve().parents[3]
HOLD = (
    "import sys, time; from pathlib import Path; from worker.naming import take_name\n"
    "taken = take_name('gpu', Path(sys.argv[1])); print(taken.name, flush=True)\n"
    "time.sleep(600)\n"
)


def hold(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A process that holds a name, and the name."""
    argv = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_second_process_gets_another_name_and_a_killed_one_leaves_its_own(tmp_path: Path) -> None:
    first, first_name = hold(tmp_path)
    second, second_name = hold(tmp_path)
    third, third_name = hold(tmp_path)
    assert [first_name, second_name, third_name] == ["gpu", "gpu-2", "gpu-3"]
    for process in (second, first):
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    again, name = hold(tmp_path)
    assert name == "gpu"
    for process in (third, again):
        process.kill()
        process.communicate()


def test_a_child_that_lives_on_does_not_keep_the_name(tmp_path: Path) -> None:
    taken = take_name("gpu", tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        taken.file.close()
        again = take_name("gpu", tmp_path)
        assert again.name == "gpu"
        again.file.close()
        child.communicate(b"\n")


@pytest.mark.parametrize(
    ("host", "name"), [("gpu-7.lab", "gpu-7.lab"), ("../gpu 7", "gpu-7"), ("", "worker")]
)
def test_a_host_name_becomes_a_name_that_can_be_a_file_and_an_address(
    monkeypatch: pytest.MonkeyPatch, host: str, name: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: host)
    assert default_name() == name
