"""Withdrawal, dispute, repair, sealing: each takes effect at its moment and says who, why and on what basis."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.pipeline import FeaturePipeline
from records.base import RecordBase
from records.errors import UnknownItem
from records.lifecycle import BadLifecycle, Order, RecordLife, UnknownRecord
from records.moment import now, parse_as_of
from tests.records.life import FIRMS, ORDER, arrears, ids, send

BEFORE = timedelta(microseconds=1)


@pytest.fixture
def held(base: RecordBase, tmp_path: Path) -> RecordBase:
    """A base with three arrears of a firm: ended long ago, ended this month, lasting."""
    send(
        base,
        tmp_path / "door",
        "tax.arrears",
        arrears("old", cleared_on="2024-05-01"),
        arrears("recent", cleared_on=str(parse_as_of(None).date() - timedelta(days=2))),
        arrears("lasting"),
    )
    return base


@pytest.mark.parametrize("action", ["withdraw", "repair", "seal"])
def test_what_is_hidden_is_hidden_from_its_moment_on_and_not_before(held: RecordBase, action: Any) -> None:
    before = now()
    (made,) = RecordLife(held).apply(action, "tax.arrears", ["old"], ORDER)
    assert "old" in ids(held, as_of=before)
    assert "old" in ids(held, as_of=made.recorded_at - BEFORE)
    assert "old" not in ids(held, as_of=made.recorded_at)
    assert ids(held) == ["lasting", "recent"]
    (kept,) = RecordLife(held).events("tax.arrears", "old")
    assert (kept.actor, kept.reason, kept.legal_basis, kept.document) == (
        ORDER.actor,
        ORDER.reason,
        ORDER.legal_basis,
        ORDER.document,
    )


def test_features_honour_it_as_of_the_asked_moment(held: RecordBase) -> None:
    subject = held.resolve(FIRMS[0])
    before = now()
    RecordLife(held).apply("withdraw", "tax.arrears", ["lasting"], ORDER)
    RecordLife(held).apply("repair", "tax.arrears", ["old"], ORDER)

    def bits(moment: Any) -> bytes:
        return np.array(list(FeaturePipeline(held.connection(), "enterprise").one(subject, moment).values())).tobytes()

    assert bits(before) != bits(now())
    RecordLife(held).apply("restore", "tax.arrears", ["lasting", "old"], ORDER)
    assert bits(before) == bits(now())


def test_what_is_restored_was_away_for_that_stretch_only(held: RecordBase) -> None:
    life = RecordLife(held)
    (sealed,) = life.apply("seal", "tax.arrears", ["lasting"], ORDER)
    (restored,) = life.apply("restore", "tax.arrears", ["lasting"], ORDER)
    (again,) = life.apply("withdraw", "tax.arrears", ["lasting"], ORDER)
    moments = [sealed.recorded_at, restored.recorded_at, again.recorded_at]
    assert ["lasting" in ids(held, as_of=moment) for moment in moments] == [False, True, False]
    assert ["lasting" in ids(held, as_of=moment - BEFORE) for moment in moments] == [True, False, True]


def test_a_dispute_marks_the_record_and_an_upheld_objection_takes_it_away(held: RecordBase) -> None:
    life = RecordLife(held)
    life.apply("dispute", "tax.arrears", ["lasting", "old"], ORDER)
    opened = now()
    assert {one.record_id for one in life.disputes(opened)} == {"lasting", "old"}
    assert set(ids(held)) == {"lasting", "old", "recent"}
    life.apply("dispute_upheld", "tax.arrears", ["lasting"], ORDER)
    life.apply("dispute_dismissed", "tax.arrears", ["old"], ORDER)
    assert life.disputes(now()) == []
    assert len(life.disputes(opened)) == 2
    assert ids(held) == ["old", "recent"]
    assert set(ids(held, as_of=opened)) == {"lasting", "old", "recent"}


@pytest.mark.parametrize(
    ("action", "record_ids", "reason"),
    [
        ("repair", ["lasting"], "while the conduct lasts"),
        ("repair", ["recent"], "can be repaired from"),
        ("restore", ["old"], "is not withdrawn"),
        ("dispute_upheld", ["old"], "no open dispute"),
        ("fly", ["old"], "no step fly"),
        ("erase", ["old"], "no step erase"),
    ],
)
def test_what_is_not_possible_is_refused_and_changes_nothing(
    held: RecordBase, action: Any, record_ids: list[str], reason: str
) -> None:
    state = held.state()
    with pytest.raises(BadLifecycle, match=reason):
        RecordLife(held).apply(action, "tax.arrears", record_ids, ORDER)
    assert held.state() == state


def test_all_records_of_a_step_are_possible_or_none_is_touched(held: RecordBase) -> None:
    with pytest.raises(BadLifecycle):
        RecordLife(held).apply("repair", "tax.arrears", ["old", "lasting"], ORDER)
    with pytest.raises(UnknownRecord):
        RecordLife(held).apply("withdraw", "tax.arrears", ["old", "nowhere"], ORDER)
    with pytest.raises(UnknownItem):
        RecordLife(held).apply("withdraw", "tax.nothing", ["old"], ORDER)
    assert len(ids(held)) == 3


def test_nothing_happens_twice(held: RecordBase) -> None:
    life = RecordLife(held)
    life.apply("dispute", "tax.arrears", ["old"], ORDER)
    with pytest.raises(BadLifecycle, match="open dispute already"):
        life.apply("dispute", "tax.arrears", ["old"], ORDER)
    life.apply("withdraw", "tax.arrears", ["old"], ORDER)
    with pytest.raises(BadLifecycle, match="out of sight"):
        life.apply("seal", "tax.arrears", ["old"], ORDER)


@pytest.mark.parametrize("missing", ["actor", "reason", "legal_basis"])
def test_who_why_and_on_what_basis_are_needed(missing: str) -> None:
    with pytest.raises(BadLifecycle, match=missing):
        Order(**{"actor": "a", "reason": "r", "legal_basis": "l", missing: "  "})
