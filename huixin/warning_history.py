"""How early the warnings came: the alert list month by month before each default of the last year."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from features.outcomes import label
from features.spine import spine
from models.hazard import HORIZONS
from records.moment import end_of_day
from records.words import Text
from scoring.rating import Rater
from scoring.scorer import Scorer
from scoring.signals import AFTER_DEFAULT, fired, rules
from service.pages.content import FirstSignal, WarningTimeline

SEGMENT = "enterprise"
BUDGET = 0.05
OBSERVED_MONTHS = 12
SHOWN_MONTHS = 24
BUILT_MONTHS = 6  # at once: a build of few rows costs as much as one of many

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Month:
    """One subject at one month end."""

    index: int
    score: float
    distress: float
    alerted: bool
    rules: dict[str, FirstSignal]


def warning_timeline(rater: Rater, month_ends: list[date]) -> WarningTimeline | None:
    """The history of the enterprise with the median lead among those warned before they defaulted in the last year.

    Each month the ``BUDGET`` of the enterprises (those not in default) with the highest probability of distress within
    six months are on the alert list. A lead runs from the first month of the unbroken stay on the list up to the
    default. ``None`` where no enterprise defaulted.
    """
    defaults = _defaults(rater, month_ends)
    if not defaults:
        return None
    histories = _histories(rater, defaults, month_ends)
    found = {subject: _lead(histories[subject], month) for subject, month in defaults.items()}
    leads = {subject: lead for subject, lead in found.items() if lead}
    ordered = sorted(leads or defaults, key=lambda one: (leads.get(one, 0), one))
    subject = ordered[len(ordered) // 2]
    return _timeline(rater, subject, histories[subject], defaults, leads, month_ends)


def _defaults(rater: Rater, month_ends: list[date]) -> dict[str, int]:
    """Month index of the default of each enterprise that defaulted in the last year, not in default before."""
    connection = rater.pipeline(SEGMENT).connection
    start = len(month_ends) - 1 - OBSERVED_MONTHS
    rows = spine(connection, SEGMENT, [month_ends[start]])
    found = label(connection, rows, SEGMENT, horizon_months=OBSERVED_MONTHS)
    listed = zip(
        *(found[name].to_pylist() for name in ("subject_id", "eligible", "outcome", "months_to_event")), strict=True
    )
    return {
        subject: start + int(months) for subject, eligible, outcome, months in listed if eligible and outcome == 1.0
    }


def _histories(rater: Rater, subjects: dict[str, int], month_ends: list[date]) -> dict[str, list[_Month]]:
    """Score, probability of distress, place on the alert list and fired rules of ``subjects`` in the last months."""
    pipeline, serving = rater.pipeline(SEGMENT), rater.serving(SEGMENT)
    ahead = HORIZONS.index(rules()[1].horizon)
    histories: dict[str, list[_Month]] = {subject: [] for subject in subjects}
    shown = range(max(0, len(month_ends) - SHOWN_MONTHS), len(month_ends))
    for start in shown[::BUILT_MONTHS]:
        indices = {end_of_day(month_ends[index]): index for index in shown if start <= index < start + BUILT_MONTHS}
        table = pipeline.build(spine(pipeline.connection, SEGMENT, [month_ends[index] for index in indices.values()]))
        moments = np.array([indices[moment] for moment in table["as_of"].to_pylist()])
        columns = {code: table[code].to_numpy() for code in pipeline.codes}
        distress = np.nan_to_num(serving.distress(columns)[:, ahead])
        scores = Scorer(serving.rating).score(np.column_stack([columns[code] for code in serving.rating.codes]))
        limits = {
            index: _alert_limit(
                distress[moments == index], {code: one[moments == index] for code, one in columns.items()}
            )
            for index in indices.values()
        }
        for row, subject in enumerate(table["subject_id"].to_pylist()):
            if subject in histories:
                index, features = int(moments[row]), {code: float(values[row]) for code, values in columns.items()}
                first = {
                    rule.code: FirstSignal(month_ends[index], rule.severity, Text(rule.zh, rule.en))
                    for rule in fired(SEGMENT, features)
                }
                alerted = bool(distress[row] >= limits[index])
                histories[subject].append(_Month(index, float(scores.score[row]), float(distress[row]), alerted, first))
    for months in histories.values():
        months.sort(key=lambda one: one.index)
    return histories


def _alert_limit(distress: Floats, columns: dict[str, Floats]) -> float:
    """Least probability of distress that is on the list: the budget of those not visibly in default."""
    named = {"loan_dpd_now": 90.0, "dishonest_now": 1.0}
    in_default = np.zeros(len(distress), bool)
    for code, limit in named.items():
        in_default |= np.nan_to_num(columns[code]) >= limit
    open_cases = distress[~in_default]
    return float(np.quantile(open_cases, 1 - BUDGET)) if len(open_cases) else 1.0


def _lead(history: list[_Month], default: int) -> int:
    """Months from the first of the unbroken run of alerts before the default to the default; 0 where there is none."""
    lead = 0
    for moment in reversed([one for one in history if one.index < default]):
        if not moment.alerted:
            break
        lead = default - moment.index
    return lead


def _timeline(
    rater: Rater,
    subject: str,
    history: list[_Month],
    defaults: dict[str, int],
    leads: dict[str, int],
    month_ends: list[date],
) -> WarningTimeline:
    seen: dict[str, FirstSignal] = {}
    for moment in history:
        for code, first in moment.rules.items():
            if moment.index <= defaults[subject] or code in AFTER_DEFAULT:
                seen.setdefault(code, first)
    months = tuple(month_ends[moment.index] for moment in history)
    revenue, overdue = (_series(rater, subject, *source) for source in _SERIES)
    return WarningTimeline(
        masked=rater.base.subject(subject).masked,
        subject_id=subject,
        months=months,
        score=tuple(moment.score for moment in history),
        distress_6m=tuple(moment.distress for moment in history),
        revenue=tuple(revenue.get((month.year, month.month)) for month in months),
        days_past_due=tuple(overdue.get((month.year, month.month)) for month in months),
        signals=tuple(sorted(seen.values(), key=lambda one: one.month)),
        default_month=month_ends[defaults[subject]],
        warned_month=month_ends[defaults[subject] - leads.get(subject, 0)],
        defaulted=len(defaults),
        warned_before=len(leads),
        median_lead_months=statistics.median(leads.values()) if leads else 0.0,
        budget=BUDGET,
    )


_SERIES = (("tax_filing", "sum(revenue)"), ("loan_account_month", "max(days_past_due)"))


def _series(rater: Rater, subject: str, table: str, value: str) -> dict[tuple[int, int], float]:
    """A monthly figure of a subject's records, as known now, by (year, month)."""
    query = (
        f"SELECT year(occurred_on), month(occurred_on), {value} FROM {table} "
        "WHERE subject_id = $subject AND superseded_at IS NULL GROUP BY ALL"
    )
    with rater.pipeline(SEGMENT).connection.con.cursor() as cursor:
        rows = cursor.execute(query, {"subject": subject}).fetchall()
    return {(int(year), int(month)): float(found) for year, month, found in rows}
