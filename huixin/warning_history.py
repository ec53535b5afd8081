"""How early the warnings came: signals month by month before each default of the last year."""

from __future__ import annotations

import statistics
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from features.outcomes import label
from models.hazard import HORIZONS
from records.moment import end_of_day
from scoring.rating import Rater
from scoring.scorer import Scorer
from scoring.signals import fired, rules
from service.pages.content import FirstSignal, WarningTimeline

SEGMENT = "enterprise"
GRAVE = ("orange", "red")
OBSERVED_MONTHS = 12
SHOWN_MONTHS = 30


def warning_timeline(rater: Rater, month_ends: list[date]) -> WarningTimeline | None:
    """The history of the enterprise with the median lead time among those that defaulted in the last year.

    A warning is an orange or red signal at a month end before the default's month; its lead is counted from the first
    of the unbroken run of warned months before the default. ``None`` where no enterprise defaulted.
    """
    defaults = _defaults(rater, month_ends)
    if not defaults:
        return None
    histories = _histories(rater, sorted(defaults), month_ends)
    leads = {}
    for subject, month in defaults.items():
        lead = _lead(histories[subject], month)
        if lead is not None:
            leads[subject] = lead
    chosen = sorted(leads or dict.fromkeys(defaults, 0), key=lambda one: (leads.get(one, 0), one))
    subject = chosen[len(chosen) // 2]
    return _timeline(rater, subject, histories[subject], defaults, leads, month_ends)


def _defaults(rater: Rater, month_ends: list[date]) -> dict[str, int]:
    """Month index of the default of each enterprise that defaulted in the last year, one not in default before."""
    connection = rater.pipeline(SEGMENT).connection
    start = len(month_ends) - 1 - OBSERVED_MONTHS
    moment = end_of_day(month_ends[start])
    ids = rater.base.subjects(SEGMENT)["subject_id"]
    spine = pa.table({"subject_id": ids, "as_of": pa.array([moment] * len(ids), pa.timestamp("us"))})
    found = label(connection, spine, SEGMENT, horizon_months=OBSERVED_MONTHS)
    rows = zip(
        found["subject_id"].to_pylist(),
        found["eligible"].to_pylist(),
        found["outcome"].to_pylist(),
        found["months_to_event"].to_pylist(),
        strict=True,
    )
    return {subject: start + int(months) for subject, eligible, outcome, months in rows if eligible and outcome == 1.0}


def _histories(rater: Rater, subjects: list[str], month_ends: list[date]) -> dict[str, list[dict[str, Any]]]:
    """Score, distress and fired rules of each subject at each of the last months."""
    pipeline, serving = rater.pipeline(SEGMENT), rater.serving(SEGMENT)
    months = month_ends[-SHOWN_MONTHS:]
    moments = [end_of_day(month) for month in months]
    spine = pa.table(
        {
            "subject_id": [subject for subject in subjects for _ in moments],
            "as_of": pa.array(moments * len(subjects), pa.timestamp("us")),
        }
    )
    table = pipeline.build(spine)
    columns = {code: table[code].to_numpy() for code in pipeline.codes}
    scores = Scorer(serving.rating).score(np.column_stack([columns[code] for code in serving.rating.codes]))
    distress = serving.warning.distress(np.column_stack([columns[code] for code in serving.warning.codes]))
    alarm = rules()[1]
    ahead = distress[:, HORIZONS.index(alarm.horizon)]
    histories: dict[str, list[dict[str, Any]]] = {subject: [] for subject in subjects}
    for row in range(table.num_rows):
        features = {code: float(values[row]) for code, values in columns.items()}
        hits = {rule.code: rule for rule in fired(SEGMENT, features)}
        severities = {rule.severity for rule in hits.values()} | {alarm.severity(float(ahead[row]))}
        histories[subjects[row // len(months)]].append(
            {
                "month": months[row % len(months)],
                "index": len(month_ends) - len(months) + row % len(months),
                "score": float(scores.score[row]),
                "distress": float(ahead[row]),
                "rules": hits,
                "grave": bool(severities & set(GRAVE)),
            }
        )
    return histories


def _lead(history: list[dict[str, Any]], default: int) -> int | None:
    """Months from the first of the unbroken run of grave warnings before the default to the default."""
    lead = None
    for moment in reversed([one for one in history if one["index"] < default]):
        if not moment["grave"]:
            break
        lead = default - moment["index"]
    return lead


def _timeline(
    rater: Rater,
    subject: str,
    history: list[dict[str, Any]],
    defaults: dict[str, int],
    leads: dict[str, int],
    month_ends: list[date],
) -> WarningTimeline:
    seen: dict[str, FirstSignal] = {}
    for moment in history:
        for code, rule in moment["rules"].items():
            seen.setdefault(code, FirstSignal(moment["month"], rule.severity, rule_words(rule)))
    default = defaults[subject]
    months = tuple(moment["month"] for moment in history)
    revenue, overdue = _series(rater, subject)
    return WarningTimeline(
        masked=rater.base.subject(subject).masked,
        subject_id=subject,
        months=months,
        score=tuple(moment["score"] for moment in history),
        distress_6m=tuple(moment["distress"] for moment in history),
        revenue=tuple(revenue.get((month.year, month.month)) for month in months),
        days_past_due=tuple(overdue.get((month.year, month.month)) for month in months),
        signals=tuple(sorted(seen.values(), key=lambda one: one.month)),
        default_month=month_ends[default],
        warned_month=month_ends[default - leads.get(subject, 0)],
        defaulted=len(defaults),
        warned_before=len(leads),
        median_lead_months=statistics.median(leads.values()) if leads else 0.0,
    )


def rule_words(rule: Any) -> Any:
    """A rule's words in both languages."""
    from records.words import Text

    return Text(rule.zh, rule.en)


def _series(rater: Rater, subject: str) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], float]]:
    """Declared revenue and most days past due by month, as known now."""
    made = []
    for table, column in (("tax_filing", "sum(revenue)"), ("loan_account_month", "max(days_past_due)")):
        query = (
            f"SELECT year(occurred_on), month(occurred_on), {column} FROM {table} "
            "WHERE subject_id = $subject AND superseded_at IS NULL GROUP BY ALL"
        )
        with rater.pipeline(SEGMENT).connection.con.cursor() as cursor:
            rows = cursor.execute(query, {"subject": subject}).fetchall()
        made.append({(int(year), int(month)): float(value) for year, month, value in rows})
    return made[0], made[1]
