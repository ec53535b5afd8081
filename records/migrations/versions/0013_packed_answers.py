"""what a score told, packed; rows of old keep their text"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("scores", sa.Column("answer", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """The answers of rows that are younger than the column are lost with it; their scores replay all the same."""
    op.drop_column("scores", "answer")
