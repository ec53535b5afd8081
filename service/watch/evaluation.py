"""Evaluations: what became of subjects since the last one, kept with the events that clients are told.

A subject's alerts, the events and the entries of the trail are one transaction, so that a crash at any instant neither
loses a warning nor raises it twice: whatever was not kept is evaluated at the next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, get_args

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import ClientRow, writing
from records.database_watch import SubjectAlertsRow, WatchEntryRow, WatchListRow
from records.errors import BadMoment
from records.moment import now
from records.plain import plain
from records.words import Text
from scoring.alerts import Alert, next_alerts
from scoring.audit import enter
from scoring.rating import Rater
from scoring.signals import SEVERITIES
from scoring.warning_rules import RatedSegment
from scoring.watching import Observed, kept, observe, read_kept
from service.watch.events import EventType, announce, event_id
from service.watch.lists import stands

SEGMENTS: tuple[RatedSegment, ...] = get_args(RatedSegment)
AT_ONCE = 100
NONE_RAISED = len(SEVERITIES)
ACTOR = "watch"
PURPOSE = "loan_monitoring"


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation did: subjects evaluated, alerts raised among them, events that clients are told."""

    as_of: datetime
    subjects: int
    raised: int
    events: int


@dataclass(frozen=True)
class _Interest:
    """A client that watches a subject: on which lists, and the rank of the mildest severity that it is told of."""

    client_id: str
    watch_lists: tuple[str, ...]
    threshold: int
    told: bool


def evaluate(
    base: RecordBase,
    rater: Rater,
    as_of: datetime,
    *,
    every: bool = False,
    untold: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Evaluated:
    """Evaluate the watched subjects at ``as_of`` (UTC) and tell those who watch them.

    ``every``: all rated subjects, so that a regulator sees all; ``untold``: only those new on a list. A subject that
    was evaluated at ``as_of`` or later is not evaluated again. Progress counts subjects. Raises ``BadMoment``,
    ``ModelNotTrained``.
    """
    if as_of > now():
        raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
    subjects = raised = events = 0
    for segment in SEGMENTS:
        due = _due(base, segment, as_of, every=every, untold=untold)
        for ids in _chunks(due):
            found = list(observe(rater, segment, [(one, as_of) for one in _behind(base, ids, as_of)]))
            with writing(base.engine) as session:
                seen = {one.subject_id: one for one in found}
                for subject_id in ids:
                    new, told = _keep(session, segment, subject_id, seen.get(subject_id))
                    raised, events = raised + new, events + told
            subjects += len(ids)
            if progress:
                progress(subjects)
    if subjects:
        with writing(base.engine) as session:
            payload = {"as_of": as_of.isoformat(), "subjects": subjects, "raised": raised, "events": events}
            enter(session, ACTOR, "watch.evaluated", payload=payload)
    return Evaluated(as_of, subjects, raised, events)


def _due(base: RecordBase, segment: str, as_of: datetime, *, every: bool, untold: bool) -> list[str]:
    """Subjects to look at: watched and evaluated before ``as_of`` only, or new on a list; with ``every`` the others."""
    fresh = WatchEntryRow.told_at.is_(None)
    behind = or_(SubjectAlertsRow.as_of.is_(None), SubjectAlertsRow.as_of < as_of)
    watched = (
        select(WatchEntryRow.subject_id)
        .outerjoin(SubjectAlertsRow, SubjectAlertsRow.subject_id == WatchEntryRow.subject_id)
        .where(WatchEntryRow.segment == segment, fresh if untold else or_(fresh, behind))
        .order_by(WatchEntryRow.subject_id)
        .distinct()
    )
    later = select(SubjectAlertsRow.subject_id).where(SubjectAlertsRow.as_of >= as_of)
    with Session(base.engine) as session:
        due = list(session.scalars(watched))
        done = set(session.scalars(later)) | set(due) if every else set()
    others = base.subjects(segment)["subject_id"].to_pylist() if every else []
    return [*due, *(one for one in others if one not in done)]


def _behind(base: RecordBase, ids: Sequence[str], as_of: datetime) -> list[str]:
    """Those of ``ids`` that were not evaluated at ``as_of`` or later."""
    query = select(SubjectAlertsRow.subject_id).where(
        SubjectAlertsRow.subject_id.in_(ids), SubjectAlertsRow.as_of >= as_of
    )
    with Session(base.engine) as session:
        done = set(session.scalars(query))
    return [one for one in ids if one not in done]


def _keep(session: Session, segment: str, subject_id: str, observed: Observed | None) -> tuple[int, int]:
    """Keep a subject's alerts and tell those who watch it; how many were raised, and how many events that made."""
    row = session.get(SubjectAlertsRow, subject_id)
    before = read_kept(row.alerts) if row is not None else ()
    interests = _interests(session, subject_id)
    if observed is None or (row is not None and row.as_of >= observed.as_of):  # evaluated by another worker meanwhile
        if row is None:
            return 0, 0
        alerts, as_of, distress, news = before, row.as_of, row.distress, False
    else:
        alerts = next_alerts(before, observed.day, observed.signals)
        as_of, distress, news = observed.as_of, plain(observed.distress), True
        _write(session, row, segment, observed, alerts, watched=bool(interests))
    ended = {one.code for one in alerts if one.state == "ended"} & {one.code for one in before if one.raised}
    new = [one for one in alerts if one.state == "new"] if news else []
    events = 0
    for one in interests:
        about = {"subject_id": subject_id, "segment": segment, "as_of": plain(as_of), "distress": distress}
        standing = new if one.told else [alert for alert in alerts if alert.raised]
        over = [alert for alert in alerts if alert.code in ended] if news and one.told else []
        found: list[tuple[EventType, Alert]] = [("warning.raised", alert) for alert in standing]
        found += [("warning.ended", alert) for alert in over]
        events += sum(
            _tell(session, one, event_type, about, alert)
            for event_type, alert in found
            if SEVERITIES.index(alert.signal.severity) <= one.threshold
        )
    _told(session, subject_id)
    return len(new), events


def _write(
    session: Session,
    row: SubjectAlertsRow | None,
    segment: str,
    observed: Observed,
    alerts: tuple[Alert, ...],
    *,
    watched: bool,
) -> None:
    """Keep the alerts; nothing is kept of a subject that has none and that nobody watches."""
    if not alerts and not watched:
        if row is not None:
            session.delete(row)
        return
    if row is None:
        row = SubjectAlertsRow(subject_id=observed.subject_id, segment=segment)
        session.add(row)
    row.as_of, row.alerts, row.distress = observed.as_of, kept(alerts), plain(observed.distress)
    row.gravest = min((SEVERITIES.index(one.signal.severity) for one in alerts if one.raised), default=NONE_RAISED)


def _interests(session: Session, subject_id: str) -> list[_Interest]:
    query = (
        select(WatchListRow.client_id, WatchListRow.watch_list_id, WatchListRow.threshold, WatchEntryRow.told_at)
        .join(WatchEntryRow, WatchEntryRow.watch_list_id == WatchListRow.watch_list_id)
        .join(ClientRow, ClientRow.client_id == WatchListRow.client_id)
        .where(WatchEntryRow.subject_id == subject_id, ClientRow.revoked_at.is_(None), stands())
        .order_by(WatchListRow.client_id, WatchListRow.watch_list_id)
    )
    found: dict[str, list[tuple[str, str, datetime | None]]] = {}
    for client_id, watch_list_id, threshold, told_at in session.execute(query).tuples():
        found.setdefault(client_id, []).append((watch_list_id, threshold, told_at))
    return [
        _Interest(
            client_id,
            tuple(watch_list_id for watch_list_id, _, _ in lists),
            max(SEVERITIES.index(threshold) for _, threshold, _ in lists),
            all(told_at is not None for _, _, told_at in lists),
        )
        for client_id, lists in found.items()
    ]


def _tell(session: Session, interest: _Interest, event_type: EventType, about: dict[str, Any], alert: Alert) -> bool:
    """An event about one alert; its look at the subject is in the trail."""
    signal = alert.signal
    what = (about["subject_id"], alert.code, signal.severity, alert.since.isoformat())
    identity = event_id(interest.client_id, event_type, *what)
    shown = {
        "code": alert.code,
        "severity": signal.severity,
        "state": alert.state,
        "since": alert.since,
        "ended": alert.ended,
        "words": signal.words,
        "detail": signal.detail,
        "evidence": [{"item": one.item, "record_id": one.record_id} for one in signal.evidence],
    }
    told = {**about, "watch_lists": list(interest.watch_lists), "alert": plain(shown)}
    if not announce(session, interest.client_id, event_type, identity, now(), told, subject_id=about["subject_id"]):
        return False
    payload = {"event_id": identity, "code": alert.code}
    subject_id = about["subject_id"]
    enter(session, interest.client_id, event_type, subject_id=subject_id, purpose=PURPOSE, payload=payload)
    return True


def _told(session: Session, subject_id: str) -> None:
    fresh = select(WatchEntryRow).where(WatchEntryRow.subject_id == subject_id, WatchEntryRow.told_at.is_(None))
    for entry in session.scalars(fresh).all():
        entry.told_at = now()


def _chunks(ids: Sequence[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while some := list(islice(left, AT_ONCE)):
        yield some
