"""Which features a source's silence poisons: what they would say of whom, and how far they have moved already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.bins import Floats
from features.definition import AnyFeature
from features.dictionary import features_for
from features.drift import Two
from features.lineage import items_behind, measured_behind, resting_on
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from features.silence import Silence, silences
from features.spine import SPINE_SCHEMA, known_since
from records.as_of import VISIBLE, moments
from records.catalogue import Catalogue
from records.moment import end_of_day, parse_as_of
from records.words import Text

if TYPE_CHECKING:
    from records.base import RecordBase

ReadsAs = Literal["good", "bad", "nothing", "missing", "stale"]
READS_AS: tuple[ReadsAs, ...] = ("good", "bad", "nothing", "missing", "stale")
READS_AS_WORDS: dict[ReadsAs, Text] = {
    "good": Text("误作良好表现", "silence reads as good behaviour"),
    "bad": Text("误作不良表现", "silence reads as bad behaviour"),
    "nothing": Text("误作没有发生", "silence reads as nothing having happened"),
    "missing": Text("逐渐缺失", "values go missing"),
    "stale": Text("只凭旧记录", "only old records speak"),
}


@dataclass(frozen=True)
class Poisoned:
    """A feature that rests on a silent item.

    ``affected`` of ``subjects``: all, where no record counts as a value; else those that had a value before.
    From the day on which the source last spoke as usual to the as-of: ``present`` and ``zero``, shares of subjects;
    ``age``, median days since the latest record of the item (NaN where there is none); ``better``, ``worse`` and
    ``lost``, subjects whose value moved towards a lower PD, a higher one, or went missing. Where nothing ever came,
    nothing has moved: shares and ages are NaN.
    """

    feature: str
    silence: Silence
    reads_as: ReadsAs
    subjects: int
    affected: int
    present: Two
    zero: Two
    age: Two
    better: int
    worse: int
    lost: int


def poisoned(
    base: RecordBase,
    segment: str,
    as_of: str | date | datetime | None = None,
    *,
    pipeline: FeaturePipeline | None = None,
) -> list[Poisoned]:
    """Features of ``segment`` that rest on silent items at ``as_of`` (default: now).

    They are those of ``pipeline``; default: those for models.

    The most dangerous first: those to which silence looks like good behaviour, because no record counts as zero and
    PD rises with the value; then by severity and by subjects affected. Empty where all sources speak.
    Raises ``BadMoment``.
    """
    moment = parse_as_of(as_of)
    used = pipeline.features if pipeline else features_for(segment)
    items = dict.fromkeys(item for feature in used for item in items_behind(feature))
    found = silences(base, segment, tuple(items), moment)
    if not found:
        return []
    at = _Moments(pipeline or _pipeline(base, segment), moment, [one for one in found if one.spoke])
    told = [(each, feature) for each in found for feature in resting_on(used, each.item)]
    made = [_moved(at, each, one) if each.spoke else _still(at, each, one) for each, one in told]
    return sorted(made, key=_danger)


def _pipeline(base: RecordBase, segment: str) -> FeaturePipeline:
    peers = PeerTables.of(base)
    return FeaturePipeline(base.connection(), segment, peers=peers)


def reads_as(feature: AnyFeature, item: str) -> ReadsAs:
    """What ``feature`` makes of no more records of ``item``."""
    behind = [one for one in measured_behind(feature) if item in items_behind(one)]
    if nothing_counts(feature, item):
        return "good" if feature.direction > 0 else "bad" if feature.direction < 0 else "nothing"
    return "missing" if all(one.window_months is not None for one in behind) else "stale"


def nothing_counts(feature: AnyFeature, item: str) -> bool:
    """Whether no record of ``item`` counts as a value of ``feature``, or of an input of it."""
    behind = (one for one in measured_behind(feature) if item in items_behind(one))
    return any(one.when_empty is not None for one in behind)


def _danger(one: Poisoned) -> tuple[bool, int, int, int, str]:
    severity = ("red", "orange", "yellow", "blue").index(one.silence.severity)
    return one.silence.cause == "never", READS_AS.index(one.reads_as), severity, -one.affected, one.feature


class _Moments:
    """All features now, before each silence and as long before that, computed at once.

    Whoever asks has compiled them already.
    """

    def __init__(self, pipeline: FeaturePipeline, now: datetime, found: Sequence[Silence]) -> None:
        self.now = now
        known = known_since(pipeline.connection, pipeline.segment)
        befores = {self.before(one) for one in found}
        asked = sorted({now, *befores, *(self.earlier(before) for before in befores)})
        self.subjects = {at: _spine(known, at) for at in asked}
        if not found:
            return
        table = pipeline.build(pa.concat_tables(self.subjects.values()))
        self._columns = {one.code: np.asarray(table[one.code].to_numpy(), np.float64) for one in pipeline.features}
        ends = np.cumsum([0, *(len(spine) for spine in self.subjects.values())]).tolist()
        self._rows = {at: slice(*ends[n : n + 2]) for n, at in enumerate(self.subjects)}
        pairs = {(one.item, at) for one in found for at in (now, self.before(one))}
        self.age = {(item, at): _age(pipeline, item, at) for item, at in sorted(pairs)}

    def before(self, silence: Silence) -> datetime:
        """The end of the last day on which the source spoke as usual."""
        return self.now if silence.spoke is None else min(self.now, end_of_day(silence.spoke))

    def earlier(self, before: datetime) -> datetime:
        """As long before that as it is past."""
        return before - (self.now - before)

    def values(self, code: str, at: datetime) -> Floats:
        """A feature's values at a moment, [subjects known by then]."""
        return self._columns[code][self._rows[at]]

    def later(self, code: str, at: datetime, then: datetime) -> Floats:
        """Its values at a later moment of those known at the first, [subjects known by the first]."""
        early = self.subjects[at]["subject_id"].combine_chunks()
        kept = pc.is_in(self.subjects[then]["subject_id"], early).to_numpy()
        return np.asarray(self.values(code, then)[kept])


def _moved(at: _Moments, silence: Silence, feature: AnyFeature) -> Poisoned:
    before, code = at.before(silence), feature.code
    earlier = at.earlier(before)
    old, new, later = at.values(code, before), at.values(code, at.now), at.later(code, before, at.now)
    moved = (later - old) * feature.direction
    usual = (at.later(code, earlier, before) - at.values(code, earlier)) * feature.direction
    had = ~np.isnan(old)
    return Poisoned(
        code,
        silence,
        _as_seen(reads_as(feature, silence.item), moved, usual),
        len(new),
        len(new) if nothing_counts(feature, silence.item) else int(had.sum()),
        Two(_share(had), _share(~np.isnan(new))),
        Two(_share(old == 0), _share(new == 0)),
        Two(at.age[silence.item, before], at.age[silence.item, at.now]),
        int((moved < 0).sum()),
        int((moved > 0).sum()),
        int((had & np.isnan(later)).sum()),
    )


def _still(at: _Moments, silence: Silence, feature: AnyFeature) -> Poisoned:
    """Where nothing ever came."""
    subjects, unknown = len(at.subjects[at.now]), Two(float("nan"), float("nan"))
    affected = subjects if nothing_counts(feature, silence.item) else 0
    read = reads_as(feature, silence.item)
    return Poisoned(feature.code, silence, read, subjects, affected, unknown, unknown, unknown, 0, 0, 0)


def _as_seen(declared: ReadsAs, moved: Floats, usual: Floats) -> ReadsAs:
    """What would stay as it was but moved for most who have a value, such as the age of the latest record, and did not
    while the source spoke, as months on file do; ``moved`` and ``usual``: changes, positive where PD rises."""
    if declared != "stale":
        return declared
    sides: tuple[tuple[ReadsAs, int], ...] = (("good", -1), ("bad", 1))
    for name, side in sides:
        if _most(side * moved) and not _most(side * usual):
            return name
    return "stale"


def _most(changes: Floats) -> bool:
    """Whether most of those that are known are above zero."""
    known = changes[~np.isnan(changes)]
    return bool((known > 0).sum() > len(known) / 2)


def _spine(known: pa.Table, at: datetime) -> pa.Table:
    """Every subject known by the moment ``at``, in the order of ``known``."""
    moment = pa.scalar(at, pa.timestamp("us"))
    subjects = known.filter(pc.less_equal(known["known_since"], moment))["subject_id"]
    return pa.table([subjects, pa.repeat(moment, len(subjects))], schema=SPINE_SCHEMA)


def _age(pipeline: FeaturePipeline, item: str, at: datetime) -> float:
    """Median days since the latest record of ``item`` that is visible ``at`` a moment, over those who have one."""
    query = (
        "SELECT median(date_diff('day', latest, $as_of_day)) FROM (SELECT max(occurred_on) AS latest "
        f"FROM {Catalogue.load().item(item).table} WHERE {VISIBLE} AND subject_kind = $segment GROUP BY subject_id)"
    )
    with pipeline.connection.con.cursor() as cursor:
        (days,) = cursor.execute(query, {**moments(at), "segment": pipeline.segment}).fetchone()
    return float("nan") if days is None else float(days)


def _share(which: npt.NDArray[np.bool_]) -> float:
    return float(which.mean()) if len(which) else 0.0
