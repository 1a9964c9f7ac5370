"""`.env.example` names every setting, with its default, and nothing that nobody reads."""

import re
import subprocess
import sys

from backend.contract.settings import PREFIX, Settings
from tests.packaging.compose_file import COMPOSE
from tests.packaging.conftest import ROOT

EXAMPLE = ROOT / ".env.example"
LINE = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)


def test_it_is_as_the_settings_are():
    script = [sys.executable, ROOT / "docker" / "write_env_example.py", "--check"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_names_every_setting_and_every_variable_of_the_compose_file():
    named = {name for name, _ in LINE.findall(EXAMPLE.read_text())}
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    compose = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    compose |= set(re.findall(r"^ +([A-Z_]+):$", COMPOSE.read_text(), re.MULTILINE))
    assert named == settings | compose | {"COMPOSE_PROFILES"}


def test_its_defaults_are_those_of_the_settings():
    given = {name: text for name, text in LINE.findall(EXAMPLE.read_text()) if text}
    ours = {name: text for name, text in given.items() if name.startswith(PREFIX)}
    assert Settings.from_environment(ours) == Settings()


def test_every_setting_has_a_meaning_above_it():
    text = EXAMPLE.read_text()
    for name in Settings.model_fields:
        before = text.split(f"#{PREFIX}{name.upper()}=")[0].splitlines()
        assert before[-1].startswith("# "), name
        assert "Default:" in " ".join(before[-4:]), name
