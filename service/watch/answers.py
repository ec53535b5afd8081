"""What the routes of the watch answer with."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from records.plain import plain
from scoring.alerts import Alert, State
from scoring.warning_rules import Severity

Words = Annotated[
    dict[str, str], Field(description="中英文 / both languages", examples=[{"zh": "欠税", "en": "tax owed"}])
]
Distress = Annotated[
    dict[str, float],
    Field(
        description="3、6、12 个月内陷入困境的概率 / probability of distress within so many months",
        examples=[{"3": 0.05, "6": 0.11, "12": 0.19}],
    ),
]


class RecordAnswer(BaseModel):
    """A record behind a warning."""

    item: str
    record_id: str
    occurred_on: date


class AlarmReasonAnswer(BaseModel):
    """One feature's exact share of the model's alarm: it multiplies the odds of distress by ``times``."""

    feature: str
    words: Words
    value: float | None
    value_words: Words
    times: float
    evidence: list[RecordAnswer]


class AlertAnswer(BaseModel):
    """An alert. ``raised``: to be acted on (new or continuing); ``since``: when it was raised; ``fresh``: its latest
    evidence; ``ended``: when it was found to hold no longer. The model's alarm has ``base_odds`` and ``reasons``: all
    multiplied give the odds of distress that it speaks of."""

    code: str
    severity: Severity
    state: State
    raised: bool
    since: date
    fresh: date
    ended: date | None
    words: Words
    detail: Words
    evidence: list[RecordAnswer]
    base_odds: float | None
    reasons: list[AlarmReasonAnswer]


class SubjectWarnings(BaseModel):
    """A subject's alerts at its latest evaluation, the gravest first."""

    subject_id: str
    segment: str
    masked: str
    as_of: datetime
    severity: Severity
    alerts: list[AlertAnswer]
    distress: Distress


class WarningPage(BaseModel):
    """``next``: cursor of the following page, if there is one."""

    warnings: list[SubjectWarnings]
    next: str | None


class WarningMoment(BaseModel):
    """What was to be said of a subject at a moment."""

    as_of: datetime
    alerts: list[AlertAnswer]
    distress: Distress


class WarningHistory(BaseModel):
    """A subject's warnings at month ends and at the as-of, the latest first."""

    subject_id: str
    segment: str
    masked: str
    as_of: datetime
    history: list[WarningMoment]


def alert_answer(alert: Alert) -> AlertAnswer:
    made: dict[str, Any] = plain(asdict(alert))
    signal = made.pop("signal")
    about = {name: signal[name] for name in ("severity", "words", "detail", "evidence", "base_odds", "reasons")}
    return AlertAnswer(**made, **about, raised=alert.raised)
