"""Who was validated: the groups that a base knows of subjects at an as-of, and their protected attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from features.definition import Feature
from features.dictionary import features_for
from features.pipeline import FeaturePipeline
from records.as_of import VISIBLE, moments
from records.catalogue import Catalogue
from records.moment import shanghai_day
from records.words import Text

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.object_]
MOST_GROUPS, FEW_VALUES = 12, 12
REST, UNKNOWN = "…", "?"
REST_WORDS, UNKNOWN_WORDS = Text("其余各组", "all other groups"), Text("未知", "unknown")


@dataclass(frozen=True)
class Grouping:
    """One way to tell rows apart: a value for each row [n] ('?' where it is not known), and what values are called."""

    code: str
    words: Text
    values: Strings
    names: dict[str, Text]

    def named(self, value: str) -> Text:
        known = {REST: REST_WORDS, UNKNOWN: UNKNOWN_WORDS, **self.names}
        return known.get(value, Text(value, value))

    @property
    def listed(self) -> tuple[str, ...]:
        """The values, in the order of ``names`` where they have one, else the most frequent first; unknown last."""
        found, counts = np.unique(self.values.astype(str), return_counts=True)
        order = {value: at for at, value in enumerate(self.names)}
        ranked = sorted(
            zip(found.tolist(), counts.tolist(), strict=True),
            key=lambda pair: (pair[0] in (REST, UNKNOWN), order.get(pair[0], len(order)), -pair[1], pair[0]),
        )
        return tuple(value for value, _ in ranked)

    def shortened(self, most: int = MOST_GROUPS) -> Grouping:
        """The same with all but the largest groups put together, where there are too many to list."""
        found, counts = np.unique(self.values.astype(str), return_counts=True)
        if len(found) <= most:
            return self
        kept = set(found[np.argsort(-counts, kind="stable")[: most - 1]].tolist())
        values = np.array([value if value in kept else REST for value in self.values.tolist()], object)
        return Grouping(self.code, self.words, values, self.names)


# By segment: code, words, item, field, of the subject's latest visible record.
RECORDED: dict[str, tuple[tuple[str, Text, str, str], ...]] = {
    "enterprise": (
        ("sector", Text("行业", "sector"), "market.registration", "industry"),
        ("district", Text("行政区划", "district"), "market.registration", "district"),
        ("size", Text("规模", "size"), "industry.size", "size"),
    ),
}
# By segment: code, words, the feature that is cut, where, and what the parts are called.
CUT: dict[str, tuple[tuple[str, Text, str, tuple[float, ...], tuple[Text, ...]], ...]] = {
    "enterprise": (
        (
            "size",
            Text("规模（按月均申报销售额）", "size (declared revenue a month)"),
            "revenue_month_12m",
            (20_000.0, 50_000.0, 200_000.0),
            (
                Text("2 万元以下", "under CNY 20,000"),
                Text("2–5 万元", "CNY 20,000–50,000"),
                Text("5–20 万元", "CNY 50,000–200,000"),
                Text("20 万元以上", "CNY 200,000 or more"),
            ),
        ),
        (
            "age",
            Text("成立年限", "years since it was established"),
            "firm_age_years",
            (3.0, 6.0, 12.0),
            (
                Text("3 年以下", "under 3"),
                Text("3–6 年", "3–6"),
                Text("6–12 年", "6–12"),
                Text("12 年以上", "12 or more"),
            ),
        ),
    ),
    "farmer": (
        (
            "sector",
            Text("经营类型（近36个月养殖占产出）", "kind of farming (livestock over output, 36 months)"),
            "livestock_share_36m",
            (0.2, 0.8),
            (Text("以种植为主", "mainly crops"), Text("种养结合", "mixed"), Text("以养殖为主", "mainly livestock")),
        ),
        (
            "size",
            Text("规模（承包土地）", "size (land under contract)"),
            "land_area_mu",
            (5.0, 10.0, 20.0),
            (
                Text("5 亩以下", "under 5 mu"),
                Text("5–10 亩", "5–10 mu"),
                Text("10–20 亩", "10–20 mu"),
                Text("20 亩以上", "20 mu or more"),
            ),
        ),
    ),
}
# Protected attributes by the feature that holds them; an installation's own are cut by their values.
AGES = (35.0, 45.0, 55.0, 65.0)
AGE_WORDS = (
    Text("35 岁以下", "under 35"),
    Text("35–44 岁", "35–44"),
    Text("45–54 岁", "45–54"),
    Text("55–64 岁", "55–64"),
    Text("65 岁以上", "65 or over"),
)


def groupings(
    connection: Any,
    segment: str,
    subject: npt.NDArray[Any],
    as_of: npt.NDArray[np.datetime64],
    X: Floats,
    codes: Sequence[str],
) -> tuple[Grouping, ...]:
    """What tells the rows apart that is not protected: year, sector, district, size, ... as far as the base knows it.

    ``subject`` [n] and ``as_of`` [n, UTC] are the rows, ``X`` [n, features] their features ``codes``.
    """
    found = [_years(as_of)]
    for code, words, item, field in RECORDED.get(segment, ()):
        made = _recorded(connection, segment, subject, as_of, (code, words, item, field))
        if made is not None:
            found.append(made)
    known = {one.code for one in found}
    for code, words, feature, bounds, parts in CUT.get(segment, ()):
        if code not in known and feature in codes:
            found.append(_cut(code, words, X[:, list(codes).index(feature)], bounds, parts))
    return tuple(one for one in found if len(one.listed) > 1 or one.code == "as_of")


def protected(
    connection: Any, segment: str, subject: npt.NDArray[Any], as_of: npt.NDArray[np.datetime64]
) -> tuple[Grouping, ...]:
    """Protected attributes of the rows, from the features that fairness audits alone may use."""
    import pyarrow as pa

    declared = features_for(segment, "fairness")
    if not declared:
        return ()
    rows = pa.table({"subject_id": pa.array(subject.tolist()), "as_of": pa.array(as_of.astype("datetime64[us]"))})
    table = FeaturePipeline(connection, segment, list(declared)).build(rows)
    years = as_of.astype("datetime64[Y]").astype(np.int64) + 1970
    found = []
    for feature in declared:
        values = table[feature.code].to_numpy()
        if feature.code.endswith("birth_year"):
            words = Text(feature.words.zh.replace("出生年份", "年龄"), feature.words.en.replace("birth year", "age"))
            found.append(_cut(feature.code, words, years - values, AGES, AGE_WORDS))
        else:
            found.append(_attribute(feature, values))
    return tuple(found)


def _years(as_of: npt.NDArray[np.datetime64]) -> Grouping:
    days = {moment: shanghai_day(moment.astype("datetime64[us]").item()).isoformat() for moment in np.unique(as_of)}
    values = np.array([days[moment] for moment in as_of], object)
    return Grouping("as_of", Text("时点", "as-of"), values, {day: Text(day, day) for day in sorted(days.values())})


def _recorded(
    connection: Any,
    segment: str,
    subject: npt.NDArray[Any],
    as_of: npt.NDArray[np.datetime64],
    declared: tuple[str, Text, str, str],
) -> Grouping | None:
    """By a field of the latest visible record; None where the base has no such record."""
    code, words, item_code, field = declared
    item = Catalogue.load().items.get(item_code)
    if item is None or field not in item.fields:
        return None
    values = np.full(len(subject), UNKNOWN, object)
    query = (
        f'SELECT subject_id, arg_max("{field}", (occurred_on, recorded_at, record_id)) FROM {item.table} '
        f"WHERE {VISIBLE} AND subject_kind = $segment GROUP BY 1"
    )
    for moment in np.unique(as_of):
        at: datetime = moment.astype("datetime64[us]").item()
        with connection.con.cursor() as cursor:
            known = dict(cursor.execute(query, {**moments(at), "segment": segment}).fetchall())
        rows = np.flatnonzero(as_of == moment)
        values[rows] = [known.get(one) or UNKNOWN for one in subject[rows].tolist()]
    if (values == UNKNOWN).all():
        return None
    names = {value: item.fields[field].code_words(value) for value in item.fields[field].codes or ()}
    return Grouping(code, words, values, names)


def _cut(code: str, words: Text, values: Floats, bounds: tuple[float, ...], parts: tuple[Text, ...]) -> Grouping:
    place = np.searchsorted(bounds, values, side="right")
    named = np.array([str(at) for at in range(len(parts))], object)[place]
    return Grouping(
        code, words, np.where(np.isnan(values), UNKNOWN, named), {str(at): part for at, part in enumerate(parts)}
    )


def _attribute(feature: Any, values: Floats) -> Grouping:
    """By value where there are few, in quarters where there are many; a level's numbers are names."""
    assert isinstance(feature, Feature)  # noqa: S101
    known = np.unique(values[~np.isnan(values)])
    if feature.unit == "flag":
        return _cut(feature.code, feature.words, values, (0.5,), (Text("否", "no"), Text("是", "yes")))
    if feature.unit == "level" or len(known) <= FEW_VALUES:
        shown = [UNKNOWN if np.isnan(one) else f"{one:.10g}" for one in values.tolist()]
        return Grouping(feature.code, feature.words, np.array(shown, object), {})
    quarters = tuple(np.unique(np.quantile(known, [0.25, 0.5, 0.75])).tolist())
    ends = [f"{one:.4g}" for one in quarters]
    parts = [Text(f"低于 {ends[0]}", f"under {ends[0]}")]
    parts += [Text(f"{a} 至 {b}", f"{a} to {b}") for a, b in pairwise(ends)]
    parts += [Text(f"{ends[-1]} 及以上", f"{ends[-1]} or more")]
    return _cut(feature.code, feature.words, values, quarters, tuple(parts))
