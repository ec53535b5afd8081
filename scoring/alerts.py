"""What a signal is to whoever watches a subject: new, continuing, in its cool-down, no longer news, or over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from records.moment import add_months
from scoring.signals import SEVERITIES, ModelAlarm, Rule, Signal, rules

State = Literal["new", "continuing", "cool_down", "expired", "ended"]
RAISED: frozenset[State] = frozenset({"new", "continuing"})
DEFAULT_COOL_DOWN_MONTHS, DEFAULT_EXPIRES_MONTHS = 3, 12


@dataclass(frozen=True)
class Alert:
    """One code's alert on one subject at an as-of.

    ``new``: raised at this as-of, or graver than before. ``continuing``: raised before, still holds. ``cool_down``:
    holds again, so soon after it ended that it is not raised anew. ``expired``: still holds, but its evidence is so old
    that it is no longer news. ``ended``: no longer holds, and is remembered until its cool-down has passed.
    ``since``: the as-of at which it was raised; ``fresh``: the day of its latest evidence (of its first sight, where it
    has none); ``ended``: the as-of at which it was found to hold no longer.
    """

    code: str
    state: State
    since: date
    fresh: date
    signal: Signal
    ended: date | None = None

    @property
    def raised(self) -> bool:
        """Whether it is to be acted on."""
        return self.state in RAISED


@dataclass(frozen=True)
class Terms:
    """How long an alert rests after it ended, and how long it stands without new evidence."""

    cool_down_months: int = DEFAULT_COOL_DOWN_MONTHS
    expires_months: int = DEFAULT_EXPIRES_MONTHS


def alert_history(
    observed: Iterable[tuple[date, Sequence[Signal]]], terms: Mapping[str, Terms] | None = None
) -> list[tuple[date, tuple[Alert, ...]]]:
    """The alerts of one subject at each as-of, from its signals at successive as-ofs.

    ``terms`` by signal code (default: as declared with the rules). Raises ValueError where the days do not rise.
    """
    history: list[tuple[date, tuple[Alert, ...]]] = []
    for day, found in observed:
        if history and day <= history[-1][0]:
            raise ValueError(f"as-ofs must rise; {day} comes after {history[-1][0]}")
        history.append((day, next_alerts(history[-1][1] if history else (), day, found, terms)))
    return history


def next_alerts(
    before: Sequence[Alert], day: date, found: Sequence[Signal], terms: Mapping[str, Terms] | None = None
) -> tuple[Alert, ...]:
    """The alerts at ``day`` from those of the as-of before and the signals now, the gravest first.

    The alerts are all that has to be kept from one as-of to the next.
    """
    agreed = declared_terms() if terms is None else terms
    known = {alert.code: alert for alert in before}
    now = {signal.code: signal for signal in found}
    made = [_held(signal, known.get(code), day, agreed.get(code, Terms())) for code, signal in now.items()]
    for code, alert in known.items():
        if code not in now and (over := _ended(alert, day, agreed.get(code, Terms()))) is not None:
            made.append(over)
    return tuple(sorted(made, key=lambda one: (not one.raised, SEVERITIES.index(one.signal.severity), one.code)))


def declared_terms() -> dict[str, Terms]:
    """Cool-down and expiry of every declared rule and of the model's alarm, by code."""
    declared, alarm = rules()
    every: tuple[Rule | ModelAlarm, ...] = (*declared, alarm)
    return {one.code: Terms(one.cool_down_months, one.expires_months) for one in every}


def _held(signal: Signal, before: Alert | None, day: date, terms: Terms) -> Alert:
    """The alert of a signal that holds at ``day``."""
    latest = max((record.occurred_on for record in signal.evidence), default=None)
    raised_anew = Alert(signal.code, "new", day, latest or day, signal)
    if before is None or SEVERITIES.index(signal.severity) < SEVERITIES.index(before.signal.severity):
        return raised_anew
    if before.ended is not None:
        resting = day < add_months(before.ended, terms.cool_down_months)
        return replace(before, state="cool_down", signal=signal) if resting else raised_anew
    fresh = max(before.fresh, latest or before.fresh)
    if before.state == "expired" and fresh > before.fresh:
        return raised_anew
    old = day >= add_months(fresh, terms.expires_months)
    return Alert(signal.code, "expired" if old else "continuing", before.since, fresh, signal)


def _ended(alert: Alert, day: date, terms: Terms) -> Alert | None:
    """What is remembered of an alert whose signal no longer holds; None once its cool-down has passed."""
    ended = alert.ended or day
    if day >= add_months(ended, terms.cool_down_months) and alert.ended is not None:
        return None
    return replace(alert, state="ended", ended=ended)
