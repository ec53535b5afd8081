"""The definition language: links between subjects, measures of series, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.checks import BadFeature, check
from features.definition import BOTH, ENTERPRISE, Feature, Link
from features.dictionary import registered
from features.pipeline import FeaturePipeline
from records.catalogue import Catalogue
from records.moment import end_of_day, shanghai_day
from records.words import Text

ITEMS = Catalogue.load().items
Make = Callable[..., dict[str, Any]]
DAY = date(2025, 6, 30)
AS_OF = end_of_day(DAY)
GUARANTEED = Link("loan.guarantee", "guaranteed")


def feature(**changed: Any) -> Feature:
    declared: dict[str, Any] = {
        "code": "fresh",
        "item": "tax.arrears",
        "via": GUARANTEED,
        "segments": ENTERPRISE,
        "words": Text("新", "new"),
        "unit": "count",
        "direction": 0,
        "measure": lambda r, w: r.count(where=w),
        "when_empty": 0.0,
    }
    return Feature(**{**declared, **changed})


REACHING = (
    feature(code="once"),
    feature(code="back", via=Link("loan.guarantee", "guaranteed", reverse=True)),
    feature(code="twice", via=Link("loan.guarantee", "guaranteed", then=GUARANTEED)),
)


def ask(connection: Any, *features: Feature, subject: str = "s", as_of: datetime = AS_OF) -> list[float]:
    return list(FeaturePipeline(connection, "enterprise", features).one(subject, as_of).values())


def test_guarantees_reach_the_others_in_both_directions_and_come_back(connect: Any, row: Make) -> None:
    def guarantee(who: str, whom: str, **more: Any) -> dict[str, Any]:
        return row(date(2025, 1, 1), subject_id=who, guaranteed=whom, amount=5, **more)

    rows = {
        "loan.guarantee": [
            *(guarantee(who, whom) for who, whom in ("st", "st", "ts", "tu", "us")),
            guarantee("s", "w", ends_on=DAY),
        ],
        "loan.account_month": [
            row(date(2025, 5, 31), subject_id=who, account="a", days_past_due=days)
            for who, days in (("t", 9), ("u", 4), ("w", 80))
        ],
        "court.enforcement": [row(date(2025, 3, 1), subject_id="t", amount=5)],
    }
    found = FeaturePipeline(connect(rows), "enterprise").one("s", AS_OF)
    said = {
        "guaranteed_dpd_max_3m": 9,
        "guarantor_dpd_max_3m": 9,
        "guaranteed_enforcement_open": 1,
        "guaranteed_dishonest_now": 0,
        "guarantee_mutual_now": 1,
        "guarantee_circle_of_three_now": 1,
    }
    assert {code: found[code] for code in said} == said
    before = FeaturePipeline(connect(rows), "enterprise").one("s", end_of_day(DAY - timedelta(days=1)))
    assert before["guaranteed_dpd_max_3m"] == 80


@st.composite
def pasts(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Guarantees and tax arrears of four subjects, with ends, corrections and late reports."""
    days = st.dates(date(2025, 1, 1), date(2025, 1, 20))
    made: dict[str, list[dict[str, Any]]] = {"loan.guarantee": [], "tax.arrears": []}
    for number in range(draw(st.integers(1, 12))):
        happened = draw(days)
        recorded = datetime(happened.year, happened.month, happened.day, 12) + timedelta(hours=draw(st.integers(0, 99)))
        corrected_after = draw(st.none() | st.integers(1, 99))
        one = {
            "record_id": f"r{number}",
            "subject_id": draw(st.sampled_from("stuv")),
            "subject_kind": "enterprise",
            "occurred_on": happened,
            "recorded_at": recorded,
            "superseded_at": None if corrected_after is None else recorded + timedelta(hours=corrected_after),
            "amount": 1,
        }
        if draw(st.booleans()):
            ends = draw(st.none() | days)
            made["loan.guarantee"].append({**one, "guaranteed": draw(st.sampled_from("stuv")), "ends_on": ends})
        else:
            made["tax.arrears"].append({**one, "expires_on": draw(st.none() | days)})
    return made


def seen(record: dict[str, Any], as_of: datetime) -> bool:
    """The rule of what an as-of may see, in plain Python, with the end of a guarantee."""
    day = shanghai_day(as_of)
    gone = [record.get("expires_on"), record.get("ends_on")]
    return (
        record["recorded_at"] <= as_of
        and record["occurred_on"] <= day
        and (record["superseded_at"] is None or record["superseded_at"] > as_of)
        and all(one is None or one > day for one in gone)
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(past=pasts(), hours=st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_links_hold_exactly_while_their_records_do(
    connect: Any, past: dict[str, list[dict[str, Any]]], hours: list[int]
) -> None:
    backend = connect(past, segments=())
    moments = [datetime(2025, 1, 1) + timedelta(hours=hour) for hour in hours]
    asked = [(who, moment) for who in "stuv" for moment in moments]
    spine = pa.table(
        {
            "subject_id": [who for who, _ in asked],
            "as_of": pa.array([moment for _, moment in asked], pa.timestamp("us")),
        }
    )
    made = FeaturePipeline(backend, "enterprise", REACHING).build(spine)
    for at, (who, moment) in enumerate(asked):
        pairs = {(one["subject_id"], one["guaranteed"]) for one in past["loan.guarantee"] if seen(one, moment)}
        pairs = {(one, other) for one, other in pairs if one != other}
        reached = {
            "once": {other for one, other in pairs if one == who},
            "back": {one for one, other in pairs if other == who},
            "twice": {end for one, mid in pairs if one == who for start, end in pairs if start == mid} - {who},
        }
        for code, others in reached.items():
            counted = [one for one in past["tax.arrears"] if one["subject_id"] in others and seen(one, moment)]
            assert made[code][at].as_py() == len(counted), (code, who, moment)


def test_where_no_end_is_reported_the_latest_record_alone_links(connect: Any, row: Make) -> None:
    register = Link("tax.registration", "legal_representative")
    fellows = Link(
        "tax.registration",
        "legal_representative",
        then=Link("tax.registration", "legal_representative", reverse=True),
    )

    def entry(day: date, who: str, person: str | None, **more: Any) -> dict[str, Any]:
        return row(day, subject_id=who, legal_representative=person, **more)

    left = date(2025, 3, 10)
    withdrawn = datetime(2025, 5, 1)
    rows = {
        "tax.registration": [
            entry(date(2024, 1, 1), "s", "p"),
            entry(left, "s", "q", superseded_at=withdrawn),
            entry(date(2024, 1, 1), "t", "p"),
            entry(date(2024, 1, 1), "u", "q"),
        ],
        "court.person_enforcement": [row(date(2024, 2, 1), "individual", subject_id="p", amount=7)],
        "tax.arrears": [row(date(2024, 2, 1), subject_id="t", amount=1)],
    }
    asked = (
        feature(code="owner", item="court.person_enforcement", via=register),
        feature(code="fellows", via=fellows),
    )
    connection = connect(rows)
    assert ask(connection, *asked, as_of=end_of_day(left - timedelta(days=1))) == [1, 1]
    assert ask(connection, *asked, as_of=end_of_day(left)) == [0, 0]
    assert ask(connection, *asked, as_of=withdrawn) == [1, 1]
    assert ask(connection, *asked, subject="u", as_of=AS_OF) == [0, 0]


def test_evidence_of_a_linked_feature_are_the_records_of_the_others(connect: Any, row: Make) -> None:
    late = row(date(2025, 5, 31), subject_id="t", account="a", days_past_due=40)
    rows = {
        "loan.guarantee": [row(date(2025, 1, 1), guaranteed="t", amount=1)],
        "loan.account_month": [late, row(date(2025, 5, 31), subject_id="u", account="a", days_past_due=70)],
    }
    found = FeaturePipeline(connect(rows), "enterprise").evidence("s", AS_OF, ["guaranteed_dpd_max_3m"])
    assert [(one.item, one.record_id) for one in found["guaranteed_dpd_max_3m"]] == [
        ("loan.account_month", late["record_id"])
    ]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"via": Link("no.item", "guaranteed")}, "no item"),
        ({"via": Link("loan.guarantee", "amount")}, "no field amount of type subject"),
        ({"via": Link("loan.guarantee", "guaranteed", until="amount")}, "of type date"),
        ({"via": Link("bank.joint_liability", "partner")}, "not about enterprise"),
        ({"via": Link("justice.lawyer", "employer", reverse=True)}, "does not permit"),
        ({"item": "tax.person_settlement", "via": GUARANTEED}, "does not permit"),
    ],
)
def test_links_that_lead_nowhere_or_may_not_be_used_are_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(BadFeature, match=says):
        check(feature(**changed), {}, ITEMS)
    check(feature(), {}, ITEMS)


def test_no_subject_is_linked_through_what_is_protected_or_for_supervision() -> None:
    for one in registered().values():
        if isinstance(one, Feature) and one.via is not None:
            assert all("rating" in ITEMS[step.item].uses for step in one.via.steps)
            assert set(one.segments) <= set(BOTH)
