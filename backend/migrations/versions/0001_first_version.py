"""First version of the schema.

Revision: 0001.
"""

import sqlalchemy as sa
from alembic import op


revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table('counters',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_counters'))
    )
    op.create_table('datasets',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('licence', sa.Text(), nullable=False),
    sa.Column('num_images', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_datasets')),
    sa.UniqueConstraint('slug', name=op.f('uq_datasets_slug'))
    )
    op.create_table('models',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('architecture', sa.Text(), nullable=False),
    sa.Column('num_parameters', sa.BigInteger(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_models')),
    sa.UniqueConstraint('slug', name=op.f('uq_models_slug'))
    )
    op.create_table('runs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('model', sa.Text(), nullable=False),
    sa.Column('dataset', sa.Text(), nullable=False),
    sa.Column('seed', sa.BigInteger(), nullable=False),
    sa.Column('preset', sa.Text(), nullable=True),
    sa.Column('config', sa.JSON(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('ended_fence', sa.BigInteger(), nullable=True),
    sa.Column('owner', sa.Text(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempt', sa.BigInteger(), nullable=False),
    sa.Column('attempts_without_progress', sa.BigInteger(), nullable=False),
    sa.Column('rl_step', sa.BigInteger(), nullable=False),
    sa.Column('total_rl_steps', sa.BigInteger(), nullable=True),
    sa.Column('phase', sa.Text(), nullable=False),
    sa.Column('error_code', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('idempotency_key', sa.Text(), nullable=True),
    sa.Column('request_hash', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_runs')),
    sa.UniqueConstraint('idempotency_key', name=op.f('uq_runs_idempotency_key')),
    sa.UniqueConstraint('number', name=op.f('uq_runs_number'))
    )
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_runs_owner_status'), ['owner', 'status'], unique=False)
        batch_op.create_index(batch_op.f('ix_runs_seq'), ['seq'], unique=False)
        batch_op.create_index(batch_op.f('ix_runs_status_number'), ['status', 'number'], unique=False)

    op.create_table('sessions',
    sa.Column('secret_sha256', sa.Text(), nullable=False),
    sa.Column('token_sha256', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('secret_sha256', name=op.f('pk_sessions'))
    )
    op.create_table('workers',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('slots', sa.BigInteger(), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_workers'))
    )
    op.create_table('checkpoints',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('rl_step', sa.BigInteger(), nullable=False),
    sa.Column('manifest_sha256', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_checkpoints_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'name', name=op.f('pk_checkpoints'))
    )
    op.create_table('dataset_items',
    sa.Column('dataset_id', sa.Uuid(), nullable=False),
    sa.Column('split', sa.Text(), nullable=False),
    sa.Column('row', sa.BigInteger(), nullable=False),
    sa.Column('item_id', sa.Text(), nullable=False),
    sa.Column('question', sa.Text(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('category', sa.Text(), nullable=True),
    sa.Column('image_sha256', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['dataset_id'], ['datasets.id'], name=op.f('fk_dataset_items_dataset_id')),
    sa.PrimaryKeyConstraint('dataset_id', 'split', 'row', name=op.f('pk_dataset_items')),
    sa.UniqueConstraint('dataset_id', 'split', 'item_id', name=op.f('uq_dataset_items_dataset_id_split_item_id'))
    )
    op.create_table('log_chunks',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('byte_offset', sa.BigInteger(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_log_chunks_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'fence', 'byte_offset', name=op.f('pk_log_chunks'))
    )
    with op.batch_alter_table('log_chunks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_log_chunks_seq'), ['seq'], unique=False)

    op.create_table('metric_points',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('rl_step', sa.BigInteger(), nullable=False),
    sa.Column('value', sa.Double(), nullable=True),
    sa.Column('nonfinite', sa.Text(), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_metric_points_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'key', 'rl_step', name=op.f('pk_metric_points'))
    )
    with op.batch_alter_table('metric_points', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_metric_points_seq'), ['seq'], unique=False)

    op.create_table('outbox',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('topic', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_outbox_run_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox'))
    )
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_outbox_published_at'), ['published_at'], unique=False)

    op.create_table('rl_steps',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('rl_step', sa.BigInteger(), nullable=False),
    sa.Column('epoch', sa.Double(), nullable=False),
    sa.Column('samples', sa.BigInteger(), nullable=False),
    sa.Column('tokens', sa.BigInteger(), nullable=False),
    sa.Column('seconds', sa.Double(), nullable=False),
    sa.Column('logged_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_rl_steps_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'rl_step', name=op.f('pk_rl_steps'))
    )
    op.create_table('run_events',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('from_status', sa.Text(), nullable=True),
    sa.Column('to_status', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_run_events_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'sequence', name=op.f('pk_run_events'))
    )
    op.create_table('samples',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('rl_step', sa.BigInteger(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('item_id', sa.Text(), nullable=False),
    sa.Column('split', sa.Text(), nullable=False),
    sa.Column('response', sa.Text(), nullable=False),
    sa.Column('num_response_tokens', sa.BigInteger(), nullable=False),
    sa.Column('is_truncated', sa.Boolean(), nullable=False),
    sa.Column('extracted_answer', sa.Text(), nullable=True),
    sa.Column('is_correct', sa.Boolean(), nullable=False),
    sa.Column('outcome_reward', sa.Double(), nullable=True),
    sa.Column('outcome_reward_nonfinite', sa.Text(), nullable=True),
    sa.Column('reward_parts', sa.JSON(), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_samples_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'rl_step', 'position', name=op.f('pk_samples'))
    )
    with op.batch_alter_table('samples', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_samples_seq'), ['seq'], unique=False)
    counters = sa.table("counters", sa.column("name", sa.Text()), sa.column("value", sa.BigInteger()))
    op.bulk_insert(counters, [{"name": "stream", "value": 0}, {"name": "run", "value": 0}])


def downgrade() -> None:
    """Drop all tables."""
    with op.batch_alter_table('samples', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_samples_seq'))

    op.drop_table('samples')
    op.drop_table('run_events')
    op.drop_table('rl_steps')
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_published_at'))

    op.drop_table('outbox')
    with op.batch_alter_table('metric_points', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_metric_points_seq'))

    op.drop_table('metric_points')
    with op.batch_alter_table('log_chunks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_log_chunks_seq'))

    op.drop_table('log_chunks')
    op.drop_table('dataset_items')
    op.drop_table('checkpoints')
    op.drop_table('workers')
    op.drop_table('sessions')
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_runs_status_number'))
        batch_op.drop_index(batch_op.f('ix_runs_seq'))
        batch_op.drop_index(batch_op.f('ix_runs_owner_status'))

    op.drop_table('runs')
    op.drop_table('models')
    op.drop_table('datasets')
    op.drop_table('counters')
