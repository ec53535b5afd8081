"""Rows made up from an item's declaration alone are accepted, by the door and by the query it is measured against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.ingest_bare import read_check_write
from benchmarks.ingest_rows import make_rows, write_rows
from records.base import RecordBase
from records.batch import BatchValidator
from records.catalogue import Catalogue
from records.moment import now
from records.reading import Chunk

CATALOGUE = Catalogue.load()


def test_rows_of_every_item_are_accepted(base: RecordBase) -> None:
    refused = {}
    for item in CATALOGUE.items.values():
        [rows] = make_rows(item, 40)
        validator = BatchValidator(item, base.identity, now(), history=False, pseudonyms=None)
        validator.check_columns(rows.columns)
        accepted = validator.check(Chunk(rows, np.arange(1, rows.height + 1)))
        if accepted.refused:
            refused[item.code] = accepted.rejections.select("field", "en").unique().rows()
        assert accepted.frame.drop("row", "masked", "prefix").columns == item.arrow_schema.names
    assert refused == {}


@pytest.mark.parametrize("code", ["court.case", "staffing.registration", "tax.invoice"])
def test_the_bare_query_keeps_what_the_door_keeps(base: RecordBase, tmp_path: Path, code: str) -> None:
    item = CATALOGUE.item(code)
    source = tmp_path / "rows.csv"
    write_rows(item, 300, source)
    rows = pl.read_csv(source, infer_schema=False)
    name = next(name for name, field in item.fields.items() if field.codes and field.required)
    place = pl.int_range(pl.len())
    wrong = rows.with_columns(
        pl.when(place == 3).then(pl.lit("?")).otherwise(name).alias(name),
        pl.when(place == 5).then(pl.lit("91999999000000000A")).otherwise("subject_number").alias("subject_number"),
        pl.when(place == 8).then(pl.lit("2999-01-01")).otherwise("occurred_on").alias("occurred_on"),
    )
    wrong.write_csv(source)
    assert read_check_write(item, source, tmp_path / "bare.parquet") == 297
    assert base.append(source, code).rows_accepted == 297
    [file] = (base.settings.records_folder / code).iterdir()
    own = pl.read_parquet(file).sort("record_id")
    bare = pl.read_parquet(tmp_path / "bare.parquet").sort("record_id")
    plain = [name for name, field in item.fields.items() if field.type != "subject"]
    assert own.select("record_id", "occurred_on", *plain).equals(bare.select("record_id", "occurred_on", *plain))
