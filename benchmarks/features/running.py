"""The whole feature benchmark: records made, jobs in turns, growth, one subject on demand; figures by their keys."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.features import feast_rival, online
from benchmarks.features.measures import AS_OFS, COLUMNS, ONE_AS_OF
from benchmarks.features.ratios import MEANING, exponent, ratios
from benchmarks.features.records import Made, make, same_as_appended
from benchmarks.features.turns import Course, Disagreement, Job, reason
from benchmarks.machine import machine
from huixin.console import progress
from records.errors import HuixinError
from records.words import Text

ONE = (ONE_AS_OF,)
# Contenders at many as-ofs, by rival.
LOOPS = {"sql": ("sql",), "polars": ("polars", "polars in memory"), "pandas": ("pandas",)}
KNOWN_RIVALS = (*LOOPS, "feast")
WARM_SUBJECTS = 500
# On-line figures are taken on the base that is nearest to so many records.
ON_LINE_RECORDS = 50_000_000
ON_LINE = ("on_demand_p50_ms", "incremental_share", "by_key_p50_ms")


class UnknownRival(HuixinError):
    code = "unknown-rival"
    title = Text("没有此比较对象", "Unknown rival")


@dataclass(frozen=True)
class Wanted:
    """What is measured: see ``benchmarks.features.run``. Raises ``UnknownRival``."""

    subjects: int
    rivals: tuple[str, ...]
    growth: tuple[int, ...]
    repeats: int
    feast_python: Path | None
    folder: Path | None

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.rivals) - set(KNOWN_RIVALS)):
            told, accepted = ", ".join(unknown), ", ".join(KNOWN_RIVALS)
            raise UnknownRival(Text(f"没有比较对象 {told}；可用：{accepted}", f"no rival {told}; accepted: {accepted}"))


def figures(wanted: Wanted) -> dict[str, Any]:
    """Everything measured, by key; a key without a figure is null and ``why_null`` says why.

    Raises ``Disagreement`` where contenders' numbers differ, or the records are not what a base would hold.
    """
    place = Path(tempfile.mkdtemp(prefix="bench-features-", dir=wanted.folder))
    try:
        with progress("核对数据布局", "checking the layout of the records"):
            if not same_as_appended(place / "check"):
                raise Disagreement("the records made here are not what append() makes of them")
        warm = make(place / "warm", WARM_SUBJECTS)
        compared, why_null = _against_rivals(wanted, warm, place)
        alone, why_too = _alone(wanted, warm, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return {
        **dict.fromkeys(MEANING),
        **compared,
        **alone,
        "why_null": why_null | why_too,
        "meaning": MEANING,
        "machine": machine("duckdb", "polars", "pandas", "pyarrow", "ibis-framework", "numpy"),
    }


def _against_rivals(wanted: Wanted, warm: Made, place: Path) -> tuple[dict[str, Any], dict[str, str]]:
    with progress(f"生成 {wanted.subjects:,} 个主体的记录", f"making records of {wanted.subjects:,} subjects"):
        made = make(place / "records", wanted.subjects)
    feast, why_not = _feast_jobs(wanted, made, place)
    turns = Course(made, warm, place).turns([*_jobs(wanted), *feast], wanted.repeats)
    found, why_null = ratios(turns)
    facts = {
        "subjects": wanted.subjects,
        "records": made.rows,
        "records_mb": round(made.megabytes),
        "companions_mb": round(sum(path.stat().st_size for path in made.companions) / 1e6),
        "features": len(COLUMNS),
        "as_ofs": len(AS_OFS),
        "rounds": wanted.repeats,
        "seconds": turns.median("seconds"),
        "processor_s": turns.median("processor_s"),
        "job_peak_mb": turns.peaks(),
    }
    shutil.rmtree(made.folder)
    return {**found, **facts}, why_null | why_not


def _jobs(wanted: Wanted) -> list[Job]:
    """Huixin first (also before it has kept anything beside the files), then the rivals; at one as-of, then at many."""
    rivals = [rival for rival in LOOPS if rival in wanted.rivals]
    many = [Job(name, AS_OFS) for rival in rivals for name in LOOPS[rival]]
    one = [Job(name, ONE) for name in ("huixin, first time", "huixin", *rivals)]
    return [*one, Job("huixin", AS_OFS), *many]


def _feast_jobs(wanted: Wanted, made: Made, place: Path) -> tuple[list[Job], dict[str, str]]:
    """Feast's jobs, with the feature table that they look up; or why there are none."""
    if "feast" not in wanted.rivals:
        return [], {}
    if wanted.feast_python is None:
        return [], {"ratio_vs_feast": "no Python with Feast is given (--feast-python)"}
    try:
        feast_rival.version(wanted.feast_python)
    except RuntimeError as error:
        return [], {"ratio_vs_feast": f"Feast is not there: {error}"}
    table = place / "measures.parquet"
    with progress("为 Feast 备好特征表", "making the feature table that Feast looks up"):
        feast_rival.write_table(made, AS_OFS, table)
    return feast_rival.jobs(wanted.feast_python, table, AS_OFS, wanted.subjects), {}


def _alone(wanted: Wanted, warm: Made, place: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Huixin alone, size by size; on-line figures at the size that is nearest to fifty million records."""
    sizes = sorted(wanted.growth)
    nearest = min(sizes, key=lambda size: abs(size * 50 - ON_LINE_RECORDS), default=None)
    seconds: dict[int, float] = {}
    first: dict[int, float] = {}
    peaks: dict[str, float] = {}
    found: dict[str, Any] = {}
    why_null: dict[str, str] = {}
    for size in sizes:
        with progress(f"生成 {size:,} 个主体的记录", f"making records of {size:,} subjects"):
            made = make(place / f"growth-{size}", size)
        jobs = [Job("huixin, first time", ONE), Job("huixin", ONE)]
        turns = Course(made, warm, made.folder).turns(jobs, wanted.repeats)
        by_job = turns.median("seconds")
        if len(by_job) == len(jobs):
            first[size], seconds[size] = (by_job[job.name] for job in jobs)
            peaks[str(size)] = max(turns.peaks().values())
        for name, why in turns.failed.items():
            why_null[f"peak_rss_mb at {size} subjects"] = f"{name}: {why}"
        if size == nearest:
            try:
                found = online.figures(made, place, wanted.subjects)
            except subprocess.CalledProcessError as error:
                why_null |= dict.fromkeys(ON_LINE, reason(error))
        shutil.rmtree(made.folder)
    slope = exponent(seconds)
    why_null |= {} if slope else {"growth_exponent": "fewer than two sizes were measured"}
    figures = {"growth_exponent": slope, "growth_exponent_first_time": exponent(first), "peak_rss_mb": peaks}
    by_size = {"growth_seconds": seconds, "growth_seconds_first_time": first}
    return figures | {
        key: {str(size): one for size, one in of.items()} for key, of in by_size.items()
    } | found, why_null
