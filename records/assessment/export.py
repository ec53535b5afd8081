"""An assessment as plain data, and as CSV and JSON files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from records.assessment.model import Alert, Assessment, Contradiction, ItemMonth, SourceMonth
from records.assessment.scheme import GRADE_WORDS, MEASURES
from records.exports import write_csv

CLAIM = ("source", "item", "field", "value", "record_id")
POINT_DIGITS, SHARE_DIGITS = 2, 4
COUNTS = tuple(
    one.name
    for one in fields(ItemMonth)
    if one.name not in ("source", "item", "month", "reasons", "measures", "points")
)


def as_dict(found: Assessment) -> dict[str, Any]:
    """JSON-ready: ranking of the month, trend by source, items, alerts, contradictions; texts in both languages."""
    return {
        "month": _month(found.month),
        "months": [_month(month) for month in found.months],
        "as_of": f"{found.as_of.isoformat()}Z",
        "source": found.source,
        "scheme": found.scheme.model_dump(mode="json"),
        "ranking": [_standing(one) for one in found.ranking],
        "trend": [_standing(one) for one in found.standings],
        "items": [_item(row) for row in found.items],
        "alerts": [_alert(one) for one in found.alerts],
        "contradictions": [_contradiction(one) for one in found.contradictions],
        "unreported": {source: list(items) for source, items in found.unreported.items()},
    }


def write_files(found: Assessment, folder: Path) -> list[Path]:
    """``sources.csv``, ``items.csv``, ``alerts.csv``, ``contradictions.csv``, ``assessment.json`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        write_csv(
            folder / "sources.csv",
            [
                "month",
                "rank",
                "source",
                "points",
                "grade",
                "change",
                *MEASURES,
                "items",
                "records",
                "rejected",
                "history",
            ],
            [_standing_row(one) for one in found.standings],
        ),
        write_csv(
            folder / "items.csv",
            ["month", "source", "item", "points", *MEASURES, *COUNTS],
            [_item_row(row) for row in found.rows],
        ),
        write_csv(
            folder / "alerts.csv",
            ["severity", "code", "source", "item", "since", "zh", "en"],
            [[*_alert(one).values()] for one in found.alerts],
        ),
        write_csv(
            folder / "contradictions.csv",
            ["subject_id", "masked", *(f"{side}_{name}" for side in ("authority", "claim") for name in CLAIM)],
            [
                [one.subject_id, one.masked, *(getattr(claim, name) for claim in one.claims for name in CLAIM)]
                for one in found.contradictions
            ],
        ),
    ]
    target = folder / "assessment.json"
    target.write_bytes(orjson.dumps(as_dict(found), option=orjson.OPT_INDENT_2))
    return [*written, target]


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _shares(measures: Mapping[Any, float | None]) -> dict[str, float | None]:
    return {name: _rounded(measures.get(name), SHARE_DIGITS) for name in MEASURES}


def _standing(one: SourceMonth) -> dict[str, Any]:
    return {
        "month": _month(one.month),
        "rank": one.rank,
        "source": one.source,
        "points": _rounded(one.points, POINT_DIGITS),
        "grade": one.grade,
        "grade_words": GRADE_WORDS[one.grade]._asdict() if one.grade else None,
        "change": _rounded(one.change, POINT_DIGITS),
        "measures": _shares(one.measures),
        "items": one.items,
        "records": one.records,
        "rejected": one.rejected,
        "history": one.history,
    }


def _standing_row(one: SourceMonth) -> list[object]:
    told = _standing(one)
    heads = [told[name] for name in ("month", "rank", "source", "points", "grade", "change")]
    return [*heads, *told["measures"].values(), one.items, one.records, one.rejected, one.history]


def _item(row: ItemMonth) -> dict[str, Any]:
    return {
        "month": _month(row.month),
        "source": row.source,
        "item": row.item,
        "points": _rounded(row.points, POINT_DIGITS),
        "measures": _shares(row.measures),
        **{name: _plain(getattr(row, name)) for name in COUNTS},
        "reasons": [{"field": one.field, "rows": one.rows, **one.words._asdict()} for one in row.reasons],
    }


def _item_row(row: ItemMonth) -> list[object]:
    told = _item(row)
    heads = [told[name] for name in ("month", "source", "item", "points")]
    return [*heads, *told["measures"].values(), *(told[name] for name in COUNTS)]


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return round(value, SHARE_DIGITS) if isinstance(value, float) else value


def _alert(one: Alert) -> dict[str, Any]:
    return {
        "severity": one.severity,
        "code": one.code,
        "source": one.source,
        "item": one.item,
        "since": one.since.isoformat(),
        **one.words._asdict(),
    }


def _contradiction(one: Contradiction) -> dict[str, Any]:
    return {
        "subject_id": one.subject_id,
        "masked": one.masked,
        "claims": [{name: getattr(claim, name) for name in CLAIM} for claim in one.claims],
    }
