"""All features by segment: gathered from the files that declare ``FEATURES``, of this package and of the installation.

An installation adds features without touching this package: in modules that ``HUIXIN_FEATURE_MODULES`` names, or that
an installed package announces under the entry point group ``huixin.features``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import ClassVar

import features
from features.checks import BadFeature, check
from features.definition import AnyFeature, Derived, Feature, Peer, Segment, Use
from records.catalogue import Catalogue
from records.errors import HuixinError
from records.settings import Settings
from records.words import Text

ENTRY_POINTS = "huixin.features"


class UnknownFeature(HuixinError):
    code: ClassVar[str] = "unknown-feature"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此特征", "Unknown feature")


@cache
def registered() -> dict[str, AnyFeature]:
    """Every declared feature by code, inputs before what is derived from them. Raises ``BadFeature``."""
    items = Catalogue.load().items
    declared: list[AnyFeature] = []
    for module in sorted(pkgutil.iter_modules(features.__path__), key=lambda found: found.name):
        if not module.ispkg:
            declared += getattr(importlib.import_module(f"features.{module.name}"), "FEATURES", [])
    for name in _own_modules():
        declared += _declared_in(name)
    known: dict[str, AnyFeature] = {}
    for feature in sorted(declared, key=lambda one: (Feature, Peer, Derived).index(type(one))):
        check(feature, known, items)
        known[feature.code] = feature
    return known


def _own_modules() -> list[str]:
    """The modules of this installation that declare features, each once."""
    announced = [point.value for point in entry_points(group=ENTRY_POINTS)]
    return list(dict.fromkeys([*announced, *Settings().feature_modules]))


def _declared_in(module: str) -> list[AnyFeature]:
    try:
        declared = importlib.import_module(module).FEATURES
    except (ImportError, AttributeError) as error:
        raise BadFeature(
            Text(
                f"特征模块 {module} 无法读取：{error}；需为可导入且声明 FEATURES 列表的 Python 模块",
                f"feature module {module} cannot be read: {error}; an importable Python module that declares a list "
                "FEATURES is accepted",
            )
        ) from error
    strangers = [one for one in declared if not isinstance(one, AnyFeature)]
    if strangers:
        raise BadFeature(
            Text(
                f"特征模块 {module} 的 FEATURES 含有非特征对象 {strangers[0]!r:.80}",
                f"FEATURES of the feature module {module} holds what is no feature: {strangers[0]!r:.80}",
            )
        )
    return list(declared)


def features_for(segment: Segment | str, use: Use = "model") -> tuple[AnyFeature, ...]:
    """The features of ``segment`` for ``use``, in the order of every table, model and explanation."""
    return tuple(one for one in registered().values() if segment in one.segments and one.use == use)


def items_read(segment: str) -> tuple[str, ...]:
    """The items that features of ``segment``, whatever their use, are measured on or reached by."""
    found: set[str] = set()
    for one in registered().values():
        if segment in one.segments:
            groups = (*one.group.by, *one.group.wider) if isinstance(one, Peer) else ()
            found.update(code for each in (one, *groups) if isinstance(each, Feature) for code in each.items)
    return tuple(sorted(found))


def dictionary(segment: str | None = None) -> list[AnyFeature]:
    """All features, or those of a segment, whatever their use, by source item."""
    found = [one for one in registered().values() if segment is None or segment in one.segments]
    return sorted(found, key=lambda one: (source_item(one), one.code))


def source_item(feature: AnyFeature) -> str:
    """The item that a feature is measured on; for one made of others, that of its first input."""
    if isinstance(feature, Feature):
        return feature.item
    return source_item(registered()[feature.inputs[0]])


def unknown_feature(code: str) -> UnknownFeature:
    """The error that says where to find the accepted codes."""
    return UnknownFeature(
        Text(
            f"没有特征“{code[:60]}”；可用代码见 huixin features list",
            f"no feature '{code[:60]}'; `huixin features list` shows the accepted codes",
        )
    )
