"""versions of items, keys and aliases, what befalls records, uploads, watermarks"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "catalogue_versions",
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("declaration", sa.JSON(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("item", "version"),
    )
    op.create_table(
        "identity_aliases",
        sa.Column("number_hash", sa.String(length=32), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number_hash"),
    )
    with op.batch_alter_table("identity_aliases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_aliases_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "identity_keys",
        sa.Column("key_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("retired_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key_version"),
        sa.UniqueConstraint("fingerprint"),
    )
    op.create_table(
        "lifecycle",
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=200), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
    with op.batch_alter_table("lifecycle", schema=None) as batch_op:
        batch_op.create_index("ix_lifecycle_record", ["item", "record_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_lifecycle_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "named_subjects",
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("key_version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
    )
    op.create_table(
        "nothing_to_report",
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("item", "month"),
    )
    op.create_table(
        "rewrites",
        sa.Column("rewrite_id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("rows_before", sa.BigInteger(), nullable=False),
        sa.Column("rows_after", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rewrite_id"),
    )
    op.create_table(
        "uploads",
        sa.Column("upload_id", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("history", sa.Boolean(), nullable=False),
        sa.Column("batch_key", sa.String(length=200), nullable=False),
        sa.Column("ending", sa.String(length=20), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=True),
        sa.Column("problem", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("upload_id"),
        sa.UniqueConstraint("batch_key"),
    )
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_uploads_client_id"), ["client_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_uploads_state"), ["state"], unique=False)

    op.create_table(
        "watermarks",
        sa.Column("connector", sa.String(length=120), nullable=False),
        sa.Column("pulled_to", sa.String(length=64), nullable=True),
        sa.Column("pulling_to", sa.String(length=64), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connector"),
    )
    with op.batch_alter_table("batch_files", schema=None) as batch_op:
        batch_op.alter_column("batch_id", existing_type=sa.VARCHAR(length=40), nullable=True)

    op.add_column("batches", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("batches", sa.Column("channel", sa.String(length=20), server_default="command line", nullable=False))
    op.add_column("batches", sa.Column("client_id", sa.String(length=40), nullable=True))

    op.add_column("clients", sa.Column("source", sa.String(length=80), nullable=True))

    op.add_column("subjects", sa.Column("key_version", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("subjects", "key_version")

    op.drop_column("clients", "source")

    op.drop_column("batches", "client_id")
    op.drop_column("batches", "channel")
    op.drop_column("batches", "version")

    op.execute(
        "UPDATE batch_files SET batch_id = (SELECT min(batches.batch_id) FROM batches "
        "WHERE batches.item = batch_files.item) WHERE batch_id IS NULL"
    )
    with op.batch_alter_table("batch_files", schema=None) as batch_op:
        batch_op.alter_column("batch_id", existing_type=sa.VARCHAR(length=40), nullable=False)

    op.drop_table("watermarks")
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_uploads_state"))
        batch_op.drop_index(batch_op.f("ix_uploads_client_id"))

    op.drop_table("uploads")
    op.drop_table("rewrites")
    op.drop_table("nothing_to_report")
    op.drop_table("named_subjects")
    with op.batch_alter_table("lifecycle", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lifecycle_subject_id"))
        batch_op.drop_index("ix_lifecycle_record")

    op.drop_table("lifecycle")
    op.drop_table("identity_keys")
    with op.batch_alter_table("identity_aliases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_aliases_subject_id"))

    op.drop_table("identity_aliases")
    op.drop_table("catalogue_versions")
