"""watch lists, kept alerts, and webhooks with their deliveries"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "watch_lists",
        sa.Column("watch_list_id", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("threshold", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"]),
        sa.PrimaryKeyConstraint("watch_list_id"),
        sa.UniqueConstraint("client_id", "name", name="uq_watch_lists_name"),
    )
    op.create_table(
        "watch_entries",
        sa.Column("watch_list_id", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("segment", sa.String(length=20), nullable=False),
        sa.Column("authorisation", sa.String(length=100), nullable=True),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["watch_list_id"], ["watch_lists.watch_list_id"]),
        sa.PrimaryKeyConstraint("watch_list_id", "subject_id"),
    )
    op.create_index("ix_watch_entries_subject_id", "watch_entries", ["subject_id"])
    op.create_table(
        "subject_alerts",
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("segment", sa.String(length=20), nullable=False),
        sa.Column("as_of", sa.DateTime(), nullable=False),
        sa.Column("gravest", sa.Integer(), nullable=False),
        sa.Column("alerts", sa.Text(), nullable=False),
        sa.Column("distress", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
    )
    op.create_index("ix_subject_alerts_gravest", "subject_alerts", ["gravest", "subject_id"])
    op.create_table(
        "watch_turns",
        sa.Column("turn", sa.String(length=20), nullable=False),
        sa.Column("month_end", sa.DateTime(), nullable=True),
        sa.Column("state", sa.Integer(), nullable=True),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("turn"),
    )
    _webhooks()


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("event_types", sa.JSON(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("former_salt", sa.String(length=32), nullable=True),
        sa.Column("former_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.DateTime(), nullable=True),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"]),
        sa.PrimaryKeyConstraint("webhook_id"),
    )
    op.create_index("ix_webhooks_client_id", "webhooks", ["client_id"])
    op.create_table(
        "events",
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("event_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_events_client_id", "events", ["client_id"])
    op.create_index("ix_events_created_at", "events", ["created_at"])
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(length=40), nullable=False),
        sa.Column("webhook_id", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=True),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("last", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.webhook_id"]),
        sa.PrimaryKeyConstraint("delivery_id"),
        sa.UniqueConstraint("webhook_id", "event_id", name="uq_deliveries_event"),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "next_at"])


def downgrade() -> None:
    tables = ("deliveries", "events", "webhooks", "watch_turns", "subject_alerts", "watch_entries", "watch_lists")
    for table in tables:
        op.drop_table(table)
