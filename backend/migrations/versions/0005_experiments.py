"""Experiments and the runs in their cells.

Revision: 0005.
"""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        'experiments',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('number', sa.BigInteger(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('spec', sa.JSON(), nullable=False),
        sa.Column('warnings', sa.JSON(), nullable=False),
        sa.Column('idempotency_key', sa.Text(), nullable=True),
        sa.Column('request_hash', sa.Text(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_experiments')),
        sa.UniqueConstraint('idempotency_key', name=op.f('uq_experiments_idempotency_key')),
        sa.UniqueConstraint('number', name=op.f('uq_experiments_number')),
    )
    op.create_table(
        'experiment_cells',
        sa.Column('experiment_id', sa.Uuid(), nullable=False),
        sa.Column('position', sa.BigInteger(), nullable=False),
        sa.Column('model', sa.Text(), nullable=False),
        sa.Column('dataset', sa.Text(), nullable=False),
        sa.Column('setting', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('seed', sa.BigInteger(), nullable=True),
        sa.Column('run_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ['experiment_id'], ['experiments.id'], name=op.f('fk_experiment_cells_experiment_id')
        ),
        sa.ForeignKeyConstraint(
            ['run_id'], ['runs.id'], name=op.f('fk_experiment_cells_run_id')
        ),
        sa.PrimaryKeyConstraint('experiment_id', 'position', name=op.f('pk_experiment_cells')),
    )
    with op.batch_alter_table('experiment_cells', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_experiment_cells_run_id'), ['run_id'], unique=False)


def downgrade() -> None:
    """Drop them; the runs stay."""
    op.drop_table('experiment_cells')
    op.drop_table('experiments')
