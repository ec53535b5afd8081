"""Items that have gone silent or thin, as the features of a segment feel it: is no record still no event?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean, median, pvariance
from typing import TYPE_CHECKING, Literal

from records.assessment.periods import (
    due_on,
    ends_period,
    first_day,
    month_number,
    received_sql,
    reported_month_sql,
    step_of,
)
from records.catalogue import Item
from records.words import Text

if TYPE_CHECKING:
    from records.assessment.gathering import Gathered
    from records.assessment.model import Severity
    from records.base import RecordBase

Cause = Literal["silent", "incomplete", "thinned", "never"]
COVERED_LEAST, COVERED_HALF, PERIODS_BEFORE, PERIODS_COMPARED = 0.9, 0.5, 3, 6
WINDOW_DAYS, WINDOWS_A_YEAR = 28, 13
RECENT, HISTORY, HISTORY_NEEDED = 3, 26, 6
FALSE_ALARMS, THINNED_TO, NEARLY_NOTHING = 0.05, 0.5, 0.2


@dataclass(frozen=True)
class Silence:
    """An item of which too little comes. ``since``: the first day on which it was overdue, or too little had come;
    ``spoke``: the last day on which its source still spoke as usual. Both are none where nothing ever came.
    """

    item: str
    source: str
    cause: Cause
    severity: Severity
    since: date | None
    spoke: date | None
    words: Text


def silences(base: RecordBase, segment: str, items: Sequence[str], as_of: datetime) -> list[Silence]:
    """Those of ``items`` of which, about subjects of ``segment``, too little had come by ``as_of``.

    ``silent``: overdue as ``huixin assess`` judges it; ``incomplete``: the last period due was reported for under nine
    tenths of as many of the subjects reported in the three before as is usual so many days after it; ``thinned``: an
    item on event of which fewer records came than its own history lets chance give (``thin``); ``never``: nothing ever
    came about the segment. A word of nothing to report is no silence.
    """
    from records.assessment.figures import closed_subjects
    from records.assessment.gathering import gathered

    known = [base.catalogue.items[code] for code in items if code in base.catalogue.items]
    tested = sum(item.frequency == "on event" for item in known)
    with gathered(base, as_of) as found:
        closed_subjects(found)
        made = [_silence(found, segment, item, tested) for item in known]
    return [one for one in made if one is not None]


def thin(counts: Sequence[int], tested: int = 1) -> tuple[int, int, float] | None:
    """Whether the newest windows hold fewer records than chance lets them: (windows, records, expected), else none.

    ``counts``: records by window of 28 days, the newest first, from the second window in which any came. One to three
    of the newest windows are held to those before, at most two years of them, at least six: their mean without the
    fullest tenth, or what came in the same windows a year before where that is less (so a season is no silence). With
    mean and spread of the history a count is taken as Poisson, or as negative binomial where it spreads wider. Of
    ``tested`` items that go on as before, at most one report in twenty names any. Only what fell by half,
    and below everything in its history, counts.
    """
    from scipy import stats

    history = list(counts[RECENT : RECENT + HISTORY])
    if len(history) < HISTORY_NEEDED:
        return None
    kept = sorted(history)[: len(history) - max(1, len(history) // 10)]
    usual, spread = fmean(kept), pvariance(kept)
    dispersion = max(1.0, spread / usual) if usual else 1.0
    rarest = FALSE_ALARMS / (RECENT * max(1, tested))
    worst = None
    for windows in range(1, RECENT + 1):
        records, expected = sum(counts[:windows]), windows * usual
        fewest = min(sum(history[at : at + windows]) for at in range(len(history) - windows + 1))
        if len(counts) >= WINDOWS_A_YEAR + windows:
            expected = min(expected, sum(counts[WINDOWS_A_YEAR : WINDOWS_A_YEAR + windows]))
        if not expected or records > THINNED_TO * expected or records >= fewest:
            continue
        if dispersion > 1:
            likely = stats.nbinom.cdf(records, expected / (dispersion - 1), 1 / dispersion)
        else:
            likely = stats.poisson.cdf(records, expected)
        if likely < rarest:
            rarest, worst = float(likely), (windows, records, expected)
    return worst


def _silence(found: Gathered, segment: str, item: Item, tested: int) -> Silence | None:
    from records.assessment.silence import heard_days, silent

    days, months = _ever(found, segment, item)
    heard = heard_days(found, item, days)
    if not days and item.code not in found.nothing:
        words = Text(f"{item.zh}：从未报送", f"{item.en}: never reported")
        return Silence(item.code, item.source, "never", "blue", None, None, words)
    if alert := silent(found, item, heard, months):
        spoke = max(day for day in heard if day <= found.today)
        return Silence(item.code, item.source, "silent", alert.severity, alert.since, spoke, alert.words)
    if (step := step_of(item)) is not None:
        return _incomplete(found, segment, item, step)
    return _thinned(found, segment, item, tested) if item.frequency == "on event" else None


def _ever(found: Gathered, segment: str, item: Item) -> tuple[list[date], list[int]]:
    """The days on which records about the segment ever came, and the months for which they were reported."""
    if item.code not in found.stored:
        return [], []
    rows = found.raw.execute(
        f"SELECT DISTINCT {received_sql()}, {reported_month_sql(item)} FROM {item.table} r "
        "WHERE r.recorded_at <= $as_of AND r.subject_kind = $segment",
        {"as_of": found.as_of, "segment": segment},
    ).fetchall()
    return sorted({day for day, _ in rows}), sorted({month for _, month in rows})


def _incomplete(found: Gathered, segment: str, item: Item, step: int) -> Silence | None:
    """Whether the last period due was reported for far fewer subjects than earlier ones were, so long after it."""
    last = month_number(found.today)
    while not ends_period(last, step) or due_on(item, last) >= found.today:
        last -= 1
    if item.code not in found.stored or last in found.nothing.get(item.code, {}):
        return None
    waited = found.today - due_on(item, last)
    known_by = {last - back * step: due_on(item, last - back * step) + waited for back in range(PERIODS_COMPARED + 1)}
    covered = _covered(found, segment, item, known_by, step)
    reported, expected = covered.pop(last, (0, 0))
    usual = median(came / due for came, due in covered.values() if due) if any(covered.values()) else 1.0
    if not expected or reported >= COVERED_LEAST * usual * expected:
        return None
    period = f"{first_day(last):%Y-%m}"
    words = Text(
        f"{item.zh}：{period} 所属期应报 {expected:,} 户，实报 {reported:,} 户（以往此时 {usual:.0%}）",
        f"{item.en}: for the period ending in {period}, reported for {reported:,} of {expected:,} subjects "
        f"({usual:.0%} by then as a rule)",
    )
    severity: Severity = "yellow" if reported >= COVERED_HALF * usual * expected else "orange"
    since, spoke = due_on(item, last) + timedelta(days=1), known_by[last - step]
    return Silence(item.code, item.source, "incomplete", severity, since, spoke, words)


def _covered(
    found: Gathered, segment: str, item: Item, known_by: dict[int, date], step: int
) -> dict[int, tuple[int, int]]:
    """For each period, as known by its day: subjects reported, and those reported for it or for the three before.

    Subjects that had ended by the period and were not reported for it do not count.
    """
    asked = ", ".join(f"({period}, DATE '{day}')" for period, day in known_by.items())
    rows = found.raw.execute(
        f"WITH asked(period, until) AS (VALUES {asked}), "
        f"mine AS (SELECT r.subject_id, {reported_month_sql(item)} AS period, min({received_sql()}) AS came "
        f"FROM {item.table} r WHERE r.recorded_at <= $as_of AND r.subject_kind = $segment GROUP BY 1, 2), "
        "ended AS (SELECT subject_id, min(since) AS since FROM closed GROUP BY 1) "
        "SELECT a.period, count(DISTINCT CASE WHEN m.period = a.period THEN m.subject_id END), "
        "count(DISTINCT m.subject_id) "
        f"FROM asked a JOIN mine m ON m.period BETWEEN a.period - {PERIODS_BEFORE * step} AND a.period "
        "AND m.came <= a.until LEFT JOIN ended e USING (subject_id) "
        "WHERE e.since IS NULL OR e.since > a.period OR m.period = a.period GROUP BY 1",
        {"as_of": found.as_of, "segment": segment},
    ).fetchall()
    return {period: (int(reported), int(expected)) for period, reported, expected in rows}


def _thinned(found: Gathered, segment: str, item: Item, tested: int) -> Silence | None:
    """Whether far fewer records of an item on event come than did."""
    if item.code not in found.stored or _said_nothing(found, item):
        return None
    rows = found.raw.execute(
        f"SELECT date_diff('day', {received_sql()}, $today) // {WINDOW_DAYS} AS at, count(*) FROM {item.table} r "
        "WHERE r.recorded_at <= $as_of AND r.subject_kind = $segment AND r.supersedes IS NULL GROUP BY 1",
        {"as_of": found.as_of, "segment": segment, "today": found.today},
    ).fetchall()
    by_window = {int(at): int(records) for at, records in rows}
    found_thin = thin([by_window.get(at, 0) for at in range(max(by_window, default=0))], tested)
    if found_thin is None:
        return None
    windows, records, expected = found_thin
    days = windows * WINDOW_DAYS
    words = Text(
        f"{item.zh}：近 {days} 日收到 {records:,} 条，依以往应约有 {expected:,.0f} 条",
        f"{item.en}: {records:,} records in the last {days} days, where some {expected:,.0f} were to be expected",
    )
    severity: Severity = "orange" if records <= NEARLY_NOTHING * expected else "yellow"
    since = found.today - timedelta(days=days - 1)
    return Silence(item.code, item.source, "thinned", severity, since, since - timedelta(days=1), words)


def _said_nothing(found: Gathered, item: Item) -> bool:
    """Whether the source said of a month among the newest windows that there was nothing to report."""
    since = month_number(found.today - timedelta(days=RECENT * WINDOW_DAYS))
    return any(month >= since for month in found.nothing.get(item.code, {}))
