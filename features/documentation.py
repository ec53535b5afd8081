"""The data dictionary of a segment: what each feature means, rests on and may be used for, and how it behaves."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.definition import AnyFeature, Derived, Feature
from features.dictionary import dictionary, source_item
from features.lineage import items_behind
from features.monitoring import check_segment
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from features.plain import plain
from features.poison import Poisoned, poisoned
from features.profile import Profile, Profiles, profiles
from records.catalogue import Catalogue

if TYPE_CHECKING:
    from records.base import RecordBase

CSV_COLUMNS = (
    "code", "zh", "en", "unit", "window_months", "direction", "use", "actionable", "source", "item", "items", "inputs",
    "missing_zh", "missing_en", "when_empty", "present", "zero", "median", "information_value", "poisoned",
)  # fmt: skip
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Entry:
    """One feature of the dictionary; ``item``: where it is listed; ``items``: all that it rests on."""

    feature: AnyFeature
    item: str
    items: tuple[str, ...]
    profile: Profile
    poisoned: tuple[Poisoned, ...]

    @property
    def when_empty(self) -> float | None:
        """The value where no record counts; None means missing."""
        return self.feature.when_empty if isinstance(self.feature, Feature) else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data: what is declared, and the profile."""
        one, items = self.feature, Catalogue.load().items
        return {
            "code": one.code,
            "words": plain(one.words),
            "unit": one.unit,
            "window_months": one.window_months,
            "direction": one.direction,
            "use": one.use,
            "actionable": one.actionable,
            "segments": list(one.segments),
            "missing": plain(one.missing),
            "when_empty": self.when_empty,
            "derived": isinstance(one, Derived),
            "inputs": list(one.inputs),
            "item": self.item,
            "source": items[self.item].source,
            "rests_on": {
                code: {"legal_basis": items[code].legal_basis, "uses": list(items[code].uses)} for code in self.items
            },
            "profile": plain(self.profile),
            "poisoned": plain(self.poisoned),
        }


@dataclass(frozen=True)
class Documentation:
    """The dictionary of one segment at an as-of, by source item; ``poisoned``: the most dangerous first."""

    profiles: Profiles
    entries: tuple[Entry, ...]
    poisoned: tuple[Poisoned, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data; what is not a number is null."""
        about = {
            one.name: plain(getattr(self.profiles, one.name)) for one in fields(Profiles) if one.name != "features"
        }
        return {**about, "features": [entry.as_dict() for entry in self.entries]}

    def write_csv(self, path: Path) -> None:
        """One row a feature, in both languages, with a byte-order mark so that spreadsheets read the Chinese."""
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, CSV_COLUMNS)
            writer.writeheader()
            writer.writerows(_row(entry) for entry in self.entries)


def document(
    base: RecordBase, segment: str, as_of: date, *, every: int = 6, progress: Progress | None = None
) -> Documentation:
    """The dictionary of ``segment``, all uses, with profiles at the end of ``as_of`` and every so many months before.

    Progress counts to 3. Raises ``BadComparison`` for an unknown kind of subject.
    """
    done = progress or (lambda _: None)
    check_segment(segment)
    listed = dictionary(segment)
    peers = PeerTables.of(base)
    pipeline = FeaturePipeline(base.connection(), segment, listed, peers)
    found = profiles(pipeline, as_of, every)
    done(2)
    silent = poisoned(base, segment, as_of, pipeline=pipeline)
    by_code: dict[str, list[Poisoned]] = {}
    for one in silent:
        by_code.setdefault(one.feature, []).append(one)
    done(3)
    entries = (
        Entry(feature, source_item(feature), items_behind(feature), profile, tuple(by_code.get(feature.code, ())))
        for feature, profile in zip(listed, found.features, strict=True)
    )
    return Documentation(found, tuple(entries), tuple(silent))


def _row(entry: Entry) -> dict[str, Any]:
    one, profile = entry.feature, entry.profile
    shown = profile.distribution
    return {
        "code": one.code,
        "zh": one.words.zh,
        "en": one.words.en,
        "unit": one.unit,
        "window_months": one.window_months,
        "direction": one.direction,
        "use": one.use,
        "actionable": one.actionable,
        "source": Catalogue.load().items[entry.item].source,
        "item": entry.item,
        "items": " ".join(entry.items),
        "inputs": " ".join(one.inputs),
        "missing_zh": one.missing.zh,
        "missing_en": one.missing.en,
        "when_empty": entry.when_empty,
        "present": round(profile.present, 6),
        "zero": round(profile.zero, 6),
        "median": shown.quantiles[2] if shown else None,
        "information_value": round(profile.information.value, 6) if profile.information else None,
        "poisoned": " ".join(f"{one.silence.item}:{one.silence.cause}" for one in entry.poisoned),
    }
