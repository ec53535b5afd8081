"""consents, four eyes, quotas, and what a client may be told apart by"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

OF_CLIENTS = (
    ("subject_id", sa.String(length=32)),
    ("scopes", sa.JSON(none_as_null=True)),
    ("former_prefix", sa.String(length=16)),
    ("former_hash", sa.String(length=64)),
    ("former_until", sa.DateTime()),
    ("tokens_from", sa.DateTime()),
    ("certificate", sa.String(length=43)),
    ("per_second", sa.Float(precision=53)),
    ("per_day", sa.Integer()),
)


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("consent_id", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=True),
        sa.Column("purposes", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.DateTime(), nullable=False),
        sa.Column("valid_until", sa.DateTime(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("filed_by", sa.String(length=120), nullable=False),
        sa.Column("filed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id"),
    )
    op.create_index("ix_consents_subject_id", "consents", ["subject_id"])
    op.create_index("ix_consents_reference", "consents", ["reference", "subject_id"])
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=120), nullable=False),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("approval_id"),
    )
    op.create_index("ix_approvals_proposed", "approvals", ["proposed_at", "approval_id"])
    op.create_table(
        "quotas",
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "day"),
    )
    for name, kind in OF_CLIENTS:
        op.add_column("clients", sa.Column(name, kind, nullable=True))
    op.create_index("ix_clients_former_prefix", "clients", ["former_prefix"])


def downgrade() -> None:
    op.drop_index("ix_clients_former_prefix", "clients")
    for name, _ in reversed(OF_CLIENTS):
        op.drop_column("clients", name)
    for table in ("quotas", "approvals", "consents"):
        op.drop_table(table)
