"""What models learn from: which moments, which subjects, and what became of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.outcomes import label
from features.pipeline import FeaturePipeline
from features.spine import month_ends, recorded_span, spine
from models.follow_up import in_distress
from records.errors import HuixinError
from records.moment import add_months, month_end
from records.words import Text

Floats = npt.NDArray[np.float64]
HORIZON = 12
HISTORY = 6
MOST_AS_OFS = 12
WIDEST_STEP = 3
MINIMUM_EVENTS = 30


class TooLittleToLearn(HuixinError):
    code: ClassVar[str] = "too-little-to-learn"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("数据不足以训练", "Too little data to train on")


@dataclass(frozen=True)
class TrainingTable:
    """Rows that a model may learn from: subjects who could default, and what became of them."""

    X: Floats
    outcome: Floats
    subject: npt.NDArray[Any]
    as_of: npt.NDArray[np.datetime64]
    months_to_distress: Floats

    def where(self, chosen: npt.NDArray[np.bool_]) -> TrainingTable:
        return TrainingTable(
            self.X[chosen],
            self.outcome[chosen],
            self.subject[chosen],
            self.as_of[chosen],
            self.months_to_distress[chosen],
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over features and outcomes, so that a model can be tied to its data."""
        total = hashlib.sha256(self.X.tobytes())
        total.update(self.outcome.tobytes())
        return total.hexdigest()


def learning_days(connection: Any, segment: str) -> tuple[list[date], date]:
    """Month ends to learn from, and the later one to validate on; none to learn from where history is short.

    Where there are more than 12, every second or third, back from the latest: twelve in a row repeat each other's
    outcomes, while the same number over three years sees three times the defaulters.
    """
    span = recorded_span(connection, segment)
    if span is None:
        raise _too_little(segment, "没有任何按月报送的记录", "no monthly records at all")
    first, last = month_end(span[0]), month_end(span[1])
    judged_on = month_end(add_months(last.replace(day=1), -HORIZON))
    earliest = month_end(add_months(first.replace(day=1), HISTORY - 1))
    if judged_on < earliest:
        raise _too_little(
            segment,
            f"记录跨度为 {first} 至 {last}，至少需要 {HISTORY + HORIZON} 个月",
            f"records reach from {first} to {last}; at least {HISTORY + HORIZON} months are needed",
        )
    latest = month_end(add_months(judged_on.replace(day=1), -HORIZON))
    ends = month_ends(earliest, latest) if latest >= earliest else []
    step = min(WIDEST_STEP, max(1, -(-len(ends) // MOST_AS_OFS)))
    return ends[::-1][::step][:MOST_AS_OFS][::-1], judged_on


def training_table(connection: Any, pipeline: FeaturePipeline, days: list[date]) -> TrainingTable:
    """Features and outcomes at ``days`` of the subjects whose default could be seen."""
    rows = spine(connection, pipeline.segment, days)
    default = label(connection, rows, pipeline.segment, horizon_months=HORIZON)
    distress = label(connection, rows, pipeline.segment, horizon_months=HORIZON, event="distress")
    outcome = default["outcome"].to_numpy()
    chosen = default["eligible"].to_numpy(zero_copy_only=False) & ~np.isnan(outcome)
    features = pipeline.build(rows.filter(pa.array(chosen)))
    return TrainingTable(
        X=np.column_stack([features[code].to_numpy() for code in pipeline.codes]),
        outcome=outcome[chosen],
        subject=np.array(features["subject_id"].to_pylist()),
        as_of=features["as_of"].to_numpy(),
        months_to_distress=np.where(in_distress(connection, rows), 0.0, distress["months_to_event"].to_numpy())[chosen],
    )


def split_by_subject(known: TrainingTable, seed: int) -> tuple[TrainingTable, TrainingTable]:
    """Where history is too short to validate later in time: a third of the subjects is held out instead."""
    held = folds_of(known.subject, 3, seed) == 0
    return known.where(~held), known.where(held)


def check_events(segment: str, training: TrainingTable, validation: TrainingTable) -> None:
    """Raise ``TooLittleToLearn`` where there are too few defaulters to learn from, or to judge by."""
    subjects = len(np.unique(training.subject[training.outcome > 0]))
    later = int(validation.outcome.sum())
    if subjects < MINIMUM_EVENTS or later < 5:
        raise _too_little(
            segment,
            f"训练期违约主体 {subjects} 个（至少 {MINIMUM_EVENTS}），验证期违约 {later} 个（至少 5）",
            f"{subjects} defaulters in training (at least {MINIMUM_EVENTS}), {later} in validation (at least 5)",
        )


def folds_of(subject: npt.NDArray[Any], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """A fold for each row, the same for all rows of a subject."""
    names, inverse = np.unique(subject, return_inverse=True)
    return np.random.default_rng(seed).integers(0, folds, len(names))[inverse]


def _too_little(segment: str, zh: str, en: str) -> TooLittleToLearn:
    return TooLittleToLearn(Text(f"{segment}：{zh}", f"{segment}: {en}"))
