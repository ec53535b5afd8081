"""Stored scores given again: of three model versions, with corrections, withdrawals and erasures in between; and flips.

Every score that was given is replayed and compared bit for bit; then one bit at a time is flipped, anywhere in the
trail or in what is stored of a score, and each flip has to be found: by the walk along the chain, or by the replay.
``huixin bench replay --scores 1000 --json P``.
"""

from __future__ import annotations

import random
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Table, func, select, update
from sqlalchemy.exc import DBAPIError

from benchmarks.machine import machine
from huixin.console import progress, say
from models.bundle import Bundle
from models.calibration import AffineCalibrator
from models.gate import Verdict
from models.gate.verdict import Check
from models.registry import Registry, model_name
from records.base import RecordBase
from records.database import AuditAnchorRow, AuditRow, ScoreRow
from records.database_audit import AuditDayRow
from records.erasure import erase
from records.errors import HuixinError
from records.lifecycle import Order, RecordLife
from records.settings import Settings
from records.words import Text
from scoring.audit import verify
from scoring.rating import Rater

SEGMENT, ITEM, VERSIONS = "enterprise", "tax.arrears", 3
ORDER = Order("benchmark", "更正 / a correction", "征信业管理条例第二十五条", "bench-1")
TRAIL = (AuditRow, AuditDayRow, AuditAnchorRow)


@dataclass
class Given:
    """What was given: score ids by model version, and what befell records meanwhile."""

    scores: dict[str, str]
    rated: set[str] = field(default_factory=set)
    appended: int = 0
    corrected: int = 0
    withdrawn: int = 0
    erased: int = 0


def run(scores: int = 1_000, flips: int = 1_000, home: Path | None = None, seed: int = 1) -> dict[str, Any]:
    """Figures: ``replayed``, ``equal``, ``model_versions``, records corrected meanwhile, ``flips`` and ``found``.

    ``home``: a trained installation that the run may change, instead of a county of its own.
    """
    with tempfile.TemporaryDirectory(prefix="huixin-replay-") as made:
        base = RecordBase.open(Settings(home=home)) if home else _county(Path(made) / "home")
        figures = replayed(base, scores, flips, seed)
    figures["machine"] = machine("sqlalchemy", "lightgbm", "numba")
    made, equal, found = figures["replayed"], figures["equal"], figures["found"]
    say(
        f"{made} 个评分中 {equal} 个逐位重放；翻转 {flips} 次，查出 {found} 次",
        f"{equal} of {made} scores replayed bit for bit; {found} of {flips} flips found",
    )
    return figures


def replayed(base: RecordBase, scores: int, flips: int, seed: int = 1) -> dict[str, Any]:
    """Gives ``scores`` ratings in ``base``, corrects records and promotes models meanwhile, replays all, flips bits."""
    rng = random.Random(seed)  # noqa: S311
    given = _give(base, scores, rng)
    started = time.perf_counter()
    with progress("重放", "replaying", total=len(given.scores)) as done:
        found = []
        rater = Rater(base)
        for place, score_id in enumerate(given.scores, start=1):
            found.append(rater.replay(score_id))
            done(place)
    seconds = time.perf_counter() - started
    missed = flipped(base, flips, rng)
    return {
        "replayed": len(found),
        "equal": sum(one.equal for one in found),
        "unreadable_behind": sum(bool(one.unreadable) for one in found),
        "model_versions": len(set(given.scores.values())),
        "records": {
            "appended": given.appended,
            "corrected": given.corrected,
            "withdrawn": given.withdrawn,
            "erased": given.erased,
        },
        "replays_per_s": len(found) / seconds,
        "flips": flips,
        "found": flips - len(missed),
        "missed": missed,
        "seed": seed,
    }


def flipped(base: RecordBase, flips: int, rng: random.Random) -> list[str]:
    """One bit flipped at a time at random places, and put back; returns where it was not found."""
    rater, missed = Rater(base), []
    with progress("翻转", "flipping", total=flips) as done:
        for place in range(flips):
            of_a_score = rng.random() < 0.5
            table = (ScoreRow if of_a_score else rng.choices(TRAIL, (8, 1, 1))[0]).__table__
            assert isinstance(table, Table)
            with _one_flipped(base, table, rng) as (where, score_id):
                if not (_replay_finds(rater, str(score_id)) if of_a_score else not verify(base.engine).sound):
                    missed.append(where)
            done(place + 1)
    return missed


def _replay_finds(rater: Rater, score_id: str) -> bool:
    try:
        return not rater.replay(score_id).equal
    except HuixinError:
        return True


@contextmanager
def _one_flipped(base: RecordBase, table: Table, rng: random.Random) -> Iterator[tuple[str, Any]]:
    """A bit of a random column of a random row is another one meanwhile; yields where, and the row's first key."""
    with base.engine.connect() as connection:
        rows = connection.scalar(select(func.count()).select_from(table)) or 0
        row = connection.execute(select(table).limit(1).offset(rng.randrange(rows))).mappings().one()
    keys = list(table.primary_key.columns)
    while True:
        column = rng.choice([one for one in table.columns if row[one.name] not in (None, "")])
        changed = _flip(row[column.name], rng)
        there = [one == (changed if one is column else row[one.name]) for one in keys]
        with suppress(DBAPIError), base.engine.begin() as connection:  # what a column cannot hold, nobody puts there
            here = [one == row[one.name] for one in keys]
            connection.execute(update(table).where(*here).values({column: changed}))
            break
    try:
        yield f"{table.name}.{column.name} of {row[keys[0].name]}", row[keys[0].name]
    finally:
        with base.engine.begin() as connection:
            connection.execute(update(table).where(*there).values({column: row[column.name]}))


def _flip(value: Any, rng: random.Random) -> Any:
    """``value`` with one of its bits another."""
    match value:
        case int():
            return value ^ (1 << rng.randrange(20))
        case float():
            bits = struct.unpack("<q", struct.pack("<d", value))[0] ^ (1 << rng.randrange(63))
            return struct.unpack("<d", struct.pack("<q", bits))[0]
        case bytes():
            place = rng.randrange(len(value))
            return value[:place] + bytes([value[place] ^ (1 << rng.randrange(8))]) + value[place + 1 :]
        case datetime():
            return value + timedelta(microseconds=1 << rng.randrange(36))
        case date():
            return value + timedelta(days=1 << rng.randrange(8))
    text = str(value)
    place = rng.randrange(len(text))
    return text[:place] + chr(ord(text[place]) ^ (1 << rng.randrange(7))) + text[place + 1 :]


def _give(base: RecordBase, scores: int, rng: random.Random) -> Given:
    """A third of the scores by each version of the champion; before the next one is promoted, records change."""
    rows, days, given = _records(base), _days(base), Given({})
    subjects = sorted({subject for _, subject in rows})
    with progress("评分", "rating", total=scores) as done:
        for phase in range(VERSIONS):
            if phase:
                _change_records(base, given, phase, rng)
                _promote_another(base, phase)
            rater = Rater(base)
            while len(given.scores) < scores * (phase + 1) // VERSIONS:
                rating = rater.rate(rng.choice(subjects), rng.choice(days))
                given.scores[rating.score_id] = rating.model_version
                given.rated.add(rating.subject_id)
                done(len(given.scores))
    _change_records(base, given, VERSIONS, rng)
    return given


def _days(base: RecordBase) -> list[date | None]:
    """As-ofs to rate at: now, and the last three month ends that were reported."""
    with base.connection((ITEM,)).con.cursor() as cursor:
        last = cursor.sql("SELECT max(occurred_on) FROM tax_arrears").fetchall()[0][0]
    return [None, *(last - timedelta(days=days) for days in (0, 31, 62))]


def _change_records(base: RecordBase, given: Given, phase: int, rng: random.Random) -> None:
    """New records, corrections of old ones, withdrawals and an erasure, all of subjects that were rated."""
    known = _numbers(base)
    rows = [row for row in _records(base) if row[1] in given.rated]
    chosen = rng.sample(rows, min(21, len(rows) // 3 * 3))
    third = len(chosen) // 3
    lines = [_line(f"bench-{phase}-new-{n}", known[subject]) for n, (_, subject) in enumerate(chosen[:third])]
    lines += [
        {**_line(f"bench-{phase}-right-{n}", known[subject]), "supersedes": record}
        for n, (record, subject) in enumerate(chosen[third : 2 * third])
    ]
    path = base.settings.home / f"bench-{phase}.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(line) for line in lines))
    receipt = base.append(path, ITEM)
    path.unlink()
    assert receipt.rows_rejected == 0, receipt
    withdrawn = [record for record, _ in chosen[2 * third : -1]]
    RecordLife(base).apply("withdraw", ITEM, withdrawn, ORDER)
    erase(base, ITEM, [chosen[-1][0]], ORDER)
    given.appended += third
    given.corrected += third
    given.withdrawn += len(withdrawn)
    given.erased += 1


def _records(base: RecordBase) -> list[tuple[str, str]]:
    """Record and subject of all that is in sight of the item."""
    with base.connection((ITEM,)).con.cursor() as cursor:
        query = "SELECT record_id, subject_id FROM tax_arrears WHERE superseded_at IS NULL ORDER BY 1"
        found: list[tuple[str, str]] = cursor.sql(query).fetchall()
    return found


def _line(record_id: str, number: str) -> dict[str, str]:
    return {"record_id": record_id, "subject_number": number, "occurred_on": "2025-06-30", "amount": "90000"}


def _numbers(base: RecordBase) -> dict[str, str]:
    """The synthetic identity number of each enterprise of the county."""
    from county.numbers import enterprise_numbers
    from records.identity import scheme_of

    scheme = scheme_of(SEGMENT)
    return {base.identity.subject_id(scheme, str(one)): str(one) for one in enterprise_numbers(np.arange(5_000))}


def _promote_another(base: RecordBase, phase: int) -> None:
    """The champion, recalibrated a little, registered and promoted as the next version."""
    registry = Registry(base.settings)
    champion: Bundle = registry.champion(SEGMENT)[0]
    slope, intercept = champion.calibrator.slope, champion.calibrator.intercept
    other = replace(champion, calibrator=AffineCalibrator(slope * (1 + 0.01 * phase), intercept + 0.02 * phase))
    version = registry.register(other, {"recalibrated": str(phase)}, {}, {}).version
    asked = Text("重放的测量", "the measurement of replays")
    registry.promote(model_name(SEGMENT), version, Verdict((Check("bench", asked, True, asked),)), actor="benchmark")


def _county(home: Path) -> RecordBase:
    from county import CountyPlan
    from huixin.county_base import fill
    from models.training import train

    base = RecordBase.open(Settings(home=home))
    fill(base, CountyPlan(subjects=3_000, months=36, block=1_500, seed=8), home / "truth.parquet")
    train(base, SEGMENT, synthetic=True)
    return base
