"""where each day's part of the audit trail ends; evidence beside the latest features"""

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
SHANGHAI_OFFSET = timedelta(hours=8)


def upgrade() -> None:
    op.add_column("latest_features", sa.Column("evidence", sa.LargeBinary(), nullable=True))
    days = op.create_table(
        "audit_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    audit = sa.table("audit", sa.column("seq", sa.Integer), sa.column("at", sa.DateTime), sa.column("hash", sa.String))
    last: dict[date, tuple[int, str]] = {}
    for seq, at, sealed in op.get_bind().execute(
        sa.select(audit.c.seq, audit.c.at, audit.c.hash).order_by(audit.c.seq)
    ):
        last[(at + SHANGHAI_OFFSET).date()] = seq, sealed
    if last:
        op.bulk_insert(days, [{"day": day, "seq": seq, "hash": sealed} for day, (seq, sealed) in last.items()])


def downgrade() -> None:
    op.drop_table("audit_days")
    op.drop_column("latest_features", "evidence")
