"""`maye export` and `maye open` against a served platform: one file there and back."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backend.contract.runs import RunStatus
from maye import Client
from maye.commands.app import build_app
from tests.client.served import Served


@pytest.fixture
def run_id(served: Served, maye: Client) -> str:
    run_id = served.create_run(maye, "counting")
    served.change_run(run_id, status=RunStatus.SUCCEEDED)
    return run_id


def call(served: Served, *arguments: str) -> Any:
    return CliRunner().invoke(build_app(), [*arguments], env=served.environment)


def test_a_run_goes_to_a_file_and_comes_back(
    served: Served, maye: Client, run_id: str, tmp_path: Path
) -> None:
    result = call(served, "export", "last", str(tmp_path / "run.zip"), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["run"] == run_id
    assert told["size_bytes"] == (tmp_path / "run.zip").stat().st_size
    result = call(served, "open", str(tmp_path / "run.zip"), "--json")
    assert result.exit_code == 0, result.output
    opened = json.loads(result.stdout)
    assert opened["origin"]["run_id"] == run_id
    assert [run["id"] for run in maye.runs()] == [opened["id"], run_id]
    again = call(served, "open", str(tmp_path / "run.zip"))
    assert again.exit_code == 0
    assert f"{served.address}/runs/{opened['id']}" in again.stdout
    assert len(list(maye.runs())) == 2


def test_the_platform_names_the_file(
    served: Served, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(served, "export", run_id[:8])
    assert result.exit_code == 0, result.output
    # Nothing unfinished lies beside it.
    assert [path.name for path in tmp_path.glob("*.zip")] == [f"counting-{run_id[:8]}.zip"]
    assert not list(tmp_path.glob("*.part"))


def test_progress_is_told(served: Served, maye: Client, run_id: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    file = maye.export_run(run_id, tmp_path / "x.zip", on_progress=lambda *of: seen.append(of))
    size_bytes = file.stat().st_size
    assert seen[-1] == (size_bytes, size_bytes)
    seen.clear()
    maye.open_archive(file, on_progress=lambda *of: seen.append(of))
    assert seen[-1] == (size_bytes, size_bytes)


def test_refusals_leave_nothing(served: Served, maye: Client, run_id: str, tmp_path: Path) -> None:
    running = served.create_run(maye, "still queued")
    result = call(served, "export", running, str(tmp_path / "no.zip"))
    assert result.exit_code == 1
    assert "only a run that has ended" in result.stderr
    result = call(served, "export", run_id, str(tmp_path / "absent" / "no.zip"))
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("hello.txt", "hello")
    result = call(served, "open", str(tmp_path / "other.zip"))
    assert result.exit_code == 1
    assert "archive_invalid" in result.stderr
    result = call(served, "open", str(tmp_path / "missing.zip"))
    assert result.exit_code == 1
    assert "missing.zip cannot be read" in result.stderr
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == ["other.zip"]
    assert len(list(maye.runs())) == 2
