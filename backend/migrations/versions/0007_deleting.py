"""Deleting runs, and one order of texts whatever the server's language.

Revision: 0007.
"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

LOGGED = ('rl_steps', 'metric_points', 'samples', 'evaluations', 'log_chunks')


def upgrade() -> None:
    """What a run has logged may outlive its row for a while; texts are ordered by their bytes."""
    op.create_table(
        'deletions',
        sa.Column('run_id', sa.Uuid(), nullable=False),
        sa.Column('seq', sa.BigInteger(), nullable=False),
        sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('dataset', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('run_id', name=op.f('pk_deletions')),
    )
    op.create_index(op.f('ix_deletions_seq'), 'deletions', ['seq'], unique=False)
    op.create_index(op.f('ix_deletions_finished_at'), 'deletions', ['finished_at'], unique=False)
    for table in LOGGED:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f'fk_{table}_run_id'), type_='foreignkey')
    if op.get_context().dialect.name == 'postgresql':
        _collate('"C"')


def downgrade() -> None:
    """Forget which runs are being deleted, with what they have left."""
    orphans = 'run_id IN (SELECT run_id FROM deletions)'
    op.execute(
        'DELETE FROM answers WHERE evaluation_id IN '
        f'(SELECT id FROM evaluations WHERE {orphans})'
    )
    for table in LOGGED:
        op.execute(f'DELETE FROM {table} WHERE {orphans}')
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_foreign_key(
                batch_op.f(f'fk_{table}_run_id'), 'runs', ['run_id'], ['id']
            )
    op.drop_table('deletions')
    if op.get_context().dialect.name == 'postgresql':
        _collate('"default"')


def _collate(collation: str) -> None:
    """Order texts alike everywhere: by bytes, as SQLite does, or by the server's language."""
    columns = sa.text(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type = 'text' "
        "ORDER BY table_name, ordinal_position"
    )
    changes: dict[str, list[str]] = {}
    for table, column in op.get_bind().execute(columns):
        change = f'ALTER COLUMN "{column}" TYPE text COLLATE {collation}'
        changes.setdefault(table, []).append(change)
    for table, parts in changes.items():
        op.execute(f'ALTER TABLE "{table}" {", ".join(parts)}')
