"""Inputs kept beside the files give what asking the views gives, whatever befell records and subjects since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.builder import measure
from features.compiled import CompiledFeatures, duckdb_sql
from features.dictionary import dictionary, items_read
from features.pipeline import FeaturePipeline
from records.catalogue import Catalogue
from records.tables import VISIBILITY_SCHEMA, Stored, connect
from tests.features.conftest import table_of
from tests.features.many_records import ManyRecords
from tests.features.test_sweep import MONTHS, joined, spine

ITEMS = Catalogue.load().items
FOLLOWING = [item for item in ITEMS.values() if item.succession]
FILES = 3


def stored_base(kind: str, folder: Path, seed: int) -> tuple[ManyRecords, Any]:
    """A base of Parquet files in which records were corrected, hidden and shown again, and subjects succeeded."""
    random, many = Random(seed), ManyRecords()
    many.add_histories(kind, subjects=5, records_an_item=24, seed=seed)
    files: dict[str, list[tuple[str, bool]]] = {}
    hidden = []
    for code, rows in many.rows.items():
        for row in rows:
            row.pop("superseded_at", None)
            row.pop("expires_on", None)
            if random.random() < 0.15:
                row["supersedes"] = random.choice(rows)["record_id"]
            if random.random() < 0.1:
                hidden += stretches(random, code, row)
        parts = [[row for at, row in enumerate(rows) if at % FILES == part] for part in range(FILES)]
        for number, part in enumerate(parts):
            path = folder / code / f"{number}.parquet"
            path.parent.mkdir(exist_ok=True)
            part.sort(key=lambda row: (row["subject_id"], row["occurred_on"]))
            pq.write_table(table_of(code, part).select(ITEMS[code].arrow_schema.names), path, row_group_size=7)
            files.setdefault(code, []).append((str(path), any(row.get("supersedes") for row in part)))
    visibility = pa.Table.from_pylist(hidden, VISIBILITY_SCHEMA)
    return many, connect([ITEMS[code] for code in items_read(kind)], Stored(files, visibility), FOLLOWING)


def stretches(random: Random, code: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    cuts = sorted(row["recorded_at"] + timedelta(days=random.randint(0, 500)) for _ in range(random.choice((1, 3))))
    pairs = zip([None, *cuts[1::2]], cuts[::2], strict=False)
    return [{"item": code, "record_id": row["record_id"], "seen_from": a, "seen_until": b} for a, b in pairs]


@pytest.mark.parametrize("kind", ["enterprise", "farmer"])
def test_inputs_beside_the_files_change_nothing(kind: str, tmp_path: Path) -> None:
    many, connection = stored_base(kind, tmp_path, seed=11)
    compiled = CompiledFeatures(tuple(dictionary(kind)), kind, duckdb_sql)
    asked = spine([(f"{kind}-{number}", moment) for number in range(4) for moment in MONTHS[::3]] + many.asked)
    expected = joined(connection, compiled, asked)
    made, kept = measure(connection, compiled, asked), measure(connection, compiled, asked)
    assert list(tmp_path.glob("*/*.inputs"))
    assert [code for code, column in expected.items() if not np.array_equal(made[code], column, equal_nan=True)] == []
    assert [code for code, column in made.items() if not np.array_equal(kept[code], column, equal_nan=True)] == []


def test_a_damaged_companion_is_made_again(tmp_path: Path) -> None:
    many, connection = stored_base("farmer", tmp_path, seed=4)
    pipeline = FeaturePipeline(connection, "farmer")
    first = numbers(pipeline.build(many.spine()))
    for path in tmp_path.glob("*/*.inputs"):
        path.write_bytes(path.read_bytes()[:100])
    _, connection = stored_base("farmer", tmp_path, seed=4)
    assert numbers(FeaturePipeline(connection, "farmer").build(many.spine())) == first


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many, connection = stored_base("farmer", tmp_path, seed=4)
    expected = numbers(FeaturePipeline(connection, "farmer").build(many.spine()))
    for path in tmp_path.glob("*/*.inputs"):
        path.unlink()
    monkeypatch.setattr(Path, "open", _refuse_inputs(Path.open))
    _, connection = stored_base("farmer", tmp_path, seed=4)
    assert numbers(FeaturePipeline(connection, "farmer").build(many.spine())) == expected


def numbers(table: pa.Table) -> dict[str, bytes]:
    """The bits of every feature."""
    return {code: table[code].to_numpy().tobytes() for code in table.column_names[2:]}


def _refuse_inputs(usual: Callable[..., Any]) -> Callable[..., Any]:
    def opened(self: Path, *arguments: Any, **options: Any) -> Any:
        if ".inputs" in self.name and "w" in str(arguments[:1]):
            raise PermissionError(13, "read-only", str(self))
        return usual(self, *arguments, **options)

    return opened
