"""Features by primary key: what is given is what would be computed now, or nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from features.dictionary import items_read
from features.online import OnlineFeatures
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from records.base import RecordBase
from records.database import LatestFeaturesRow
from records.erasure import erase
from records.lifecycle import RecordLife
from records.moment import now
from records.settings import Settings
from tests.databases import own_database
from tests.records.life import FIRMS, ORDER, arrears, send


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordBase]:
    """A base with records of eight firms, three of which guarantee for others."""
    url = None
    if request.param == "postgresql":
        name = f"online_{tmp_path.name.replace('-', '_')}"[:60].lower()
        url = own_database(request.getfixturevalue("postgres"), name)
    base = RecordBase.open(Settings(home=tmp_path / "home", database_url=url))
    send(base, tmp_path / "sent", "tax.arrears", *(arrears(f"a{firm}", firm) for firm in range(8)))
    send(base, tmp_path / "sent", "loan.guarantee", guarantee("g0", 0, 1), guarantee("g1", 1, 2), guarantee("g2", 3, 4))
    yield base
    base.engine.dispose()


def guarantee(record_id: str, by: int, of: int) -> dict[str, Any]:
    row = {"record_id": record_id, "subject_number": FIRMS[by], "occurred_on": "2025-01-15", "amount": "5000"}
    return {**row, "subject_kind": "enterprise", "guaranteed": FIRMS[of]}


def all_the_same(base: RecordBase, online: OnlineFeatures) -> bool:
    """Whether what is kept of each firm is, bit for bit, what is computed now."""
    firms = [base.resolve(number) for number in FIRMS]
    spine = pa.table({"subject_id": firms, "as_of": pa.array([now()] * len(firms), pa.timestamp("us"))})
    connection, peers = base.connection(items_read("enterprise")), PeerTables.of(base)
    built = FeaturePipeline(connection, "enterprise", peers=peers).build(spine).drop_columns(["subject_id", "as_of"])
    return all(same(online.get(firm), row) for firm, row in zip(firms, built.to_pylist(), strict=True))


def same(one: dict[str, float] | None, other: dict[str, float]) -> bool:
    return (
        one is not None
        and list(one) == list(other)
        and all(one[code] == other[code] or (math.isnan(one[code]) and math.isnan(other[code])) for code in other)
    )


def test_what_is_kept_is_what_would_be_computed(kept_base: RecordBase, tmp_path: Path) -> None:
    online = OnlineFeatures(kept_base, "enterprise")
    firms = [kept_base.resolve(number) for number in FIRMS]
    assert online.get(firms[0]) is None
    first = online.refresh()
    assert (first.whole, first.subjects) == (True, 8)
    assert all_the_same(kept_base, online)
    assert online.get("0" * 32) is None
    assert online.get(firms[0], first.as_of - timedelta(seconds=1)) is None
    assert online.get(firms[0], now() + timedelta(days=1)) is None

    send(kept_base, tmp_path / "sent", "tax.arrears", arrears("more", 5, amount="70"))
    assert online.get(firms[0]) is None
    second = online.refresh()
    assert (second.whole, second.subjects) == (False, 1)
    assert online.get(firms[5])["tax_arrears_open"] == 170.0  # type: ignore[index]
    assert all_the_same(kept_base, online)


def test_those_who_are_linked_with_a_touched_subject_are_computed_again(kept_base: RecordBase, tmp_path: Path) -> None:
    online = OnlineFeatures(kept_base, "enterprise")
    online.refresh()
    court = {
        "record_id": "c",
        "subject_kind": "enterprise",
        "subject_number": FIRMS[1],
        "occurred_on": "2025-03-01",
        "amount": "900",
    }
    send(kept_base, tmp_path / "sent", "court.enforcement", court)
    assert 2 <= online.refresh().subjects <= 4
    assert all_the_same(kept_base, online)
    send(kept_base, tmp_path / "sent", "loan.guarantee", {**guarantee("g0b", 0, 6), "supersedes": "g0"})
    assert not online.refresh().whole
    assert all_the_same(kept_base, online)
    RecordLife(kept_base).apply("withdraw", "loan.guarantee", ["g2"], ORDER)
    assert not online.refresh().whole
    assert all_the_same(kept_base, online)


def test_erasure_leaves_nothing_that_was_reckoned_from_the_record(base: RecordBase, tmp_path: Path) -> None:
    send(base, tmp_path / "sent", "tax.arrears", *(arrears(f"a{firm}", firm) for firm in range(3)))
    online = OnlineFeatures(base, "enterprise")
    online.refresh()
    reckoned = set((base.settings.records_folder / "tax.arrears").glob("*.inputs"))
    assert reckoned
    erase(base, "tax.arrears", ["a1"], ORDER)
    assert not {path for path in reckoned if path.exists()}
    with Session(base.engine) as session:
        assert session.scalar(select(func.count()).select_from(LatestFeaturesRow)) == 0
    assert online.refresh().whole
    assert online.get(base.resolve(FIRMS[1]))["tax_arrears_open"] == 0.0  # type: ignore[index]


def test_stray_files_are_swept_and_companions_of_files_stay(base: RecordBase, tmp_path: Path) -> None:
    send(base, tmp_path / "sent", "tax.arrears", arrears("a"))
    OnlineFeatures(base, "enterprise").refresh()
    folder = base.settings.records_folder / "tax.arrears"
    companions = sorted(folder.glob("*.inputs"))
    stray = folder / "gone.parquet.0123456789abcdef.inputs"
    stray.write_bytes(b"left")
    assert base.sweep(timedelta(0)) == 1
    assert sorted(folder.glob("*.inputs")) == companions
