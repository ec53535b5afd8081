"""Completeness, accuracy, timeliness, consistency and repair time, as an assessed agency would check them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from records.assessment import Assessment, ItemMonth, Scheme, assess
from records.base import RecordBase
from records.database import NothingToReportRow, writing
from records.lifecycle import Order, RecordLife
from records.moment import now, shanghai_day
from records.settings import Settings
from tests.records.assessment.sample import FIRMS, Send, month_row

ORDER = Order("信用中心", "核查", "征信业管理条例第二十五条")
THIS_MONTH = f"{shanghai_day(now()):%Y-%m}"


def row(found: Assessment, item: str, month: str) -> ItemMonth:
    return next(one for one in found.rows if one.item == item and f"{one.month:%Y-%m}" == month)


def event(record_id: str, firm: int = 0, **more: Any) -> dict[str, Any]:
    return {"record_id": record_id, "firm": firm, "occurred_on": f"{shanghai_day(now())}", "amount": "5", **more}


def test_a_new_item_as_a_file_is_accepted_stored_queried_and_assessed(tmp_path: Path, folder: Path) -> None:
    (folder / "gamma.toml").write_text(
        """
code = "gamma"
zh = "丙局"
en = "Gamma office"
[[items]]
code = "gamma.visit"
zh = "走访"
en = "Visit"
subject_kinds = ["enterprise"]
polarity = "positive"
frequency = "quarterly"
deadline_days = 15
disclosure = "public"
legal_basis = "目录"
[items.fields]
mark = { type = "integer", zh = "评分", en = "Mark", required = true, minimum = 0, maximum = 100 }
""",
        encoding="utf-8",
    )
    base = RecordBase.open(Settings(home=tmp_path / "other", catalogue_folder=folder))
    batch = tmp_path / "visits.csv"
    batch.write_text(
        "record_id,subject_number,occurred_on,recorded_at,mark\n"
        f"v1,{FIRMS[0]},2025-02-11,2025-04-10T02:00:00,80\nv2,{FIRMS[1]},2025-03-01,2025-04-20T02:00:00,90\n"
    )
    assert base.append(batch, "gamma.visit", history=True).rows_accepted == 2
    assert base.connection(("gamma.visit",)).table("gamma_visit").mark.sum().execute() == 170
    found = assess(base, "2025-03", as_of="2025-05-01")
    quarter = row(found, "gamma.visit", "2025-03")
    assert (quarter.reported, quarter.expected, quarter.measures["timeliness"]) == (2, 2, 0.5)
    assert [one.source for one in found.ranking] == ["gamma"]


def test_subjects_of_the_last_three_periods_are_expected_unless_they_ended(base: RecordBase, send: Send) -> None:
    rows = [month_row(firm, "2025-01-31", "2025-02-03") for firm in range(5)]
    rows += [month_row(firm, "2025-02-28", "2025-03-03") for firm in range(4)]
    rows += [month_row(firm, "2025-05-31", "2025-06-03", remark="x") for firm in range(2)]
    send("alpha.month", *rows, history=True)
    bodies = [("open", "2020-01-01", "b-0"), ("closed", "2025-04-10", "b-1")]
    send(
        "alpha.body",
        *(
            {"record_id": name, "firm": 3, "occurred_on": day, "recorded_at": f"{day}T04:00:00"}
            | {"name": "某厂", "status": status}
            for status, day, name in bodies
        ),
        history=True,
    )
    found = assess(base, "2025-06", as_of="2025-07-20")
    counts = {f"{one.month:%m}": (one.reported, one.expected) for one in found.rows if one.item == "alpha.month"}
    assert counts == {"01": (5, 5), "02": (4, 5), "03": (0, 5), "04": (0, 4), "05": (2, 3), "06": (0, 2)}
    may = row(found, "alpha.month", "2025-05")
    assert may.filled == 1
    assert may.measures["completeness"] == pytest.approx(0.8 * 2 / 3 + 0.2)


def test_a_period_counts_only_when_its_deadline_has_passed(base: RecordBase, send: Send) -> None:
    send("alpha.month", month_row(0, "2025-03-31", "2025-04-02"), history=True)
    before = row(assess(base, "2025-03", as_of="2025-04-10"), "alpha.month", "2025-03")
    assert (before.provisional, before.measures["completeness"]) == (True, None)
    after = row(assess(base, "2025-03", as_of="2025-04-11"), "alpha.month", "2025-03")
    assert (after.provisional, after.measures["completeness"]) == (False, 0.8)


def test_timeliness_counts_days_from_the_end_of_the_period_and_from_the_event(base: RecordBase, send: Send) -> None:
    days = ("2025-04-01", "2025-04-05", "2025-04-10", "2025-04-11", "2025-05-30")
    send("alpha.month", *(month_row(n, "2025-03-31", day) for n, day in enumerate(days)), history=True)
    late = [event("e1", occurred_on="2025-03-01"), event("e2", occurred_on="2025-03-07")]
    send("alpha.event", *(one | {"recorded_at": "2025-03-09T04:00:00"} for one in late), history=True)
    found = assess(base, "2025-05", as_of="2025-06-30")
    march = row(found, "alpha.month", "2025-03")
    assert march.measures["timeliness"] == 0.6
    assert march.delay_median == 10
    assert march.delay_p95 == pytest.approx(50.2)
    assert row(found, "alpha.event", "2025-03").measures["timeliness"] == 0.5
    assert march.history == 0
    assert row(found, "alpha.month", "2025-04").history == 4


def test_events_need_a_record_or_a_word_of_nothing_to_report(base: RecordBase, send: Send) -> None:
    send(
        "alpha.event",
        event("e1", occurred_on="2025-03-09", recorded_at="2025-03-09T04:00:00"),
        event("e2", occurred_on="2025-06-09", recorded_at="2025-06-09T04:00:00"),
        history=True,
    )
    with writing(base.engine) as session:
        session.add(NothingToReportRow(item="alpha.event", month=shanghai_day(now()).replace(2025, 4, 1), at=now()))
    for monthly_word, may in ((False, None), (True, 0)):
        found = assess(base, "2025-06", scheme=Scheme(monthly_word=monthly_word))
        told = {f"{one.month:%m}": one.measures["completeness"] for one in found.rows}
        assert told == {"03": 1, "04": 1, "05": may, "06": 1}


def test_events_that_stay_away_for_longer_than_usual_are_missed(base: RecordBase, send: Send) -> None:
    days = [f"2025-0{month}-{day}" for month in (1, 2) for day in ("03", "09", "15", "21", "27")]
    send(
        "alpha.event",
        *(event(f"e-{day}", occurred_on=day, recorded_at=f"{day}T04:00:00") for day in days),
        history=True,
    )
    found = assess(base, "2025-05", as_of="2025-06-30")
    told = {f"{one.month:%m}": one.measures["completeness"] for one in found.rows}
    assert told == {"01": 1, "02": 1, "03": 0, "04": 0, "05": 0}


def test_refused_rows_and_later_corrections_cost_accuracy(base: RecordBase, send: Send) -> None:
    send("alpha.event", *(event(f"e{n}", n) for n in range(8)), event("bad", amount="-1"), event("worse", amount="x"))
    send("alpha.event", event("e0-right", amount="6", supersedes="e0"))
    RecordLife(base).apply("withdraw", "alpha.event", ["e1"], ORDER)
    RecordLife(base).apply("dispute", "alpha.event", ["e2", "e3"], ORDER)
    RecordLife(base).apply("dispute_upheld", "alpha.event", ["e2"], ORDER)
    RecordLife(base).apply("dispute_dismissed", "alpha.event", ["e3"], ORDER)
    now_row = row(assess(base, THIS_MONTH), "alpha.event", THIS_MONTH)
    assert (now_row.records, now_row.rejected, now_row.faulty) == (9, 2, 3)
    assert now_row.measures["accuracy"] == pytest.approx(1 - 5 / 11)
    assert {one.field for one in now_row.reasons} == {"amount"}
    assert "-1" not in f"{now_row.reasons}"


def test_a_record_that_was_withdrawn_by_mistake_is_no_fault(base: RecordBase, send: Send) -> None:
    send("alpha.event", event("e0"))
    RecordLife(base).apply("withdraw", "alpha.event", ["e0"], ORDER)
    RecordLife(base).apply("restore", "alpha.event", ["e0"], ORDER)
    found = row(assess(base, THIS_MONTH), "alpha.event", THIS_MONTH)
    assert (found.records, found.faulty) == (1, 0)


def test_two_sources_that_differ_are_shown_with_the_authority_first(base: RecordBase, send: Send) -> None:
    day = {"occurred_on": "2025-01-05", "recorded_at": "2025-01-06T04:00:00"}
    names = ["甲厂", "乙厂", "丙厂", "丁厂"]
    send(
        "alpha.body",
        *({"record_id": f"b{n}", "firm": n, "name": name, "status": "open"} | day for n, name in enumerate(names)),
        history=True,
    )
    claims = ["甲厂", " 乙厂 ", "丙工厂"]
    accounts = [{"record_id": f"a{n}", "firm": n, "name": name} | day for n, name in enumerate(claims)]
    send("beta.account", *accounts, history=True)
    found = assess(base, "2025-02")
    account = row(found, "beta.account", "2025-02")
    assert (account.compared, account.disagreeing) == (3, 1)
    assert account.measures["consistency"] == pytest.approx(2 / 3)
    (one,) = found.contradictions
    assert [claim.source for claim in one.claims] == ["alpha", "beta"]
    assert [claim.value for claim in one.claims] == ["丙厂", "丙工厂"]
    assert FIRMS[2] not in f"{one}"


def test_a_contradiction_ends_with_the_correction(base: RecordBase, send: Send) -> None:
    day = {"occurred_on": "2025-01-05", "recorded_at": "2025-01-06T04:00:00"}
    send("alpha.body", {"record_id": "b", "name": "甲厂", "status": "open"} | day, history=True)
    send("beta.account", {"record_id": "a", "name": "甲"} | day, history=True)
    right = {"record_id": "a2", "name": "甲厂", "occurred_on": "2025-01-05", "supersedes": "a"}
    send("beta.account", right | {"recorded_at": "2025-03-02T04:00:00"}, history=True)
    found = assess(base, "2025-03")
    assert [row(found, "beta.account", f"2025-0{month}").disagreeing for month in (1, 2, 3)] == [1, 1, 0]
    assert found.contradictions == ()
    assert len(assess(base, "2025-02").contradictions) == 1


def test_live_records_alike_in_the_natural_key_contradict(base: RecordBase, send: Send) -> None:
    again = month_row(0, "2025-03-31", "2025-04-03", record_id="again", amount=7)
    send("alpha.month", *(month_row(n, "2025-03-31", "2025-04-02") for n in range(3)), again, history=True)
    assert row(assess(base, "2025-03"), "alpha.month", "2025-03").measures["consistency"] == 0.75
    RecordLife(base).apply("withdraw", "alpha.month", ["again"], ORDER)
    assert row(assess(base, "2025-03"), "alpha.month", "2025-03").measures["consistency"] == 1


def test_repair_time_runs_from_the_refusal_to_the_acceptance(base: RecordBase, send: Send) -> None:
    send("alpha.event", event("e1", amount="x"), event("e2", amount="x"), event("e3"), event("e3"))
    send("alpha.event", event("e1", amount="5"))
    later = assess(base, THIS_MONTH, as_of=now() + timedelta(days=20))
    found = row(later, "alpha.event", THIS_MONTH)
    assert (found.repaired, found.open_repairs) == (1, 1)
    assert found.repair_days == pytest.approx(10, abs=0.1)
    assert found.oldest_open_days == pytest.approx(20, abs=0.1)
    assert found.measures["repair"] == pytest.approx(0.8, abs=0.01)


def test_objections_are_to_be_answered_within_twenty_days(base: RecordBase, send: Send) -> None:
    send("alpha.event", event("e1"), event("e2", 1))
    RecordLife(base).apply("dispute", "alpha.event", ["e1", "e2"], ORDER)
    RecordLife(base).apply("dispute_dismissed", "alpha.event", ["e1"], ORDER)
    in_time = assess(base, THIS_MONTH, as_of=now() + timedelta(days=19))
    assert row(in_time, "alpha.event", THIS_MONTH).measures["repair"] == 1
    assert [one for one in in_time.alerts if one.code == "objections"] == []
    late = assess(base, THIS_MONTH, as_of=now() + timedelta(days=21))
    assert row(late, "alpha.event", THIS_MONTH).measures["repair"] == 0.5
    assert [one.severity for one in late.alerts if one.code == "objections"] == ["orange"]


def test_what_comes_later_does_not_change_an_earlier_as_of(base: RecordBase, send: Send) -> None:
    send("alpha.month", *(month_row(n, "2025-03-31", "2025-04-02") for n in range(3)), history=True)
    moment = now()
    before = assess(base, "2025-03", as_of=moment)
    send("alpha.month", month_row(0, "2025-03-31", record_id="x", supersedes="m-0-2025-03-31", amount=9))
    send("alpha.month", month_row(9, "2025-03-31", amount=-1))
    RecordLife(base).apply("withdraw", "alpha.month", ["m-1-2025-03-31"], ORDER)
    assert assess(base, "2025-03", as_of=moment) == before
