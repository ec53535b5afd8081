"""The figures by key: which times are divided by which, and what each key means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.features.measures import AS_OFS
from benchmarks.features.turns import Turns

MANY = len(AS_OFS)


@dataclass(frozen=True)
class Ratio:
    """Time of the jobs ``of`` over that of ``to``; where a side has several, its fastest."""

    key: str
    of: tuple[str, ...]
    to: tuple[str, ...]
    meaning: str


RATIOS = (
    Ratio(
        "ratio_vs_sql",
        ("huixin × 1",),
        ("sql × 1",),
        "time of Huixin, from what it keeps beside the files / best hand-written DuckDB SQL, one as-of; lower is "
        "better, wanted <= 1.3",
    ),
    Ratio(
        "ratio_vs_polars",
        ("huixin × 1",),
        ("polars × 1",),
        "time of Huixin / best Polars lazy query on the streaming engine, one as-of; lower is better, wanted <= 1.0",
    ),
    Ratio(
        "ratio_vs_sql_first_time",
        ("huixin, first time × 1",),
        ("sql × 1",),
        "as ratio_vs_sql, where Huixin has kept nothing beside the files yet: from the Parquet files alone",
    ),
    Ratio(
        "ratio_vs_polars_first_time",
        ("huixin, first time × 1",),
        ("polars × 1",),
        "as ratio_vs_polars, from the Parquet files alone",
    ),
    Ratio(
        "ratio_vs_pandas",
        ("huixin × 1",),
        ("pandas × 1",),
        "time of Huixin / pandas, one as-of; lower is better",
    ),
    Ratio(
        "many_as_of_ratio",
        (f"huixin × {MANY}",),
        ("huixin × 1",),
        f"time of Huixin at {MANY} month ends / at one as-of; lower is better, wanted <= 4",
    ),
    Ratio(
        "loop_ratio_sql",
        (f"sql × {MANY}",),
        (f"huixin × {MANY}",),
        f"time of the SQL, once for each of {MANY} as-ofs / Huixin at all; higher is better",
    ),
    Ratio(
        "loop_ratio_pandas",
        (f"pandas × {MANY}",),
        (f"huixin × {MANY}",),
        f"time of the pandas loop over {MANY} as-ofs, files read once / Huixin at all; higher is better, wanted >= 10",
    ),
    Ratio(
        "loop_ratio_polars",
        (f"polars × {MANY}", f"polars in memory × {MANY}"),
        (f"huixin × {MANY}",),
        f"time of the faster Polars loop over {MANY} as-ofs (files read once, or by each query) / Huixin at all; "
        "higher is better, wanted >= 5",
    ),
    *(
        Ratio(
            key,
            (f"feast, {lifetime} × {MANY}",),
            (f"huixin × {MANY}",),
            f"time of Feast to look up the measures, ready made, for all subjects at {MANY} month ends, where a row "
            f"of features lives {lifetime} / Huixin to compute them from the records; higher is better{wanted}",
        )
        for key, lifetime, wanted in (
            ("ratio_vs_feast", "a month", ", wanted >= 20"),
            ("ratio_vs_feast_a_day", "a day", ""),
            ("ratio_vs_feast_for_ever", "for ever", ""),
        )
    ),
)
OTHERS = {
    "growth_exponent": "slope of log time over log subjects, 50 records each, one as-of; wanted <= 1.05",
    "growth_exponent_first_time": "the same from the Parquet files alone",
    "peak_rss_mb": "largest resident memory of the process by subjects, one as-of, result included, the first time "
    "among them; wanted < 6,000",
    "incremental_share": "time to follow a batch that touches 1% of the subjects / full build; wanted <= 0.05",
    "on_demand_p50_ms": "one subject's measures from the records, by subject id; wanted <= 30",
    "by_key_p50_ms": "one subject's latest measures by primary key; wanted <= 1",
}
MEANING = {ratio.key: ratio.meaning for ratio in RATIOS} | OTHERS


def ratios(turns: Turns) -> tuple[dict[str, float | None], dict[str, str]]:
    """Every ratio by its key, the median over rounds; and why those are missing that are."""
    found = {one.key: _ratio(turns, one) for one in RATIOS}
    why = {}
    for one in RATIOS:
        if found[one.key] is None:
            failures = [f"{name}: {turns.failed[name]}" for name in (*one.of, *one.to) if name in turns.failed]
            why[one.key] = "; ".join(failures) or "not among the rivals of this run, or too large for one"
    return found, why


def exponent(seconds: dict[int, float]) -> float | None:
    """The slope of log time over log size by least squares; ``None`` of fewer than two sizes."""
    if len(seconds) < 2:
        return None
    return float(np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0])


def _ratio(turns: Turns, ratio: Ratio) -> float | None:
    of, to = _fastest(turns, ratio.of), _fastest(turns, ratio.to)
    return turns.ratio(of, to) if of and to else None


def _fastest(turns: Turns, names: Iterable[str]) -> str | None:
    seconds = turns.median("seconds")
    return min((name for name in names if name in seconds), key=lambda name: seconds[name], default=None)
