"""What a feature rests on: the features measured on records behind it, their items and sources."""

from __future__ import annotations

from collections.abc import Iterable

from features.definition import AnyFeature, Feature, Peer
from features.dictionary import registered
from records.catalogue import Catalogue


def measured_behind(feature: AnyFeature) -> tuple[Feature, ...]:
    """The features measured on records that ``feature`` comes from, itself where it is one; each once.

    A comparison with peers comes from what is compared, and from what says who the peers are.
    """
    if isinstance(feature, Feature):
        return (feature,)
    known = registered()
    found = {one.code: one for code in feature.inputs for one in measured_behind(known[code])}
    if isinstance(feature, Peer):
        found |= {one.code: one for one in (*feature.group.by, *feature.group.wider)}
    return tuple(found.values())


def items_behind(feature: AnyFeature) -> tuple[str, ...]:
    """Codes of the items whose records ``feature`` rests on, those that link its subject with others among them."""
    return tuple(dict.fromkeys(item for one in measured_behind(feature) for item in one.items))


def sources_behind(feature: AnyFeature) -> tuple[str, ...]:
    """Codes of the sources whose records ``feature`` rests on."""
    items = Catalogue.load().items
    return tuple(dict.fromkeys(items[code].source for code in items_behind(feature)))


def resting_on(features: Iterable[AnyFeature], item: str) -> list[AnyFeature]:
    """Those of ``features`` that rest on records of ``item``."""
    return [feature for feature in features if item in items_behind(feature)]
