"""Which subjects the base knows under which identity key, so that a rotated key changes no subject id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Engine, Insert, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from records.database import IdentityAliasRow, IdentityKeyRow, NamedSubjectRow, SubjectRow, writing
from records.errors import BadSettings, KeysRotated
from records.keyring import KeyRing
from records.moment import now
from records.words import Text

AT_ONCE = 5_000
T = TypeVar("T")
NamedSubject = tuple[str, str, datetime, str]


class KnownSubjects:
    """The subjects of one base and the keys that it has used, the present one being ``version``."""

    def __init__(self, engine: Engine, ring: KeyRing) -> None:
        self.engine = engine
        self.ring = ring
        self.version = _register(engine, ring)

    def ids(self, hashes: list[list[str]]) -> list[str]:
        """The subject id of each number, from its hashes under the present key and the former ones.

        A number that came under a former key keeps its id, and is known under the present key from now on.
        """
        if self.version == 1:
            return [under[0] for under in hashes]
        found: list[str] = []
        for some in _portions(hashes, AT_ONCE):
            found += self._ids(some)
        return found

    def name(self, session: Session, subjects: Iterable[NamedSubject], named: Iterable[str]) -> None:
        """Keep the subjects of a batch (id, kind, first recorded, masked) and those its records ``named``.

        Raises ``KeysRotated`` where the keys were rotated since this base was opened.
        """
        if _newest(session) != self.version:
            raise KeysRotated(
                Text(
                    "标识密钥已在别处轮换；请重新打开信用库后重发",
                    "the identity keys were rotated meanwhile; open the base again and resend",
                )
            )
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        new = insert(SubjectRow)
        update = new.on_conflict_do_update(
            index_elements=[SubjectRow.subject_id, SubjectRow.kind],
            set_={"first_recorded_at": new.excluded.first_recorded_at},
            where=new.excluded.first_recorded_at < SubjectRow.first_recorded_at,
        )
        as_kept = _as_sqlite if session.get_bind().dialect.name == "sqlite" else _as_it_is
        for some in _portions(subjects, AT_ONCE):
            rows = [
                {
                    "subject_id": subject_id,
                    "kind": kind,
                    "masked": masked,
                    "first_recorded_at": as_kept(first),
                    "key_version": self.version,
                }
                for subject_id, kind, first, masked in some
            ]
            _insert(session, update, rows)
        reference = insert(NamedSubjectRow).on_conflict_do_nothing()
        for ids in _portions(named, AT_ONCE):
            _insert(session, reference, [{"subject_id": one, "key_version": self.version} for one in ids])

    def unmoved(self) -> int:
        """How many subjects are not yet known under the present key: they need a former one."""
        moved = select(IdentityAliasRow.subject_id).where(IdentityAliasRow.key_version == self.version)
        with Session(self.engine) as session:
            return sum(
                session.scalar(
                    select(func.count(table.subject_id.distinct())).where(
                        table.key_version < self.version, table.subject_id.not_in(moved)
                    )
                )
                or 0
                for table in (SubjectRow, NamedSubjectRow)
            )

    def retire_former(self) -> None:
        """Note that the former keys are no longer used."""
        with writing(self.engine) as session:
            for row in session.scalars(select(IdentityKeyRow).where(IdentityKeyRow.key_version < self.version)):
                row.retired_at = row.retired_at or now()

    def _ids(self, hashes: Sequence[list[str]]) -> list[str]:
        every = [one for under in hashes for one in under]
        with Session(self.engine) as session:
            asked = select(IdentityAliasRow.number_hash, IdentityAliasRow.subject_id)
            rows = session.execute(asked.where(IdentityAliasRow.number_hash.in_(every))).all()
            aliases = {row.number_hash: row.subject_id for row in rows}
            known = {
                one
                for table in (SubjectRow, NamedSubjectRow)
                for one in session.scalars(select(table.subject_id).where(table.subject_id.in_(every)))
            }
        ids, moved = [], {}
        for under in hashes:
            subject_id = next((aliases.get(one, one) for one in under if one in aliases or one in known), under[0])
            ids.append(subject_id)
            if subject_id != under[0] and under[0] not in aliases:
                moved[under[0]] = subject_id
        if moved:
            self._move(moved)
        return ids

    def _move(self, moved: dict[str, str]) -> None:
        with writing(self.engine) as session:
            insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
            session.connection().execute(
                insert(IdentityAliasRow).on_conflict_do_nothing(),
                [
                    {"number_hash": one, "key_version": self.version, "subject_id": subject_id}
                    for one, subject_id in moved.items()
                ],
            )


def _register(engine: Engine, ring: KeyRing) -> int:
    """The version of the ring's present key, noted at its first use. Raises ``BadSettings`` for a stranger's key."""
    present = ring.fingerprints[0]
    with Session(engine) as session:
        if (row := _key(session, present)) is not None and row.key_version == _newest(session):
            return row.key_version
    with writing(engine) as session:
        newest = _newest(session)
        known = _key(session, present)
        if known is not None:
            if known.key_version != newest:
                raise BadSettings(
                    Text(
                        "标识密钥是轮换前的旧密钥；请使用现行密钥",
                        "this identity key was rotated away; give the present one",
                    )
                )
            return known.key_version
        if newest and not any(_key(session, former) for former in ring.fingerprints[1:]):
            raise BadSettings(
                Text(
                    "标识密钥与此信用库不符：库中主体由另一密钥编号。请恢复原密钥，或把它列为旧密钥（HUIXIN_IDENTITY_KEYS_FORMER）",
                    "the identity key does not belong to this base: its subjects were numbered under another one. "
                    "Give that key back, or list it as a former one (HUIXIN_IDENTITY_KEYS_FORMER)",
                )
            )
        session.add(IdentityKeyRow(key_version=newest + 1, fingerprint=present, since=now()))
        return newest + 1


def _key(session: Session, fingerprint: str) -> IdentityKeyRow | None:
    return session.scalars(select(IdentityKeyRow).where(IdentityKeyRow.fingerprint == fingerprint)).first()


def _newest(session: Session) -> int:
    return session.scalar(select(func.max(IdentityKeyRow.key_version))) or 0


def _insert(session: Session, statement: Insert, rows: list[dict[str, Any]]) -> None:
    """Insert ``rows``; into SQLite by its own driver, which takes a third of the time that SQLAlchemy takes a row."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        connection.execute(statement, rows)
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = compiled.positiontup or []
    connection.exec_driver_sql(str(compiled), [tuple(row[name] for name in names) for row in rows])


def _as_it_is(moment: datetime) -> datetime:
    return moment


@lru_cache(1024)
def _as_sqlite(moment: datetime) -> str:
    return moment.isoformat(" ", "microseconds")


def _portions(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    every = iter(rows)
    while some := list(islice(every, size)):
        yield some
