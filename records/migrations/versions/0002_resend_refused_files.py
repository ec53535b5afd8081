"""a file of which nothing was accepted may be sent again"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_index("ix_batches_content", table_name="batches")
    op.create_index("ix_batches_content", "batches", ["item", "sha256"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_batches_content", table_name="batches")
    op.create_index("ix_batches_content", "batches", ["item", "sha256"], unique=True)
