"""What is to be said of subjects at moments: their signals with evidence, and what these are as alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from pydantic import TypeAdapter

from features.pipeline import Evidence, FeaturePipeline
from features.spine import month_ends, spine_of_many
from models.hazard import HORIZONS
from records.moment import add_months, end_of_day, month_end, shanghai_day
from scoring.alerts import Alert, next_alerts
from scoring.rating import Rater
from scoring.signals import Explained, Signal, fired, raising_most, signals

EVIDENCE_LIMIT = 5
AT_ONCE = 200
BEFORE_HISTORY = 12  # months that alerts are followed for before the first one that is shown

_ALERTS: TypeAdapter[tuple[Alert, ...]] = TypeAdapter(tuple[Alert, ...])


@dataclass(frozen=True)
class Observed:
    """A subject at a moment: its signals, the gravest first, and its probabilities of distress by months ahead."""

    subject_id: str
    as_of: datetime
    signals: tuple[Signal, ...]
    distress: dict[int, float]

    @property
    def day(self) -> date:
        return shanghai_day(self.as_of)


@dataclass(frozen=True)
class Remembered:
    """An observation with what its signals were as alerts then."""

    observed: Observed
    alerts: tuple[Alert, ...]


def observe(rater: Rater, segment: str, asked: Sequence[tuple[str, datetime]]) -> Iterator[Observed]:
    """Every (subject, moment) of ``asked`` in order; no probabilities where no early-warning model serves."""
    pipeline, serving = rater.pipeline(segment), rater.serving(segment)
    table = pipeline.build(spine_of_many(asked))
    columns = {code: table[code].to_numpy() for code in pipeline.codes}
    ahead = serving.distress(columns) if asked else np.empty((0, len(HORIZONS)))
    for start in range(0, len(asked), AT_ONCE):
        rows = range(start, min(start + AT_ONCE, len(asked)))
        features = [{code: float(values[row]) for code, values in columns.items()} for row in rows]
        unproved = [serving.why(one, {}) for one in features]
        codes = [_telling(segment, one, why) for one, why in zip(features, unproved, strict=True)]
        behind = _evidence(pipeline, [asked[row] for row in rows], codes)
        for at, row in enumerate(rows):
            subject_id, moment = asked[row]
            distress = {} if serving.warning is None else dict(zip(HORIZONS, ahead[row].tolist(), strict=True))
            why = serving.why(features[at], behind[at]) if unproved[at] else None
            found = signals(segment, features[at], distress, behind[at], shanghai_day(moment), why)
            yield Observed(subject_id, moment, found, distress)


def _telling(segment: str, features: Mapping[str, float], why: Explained | None) -> list[str]:
    """The features whose records are behind what is said."""
    codes = [code for rule in fired(segment, features) for code in rule.features]
    return codes + [one.feature for one in raising_most(why.reasons)] if why else codes


def _evidence(
    pipeline: FeaturePipeline, asked: Sequence[tuple[str, datetime]], codes: Sequence[Sequence[str]]
) -> list[dict[str, tuple[Evidence, ...]]]:
    """The records behind the ``codes`` of each subject."""
    found: list[dict[str, tuple[Evidence, ...]]] = [{} for _ in asked]
    told = [at for at, some in enumerate(codes) if some]
    if told:
        every = sorted({code for some in codes for code in some})
        made = pipeline.evidence_of_many([asked[at] for at in told], every, EVIDENCE_LIMIT)
        for at, one in zip(told, made, strict=True):
            found[at] = {code: one[code] for code in codes[at]}
    return found


def history(rater: Rater, subject_id: str, segment: str, as_of: datetime, months: int) -> list[Remembered]:
    """A subject's alerts at each of the last ``months`` month ends and at ``as_of``, the earliest first.

    Alerts are followed from a year before, so that those shown first are not taken for new.
    """
    last = shanghai_day(as_of)
    whole = month_end(add_months(last.replace(day=1), -1))
    days = month_ends(add_months(whole.replace(day=1), 1 - months - BEFORE_HISTORY), whole)
    moments = [(subject_id, end_of_day(day)) for day in days] + [(subject_id, as_of)]
    made: list[Remembered] = []
    for one in observe(rater, segment, moments):
        made.append(Remembered(one, next_alerts(made[-1].alerts if made else (), one.day, one.signals)))
    return made[-months - 1 :]


def kept(alerts: tuple[Alert, ...]) -> str:
    """Alerts as they are kept from one evaluation to the next."""
    return _ALERTS.dump_json(alerts).decode()


def read_kept(text: str) -> tuple[Alert, ...]:
    return _ALERTS.validate_json(text)
