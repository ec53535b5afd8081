"""Shadow scoring: what the challenger would have said of every rating that the champion gave, kept aside.

Ratings seal the features they came from, and any others can be built again as of the same moment; so the challenger is
asked afterwards, in bulk, costs the service nothing and can be shown to nobody who asks for a rating.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from features.spine import SPINE_SCHEMA, spine
from models.bundle import Bundle
from models.grades import clipped, pd_of, unclipped_score
from models.promotion import columns, declared, registered_bundle
from models.registry import Registry, model_name
from records.base import RecordBase
from records.database import ScoreRow
from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
ROWS_AT_ONCE = 20_000
BOTH = ("pd", "score", "grade")


class NothingInShadow(HuixinError):
    code: ClassVar[str] = "nothing-in-shadow"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("没有影子评分", "Nothing scored in the shadow")


@dataclass(frozen=True)
class Shadowed:
    """What a shadow run kept: how many ratings it scored, how many are kept in all, and where."""

    segment: str
    challenger: str
    scored: int
    kept: int
    folder: Path


def shadow_folder(base: RecordBase, segment: str, version: str) -> Path:
    """Where the shadow scores of a version lie, as Parquet."""
    return base.settings.home / "shadow" / segment / f"v{version}"


def shadow_ratings(
    base: RecordBase, segment: str, version: str | None = None, *, registry: Registry | None = None
) -> Shadowed:
    """Score every rating of ``segment`` that is stored and not yet shadowed by ``version`` (default: the challenger).

    Running it again scores what has come since. Each run's file appears whole or not at all. Raises
    ``NothingInShadow`` where there is no challenger, ``ModelNotTrained`` for an unknown version.
    """
    registry = registry or Registry(base.settings)
    chosen = version or _challenger(registry, segment)
    bundle = registered_bundle(registry, segment, chosen)
    folder = shadow_folder(base, segment, chosen)
    known = _kept(folder)
    rows = _ratings(base, segment, set(known["score_id"].to_list()) if known is not None else set())
    sealed: dict[tuple[str, str], Bundle] = {}
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        for one in part:
            key = one.model_name, one.model_version
            if key not in sealed:
                sealed[key] = registry.bundle(*key)
        _keep(folder, _table(part, _answers(bundle, _features(base, segment, bundle, part, sealed))))
    kept = len(rows) + (0 if known is None else known.height)
    return Shadowed(segment, chosen, len(rows), kept, folder)


def shadowed(base: RecordBase, segment: str, version: str | None = None) -> pl.DataFrame:
    """The ratings that ``version`` (default: the challenger) has shadowed, champion's answer and its own side by side.

    Columns: score_id, subject_id, as_of, champion_version, champion_{pd,score,grade}, challenger_{pd,score,grade}.
    Raises ``NothingInShadow``.
    """
    chosen = version or _challenger(Registry(base.settings), segment)
    found = _kept(shadow_folder(base, segment, chosen))
    if found is None:
        raise NothingInShadow(
            Text(f"版本 {chosen} 尚无影子评分", f"version {chosen} has scored nothing in the shadow yet")
        )
    return found


def beside(base: RecordBase, segment: str, day: date, version: str | None = None) -> pl.DataFrame:
    """Every subject of ``segment`` known at the end of ``day`` by champion and challenger, as ``shadowed`` tells it."""
    registry = Registry(base.settings)
    champion, serving = registry.champion(segment)
    bundle = registered_bundle(registry, segment, version or _challenger(registry, segment))
    needed = list(dict.fromkeys([*champion.codes, *bundle.codes]))
    pipeline = _pipeline(base, segment, needed)
    asked = spine(pipeline.connection, segment, [day])
    table = pipeline.build(asked)
    X = np.column_stack([table[code].to_numpy() for code in needed])
    both = [_answers(one, columns(X, tuple(needed), one)) for one in (champion, bundle)]
    return pl.DataFrame(
        {
            "score_id": pl.Series([""] * len(X), dtype=pl.String),
            "subject_id": table["subject_id"].to_pylist(),
            "as_of": table["as_of"].to_pylist(),
            "champion_version": [serving] * len(X),
            **{f"champion_{name}": both[0][name] for name in BOTH},
            **{f"challenger_{name}": both[1][name] for name in BOTH},
        }
    )


def _challenger(registry: Registry, segment: str) -> str:
    found = registry.challenger_version(segment)
    if found is None:
        name = model_name(segment)
        raise NothingInShadow(Text(f"{name} 没有挑战者", f"{name} has no challenger"))
    return found


def _ratings(base: RecordBase, segment: str, known: set[str]) -> list[Any]:
    """Stored ratings that are not shadowed yet, the oldest first."""
    wanted = (
        ScoreRow.score_id,
        ScoreRow.subject_id,
        ScoreRow.as_of,
        ScoreRow.model_name,
        ScoreRow.model_version,
        ScoreRow.pd,
        ScoreRow.score,
        ScoreRow.grade,
        ScoreRow.features,
    )
    with Session(base.engine) as session:
        asked = select(*wanted).where(ScoreRow.segment == segment).order_by(ScoreRow.scored_at, ScoreRow.score_id)
        return [row for row in session.execute(asked) if row.score_id not in known]


def _features(
    base: RecordBase, segment: str, bundle: Bundle, rows: list[Any], sealed: dict[tuple[str, str], Bundle]
) -> Floats:
    """The challenger's features of each rating: the sealed ones where they hold them all, else built again."""
    X = np.full((len(rows), len(bundle.codes)), np.nan)
    absent = []
    for at, one in enumerate(rows):
        codes = sealed[one.model_name, one.model_version].codes
        if set(bundle.codes) <= set(codes):
            given = np.frombuffer(one.features, "<f8")
            X[at] = given[[codes.index(code) for code in bundle.codes]]
        else:
            absent.append(at)
    if absent:
        pipeline = _pipeline(base, segment, list(bundle.codes))
        moments: list[datetime] = [rows[at].as_of for at in absent]
        subjects = pa.array([rows[at].subject_id for at in absent], pa.string())
        asked = pa.table([subjects, pa.array(moments, pa.timestamp("us"))], schema=SPINE_SCHEMA)
        table = pipeline.build(asked)
        X[absent] = np.column_stack([table[code].to_numpy() for code in bundle.codes])
    return X


def _pipeline(base: RecordBase, segment: str, codes: list[str]) -> FeaturePipeline:
    return FeaturePipeline(base.connection(), segment, declared(codes), PeerTables.of(base))


def _answers(bundle: Bundle, X: Floats) -> dict[str, Any]:
    log_odds = bundle.explain(X)[0] if len(X) else np.empty(0)
    pd = pd_of(log_odds)
    return {"pd": pd, "score": clipped(unclipped_score(log_odds)), "grade": bundle.scale.grades(pd)}


def _table(rows: list[Any], answers: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "score_id": [one.score_id for one in rows],
            "subject_id": [one.subject_id for one in rows],
            "as_of": [one.as_of for one in rows],
            "champion_version": [one.model_version for one in rows],
            "champion_pd": [one.pd for one in rows],
            "champion_score": [one.score for one in rows],
            "champion_grade": [one.grade for one in rows],
            **{f"challenger_{name}": answers[name] for name in BOTH},
        }
    )


def _kept(folder: Path) -> pl.DataFrame | None:
    """What earlier runs kept; a rating that two runs at once scored counts once."""
    files = sorted(folder.glob("*.parquet"))
    if not files:
        return None
    return pl.concat([pl.read_parquet(path) for path in files]).unique("score_id", keep="first", maintain_order=True)


def _keep(folder: Path, table: pl.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{secrets.token_hex(8)}.parquet"
    unfinished = folder / f".{name}.{os.getpid()}"
    try:
        table.write_parquet(unfinished)
        unfinished.replace(folder / name)
    finally:
        unfinished.unlink(missing_ok=True)
