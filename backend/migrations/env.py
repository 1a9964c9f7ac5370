"""Alembic's entry: uses connection and tables that backend.database.migrate hands over."""

from alembic import context


def run_migrations() -> None:
    """Apply the versions inside the caller's transaction."""
    handed_over = context.config.attributes
    context.configure(
        connection=handed_over["connection"],
        target_metadata=handed_over["metadata"],
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run_migrations()
