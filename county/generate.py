"""The county, block by block: batches for every item, and each subject's true PD and hazard of distress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from county.civic import civic_blocks
from county.enterprise import INDUSTRIES, enterprise_records
from county.farmer import farmer_records
from county.numbers import enterprise_numbers, farmer_numbers
from county.places import Places
from county.plan import CountyPlan, Nature
from county.process import DEFAULTED, Floats, History, Ints, live, shared_shocks
from county.reporting import Setting
from county.truth import DISTRESS_HORIZONS, true_distress, true_pd

ENTERING_SHARE = 0.15
CIRCLE_SHARE = 0.2
TRUTH_SCHEMA = pa.schema(
    {
        "subject_kind": pa.string(),
        "subject_number": pa.string(),
        "month_end": pa.date32(),
        "pd_12m": pa.float64(),
        **{f"distress_{months}m": pa.float64() for months in DISTRESS_HORIZONS},
        "in_default": pa.bool_(),
    }
)


@dataclass(frozen=True)
class Block:
    """Some subjects: batch rows by item code, and the truth.

    ``truth``: subject_kind, subject_number, month_end, pd_12m, distress_3m, distress_6m, distress_12m, in_default.
    """

    tables: dict[str, pa.Table]
    truth: pa.Table


def generate(plan: CountyPlan) -> Iterator[Block]:
    """The blocks of ``plan`` in order; each depends on the plan and on its own number alone.

    First the enterprises and farmers, whose truth is known, then people and bodies, which have none.
    """
    shared = _SharedShocks(plan)
    for number, first in enumerate(range(0, plan.subjects, plan.block)):
        yield _block(plan, shared, number, first, min(plan.block, plan.subjects - first))
    for tables in civic_blocks(plan):
        yield Block(tables, TRUTH_SCHEMA.empty_table())


def write(plan: CountyPlan, folder: Path, progress: Callable[[int], None] | None = None) -> list[Path]:
    """Write ``<folder>/<item>/<block>.parquet`` and ``<folder>/truth/<block>.parquet``; progress counts subjects."""
    written = []
    for number, block in enumerate(generate(plan)):
        for name, table in {**block.tables, "truth": block.truth}.items():
            path = folder / name / f"{number:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, compression="zstd")
            written.append(path)
        if progress:
            progress(min(plan.subjects, (number + 1) * plan.block))
    return written


class _SharedShocks:
    """Paths that all blocks share: sectors for enterprises; villages and their weather for farmers."""

    def __init__(self, plan: CountyPlan) -> None:
        rng = np.random.default_rng([plan.seed, 1])
        months = plan.burn_in + plan.months
        self.sector = shared_shocks(plan.enterprise, len(INDUSTRIES), months, rng)
        self.village = shared_shocks(plan.farmer, plan.villages, months, rng)
        self.weather = rng.normal(0, 0.8, plan.months)[None, :] + rng.normal(0, 0.5, (plan.villages, plan.months))


def _block(plan: CountyPlan, shared: _SharedShocks, number: int, first: int, subjects: int) -> Block:
    rng = np.random.default_rng([plan.seed, 2, number])
    enterprises = round(subjects * plan.enterprise_share)
    index = first + np.arange(subjects)
    sector = rng.choice(len(INDUSTRIES), enterprises, p=_sector_shares())
    village = rng.integers(0, plan.villages, subjects - enterprises)
    tables: dict[str, list[pa.Table]] = {}
    truths = []
    if enterprises:
        partner = _circles(enterprises, rng)
        setting = _setting(
            plan,
            plan.enterprise,
            "enterprise",
            number,
            enterprise_numbers(index[:enterprises]),
            shared.sector[sector],
            partner,
            rng,
        )
        places = Places(plan)
        own_head = places.is_office(number * round(plan.block * plan.enterprise_share) + np.arange(enterprises))
        made = enterprise_records(setting, sector, partner, first, plan.enterprise.loan_share, own_head)
        truths.append(_truth(setting, plan.enterprise))
        _gather(tables, made)
    if subjects > enterprises:
        partner = _circles(subjects - enterprises, rng)
        setting = _setting(
            plan,
            plan.farmer,
            "farmer",
            number,
            farmer_numbers(index[enterprises:]),
            shared.village[village],
            partner,
            rng,
        )
        made = farmer_records(setting, village, shared.weather, partner, plan.farmer.loan_share)
        truths.append(_truth(setting, plan.farmer))
        _gather(tables, made)
    return Block(
        {code: pa.concat_tables(parts, promote_options="default") for code, parts in sorted(tables.items())},
        pa.concat_tables(truths),
    )


def _setting(
    plan: CountyPlan, nature: Nature, kind: str, number: int, numbers: np.ndarray[tuple[int], np.dtype[np.str_]],
    shocks: Floats, partner: Ints, rng: np.random.Generator,
) -> Setting:  # fmt: skip
    n = len(numbers)
    entered = np.where(rng.random(n) < ENTERING_SHARE, rng.integers(1, plan.months - 1, n), 0)
    history: History = live(nature, shocks, entered, partner, plan.burn_in, rng)
    return Setting(kind, number, numbers, history, plan.month_ends, rng)


def _circles(n: int, rng: np.random.Generator) -> Ints:
    """The guarantor of each subject: a fifth of the subjects stand in chains of a few, the others have none."""
    order = rng.permutation(n)
    partner = np.full(n, -1, np.int64)
    inside = order[: int(n * CIRCLE_SHARE)]
    partner[inside[1:]] = inside[:-1]
    return partner


def _sector_shares() -> Floats:
    weights = np.array([0.24, 0.28, 0.08, 0.08, 0.07, 0.06, 0.07, 0.05, 0.05, 0.02])
    return np.asarray(weights / weights.sum())


def _truth(setting: Setting, nature: Nature) -> pa.Table:
    subject, when = np.nonzero(setting.alive)
    pd = true_pd(nature, setting.history)[subject, when]
    distress = true_distress(nature, setting.history)[subject, when]
    return pa.table(
        {
            "subject_kind": pa.array([setting.kind] * len(subject)),
            "subject_number": pa.array(setting.numbers).take(pa.array(subject)),
            "month_end": pa.array(setting.ends[when], pa.date32()),
            "pd_12m": pa.array(pd),
            **{f"distress_{months}m": pa.array(distress[:, at]) for at, months in enumerate(DISTRESS_HORIZONS)},
            "in_default": pa.array(setting.history.status[subject, when] == DEFAULTED),
        }
    )


def _gather(tables: dict[str, list[pa.Table]], made: dict[str, pa.Table]) -> None:
    for code, table in made.items():
        if table.num_rows:
            tables.setdefault(code, []).append(table)
