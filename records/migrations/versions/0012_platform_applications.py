"""applications for finance that came by a platform, and what became of them"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "platform_applications",
        sa.Column("application_id", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("product", sa.String(length=100), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("term_months", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("authorisation", sa.String(length=100), nullable=False),
        sa.Column("applied_at", sa.DateTime(), nullable=False),
        sa.Column("score_id", sa.String(length=40), nullable=False),
        sa.Column("watch_list_id", sa.String(length=40), nullable=True),
        sa.Column("decision", sa.String(length=20), nullable=True),
        sa.Column("decision_digest", sa.String(length=64), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("granted", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.String(length=10), nullable=True),
        sa.Column("security", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"]),
        sa.PrimaryKeyConstraint("application_id"),
        sa.UniqueConstraint("client_id", "number", name="uq_platform_applications_number"),
    )
    op.create_index("ix_platform_applications_subject_id", "platform_applications", ["subject_id"])
    op.create_table(
        "platform_outcomes",
        sa.Column("application_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["platform_applications.application_id"]),
        sa.PrimaryKeyConstraint("application_id", "day"),
    )


def downgrade() -> None:
    op.drop_table("platform_outcomes")
    op.drop_index("ix_platform_applications_subject_id", "platform_applications")
    op.drop_table("platform_applications")
