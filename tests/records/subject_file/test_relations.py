"""Links in both directions, files carried on, key groups, and facts that sources claim differently."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from county.numbers import officer_numbers
from records.base import RecordBase
from records.moment import now
from records.subject_file import SubjectFile, SubjectFiles
from records.subject_file.model import Link
from tests.records.life import FIRMS, send

PERSON, OTHER = (str(number) for number in officer_numbers(np.arange(2)))


@pytest.fixture
def door(tmp_path: Path) -> Path:
    return tmp_path / "door"


def read(base: RecordBase, number: str, as_of: Any = None, **options: Any) -> SubjectFile:
    return SubjectFiles(base).read(base.resolve(number), as_of, **options)


def row(record_id: str, number: str, day: str, **fields: Any) -> dict[str, Any]:
    return {"record_id": record_id, "subject_number": number, "occurred_on": day, **fields}


def registration(record_id: str, firm: int, day: str = "2020-01-02", **changed: Any) -> dict[str, Any]:
    fields = {"name": f"合成企业{firm}", "industry": "C", "district": "东城区", "status": "active"}
    return row(record_id, FIRMS[firm], day, **{**fields, **changed})


def told(links: tuple[Link, ...]) -> set[tuple[str | None, str, bool, bool]]:
    return {(one.other.name, one.role, one.bears, one.current) for one in links}


def test_links_are_seen_from_both_sides_with_their_role_and_time(base: RecordBase, door: Path) -> None:
    send(base, door, "market.registration", *(registration(f"r{firm}", firm) for firm in range(3)))
    office = "market.legal_representative"
    ended = row("l1", PERSON, "2021-03-01", enterprise=FIRMS[1], ended_on="2023-06-30")
    send(base, door, office, row("l0", PERSON, "2022-03-01", enterprise=FIRMS[0]), ended)
    holds = {"holder": PERSON, "role": "shareholder", "share_percent": "62.5", "subscribed": "1000000"}
    send(base, door, "market.shareholding", row("s2", FIRMS[2], "2022-01-01", **holds))
    file = read(base, PERSON)
    assert told(file.links) == {
        ("合成企业0", "legal_representative", True, True),
        ("合成企业1", "legal_representative", True, False),
        ("合成企业2", "shareholder", True, True),
    }
    share = next(one for one in file.links if one.role == "shareholder")
    assert (share.share_percent, share.amount, share.since) == ("62.5", "1000000.00", date(2022, 1, 1))
    assert share.stated_by == (("market.shareholding", "s2"),)
    (seen,) = read(base, FIRMS[2]).links
    assert (seen.other.subject_id, seen.bears, seen.words.en) == (base.resolve(PERSON), False, "Shareholder")
    assert seen.other.masked.count("*") == 14
    assert [one.current for one in read(base, PERSON, "2023-01-01").links] == []
    assert told(read(base, PERSON, view="public").links) == told(file.links)


def test_a_newer_registration_ends_the_office_that_an_older_one_named(base: RecordBase, door: Path) -> None:
    send(
        base,
        door,
        "market.registration",
        registration("r0", 0, legal_representative=PERSON),
        registration("r1", 0, "2024-01-01", legal_representative=OTHER),
    )
    now_and_then = {one.other.subject_id: one.current for one in read(base, FIRMS[0]).links}
    assert now_and_then == {
        base.identity.subject_id("ric", PERSON): False,
        base.identity.subject_id("ric", OTHER): True,
    }
    only_named = SubjectFiles(base).read(base.identity.subject_id("ric", OTHER))
    assert only_named.subject.kinds == ()
    assert told(only_named.links) == {("合成企业0", "legal_representative", True, True)}
    assert "records of other subjects name it" in only_named.notes[0].en


def test_a_link_that_is_reported_period_by_period_lapses_in_silence(base: RecordBase, door: Path) -> None:
    insured = {"kind": "employee", "employer": FIRMS[0], "months_paid": 6}
    periods = ("2023-06-30", "2023-12-31")
    rows = [row(day, PERSON, day, period=day, **insured) for day in periods]
    send(base, door, "social_insurance.person_insured", *rows)
    (link,) = read(base, PERSON).links
    assert (link.current, link.since, len(link.stated_by)) == (False, date(2023, 6, 30), 1)


def test_a_successor_carries_on_the_file_and_says_whose_it_was(base: RecordBase, door: Path) -> None:
    arrears = {"amount": "10"}
    send(base, door, "tax.arrears", row("of old", FIRMS[0], "2025-01-01", **arrears))
    send(base, door, "tax.arrears", row("of new", FIRMS[1], "2025-02-01", **arrears))
    before = now()
    step = row("s", FIRMS[1], "2025-03-01", kind="recode", predecessor=FIRMS[0])
    send(base, door, "market.succession", step)
    file = read(base, FIRMS[1])
    records = {record.record_id: record.reported_of for one in file.items for record in one.records}
    old = base.resolve(FIRMS[0])
    assert records["of new"] is None
    assert (reported := records["of old"]) is not None
    assert reported.subject_id == old
    assert [one.other.subject_id for one in file.carries_on] == [old]
    assert [one.other.subject_id for one in read(base, FIRMS[0]).carried_on_by] == [base.resolve(FIRMS[1])]
    assert read(base, FIRMS[1], before).carries_on == ()
    assert read(base, FIRMS[1], before).records == 1


def test_a_person_is_in_a_key_group_while_the_register_says_so(base: RecordBase, door: Path) -> None:
    licence = {"certificate": "L1", "kind": "full_time", "employer": FIRMS[0]}
    send(base, door, "justice.lawyer", row("l", PERSON, "2021-01-01", **licence))
    (group,) = read(base, PERSON).key_groups
    assert (group.group, group.since, group.words.zh) == ("lawyer", date(2021, 1, 1), "律师")
    send(base, door, "justice.lawyer", row("e", PERSON, "2021-01-01", supersedes="l", ended_on="2024-12-31", **licence))
    assert read(base, PERSON).key_groups == ()


def test_sources_that_claim_a_fact_differently_are_set_side_by_side(base: RecordBase, door: Path) -> None:
    send(base, door, "market.registration", registration("r", 0, name="东城（合成）公司", registered_on="2019-01-01"))
    tax = {"taxpayer_kind": "general", "status": "normal", "established_on": "2019-02-01"}
    send(base, door, "tax.registration", row("t", FIRMS[0], "2020-01-05", name="东城(合成) 公司", **tax))
    customs = {"name": "另一名称", "customs_code": "c", "kind": "both", "status": "valid"}
    send(base, door, "customs.registration", row("c", FIRMS[0], "2021-01-05", **customs))
    found = {
        one.words.en: [(claim.item, claim.authoritative) for claim in one.claims]
        for one in read(base, FIRMS[0]).contradictions
    }
    assert found == {
        "Name": [("market.registration", True), ("customs.registration", False)],
        "Established on": [("market.registration", True), ("tax.registration", False)],
    }


def test_two_live_records_of_one_period_that_differ_contradict(base: RecordBase, door: Path) -> None:
    grade = {"year": 2023}
    rows = [row(name, FIRMS[0], "2024-04-30", grade=name.upper(), **grade) for name in ("a", "b")]
    send(base, door, "tax.grade", *rows, row("c", FIRMS[0], "2025-04-30", year=2024, grade="A"))
    (found,) = read(base, FIRMS[0]).contradictions
    assert {(claim.record_id, claim.said.en) for claim in found.claims} == {("a", "A"), ("b", "B")}
