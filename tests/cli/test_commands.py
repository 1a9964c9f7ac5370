"""Every command against a living platform: output, pure JSON, and exit codes."""

import json
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maye.commands.references import resolve_run
from maye.errors import CommandError
from tests.cli.conftest import CommandLine, Result
from tests.cli.terminal import Terminal
from tests.platform.living_platform import DATASET, MODEL, LivingPlatform, tiny_config, wait_until


def read(result: Result) -> Any:
    """The JSON on standard output, which holds nothing else."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def finished(short_run: Callable[[], Result]) -> dict[str, Any]:
    """A run that has succeeded, submitted and watched by the command line."""
    result = short_run()
    assert "RL step 2 of 2" in result.stderr
    assert "Short [run] succeeded" in result.stderr
    return read(result)


@pytest.fixture(scope="module")
def endless(maye: CommandLine, finished: dict[str, Any]) -> str:
    """A run that goes on until it is cancelled."""
    file = maye.write("endless.yaml", tiny_config(epochs=10_000))
    return read(maye("submit", file, "--name", "Endless", "--json"))["id"]


def test_a_run_is_submitted_from_a_file_and_watched_to_its_end(finished: dict[str, Any]) -> None:
    assert (finished["status"], finished["rl_step"]) == ("succeeded", 2)
    assert (finished["name"], finished["priority"]) == ("Short [run]", 3)
    assert finished["config"]["seed"] == 7


def test_runs_are_listed_and_shown(maye: CommandLine, finished: dict[str, Any]) -> None:
    listed = maye("runs", "--status", "succeeded")
    assert finished["id"] in listed.stdout
    assert "Short [run]" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert [run["id"] for run in read(maye("runs", "--json"))] == [finished["id"]]
    assert read(maye("runs", "--status", "queued", "--json")) == []
    for name in (finished["id"], finished["id"][:6], "last"):
        assert read(maye("show", name, "--json"))["id"] == finished["id"]
    shown = maye("show", "last").stdout
    assert re.search(r"^status +succeeded", shown, re.MULTILINE)
    assert "kind: rl\n" in shown


def test_what_names_no_run_is_told(maye: CommandLine, finished: dict[str, Any]) -> None:
    absent = "0000" if not finished["id"].startswith("0000") else "1111"
    for name, code in (("abc", 2), ("nonsense", 2), (absent, 1)):
        result = maye("show", name)
        assert result.returncode == code
        assert name in result.stderr
        assert result.stdout == ""


class TwoRuns:
    """A platform with two runs whose ids begin alike."""

    def runs(self) -> list[dict[str, str]]:
        return [{"id": f"abcd{end}-0000", "name": end} for end in ("1", "2")]


def test_a_beginning_of_two_ids_is_refused_with_both_names() -> None:
    client: Any = TwoRuns()
    assert resolve_run(client, "ABCD1") == "abcd1-0000"
    with pytest.raises(CommandError, match=r"(?s)2 runs.*abcd1-0000 1.*abcd2-0000 2"):
        resolve_run(client, "abcd")


def test_a_dry_run_shows_the_whole_configuration_and_submits_nothing(
    maye: CommandLine, finished: dict[str, Any]
) -> None:
    file = maye.write("dry.yaml", tiny_config(epochs=1))
    change = ("--set", "optimizer.learning_rate=1e-5")
    resolved = read(maye("submit", file, *change, "--dry-run", "--json"))
    assert resolved["optimizer"]["learning_rate"] == 1e-5
    assert resolved["algorithm"]["discount"] == 1.0
    again = maye("submit", file, *change, "--dry-run")
    (maye.folder / "whole.yaml").write_text(again.stdout)
    assert read(maye("submit", "whole.yaml", "--dry-run", "--json")) == resolved
    assert len(read(maye("runs", "--json"))) == 1


@pytest.mark.parametrize("where", [("--dry-run",), ()])
def test_every_bad_field_is_told_with_its_path_and_what_is_allowed(
    maye: CommandLine, where: tuple[str, ...]
) -> None:
    file = maye.write("bad.yaml", tiny_config(epochs=1) | {"epochs": -1})
    refused = maye("submit", file, "--set", "algorithm.clip=1", *where)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "bad.yaml" in refused.stderr
    told = r"algorithm\.clip: there is no such field \(got 1; allowed there: clip_high, clip_low,"
    assert re.search(told, refused.stderr)
    assert re.search(r"epochs: .*greater than or equal to 1 \(got -1\)", refused.stderr)


def test_wrong_usage_has_exit_code_2(maye: CommandLine) -> None:
    unknown_key = maye.write("key.yaml", {"config": {}, "colour": "red"})
    for arguments, words in (
        (("submit",), "one of the two"),
        (("submit", "absent.yaml"), "does not exist"),
        (("submit", unknown_key), "unknown keys colour"),
        (("submit", unknown_key, "--set", "x"), "PATH=VALUE"),
        (("runs", "--status", "asleep"), "asleep"),
        (("nonsense",), "nonsense"),
        (("logs", "last", "-f", "--json"), "not both"),
    ):
        result = maye(*arguments)
        assert (result.returncode, result.stdout) == (2, ""), arguments
        assert words in result.stderr
        assert "Traceback" not in result.stderr


def test_a_repeated_submit_with_the_same_key_gives_the_same_run(
    maye: CommandLine, finished: dict[str, Any]
) -> None:
    file = maye.write("once.yaml", {"name": "Once", "config": tiny_config(epochs=1)})
    ids = {
        read(maye("submit", file, "--idempotency-key", "a-key", "--json"))["id"] for _ in range(2)
    }
    assert len(ids) == 1
    cancelled = read(maye("cancel", ids.pop(), "--json"))
    assert cancelled[0]["status"] in ("cancelling", "cancelled")
    assert finished["id"] != cancelled[0]["id"]


def test_a_log_is_printed_and_followed_to_the_end_of_the_run(
    maye: CommandLine, finished: dict[str, Any]
) -> None:
    followed = maye("logs", finished["id"], "--follow")
    assert followed.returncode == 0
    steps = re.findall(r"step (\d)/2 ", followed.stdout)
    assert steps == ["1", "2"]
    assert followed.stdout.endswith("\n")
    assert maye("logs", finished["id"][:8]).stdout == followed.stdout
    assert read(maye("logs", finished["id"], "--json"))["text"] == followed.stdout


def test_runs_are_compared(maye: CommandLine, finished: dict[str, Any], endless: str) -> None:
    compared = read(maye("compare", finished["id"], endless, "--json"))
    assert compared["differences"]["seed"] == [7, 0]
    assert compared["differences"]["epochs"] == [1, 10_000]
    assert "optimizer.learning_rate" not in compared["differences"]
    assert compared["metrics"]["response/num_tokens"][0] > 0
    shown = maye("compare", finished["id"], endless)
    assert re.search(r"^ *seed +7 +0", shown.stdout, re.MULTILINE)
    assert maye("compare", finished["id"]).returncode == 2


def test_a_run_is_watched_in_a_terminal_and_ctrl_c_leaves_it_running(
    maye: CommandLine, platform: LivingPlatform, endless: str
) -> None:
    with platform.client() as client:
        wait_until(lambda: client.run(endless)["rl_step"] > 2, timeout_s=90)
    argv = [sys.executable, "-m", "maye", "watch", endless]
    with Terminal(argv, environ=maye.environ, folder=maye.folder) as terminal:
        terminal.read_until(r"Training accuracy \[share\]")
        terminal.read_until("┌───")
        terminal.read_until("/20000")
        terminal.press("\x03")
        assert terminal.wait() == 130
        assert "the run goes on" in terminal.text
    assert read(maye("show", endless, "--json"))["status"] == "running"


def test_following_ends_with_the_run_whose_end_is_the_exit_code(
    maye: CommandLine, endless: str
) -> None:
    found: dict[str, Result] = {}
    commands = {"watch": ("watch", endless), "logs": ("logs", endless, "-f")}
    threads = [
        threading.Thread(target=lambda name=name: found.update({name: maye(*commands[name])}))
        for name in commands
    ]
    for thread in threads:
        thread.start()
    cancelled = maye("cancel", endless[:8])
    assert cancelled.stdout.strip() in ("Endless: cancelling", "Endless: cancelled")
    for thread in threads:
        thread.join()
    assert found["watch"].returncode == 1
    assert "Endless cancelled" in found["watch"].stderr
    assert found["logs"].returncode == 0
    numbers = [int(number) for number in re.findall(r"step (\d+)/20000 ", found["logs"].stdout)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 2


def test_a_run_is_resumed_and_refusals_have_exit_code_1(
    maye: CommandLine, finished: dict[str, Any], endless: str
) -> None:
    refused = maye("resume", finished["id"])
    assert refused.returncode == 1
    assert "succeeded" in refused.stderr
    assert read(maye("resume", endless, "--json"))["status"] == "queued"


def test_watching_waits_for_a_platform_that_is_away(
    maye: CommandLine, platform: LivingPlatform, endless: str
) -> None:
    argv = [sys.executable, "-m", "maye", "watch", endless]
    with Terminal(argv, environ=maye.environ, folder=maye.folder) as terminal:
        terminal.read_until(r"Endless \(")
        platform.kill_service("api")
        terminal.read_until("the platform does not answer: waiting for it")
        terminal.text = ""
        terminal.read_until(r"Endless \([0-9a-f]{8}\): \w+\s+(?!the platform)\w")
        terminal.press("\x03")
        assert terminal.wait() == 130
    assert maye("cancel", endless).returncode == 0


def test_models_and_checkpoints_are_evaluated(maye: CommandLine, finished: dict[str, Any]) -> None:
    created = read(maye("evaluate", f"{finished['id'][:8]}@last", "--splits", "test", "--json"))
    config = created["config"]
    assert config["checkpoint"] == {"run": finished["id"], "rl_step": 2}
    assert (config["splits"], config["dataset"]) == (["test"], DATASET)
    assert config["evaluation"]["decoding"] == finished["config"]["evaluation"]["decoding"]
    small = ("--set", "data.max_prompt_tokens=256", "--set", "evaluation.max_response_tokens=4")
    vanilla = read(maye("evaluate", MODEL, "--dataset", DATASET, *small, "--json"))
    assert vanilla["config"]["checkpoint"] is None
    maye("cancel", created["id"], vanilla["id"])
    assert maye("evaluate", MODEL).returncode == 2
    assert maye("evaluate", f"{finished['id']}@first").returncode == 2
    absent = maye("evaluate", f"{finished['id']}@77")
    assert (absent.returncode, "checkpoint.rl_step" in absent.stderr) == (1, True)


def tiny_experiment() -> dict[str, Any]:
    """Two seeds of one setting."""
    config = {
        key: value
        for key, value in tiny_config(epochs=1).items()
        if key not in ("kind", "model", "dataset", "seed")
    }
    return {
        "name": "Tiny",
        "models": [MODEL],
        "datasets": [DATASET],
        "settings": [{"name": "rl", "kind": "rl", "config": config}],
        "seeds": [1, 2],
    }


def test_an_experiment_is_submitted_shown_cancelled_and_reported(maye: CommandLine) -> None:
    bad = maye.write("bad-experiment.yaml", tiny_experiment() | {"color": 1})
    refused = maye("experiment", "submit", bad)
    assert refused.returncode == 1
    assert "color: there is no such field (got 1; allowed there: datasets, " in refused.stderr
    file = maye.write("experiment.yaml", tiny_experiment())
    assert read(maye("experiment", "submit", file, "--dry-run", "--json"))["seeds"] == [1, 2]
    created = read(maye("experiment", "submit", file, "--seeds", "3", "--json"))
    assert (created["num_runs"], created["seeds"]) == (1, [3])
    short = created["id"][:8]
    assert read(maye("experiment", "list", "--json"))[0]["id"] == created["id"]
    assert "Tiny" in maye("experiment", "list").stdout
    assert "rl, seed 3 (tiny-random on tiny-sums)" in maye("experiment", "show", short).stdout
    assert maye("experiment", "cancel", "last").returncode == 0
    watched = maye("experiment", "watch", short)
    assert watched.returncode == 1
    assert "0 of 1 runs succeeded" in watched.stdout


def test_a_report_is_written_in_every_format(maye: CommandLine) -> None:
    assert maye("report", "last").returncode == 0
    assert read(maye("report", "last", "--json"))["name"] == "Tiny"
    assert "\\begin{tabular}" in maye("report", "last", "--latex").stdout
    assert maye("report", "last", "--csv", "--output", "out/table.csv").returncode == 0
    assert (maye.folder / "out" / "table.csv").read_text().startswith("model,")
    figures = maye("report", "last", "--figures", "figures")
    assert figures.returncode == 0, figures.stderr
    written = [Path(line) for line in figures.stdout.splitlines()]
    assert written
    for path in written:
        assert (maye.folder / path).stat().st_size > 500
    assert maye("report", "last", "--csv", "--latex").returncode == 2
    assert maye("report", "last", "--output", "x").returncode == 2


def test_data_sets_and_models(maye: CommandLine, finished: dict[str, Any]) -> None:
    assert [entry["slug"] for entry in read(maye("dataset", "list", "--json"))] == [DATASET]
    assert "train 8, validation 2, test 2" in maye("dataset", "list").stdout
    assert [entry["slug"] for entry in read(maye("model", "list", "--json"))] == [MODEL]
    added = read(maye("model", "add", MODEL, "--slug", "twin", "--title", "Twin", "--json"))
    assert (added["slug"], added["title"]) == ("twin", "Twin")
    refused = maye("dataset", "add", "absent")
    assert (refused.returncode, "absent" in refused.stderr) == (1, True)
    folder = Path(read(maye("model", "export", finished["id"], "--json"))["folder"])
    assert (folder / "config.json").is_file()


def test_workers_are_listed_and_drained(maye: CommandLine) -> None:
    (worker,) = read(maye("workers", "--json"))
    name = worker["name"]
    assert name in maye("workers").stdout
    assert read(maye("workers", "drain", name, "--json"))["is_draining"]
    assert not read(maye("workers", "undrain", name, "--json"))["is_draining"]
    refused = maye("workers", "drain", "absent")
    assert (refused.returncode, "absent" in refused.stderr) == (1, True)


def test_a_worker_says_what_it_is_missing(maye: CommandLine) -> None:
    assert "MAYE_REDIS_URL is not set" in maye("worker").stderr
    for url, code in (("redis://127.0.0.1:9", 3), ("redis", 2)):
        refused = maye("worker", MAYE_REDIS_URL=url)
        assert (refused.returncode, "MAYE_REDIS_URL" in refused.stderr) == (code, True)


def test_the_shell_completes_what_the_platform_knows(
    maye: CommandLine, finished: dict[str, Any]
) -> None:
    def complete(*words: str, home: str = "") -> list[str]:
        variables = {"COMP_WORDS": " ".join(["maye", *words]), "COMP_CWORD": str(len(words))}
        home_variable = {"MAYE_HOME": home} if home else {}
        result = maye(_MAYE_COMPLETE="complete_bash", **variables, **home_variable)
        assert result.stderr == ""
        return result.stdout.split()

    assert {finished["id"], "last"} <= set(complete("show", ""))
    assert complete("show", finished["id"][:8]) == [finished["id"]]
    assert "quickstart" in complete("submit", "--preset", "quick")
    assert complete("workers", "drain", "") == [read(maye("workers", "--json"))[0]["name"]]
    assert MODEL in complete("evaluate", "tiny")
    assert complete("show", "", home=str(maye.folder)) == []
    zsh = maye(_MAYE_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="maye show ").stdout
    assert f'"{finished["id"]}":"Short run"' in zsh


def test_runs_are_deleted_only_when_somebody_agrees(
    maye: CommandLine, finished: dict[str, Any]
) -> None:
    unasked = maye("delete", finished["id"])
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    argv = [sys.executable, "-m", "maye", "delete", finished["id"]]
    with Terminal(argv, environ=maye.environ, folder=maye.folder) as terminal:
        terminal.read_until(r"\[y/N\]")
        terminal.press("n\r")
        assert terminal.wait() == 1
    assert read(maye("show", finished["id"], "--json"))["status"] == "succeeded"
    assert read(maye("delete", finished["id"], "--yes", "--json")) == [finished["id"]]
    assert maye("show", finished["id"]).returncode == 1


def test_a_new_token_shuts_out_the_old_one_at_once(maye: CommandLine) -> None:
    path = maye("token", "show").stdout.strip()
    old = maye("token", "show", "--reveal").stdout.strip()
    assert Path(path).read_text().strip() == old
    assert maye("runs", MAYE_TOKEN=old).returncode == 0
    rotated = maye("token", "rotate", "--json")
    assert read(rotated) == {"path": path, "is_taken_up": True}
    new = Path(path).read_text().strip()
    assert new != old
    assert new not in rotated.stdout + rotated.stderr
    assert maye("runs").returncode == 0
    refused = maye("runs", MAYE_TOKEN=old)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "Traceback" not in refused.stderr


def test_the_database_is_backed_up_and_put_back(
    maye: CommandLine, alone: CommandLine, finished: dict[str, Any]
) -> None:
    assert finished["status"] == "succeeded"
    file = str(maye.folder / "maye.backup")
    assert read(maye("backup", file, "--json")) == {"file": file}
    again = maye("backup", file)
    assert (again.returncode, "exists" in again.stderr) == (1, True)
    in_use = maye("restore", file, "--force")
    assert (in_use.returncode, "is in use" in in_use.stderr) == (1, True)
    restored = alone("--home", "other", "restore", file)
    assert restored.returncode == 0, restored.stderr
    assert "restored" in restored.stdout
    assert (alone.folder / "other" / "maye.db").stat().st_size > 0
    refused = alone("--home", "other", "restore", file)
    assert (refused.returncode, refused.stdout) == (1, "")


def test_the_platform_is_found_by_options_and_its_absence_has_a_code(
    maye: CommandLine, alone: CommandLine, platform: LivingPlatform
) -> None:
    assert alone("--home", str(platform.home), "runs").returncode == 0
    away = maye("--api-url", "http://127.0.0.1:9", "runs")
    assert (away.returncode, away.stdout) == (3, "")
    assert "no answer from http://127.0.0.1:9" in away.stderr
    unknown = alone("runs")
    assert (unknown.returncode, "no token" in unknown.stderr) == (4, True)
    range_error = alone("runs", MAYE_PORT="99999999")
    assert (range_error.returncode, "MAYE_PORT" in range_error.stderr) == (2, True)
