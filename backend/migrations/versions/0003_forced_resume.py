"""Runs that a user resumes in spite of what has changed.

Revision: 0003.
"""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no run is forced."""
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('force_resume', sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.drop_column('force_resume')
