"""Alembic's entry: uses the connection that backend.database.migrate hands over."""

from alembic import context

from backend.database.tables import Base


def run_migrations() -> None:
    """Apply the versions inside the caller's transaction."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run_migrations()
