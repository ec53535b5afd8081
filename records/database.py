"""The operations database: batches, subjects, what befell records, clients, scores and the audit trail."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    create_engine,
    event,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

LOG_PAGES = 16_384
"""Pages of SQLite's log (64 MiB) at which a commit carries it over, where nothing has done so before."""

WRITE_LOCK = 0x48555849  # PostgreSQL advisory lock key, 'HUXI'


class Operations(DeclarativeBase):
    """All tables of the operations database."""


class BatchRow(Operations):
    """A batch that was accepted, whole; its files are visible because this row exists."""

    __tablename__ = "batches"
    batch_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    batch_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    item: Mapped[str] = mapped_column(String(80))
    source: Mapped[str] = mapped_column(String(80))
    sha256: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(DateTime)
    accepted_at: Mapped[datetime] = mapped_column(DateTime)
    rows_accepted: Mapped[int] = mapped_column(BigInteger)
    rows_rejected: Mapped[int] = mapped_column(BigInteger)
    history: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    channel: Mapped[str] = mapped_column(String(20), server_default="command line")
    client_id: Mapped[str | None] = mapped_column(String(40))
    receipt: Mapped[dict[str, Any]] = mapped_column(JSON)
    __table_args__ = (Index("ix_batches_content", "item", "sha256"),)


class FileRow(Operations):
    """An immutable Parquet file, by its path below the records folder; of one batch, or written anew from several."""

    __tablename__ = "batch_files"
    path: Mapped[str] = mapped_column(String(300), primary_key=True)
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("batches.batch_id"), index=True)
    item: Mapped[str] = mapped_column(String(80), index=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    has_corrections: Mapped[bool] = mapped_column(Boolean)


class SubjectRow(Operations):
    """A subject that some record is about."""

    __tablename__ = "subjects"
    subject_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    masked: Mapped[str] = mapped_column(String(64))
    first_recorded_at: Mapped[datetime] = mapped_column(DateTime)
    key_version: Mapped[int] = mapped_column(Integer, server_default="1")


class NamedSubjectRow(Operations):
    """A subject that a record of another subject names, such as a guarantor."""

    __tablename__ = "named_subjects"
    subject_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key_version: Mapped[int] = mapped_column(Integer, server_default="1")


class IdentityKeyRow(Operations):
    """An identity key that this base has used, by its fingerprint; the key itself is never here."""

    __tablename__ = "identity_keys"
    key_version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(String(16), unique=True)
    since: Mapped[datetime] = mapped_column(DateTime)
    retired_at: Mapped[datetime | None] = mapped_column(DateTime)


class IdentityAliasRow(Operations):
    """The hash of a number under a later key, and the subject id that its subject has had from the beginning."""

    __tablename__ = "identity_aliases"
    number_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    key_version: Mapped[int] = mapped_column(Integer)
    subject_id: Mapped[str] = mapped_column(String(32), index=True)


class CatalogueVersionRow(Operations):
    """What an item's version declared when its first batch came; it may not change afterwards."""

    __tablename__ = "catalogue_versions"
    item: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    declaration: Mapped[dict[str, Any]] = mapped_column(JSON)
    since: Mapped[datetime] = mapped_column(DateTime)


class LifecycleRow(Operations):
    """Something that befell a record after it was accepted: withdrawal, dispute, repair, sealing, erasure."""

    __tablename__ = "lifecycle"
    event_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    item: Mapped[str] = mapped_column(String(80))
    record_id: Mapped[str] = mapped_column(String(200))
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    action: Mapped[str] = mapped_column(String(20))
    recorded_at: Mapped[datetime] = mapped_column(DateTime)
    actor: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(Text)
    legal_basis: Mapped[str] = mapped_column(Text)
    document: Mapped[str | None] = mapped_column(String(200))
    __table_args__ = (Index("ix_lifecycle_record", "item", "record_id"),)


class LatestFeaturesRow(Operations):
    """A subject's features, float64, little endian; ``FeatureRunRow`` of the segment says which and as of when.

    ``evidence``: the records behind them, where somebody has asked for them since (``scoring.evidence_text``).
    """

    __tablename__ = "latest_features"
    segment: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    numbers: Mapped[bytes] = mapped_column(LargeBinary)
    evidence: Mapped[bytes | None] = mapped_column(LargeBinary)


class FeatureRunRow(Operations):
    """When the latest features of a segment were computed, of which features, and on which records.

    They hold from ``as_of`` until ``valid_until`` (UTC), as long as the base is in ``state`` (``RecordBase.state``).
    ``files``: the files of records that were there.
    """

    __tablename__ = "feature_runs"
    segment: Mapped[str] = mapped_column(String(20), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    as_of: Mapped[datetime] = mapped_column(DateTime)
    valid_until: Mapped[datetime] = mapped_column(DateTime)
    state: Mapped[int] = mapped_column(BigInteger)
    files: Mapped[list[str]] = mapped_column(JSON)


class RewriteRow(Operations):
    """Files of an item written anew as one: compaction, or an erasure."""

    __tablename__ = "rewrites"
    rewrite_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime)
    item: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    before: Mapped[list[str]] = mapped_column(JSON)
    after: Mapped[list[str]] = mapped_column(JSON)
    rows_before: Mapped[int] = mapped_column(BigInteger)
    rows_after: Mapped[int] = mapped_column(BigInteger)


class NothingToReportRow(Operations):
    """A source's word that there was nothing of an item in a month, so that silence and emptiness differ."""

    __tablename__ = "nothing_to_report"
    item: Mapped[str] = mapped_column(String(80), primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime)
    client_id: Mapped[str | None] = mapped_column(String(40))


class UploadRow(Operations):
    """A batch on its way in over REST: how much of it has come, and what became of it."""

    __tablename__ = "uploads"
    upload_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(40), index=True)
    source: Mapped[str] = mapped_column(String(80))
    item: Mapped[str] = mapped_column(String(80))
    version: Mapped[int] = mapped_column(Integer)
    history: Mapped[bool] = mapped_column(Boolean)
    batch_key: Mapped[str] = mapped_column(String(200), unique=True)
    ending: Mapped[str] = mapped_column(String(20))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    received: Mapped[int] = mapped_column(BigInteger)
    stored: Mapped[int] = mapped_column(BigInteger, server_default="0")
    state: Mapped[str] = mapped_column(String(20), index=True)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    worker: Mapped[str | None] = mapped_column(String(80))
    leased_until: Mapped[datetime | None] = mapped_column(DateTime)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    updated_at: Mapped[datetime] = mapped_column(DateTime)
    batch_id: Mapped[str | None] = mapped_column(String(40))
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class WatermarkRow(Operations):
    """How far a connector has pulled, and the range that it is pulling."""

    __tablename__ = "watermarks"
    connector: Mapped[str] = mapped_column(String(120), primary_key=True)
    pulled_to: Mapped[str | None] = mapped_column(String(64))
    pulling_to: Mapped[str | None] = mapped_column(String(64))
    updated_at: Mapped[datetime] = mapped_column(DateTime)


class ClientRow(Operations):
    """A client of the service; its key is kept as a hash only, and so is the former one until ``former_until``.

    ``subject_id``: whom a client of the role subject is. ``scopes``: actions it may ask for, null all of its role.
    ``tokens_from``: tokens given out before are void. ``certificate``: SHA-256 of the one that it must show, base64url.
    ``per_second``, ``per_day``: limits of its own, null those of the settings.
    """

    __tablename__ = "clients"
    client_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    source: Mapped[str | None] = mapped_column(String(80))
    key_prefix: Mapped[str] = mapped_column(String(16), unique=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(DateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime)
    subject_id: Mapped[str | None] = mapped_column(String(32))
    scopes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    former_prefix: Mapped[str | None] = mapped_column(String(16), index=True)
    former_hash: Mapped[str | None] = mapped_column(String(64))
    former_until: Mapped[datetime | None] = mapped_column(DateTime)
    tokens_from: Mapped[datetime | None] = mapped_column(DateTime)
    certificate: Mapped[str | None] = mapped_column(String(43))
    per_second: Mapped[float | None] = mapped_column(Float(53))
    per_day: Mapped[int | None] = mapped_column(Integer)


class ScoreRow(Operations):
    """A score that was given, with the sealed feature vector it came from (little-endian float64).

    ``answer``: what was told, in both languages, packed (``scoring.told``); in rows of old it is ``payload``, as text.
    """

    __tablename__ = "scores"
    score_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(32))
    as_of: Mapped[datetime] = mapped_column(DateTime)
    scored_at: Mapped[datetime] = mapped_column(DateTime)
    segment: Mapped[str] = mapped_column(String(20))
    model_name: Mapped[str] = mapped_column(String(120))
    model_version: Mapped[str] = mapped_column(String(40))
    pd: Mapped[float] = mapped_column(Float(53))
    score: Mapped[float] = mapped_column(Float(53))
    grade: Mapped[str] = mapped_column(String(4))
    features: Mapped[bytes] = mapped_column(LargeBinary)
    payload: Mapped[str] = mapped_column(Text, server_default="")
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    __table_args__ = (Index("ix_scores_subject", "subject_id", "scored_at"),)


class AuditRow(Operations):
    """One entry of the hash-chained trail."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(DateTime)
    actor: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[str | None] = mapped_column(String(32), index=True)
    purpose: Mapped[str | None] = mapped_column(String(60))
    payload: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditAnchorRow(Operations):
    """Length and last hash of the trail, so that a cut tail is found."""

    __tablename__ = "audit_anchor"
    anchor_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    entries: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))


def open_engine(url: str) -> Engine:
    """An engine for ``url``; SQLite runs in WAL mode and is durable at each commit."""
    if not url.startswith("sqlite"):
        return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 60})
    event.listen(engine, "connect", _durable_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One write transaction, the only one at a time on this database; commits at the end, durable."""
    with writing_connection(engine) as connection, Session(bind=connection) as session:
        yield session
        session.flush()


@contextmanager
def writing_connection(engine: Engine) -> Iterator[Connection]:
    """As ``writing``, for statements alone."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
        yield connection


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the database to ``revision`` (``base`` empties it); one process at a time."""
    from alembic import command

    configuration = alembic_configuration()
    step = command.downgrade if revision == "base" else command.upgrade
    with writing(engine) as session:
        configuration.attributes["connection"] = session.connection()
        step(configuration, revision)


def alembic_configuration() -> Any:
    """Alembic's configuration, pointing at the packaged migrations."""
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return configuration


def _durable_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=60000",
        f"wal_autocheckpoint={LOG_PAGES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
