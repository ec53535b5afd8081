"""The county's people, institutions, organisations and government bodies, block by block.

They have random streams of their own, so that the enterprises and farmers of a plan are what they are without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from county.governments import government_records
from county.institutions import institution_records
from county.integrity import Civic, civic
from county.numbers import government_numbers, institution_numbers, organisation_numbers
from county.organisations import organisation_records
from county.people import people_records
from county.places import Numbers, Places
from county.plan import CountyPlan
from county.process import Ints
from county.professions import profession_records

Tables = dict[str, pa.Table]
STREAM = 3


def civic_blocks(plan: CountyPlan) -> Iterator[Tables]:
    """Batch rows by item code; each block depends on the plan and on its own number alone."""
    places = Places(plan)
    kinds: tuple[tuple[str, int, Callable[[Ints], Numbers], Callable[[Civic], Tables]], ...] = (
        ("individual", plan.people, places.people, lambda some: people_records(some) | profession_records(some)),
        ("institution", plan.institutions, institution_numbers, institution_records),
        ("organisation", plan.organisations, organisation_numbers, organisation_records),
        ("government", plan.governments, government_numbers, government_records),
    )
    total = sum(count for _, count, _, _ in kinds)
    blocks = -(-total // plan.block)
    for block in range(blocks):
        made: dict[str, list[pa.Table]] = {}
        for position, (kind, count, numbers, records) in enumerate(kinds):
            index = np.arange(count * block // blocks, count * (block + 1) // blocks)
            if not len(index):
                continue
            rng = np.random.default_rng([plan.seed, STREAM, block, position])
            for code, rows in records(civic(places, kind, block, index, numbers(index), rng)).items():
                if rows.num_rows:
                    made.setdefault(code, []).append(rows)
        yield {code: pa.concat_tables(parts, promote_options="default") for code, parts in sorted(made.items())}
