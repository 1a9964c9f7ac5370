"""Many workers with devices, priorities, and runs that were opened from a file.

Revision: 0006.
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; every run so far has priority 0 and asks for what its configuration says."""
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('priority', sa.BigInteger(), server_default='0', nullable=False)
        )
        batch_op.add_column(
            sa.Column('device_kind', sa.Text(), server_default='auto', nullable=False)
        )
        batch_op.add_column(
            sa.Column('num_devices', sa.BigInteger(), server_default='1', nullable=False)
        )
        batch_op.add_column(sa.Column('min_device_memory_gib', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('held_devices', sa.JSON(), nullable=True))
        batch_op.add_column(
            sa.Column('is_imported', sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column('archive_sha256', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('origin', sa.JSON(), nullable=True))
        batch_op.create_unique_constraint(
            batch_op.f('uq_runs_archive_sha256'), ['archive_sha256']
        )
        batch_op.create_index(
            batch_op.f('ix_runs_status_priority_number'),
            ['status', 'priority', 'number'],
            unique=False,
        )
    with op.batch_alter_table('workers', schema=None) as batch_op:
        batch_op.add_column(sa.Column('host', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('devices', sa.JSON(), server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('versions', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(
            sa.Column('is_draining', sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column('started_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('seq', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.add_column(
            sa.Column('is_told_absent', sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table('datasets', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('is_partial', sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column('source', sa.Text(), nullable=True))
    with op.batch_alter_table('models', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source', sa.Text(), nullable=True))
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_outbox_run_id'), ['run_id'], unique=False)
    _fill_needs()
    op.execute("INSERT INTO counters (name, value) VALUES ('queue', 0)")


def _fill_needs() -> None:
    """Where each run may compute, and on how many devices."""
    runs = sa.table(
        'runs',
        sa.column('id', sa.Uuid()),
        sa.column('config', sa.JSON()),
        sa.column('device_kind', sa.Text()),
        sa.column('num_devices', sa.BigInteger()),
    )
    connection = op.get_bind()
    for run_id, config in connection.execute(sa.select(runs.c.id, runs.c.config)).all():
        needs = {
            'device_kind': config.get('device', 'auto'),
            'num_devices': config.get('parallel', {}).get('devices', 1),
        }
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(needs))


def downgrade() -> None:
    """Take the columns away; runs that were opened from a file stay as runs that have ended."""
    op.execute("DELETE FROM counters WHERE name = 'queue'")
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_run_id'))
    with op.batch_alter_table('datasets', schema=None) as batch_op:
        batch_op.drop_column('source')
        batch_op.drop_column('is_partial')
    with op.batch_alter_table('models', schema=None) as batch_op:
        batch_op.drop_column('source')
    with op.batch_alter_table('workers', schema=None) as batch_op:
        for name in ('is_told_absent', 'seq', 'started_at', 'is_draining'):
            batch_op.drop_column(name)
        for name in ('versions', 'devices', 'host'):
            batch_op.drop_column(name)
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_runs_status_priority_number'))
        batch_op.drop_constraint(batch_op.f('uq_runs_archive_sha256'), type_='unique')
        for name in ('origin', 'archive_sha256'):
            batch_op.drop_column(name)
        for name in ('is_imported', 'held_devices', 'min_device_memory_gib', 'num_devices'):
            batch_op.drop_column(name)
        for name in ('device_kind', 'priority'):
            batch_op.drop_column(name)
