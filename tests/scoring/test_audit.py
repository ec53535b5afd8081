"""Whatever is done to the trail by hand is found: any byte, any order, any cut; by anchors even a rewritten whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from records.base import RecordBase
from records.database import writing
from records.settings import Settings
from scoring.audit import BadAnchors, Entry, anchors, enter_all, read_anchors, record, verify

ENTRIES = 12
TEXTS = ("at", "actor", "action", "subject_id", "purpose", "payload", "previous_hash", "hash")
TABLES = ("audit", "audit_days", "audit_anchor")


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    base = RecordBase.open(Settings(home=tmp_path_factory.mktemp("trail")))
    with writing(base.engine) as session:
        enter_all(session, [Entry(f"actor{at}", "score", "f" * 32, "review", {"n": at}) for at in range(ENTRIES)])
    return base


def found_after(base: RecordBase, tamper: object) -> bool:
    """Whether a check finds what ``tamper`` does to the tables; they are as they were afterwards."""
    assert callable(tamper)
    engine = base.engine
    with engine.begin() as connection:
        kept = {name: connection.execute(text(f"SELECT * FROM {name}")).mappings().all() for name in TABLES}
        tamper(connection)
    report = verify(engine)
    with engine.begin() as connection:
        for name, rows in kept.items():
            connection.execute(text(f"DELETE FROM {name}"))
            for row in rows:
                values = ", ".join(f":{column}" for column in row)
                connection.execute(text(f"INSERT INTO {name} VALUES ({values})"), dict(row))
    assert verify(engine).sound
    return not report.sound


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seq=st.integers(1, ENTRIES), column=st.sampled_from(TEXTS), at=st.integers(0, 200), bit=st.integers(0, 6))
def test_one_flipped_bit_anywhere_is_found(trail: RecordBase, seq: int, column: str, at: int, bit: int) -> None:
    def flip(connection: Connection) -> None:
        value = str(connection.scalar(text(f"SELECT {column} FROM audit WHERE seq = {seq}")))
        place = at % len(value)
        changed = value[:place] + chr(ord(value[place]) ^ (1 << bit)) + value[place + 1 :]
        connection.execute(text(f"UPDATE audit SET {column} = :to WHERE seq = {seq}"), {"to": changed})

    assert found_after(trail, flip)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE seq = 5",
        f"DELETE FROM audit WHERE seq = {ENTRIES}",
        "DELETE FROM audit",
        f"INSERT INTO audit SELECT {ENTRIES} + 1, at, actor, action, subject_id, purpose, payload, hash, hash "
        f"FROM audit WHERE seq = {ENTRIES}",
        "UPDATE audit SET seq = CASE seq WHEN 3 THEN 400 ELSE seq END",
        "UPDATE audit SET subject_id = NULL WHERE seq = 4",
        "UPDATE audit SET purpose = x'726576696577' WHERE seq = 4",
        "UPDATE audit SET payload = CAST(x'ff' AS TEXT) WHERE seq = 4",
        "UPDATE audit_days SET seq = seq - 1",
        "DELETE FROM audit_days",
        "UPDATE audit_days SET hash = '0'",
        "UPDATE audit_anchor SET entries = entries + 1",
        "DELETE FROM audit_anchor",
    ],
)
def test_whatever_is_done_to_the_trail_is_found(trail: RecordBase, statement: str) -> None:
    assert found_after(trail, lambda connection: connection.execute(text(statement)))


def test_reordering_is_found(trail: RecordBase) -> None:
    def swap(connection: Connection) -> None:
        for one, other in ((3, -1), (4, 3), (-1, 4)):
            connection.execute(text(f"UPDATE audit SET seq = {other} WHERE seq = {one}"))

    assert found_after(trail, swap)


def test_a_rewritten_or_shortened_chain_does_not_agree_with_anchors_kept_elsewhere(
    base: RecordBase, tmp_path: Path
) -> None:
    import orjson

    for at in range(5):
        record(base.engine, "somebody", "look", payload={"n": at})
    kept = tmp_path / "anchors.json"
    kept.write_bytes(orjson.dumps(anchors(base.engine)))
    assert verify(base.engine, read_anchors(kept)).sound
    with base.engine.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"DELETE FROM {table}"))
    for at in range(4):
        record(base.engine, "somebody else", "look", payload={"n": at})
    assert verify(base.engine).sound
    assert any("anchored entry 5 is missing" in one.en for one in verify(base.engine, read_anchors(kept)).faults)
    record(base.engine, "somebody else", "look")
    assert any("entry 5 is not the one" in one.en for one in verify(base.engine, read_anchors(kept)).faults)
    kept.write_text("{}")
    with pytest.raises(BadAnchors):
        read_anchors(kept)
