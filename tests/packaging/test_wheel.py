"""The wheel: complete, free of the checkout, and a whole platform on a machine without Node.js."""

import json
import re
import signal
import subprocess
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from maye.redis_server import find_free_port
from tests.packaging.conftest import ROOT, Installation, bare_environment, install
from tests.platform.living_platform import wait_until

CODE = ("backend", "worker", "maye")


def test_the_wheel_holds_code_and_data_and_nothing_else(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.name == "maye-0.1.0-py3-none-any.whl"
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *CODE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    # Alembic's template writes new migrations; who does that has a checkout.
    expected = {name for name in tracked if (ROOT / name).is_file()} - {
        "backend/migrations/script.py.mako"
    }
    inside = {name for name in names if name.startswith(tuple(f"{part}/" for part in CODE))}
    served = {
        name for name in inside if name.startswith(("backend/api/static/", "backend/api/site/"))
    }
    assert inside - served == expected
    assert {name.split("/")[0] for name in names - inside} == {"maye-0.1.0.dist-info"}


def test_the_wheel_holds_todays_front_end(wheel: Path):
    dist = ROOT / "frontend" / "dist"
    with zipfile.ZipFile(wheel) as archive:
        inside = {
            name.removeprefix("backend/api/static/"): archive.read(name)
            for name in archive.namelist()
            if name.startswith("backend/api/static/")
        }
    built = {str(p.relative_to(dist)): p.read_bytes() for p in dist.rglob("*") if p.is_file()}
    assert inside == built
    assert "index.html" in inside


def test_a_second_build_leaves_out_what_was_deleted_since_the_first(tmp_path: Path):
    copy = tmp_path / "copy"
    for name, text in {
        "frontend/dist/index.html": "<!doctype html>",
        "backend/__init__.py": "",
        "backend/api/__init__.py": "",
        "backend/api/leaving.py": "",
    }.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        (copy / name).write_bytes((ROOT / name).read_bytes())

    def build() -> set[str]:
        import build.__main__ as frontend

        frontend.main(["--wheel", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)])
        (built,) = (copy / "dist").glob("*.whl")
        return set(zipfile.ZipFile(built).namelist())

    assert "backend/api/leaving.py" in build()
    (copy / "backend/api/leaving.py").unlink()
    assert "backend/api/leaving.py" not in build()


@pytest.mark.timeout(1500)
def test_maye_up_from_a_clean_installation_without_node_opens_the_dashboard(
    wheel: Path, tmp_path: Path, browser: Browser
):
    installation = install(wheel, "api,worker", tmp_path / "venv")
    empty = tmp_path / "empty"
    empty.mkdir()
    port = find_free_port()
    environment = bare_environment(tmp_path) | {"MAYE_PORT": str(port)}
    output = tmp_path / "up.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [installation.maye, "up"], cwd=empty, env=environment, stdout=file, stderr=file
        )
    try:
        wait_until(
            lambda: "serving;" in output.read_text() or process.poll() is not None, timeout_s=120
        )
        assert process.poll() is None, output.read_text()
        token = empty / ".maye" / "admin-token"
        assert f"dashboard: http://127.0.0.1:{port}\n" in output.read_text()
        assert f"token:     in {token}\n" in output.read_text()
        errors = open_dashboard(browser, f"http://127.0.0.1:{port}", token.read_text().strip())
        assert errors == []
        # The workbench is drawn and published by the installed package alone.
        headers = {"Authorization": f"Bearer {token.read_text().strip()}"}
        models = f"http://127.0.0.1:{port}/api/v1/models"
        wait_until(
            lambda: "workbench-base" in httpx.get(models, headers=headers, timeout=30).text,
            timeout_s=180,
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in output.read_text()
        assert [path.name for path in empty.iterdir()] == [".maye"]
    finally:
        process.kill()
        process.wait()


def open_dashboard(browser: Browser, address: str, token: str) -> list[str]:
    """Sign in as a person does; what the browser's console complained of."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.goto(address)
    page.get_by_label("Token").fill(token)
    # Before this the browser itself reports that nobody is signed in.
    errors.clear()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_test_id("run-count")).to_be_visible()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    context.close()
    return errors


@pytest.mark.timeout(1200)
def test_the_api_extra_suffices_for_api_and_command_line(api_alone: Installation, tmp_path: Path):
    check = (
        "import importlib, json, pkgutil, sys\n"
        "import backend, maye\n"
        "names = [m.name for p in (backend, maye)\n"
        "         for m in pkgutil.walk_packages(p.__path__, p.__name__ + '.')\n"
        "         if not m.name.endswith('__main__') and m.name != 'backend.migrations.env']\n"
        "for name in names: importlib.import_module(name)\n"
        "print(json.dumps([sorted(sys.modules), [backend.__file__, maye.__file__]]))\n"
    )
    done = api_alone.run("-c", check, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    modules, files = json.loads(done.stdout)
    assert {"torch", "transformers", "pytest"}.isdisjoint(modules)
    assert all(str(api_alone.folder) in file for file in files)
    packages = api_alone.run("-m", "pip", "list", "--format=freeze", cwd=tmp_path).stdout
    assert not re.search(r"^(torch|transformers|pytest|nvidia)", packages, re.MULTILINE)
