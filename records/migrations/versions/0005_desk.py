"""reports, objections, repairs and erasures"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("report_id", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=60), nullable=False),
        sa.Column("authorisation", sa.String(length=100), nullable=True),
        sa.Column("view", sa.String(length=20), nullable=False),
        sa.Column("used_for", sa.String(length=20), nullable=False),
        sa.Column("as_of", sa.DateTime(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("form", sa.String(length=4), nullable=False),
        sa.Column("score_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("report_id"),
    )
    op.create_table(
        "objections",
        sa.Column("objection_id", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=200), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("authorisation", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=True),
        sa.Column("lodged_at", sa.DateTime(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("answered_by", sa.String(length=40), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("remedy", sa.String(length=20), nullable=True),
        sa.Column("corrected_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("objection_id"),
    )
    op.create_index("ix_objections_state", "objections", ["state", "due_on"])
    op.create_table(
        "lawful_steps",
        sa.Column("step_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("record_ids", sa.JSON(), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("authorisation", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=True),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("proposed_by", sa.String(length=40), nullable=True),
        sa.Column("proposed_at", sa.DateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("step_id"),
    )
    for table, column in INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table in ("lawful_steps", "objections", "reports"):
        op.drop_table(table)


INDEXED = (
    ("reports", "subject_id"),
    ("reports", "client_id"),
    ("objections", "subject_id"),
    ("objections", "source"),
    ("objections", "client_id"),
    ("lawful_steps", "kind"),
    ("lawful_steps", "subject_id"),
    ("lawful_steps", "source"),
    ("lawful_steps", "client_id"),
)
