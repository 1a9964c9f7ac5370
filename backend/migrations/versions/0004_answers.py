"""Single answers of evaluations, alarms of runs, and how hard a problem is.

Revision: 0004.
"""

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Make the tables; problems of data sets imported before have no difficulty."""
    op.create_table(
        'evaluations',
        sa.Column('id', BIG_KEY, nullable=False),
        sa.Column('run_id', sa.Uuid(), nullable=False),
        sa.Column('rl_step', sa.BigInteger(), nullable=False),
        sa.Column('split', sa.Text(), nullable=False),
        sa.Column('pictures', sa.Text(), nullable=False),
        sa.Column('k', sa.BigInteger(), nullable=False),
        sa.Column('temperature', sa.Double(), nullable=False),
        sa.Column('top_p', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ['run_id'], ['runs.id'], name=op.f('fk_evaluations_run_id')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_evaluations')),
        sa.UniqueConstraint(
            'run_id', 'rl_step', 'split', 'pictures', 'k', 'temperature', 'top_p',
            name=op.f('uq_evaluations_subject'),
        ),
    )
    op.create_table(
        'answers',
        sa.Column('evaluation_id', BIG_KEY, nullable=False),
        sa.Column('item_id', sa.Text(), nullable=False),
        sa.Column('sample', sa.BigInteger(), nullable=False),
        sa.Column('is_correct', sa.Boolean(), nullable=False),
        sa.Column('num_response_tokens', sa.BigInteger(), nullable=False),
        sa.Column('is_truncated', sa.Boolean(), nullable=False),
        sa.Column('is_repeating', sa.Boolean(), nullable=False),
        sa.Column('num_reflections', sa.BigInteger(), nullable=False),
        sa.Column('fence', sa.BigInteger(), nullable=False),
        sa.Column('extracted_answer', sa.Text(), nullable=True),
        sa.Column('failure', sa.Text(), nullable=True),
        sa.Column('reward_parts', sa.JSON(), nullable=False),
        sa.Column('reflection', sa.JSON(), nullable=False),
        sa.Column('response', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ['evaluation_id'], ['evaluations.id'], name=op.f('fk_answers_evaluation_id')
        ),
        sa.PrimaryKeyConstraint(
            'evaluation_id', 'item_id', 'sample', name=op.f('pk_answers')
        ),
    )
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.add_column(sa.Column('alarms', sa.JSON(), nullable=True))
    with op.batch_alter_table('dataset_items', schema=None) as batch_op:
        batch_op.add_column(sa.Column('difficulty', sa.Text(), nullable=True))
        batch_op.create_index(
            batch_op.f('ix_dataset_items_dataset_id_image_sha256'),
            ['dataset_id', 'image_sha256'],
            unique=False,
        )


def downgrade() -> None:
    """Drop what upgrade made, with the answers in it."""
    with op.batch_alter_table('dataset_items', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_dataset_items_dataset_id_image_sha256'))
        batch_op.drop_column('difficulty')
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.drop_column('alarms')
    op.drop_table('answers')
    op.drop_table('evaluations')
