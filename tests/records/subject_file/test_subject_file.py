"""A subject's file: what the base may show of it as of a moment, and what it may not."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from county.numbers import farmer_numbers, officer_numbers
from records.base import RecordBase
from records.erasure import erase
from records.errors import BadMoment, UnknownSubject
from records.lifecycle import RecordLife
from records.moment import now
from records.subject_file import SubjectFile, SubjectFiles
from tests.records.life import FIRMS, ORDER, send

PERSON, OTHER = (str(number) for number in officer_numbers(np.arange(2)))
FARMER = str(farmer_numbers(np.arange(1))[0])
BEFORE = timedelta(microseconds=1)


def registration(record_id: str, firm: int = 0, **changed: Any) -> dict[str, Any]:
    row = {
        "record_id": record_id,
        "subject_number": FIRMS[firm],
        "occurred_on": "2020-01-02",
        "name": f"合成企业{firm}",
    }
    return {**row, "industry": "C", "district": "东城区", "status": "active", **changed}


def arrears(record_id: str, **changed: Any) -> dict[str, Any]:
    return {"record_id": record_id, "subject_number": FIRMS[0], "occurred_on": "2025-03-01", "amount": "100", **changed}


@pytest.fixture
def door(tmp_path: Path) -> Path:
    return tmp_path / "door"


def read(base: RecordBase, number: str = FIRMS[0], as_of: Any = None, **options: Any) -> SubjectFile:
    return SubjectFiles(base).read(base.resolve(number), as_of, **options)


def items(file: SubjectFile) -> dict[str, list[str]]:
    return {one.item: [record.record_id for record in one.records] for one in file.items}


def test_a_file_says_who_and_shows_the_newest_records_of_each_item(base: RecordBase, door: Path) -> None:
    send(
        base, door, "market.registration", registration("r1"), registration("r2", occurred_on="2024-05-01", name="新名")
    )
    send(base, door, "tax.arrears", *[arrears(f"a{day:02d}", occurred_on=f"2025-03-{day:02d}") for day in range(1, 31)])
    file = read(base, limit=3)
    assert file.subject.name == "新名"
    assert file.subject.masked.count("*") == 14
    assert [record.record_id for record in file.basics] == ["r2"]
    assert items(file) == {"market.registration": ["r2", "r1"], "tax.arrears": ["a30", "a29", "a28"]}
    assert {one.item: one.total for one in file.items} == {"market.registration": 2, "tax.arrears": 30}
    assert (file.records, file.count("adverse"), file.count("neutral")) == (32, 30, 2)
    assert sum(month.records for month in file.months) == 32
    told = json.dumps(file.as_dict("zh"), ensure_ascii=False)
    assert FIRMS[0] not in told
    assert "100.00 元" in told
    consulted = {one.source: one.records for one in file.sources}
    assert (consulted["tax"], consulted["market"], consulted["court"]) == (30, 2, 0)


def test_a_file_as_of_a_moment_knows_only_what_the_base_knew_by_then(base: RecordBase, door: Path) -> None:
    before = now()
    send(base, door, "tax.arrears", arrears("old"))
    first = now()
    send(base, door, "tax.arrears", arrears("new", supersedes="old", amount="7"))
    assert items(read(base, as_of=first)) == {"tax.arrears": ["old"]}
    file = read(base)
    assert items(file) == {"tax.arrears": ["new"]}
    (step,) = file.items[0].records[0].history
    (change,) = step.changes
    assert (step.record_id, change.name, change.before.en, change.after.en) == (
        "old",
        "amount",
        "CNY 100.00",
        "CNY 7.00",
    )
    unknown_then = read(base, as_of=before)
    assert (unknown_then.records, unknown_then.known_since) == (0, None)
    assert "no record about this subject" in unknown_then.notes[0].en


def test_the_end_of_a_subject_is_told(base: RecordBase, door: Path) -> None:
    ended = registration("r2", occurred_on="2025-01-05", status="deregistered")
    send(base, door, "market.registration", registration("r1"), ended)
    assert "Deregistered (2025-01-05)" in read(base).notes[0].en


def test_questions_that_cannot_be_answered_are_refused(base: RecordBase, door: Path) -> None:
    send(base, door, "tax.arrears", arrears("a"))
    with pytest.raises(UnknownSubject):
        SubjectFiles(base).read("0" * 32)
    with pytest.raises(BadMoment):
        read(base, as_of=now() + timedelta(days=1))


def test_adverse_records_say_when_they_expire_and_are_gone_then(base: RecordBase, door: Path) -> None:
    send(base, door, "tax.arrears", arrears("a", occurred_on="2018-01-01", cleared_on="2019-05-05"), history=False)
    assert read(base).items == ()
    send(base, door, "tax.arrears", arrears("b", cleared_on="2025-05-05"), arrears("c"))
    shown = {record.record_id: record.expires_on for record in read(base).items[0].records}
    assert shown == {"b": date(2030, 5, 5), "c": None}


def test_each_view_shows_what_its_disclosure_allows(base: RecordBase, door: Path) -> None:
    send(base, door, "tax.arrears", arrears("public"))
    filing = {"period": "2025-01-31", "revenue": "1", "tax_due": "1", "tax_paid": "1", "days_late": "0"}
    send(base, door, "tax.filing", {"record_id": "authorised", **_at("2025-01-31"), **filing})
    shared = {"name": "合成企业0", "taxpayer_kind": "general", "status": "normal"}
    send(base, door, "tax.registration", {"record_id": "government", **_at("2025-01-31"), **shared})
    assert set(items(read(base, view="public"))) == {"tax.arrears"}
    assert set(items(read(base, view="government"))) == {"tax.arrears", "tax.registration"}
    assert set(items(read(base))) == {"tax.arrears", "tax.registration", "tax.filing"}


def test_what_is_for_supervision_alone_is_in_no_report(base: RecordBase, door: Path) -> None:
    for_supervision = {"record_id": "x", "subject_number": PERSON, "occurred_on": "2025-01-01"}
    send(base, door, "public_security.demographics", {**for_supervision, "birth_year": 1801, "sex": "male"})
    send(base, door, "education.exam_misconduct", {**for_supervision, "conduct": "cheating"})
    assert items(read(base, PERSON)) == {}
    assert items(read(base, PERSON, use="supervision")) == {"education.exam_misconduct": ["x"]}


def test_protected_attributes_of_a_household_are_not_told(base: RecordBase, door: Path) -> None:
    household = {"village": "合成村", "members": 3, "labourers": 2, "head_birth_year": 1860, "head_sex": "female"}
    row = {"record_id": "h", "subject_number": FARMER, "occurred_on": "2024-01-01", **household}
    send(base, door, "village.household", row)
    assert [value.name for value in read(base, FARMER).basics[0].fields] == ["members", "labourers"]


def test_disputes_are_marked_while_they_are_open(base: RecordBase, door: Path) -> None:
    send(base, door, "tax.arrears", arrears("a"))
    life = RecordLife(base)
    (opened,) = life.apply("dispute", "tax.arrears", ["a"], ORDER)
    assert read(base, as_of=opened.recorded_at - BEFORE).disputes == ()
    file = read(base)
    (dispute,) = file.disputes
    assert (dispute.record_id, dispute.since, dispute.reason) == ("a", opened.recorded_at, ORDER.reason)
    assert file.items[0].records[0].dispute == dispute
    assert read(base, view="public").disputes[0].reason is None
    (closed,) = life.apply("dispute_dismissed", "tax.arrears", ["a"], ORDER)
    file = read(base)
    assert file.disputes == ()
    assert [step.at for step in file.items[0].records[0].history] == [opened.recorded_at, closed.recorded_at]


@pytest.mark.parametrize("action", ["withdraw", "repair", "seal"])
def test_what_was_taken_out_of_sight_leaves_no_trace_in_the_file(base: RecordBase, door: Path, action: Any) -> None:
    send(base, door, "tax.arrears", arrears("a", cleared_on="2025-04-01"), arrears("b", occurred_on="2025-01-01"))
    (hidden,) = RecordLife(base).apply(action, "tax.arrears", ["a"], ORDER)
    assert items(read(base, as_of=hidden.recorded_at - BEFORE)) == {"tax.arrears": ["a", "b"]}
    file = read(base)
    assert items(file) == {"tax.arrears": ["b"]}
    assert (file.gaps, file.disputes) == ((), ())


def test_an_erasure_leaves_a_gap_that_is_told_without_its_value(base: RecordBase, door: Path) -> None:
    send(base, door, "tax.arrears", arrears("a", amount="98765.43"), arrears("b"))
    before = now()
    erase(base, "tax.arrears", ["a"], ORDER)
    for as_of in (None, before):
        file = read(base, as_of=as_of)
        (gap,) = file.gaps
        assert (gap.item, gap.records, gap.legal_basis) == ("tax.arrears", 1, ORDER.legal_basis)
        assert items(file) == {"tax.arrears": ["b"]}
        assert "98,765.43" not in json.dumps(file.as_dict())


def test_a_file_grows_to_many_records_without_growing_itself(base: RecordBase, door: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=step % 360) for step in range(20_000)]
    rows = [arrears(f"a{number}", occurred_on=str(day)) for number, day in enumerate(days)]
    send(base, door, "tax.arrears", *rows)
    file = read(base, limit=5)
    assert (file.records, len(file.items[0].records), len(file.months)) == (20_000, 5, 12)


def _at(day: str) -> dict[str, Any]:
    return {"subject_number": FIRMS[0], "occurred_on": day}
