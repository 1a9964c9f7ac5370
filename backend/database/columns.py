"""Column types and small statements that hide the differences between SQLite and PostgreSQL."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

MAX_INTEGER = 2**63 - 1
"""Largest integer that both databases store."""
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is ordered by its bytes, as SQLite does, whatever the server's language."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A timezone-aware moment, stored in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to UTC; SQLite keeps no zone, so it is dropped there.

        Raises:
            ValueError: the moment has no timezone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no timezone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """In UTC: SQLite dropped the zone, PostgreSQL gives its server's."""
        if value is None:
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def split_float(value: float) -> tuple[float | None, str | None]:
    """Number and flag as they are stored: SQLite turns NaN into NULL, so the flag says which.

    SQLite also forgets the sign of a zero, so no zero has one.

    >>> split_float(float("-inf"))
    (None, '-Infinity')
    """
    if math.isfinite(value):
        return value or 0.0, None
    if math.isnan(value):
        return None, "NaN"
    return None, "Infinity" if value > 0 else "-Infinity"


def join_float(value: float | None, nonfinite: str | None) -> float:
    """The number that `split_float` took apart."""
    return value if value is not None else float(nonfinite or "nan")


def upsert(
    session: Session,
    table: type[Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    changed_by: Sequence[str] = (),
) -> None:
    """Insert rows; one with the same primary key is replaced if a column of changed_by differs.

    With an empty changed_by the stored row stays as it is. Rows must have distinct keys.
    """
    if not rows:
        return
    target: sa.Table = table.__table__
    names = list(rows[0])
    values: Any = [dict(row) for row in rows]
    if session.get_bind().dialect.name == "postgresql":
        statement = postgresql.insert(target)
        if len(rows) > 1:
            # One statement with an array for each column: twice as fast as one for each row.
            statement = statement.from_select(names, _select_arrays(target, names))
            values = {name: [row[name] for row in rows] for name in names}
    else:
        statement = sqlite.insert(target)
    keys = [column.name for column in target.primary_key.columns]
    if changed_by:
        differs: list[ColumnElement[bool]] = [
            target.c[name].is_distinct_from(statement.excluded[name]) for name in changed_by
        ]
        statement = statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: statement.excluded[name] for name in names if name not in keys},
            where=sa.or_(*differs),
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    session.execute(statement, values)


def _select_arrays(target: sa.Table, names: Sequence[str]) -> sa.Select[Any]:
    """Rows made of one array for each column, which go side by side."""
    arrays: list[ColumnElement[Any]] = []
    for name in names:
        kind = target.c[name].type
        # An array's elements take the order of texts from the column that they go to.
        plain = sa.Text() if isinstance(kind, sa.Text) else kind
        arrays.append(sa.func.unnest(sa.bindparam(name, type_=postgresql.ARRAY(plain))))
    return sa.select(*arrays)
