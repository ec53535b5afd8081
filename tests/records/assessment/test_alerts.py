"""Alerts: who has gone silent, whose points fall, whose rows are refused; and who may learn of it."""

from __future__ import annotations

from datetime import date, timedelta

from records.assessment import Alert, Assessment, assess
from records.base import RecordBase
from records.database import NothingToReportRow, writing
from records.moment import add_months, month_end, now, shanghai_day
from tests.records.assessment.sample import Send, month_row


def of(found: Assessment, code: str, item: str | None = None) -> list[Alert]:
    return [one for one in found.alerts if one.code == code and item in (None, one.item)]


def said_nothing(base: RecordBase, item: str, month: date) -> None:
    with writing(base.engine) as session:
        session.add(NothingToReportRow(item=item, month=month, at=now()))


def months(send: Send, first: date, count: int, firms: int = 2, late: int = 5) -> None:
    """Monthly figures of ``firms`` for so many months, each received ``late`` days after its month."""
    ends = [month_end(add_months(first, n)) for n in range(count)]
    rows = [month_row(firm, f"{end}", f"{end + timedelta(days=late)}") for end in ends for firm in range(firms)]
    send("alpha.month", *rows, history=True)


def events(send: Send, *days: date) -> None:
    rows = [
        {"record_id": f"e-{day}", "occurred_on": f"{day}", "recorded_at": f"{day}T04:00:00", "amount": "1"}
        for day in days
    ]
    send("alpha.event", *rows, history=True)


def test_a_periodic_item_is_silent_from_the_day_after_its_deadline(base: RecordBase, send: Send) -> None:
    months(send, date(2025, 1, 1), 4)
    assert of(assess(base, "2025-05", as_of="2025-06-10"), "silent") == []
    for as_of, severity in (("2025-06-11", "yellow"), ("2025-07-11", "orange"), ("2025-09-01", "red")):
        (alert,) = of(assess(base, "2025-05", as_of=as_of), "silent")
        assert (alert.severity, alert.since, alert.source) == (severity, date(2025, 6, 11), "alpha")


def test_a_word_of_nothing_to_report_ends_the_silence(base: RecordBase, send: Send) -> None:
    months(send, date(2026, 1, 1), 4)
    assert of(assess(base, "2026-05"), "silent", "alpha.month") != []
    at = shanghai_day(now())
    for number in range(13):
        said_nothing(base, "alpha.month", add_months(at.replace(day=1), -number))
    found = assess(base, "2026-05")
    assert of(found, "silent", "alpha.month") == []
    assert [row.measures["completeness"] for row in found.rows if f"{row.month:%Y-%m}" == "2026-05"] == [1.0]


def test_an_item_on_event_is_silent_after_three_of_its_usual_gaps(base: RecordBase, send: Send) -> None:
    first = date(2025, 1, 1)
    events(send, *(first + timedelta(days=20 * n) for n in range(6)))
    last = first + timedelta(days=100)
    assert of(assess(base, "2025-04", as_of=last + timedelta(days=60)), "silent") == []
    for waited, severity in ((61, "yellow"), (121, "orange"), (241, "red")):
        (alert,) = of(assess(base, "2025-04", as_of=last + timedelta(days=waited)), "silent")
        assert (alert.severity, alert.since) == (severity, last + timedelta(days=61))


def test_an_item_that_comes_daily_may_still_pause_for_a_month(base: RecordBase, send: Send) -> None:
    events(send, *(date(2025, 1, 1) + timedelta(days=n) for n in range(10)))
    assert of(assess(base, "2025-01", as_of="2025-02-10"), "silent") == []
    assert of(assess(base, "2025-01", as_of="2025-02-11"), "silent") != []


def test_what_comes_in_one_season_only_is_not_silent_in_the_others(base: RecordBase, send: Send) -> None:
    events(send, *(date(year, 3, 1) + timedelta(days=n) for year in (2024, 2025) for n in range(30)))
    assert of(assess(base, "2025-08", as_of="2025-10-01"), "silent") == []
    assert of(assess(base, "2026-04", as_of="2026-06-01"), "silent") != []


def test_falling_points_are_told(base: RecordBase, send: Send) -> None:
    months(send, date(2025, 1, 1), 5, firms=10)
    end = date(2025, 6, 30)
    send("alpha.month", *(month_row(firm, f"{end}", "2025-07-20") for firm in range(3)), history=True)
    found = assess(base, "2025-06", as_of="2025-08-01")
    (alert,) = of(found, "falling")
    assert (alert.source, alert.severity, alert.item) == ("alpha", "red", None)
    (standing,) = found.ranking
    assert standing.change is not None
    assert standing.change < -30
    assert of(found, "incomplete", "alpha.month") != []
    assert of(assess(base, "2025-05", as_of="2025-08-01"), "falling") == []


def test_a_rejection_rate_that_jumps_is_told_and_a_steady_one_is_not(base: RecordBase, send: Send) -> None:
    month = f"{shanghai_day(now()):%Y-%m}"
    day = f"{shanghai_day(now())}"
    rows = [{"record_id": f"e{n}", "occurred_on": day, "amount": "x" if n < 6 else "1"} for n in range(24)]
    send("alpha.event", *rows)
    (alert,) = of(assess(base, month), "rejections")
    assert (alert.severity, alert.item) == ("orange", "alpha.event")
    few = [{"record_id": f"f{n}", "name": "", "occurred_on": day} for n in range(5)]
    send("beta.account", *few)
    assert [one.item for one in of(assess(base, month), "rejections")] == ["alpha.event"]


def test_an_agency_learns_of_its_own_only(base: RecordBase, send: Send) -> None:
    months(send, date(2025, 1, 1), 2)
    day = {"occurred_on": "2025-01-05", "recorded_at": "2025-01-06T04:00:00"}
    send("alpha.body", {"record_id": "b", "name": "甲厂", "status": "open"} | day, history=True)
    send("beta.account", {"record_id": "a", "name": "甲"} | day, history=True)
    whole = assess(base, "2025-02", as_of="2025-08-01")
    assert {one.source for one in whole.alerts} == {"alpha", "beta"}
    own = whole.of_source("beta")
    assert {one.source for one in (*own.rows, *own.standings, *own.alerts)} == {"beta"}
    assert [claim.value for claim in own.contradictions[0].claims] == [None, "甲"]
    assert whole.of_source("alpha").contradictions == ()
    shown = whole.of_source("beta", frozenset({"alpha.body"}))
    assert [claim.value for claim in shown.contradictions[0].claims] == ["甲厂", "甲"]
