"""What the pages show, as plain data. Whoever makes a page fills these and calls ``render``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from records.words import Text
from scoring.rating import Rating, Warned


@dataclass(frozen=True)
class GradeRow:
    """One grade of a portfolio: how many subjects, their mean PD, and the observed rate out of time where known."""

    grade: str
    words: Text
    pd_from: float
    pd_to: float
    subjects: int
    mean_pd: float | None
    observed: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Curve:
    """A named line of points."""

    name: Text
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """A key figure: its name, and its value by column."""

    name: Text
    values: tuple[str, ...]


@dataclass(frozen=True)
class SegmentSection:
    """A segment's portfolio and the quality of its model."""

    segment: str
    name: Text
    as_of: date
    grades: tuple[GradeRow, ...]
    validated_as_of: date
    columns: tuple[Text, ...]
    figures: tuple[Figure, ...]
    roc: tuple[Curve, ...]
    ks_bad: Curve
    ks_good: Curve
    calibration: tuple[dict[str, float], ...]


@dataclass(frozen=True)
class FirstSignal:
    """When a signal first showed on a timeline."""

    month: date
    severity: str
    words: Text


@dataclass(frozen=True)
class WarningTimeline:
    """A warned enterprise month by month, up to its default."""

    masked: str
    subject_id: str
    months: tuple[date, ...]
    score: tuple[float | None, ...]
    distress_6m: tuple[float | None, ...]
    revenue: tuple[float | None, ...]
    days_past_due: tuple[float | None, ...]
    signals: tuple[FirstSignal, ...]
    default_month: date
    warned_month: date
    defaulted: int
    warned_before: int
    median_lead_months: float
    budget: float
    electricity: tuple[float | None, ...] = ()  # kWh a month; empty where it is not shown


@dataclass(frozen=True)
class DemoReport:
    """What the demo ends with."""

    generated_at: datetime
    synthetic: bool
    subjects: int
    records: int
    months: int
    seconds: float
    segments: tuple[SegmentSection, ...]
    timeline: WarningTimeline | None
    warnings: tuple[Warned, ...]
    reports: tuple[Rating, ...]
    curl: str
    outputs: tuple[tuple[Text, str], ...] = ()  # further files that the run wrote: what it is, where it lies
    files: tuple[tuple[Text, str], ...] = ()  # pages of credit files: the kind of subject, and the page beside this one
    people_and_bodies: int = 0  # subjects that are not rated


@dataclass(frozen=True)
class RatedRow:
    """One enterprise of a study as its table lists it."""

    code: str
    with_record: bool
    pd: float
    score: float
    grade: str
    bank_grade: str | None
    defaulted: bool | None
    reasons: tuple[Text, ...]


@dataclass(frozen=True)
class CumcmReport:
    """The study of 425 real small enterprises and their invoices."""

    generated_at: datetime
    as_of: date
    enterprises: int
    defaults: int
    invoices: int
    auc: float
    standard_error: float
    interval: tuple[float, float]
    spearman: float
    kendall: float
    method: Text
    baselines: tuple[tuple[Text, float, float], ...]
    roc: Curve
    scores_by_bank_grade: dict[str, tuple[float, ...]]
    grades: tuple[GradeRow, ...]
    features: tuple[tuple[Text, float, str], ...]
    rows: tuple[RatedRow, ...]
    notes: tuple[Text, ...]


@dataclass(frozen=True)
class DataTable:
    """What a chart shows, as a table: for those who cannot see it, and where scripts do not run."""

    caption: Text
    columns: tuple[Text, ...]
    rows: tuple[tuple[str | Text, ...], ...]


Option = dict[str, Any]
