"""Runs of the version before many machines get what they need from their configuration."""

import json
from uuid import uuid4

import sqlalchemy as sa
from alembic import command

from backend.database.migrate import build_alembic_config, upgrade
from backend.database.session import Database

CONFIGS = (
    {"device": "cpu", "parallel": {"devices": 2}},
    {"device": "cuda", "parallel": {"devices": 4}},
    {"kind": "evaluation", "device": "auto"},
)
RUN = sa.text(
    "INSERT INTO runs (id, number, seq, name, kind, model, dataset, seed, config, status, fence, "
    "attempt, attempts_without_progress, rl_step, phase, created_at) VALUES (:id, :number, 0, "
    "'run', 'rl', 'm', 'd', 0, :config, 'queued', 0, 0, 0, 0, '', '2026-01-02 03:04:05')"
)


def test_what_a_run_needs_is_taken_from_its_configuration(empty_url: str) -> None:
    database = Database(empty_url)
    with database.engine.begin() as connection:
        config = build_alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        for number, content in enumerate(CONFIGS):
            row = {"id": uuid4().hex, "number": number, "config": json.dumps(content)}
            connection.execute(RUN, row)
    upgrade(database)
    with database.engine.connect() as connection:
        columns = sa.text("SELECT device_kind, num_devices, priority FROM runs ORDER BY number")
        found = [tuple(row) for row in connection.execute(columns)]
    database.close()
    assert found == [("cpu", 2, 0), ("cuda", 4, 0), ("auto", 1, 0)]
