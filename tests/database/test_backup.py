"""Backups of both databases: complete, and restored whole or not at all."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from row_makers import NUM_ROWS, TABLES, fill_all_tables, read_all_tables

from backend.contract.errors import ConflictError, InvalidInputError, SchemaTooNewError
from backend.contract.settings import Settings
from backend.database import backup as backups
from backend.database.__main__ import main
from backend.database.backup import back_up, find_program, restore
from backend.database.session import RUN_COUNTER, Database, raise_counter
from tests.databases import new_database
from tests.platform.living_platform import ROOT
from tests.postgres import PostgresServer


@dataclass(frozen=True)
class Place:
    """A filled database, an empty one of the same kind, and where a backup goes."""

    filled: Database
    filled_url: str
    empty_url: str
    file: Path

    def read(self, url: str) -> object:
        database = Database(url)
        try:
            return read_all_tables(database)
        finally:
            database.close()


@pytest.fixture
def place(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    def find_server() -> PostgresServer:
        return request.getfixturevalue("postgres")

    kind = sa.make_url(database_url).get_backend_name()
    with new_database(kind, tmp_path / "empty", find_server, is_empty=True) as empty_url:
        filled = Database(database_url)
        fill_all_tables(filled)
        yield Place(filled, database_url, empty_url, tmp_path / "copies" / "maye.backup")
        filled.close()


def test_every_row_of_every_table_comes_back(place: Place) -> None:
    before = read_all_tables(place.filled)
    assert all(len(before[table.name]) >= NUM_ROWS for table in TABLES)
    with place.filled.session_scope() as session:
        # Somebody writes meanwhile: what is not committed is not in it.
        raise_counter(session, RUN_COUNTER)
        made = back_up(place.filled_url, place.file)
    assert made.size_bytes == place.file.stat().st_size
    assert place.file.stat().st_mode & 0o077 == 0
    assert list(place.file.parent.iterdir()) == [place.file]
    assert restore(place.empty_url, place.file, is_forced=False) == made
    assert place.read(place.empty_url) == before


def test_a_database_with_content_is_replaced_by_force_alone(place: Place) -> None:
    back_up(place.filled_url, place.file)
    before = read_all_tables(place.filled)
    with place.filled.session_scope() as session:
        raise_counter(session, RUN_COUNTER)
    changed = read_all_tables(place.filled)
    assert changed != before
    place.filled.close()
    with pytest.raises(ConflictError, match=r"has rows in .*--force"):
        restore(place.filled_url, place.file, is_forced=False)
    assert place.read(place.filled_url) == changed
    restore(place.filled_url, place.file, is_forced=True)
    assert place.read(place.filled_url) == before


def test_a_backup_of_a_newer_version_is_refused_and_changes_nothing(place: Place) -> None:
    with place.filled.session_scope() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = read_all_tables(place.filled)
    back_up(place.filled_url, place.file)
    place.filled.close()
    for url in (place.empty_url, place.filled_url):
        with pytest.raises(SchemaTooNewError, match="9999"):
            restore(url, place.file, is_forced=True)
    assert place.read(place.filled_url) == before
    empty = Database(place.empty_url)
    assert sa.inspect(empty.engine).get_table_names() == []
    empty.close()


@pytest.mark.parametrize("damage", ["cut", "junk", "absent"])
def test_a_damaged_backup_is_refused_and_changes_nothing(place: Place, damage: str) -> None:
    back_up(place.filled_url, place.file)
    before = read_all_tables(place.filled)
    content = place.file.read_bytes()
    if damage == "cut":
        place.file.write_bytes(content[: len(content) * 2 // 3])
    elif damage == "junk":
        place.file.write_bytes(b"PK" + content)
    else:
        place.file.unlink()
    place.filled.close()
    with pytest.raises(InvalidInputError):
        restore(place.filled_url, place.file, is_forced=True)
    assert place.read(place.filled_url) == before


def test_a_database_in_use_is_not_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "LOCK_TIMEOUT_S", 1)
    back_up(place.filled_url, place.file)
    before = read_all_tables(place.filled)
    with place.filled.session_scope() as session:
        raise_counter(session, RUN_COUNTER)
        with pytest.raises((ConflictError, InvalidInputError), match=r"in use|lock timeout"):
            restore(place.filled_url, place.file, is_forced=True)
        session.rollback()
    assert read_all_tables(place.filled) == before


def test_nothing_is_overwritten_and_no_kind_taken_for_another(
    place: Place, tmp_path: Path, postgres: PostgresServer
) -> None:
    back_up(place.filled_url, place.file)
    with pytest.raises(ConflictError, match="exists"):
        back_up(place.filled_url, place.file)
    is_sqlite = place.filled.engine.dialect.name == "sqlite"
    other = postgres.create_empty() if is_sqlite else f"sqlite:///{tmp_path / 'other.db'}"
    with pytest.raises(InvalidInputError, match="MAYE_DATABASE_URL names one of"):
        restore(other, place.file, is_forced=True)
    with pytest.raises(InvalidInputError, match=r"no database|does not exist"):
        back_up(f"{place.filled_url}x", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_password_is_in_no_command_line(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = find_program("pg_dump")
    spy = tmp_path / "bin" / "pg_dump"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/argv\nexec {real} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
    url = sa.make_url(postgres.create_migrated()).set(password="s3cret")
    back_up(url.render_as_string(hide_password=False), tmp_path / "copy")
    told = (tmp_path / "argv").read_text()
    assert "--format=custom" in told
    assert "s3cret" not in told
    with psycopg.connect(url.render_as_string(hide_password=False).replace("+psycopg", "")) as one:
        assert one.info.password == "s3cret"


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {
        **os.environ,
        "MAYE_HOME": str(settings.home),
        "MAYE_DATABASE_URL": settings.database_url,
    }
    return subprocess.run(
        [sys.executable, "-m", "backend.database", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_say_what_they_did(empty_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=empty_url)
    checked = run(settings, "check")
    assert checked.returncode == 1
    first = run(settings, "migrate")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("migrated from schema none (empty) to 0")
    assert "nothing to do" in run(settings, "migrate").stdout
    assert run(settings, "check").stdout == "sound, with today's schema\n"
    file = tmp_path / "copy"
    made = run(settings, "backup", str(file))
    assert (made.returncode, made.stderr) == (0, "")
    assert f"wrote {file}" in made.stdout
    assert f"files: checkpoints, models, pictures and traces lie under {settings.home}" in (
        made.stdout
    )
    again = run(settings, "backup", str(file))
    assert (again.returncode, again.stderr) == (
        1,
        f"conflict: {file} exists: choose another name\n",
    )
    restored = run(settings, "restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert run(settings, "restore", str(tmp_path / "none")).returncode == 1
    assert run(settings, "unknown").returncode == 2


def test_a_missing_program_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAYE_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    assert main(["backup", str(tmp_path / "copy")]) == 1
    assert "apt-get install --yes postgresql-client" in capsys.readouterr().err
