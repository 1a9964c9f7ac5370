"""Rows in every table, whatever tables there are."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa

from backend.database.columns import UtcDateTime
from backend.database.session import Database
from backend.database.tables_experiments import Experiment

TABLES = Experiment.metadata.sorted_tables
NAMES = UUID(int=7)
NUM_ROWS = 3


def fill_all_tables(database: Database) -> None:
    """Distinct rows in every table; those that refer to others refer to what is there."""
    with database.session_scope() as session:
        for table in TABLES:
            for i in range(1, NUM_ROWS + 1):
                row = {column.name: _make(column, i) for column in table.columns}
                session.execute(sa.insert(table).values(row))


def _make(column: sa.Column[Any], i: int) -> Any:
    for key in column.foreign_keys:
        return _make(key.column, i)
    if column.nullable and i == NUM_ROWS:
        return None
    name = f"{column.table.name}.{column.name}"
    makers: dict[type, Any] = {
        sa.Uuid: uuid5(NAMES, f"{name} {i}"),
        sa.Boolean: bool(i % 2),
        sa.Integer: 2**62 + i,
        sa.Float: 0.1 * i,
        UtcDateTime: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=i),
        sa.JSON: {"name": name, "numbers": [i, 0.1, None], "text": "é\u2028\"'\\"},
        sa.Text: f"{name} {i} é\u2028\t\"'\\\n",
    }
    return next(value for kind, value in makers.items() if isinstance(column.type, kind))


def read_all_tables(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in the order of their keys."""
    with database.read_scope() as session:
        return {
            table.name: [
                tuple(row)
                for row in session.execute(sa.select(table).order_by(*table.primary_key.columns))
            ]
            for table in TABLES
        }
