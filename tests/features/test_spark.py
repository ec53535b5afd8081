"""Promises 1 and 2 with Spark among the engines: two executors give the bits that DuckDB gives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import features.spark.spine as spark_spine
from county import CountyPlan
from features.compiled import compiled
from features.definition import Peer
from features.dictionary import features_for, registered
from features.pipeline import FeaturePipeline
from features.spark.folders import FolderTaken
from features.spark.pipeline import SparkPipeline
from features.spark.session import SparkMissing, require
from features.spark.tables import SparkTables, connect, items_for
from features.spine import BadSpine, month_end_spine
from huixin.county_base import fill
from huixin.features import app
from records.base import RecordBase
from records.catalogue import SubjectKind
from records.lifecycle import RecordLife
from records.settings import Settings
from tests.features.conftest import table_of
from tests.features.many_records import ITEMS, ManyRecords
from tests.records.life import FIRMS, ORDER, arrears, send

FEATURES = tuple(registered().values())
ALONE = tuple(one for one in FEATURES if not compiled((one,), "enterprise").peers)  # without those of peers
KINDS: dict[SubjectKind, int] = {
    "enterprise": 25,
    "farmer": 15,
    "individual": 6,
    "institution": 6,
    "organisation": 6,
    "government": 6,
}
# To compile a hundred queries to Java for a few rows each would take most of the time; the command's are compiled.
INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
}


@dataclass
class Answers:
    """What each engine says of the same spine over the same records."""

    held: ManyRecords
    duckdb: pa.Table
    spark: pa.Table


@pytest.fixture(scope="module")
def answers(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Every feature of one subject alone, of many subjects of every kind, on both engines, each asked once."""
    held = ManyRecords()
    for kind, examples in KINDS.items():
        held.add_futures(kind, examples)
        held.add_histories(kind, subjects=3, records_an_item=12, seed=1)
    held.asked.append(("nobody", held.asked[0][1]))
    folder = tmp_path_factory.mktemp("records")
    backend, tables = ibis.duckdb.connect(), SparkTables(spark)
    for name, value in INTERPRETED.items():
        tables.session.conf.set(name, value)
    for code in compiled(ALONE, "enterprise").items:
        rows, path = table_of(code, held.rows.get(code, [])), folder / f"{code}.parquet"
        pq.write_table(rows, path)
        backend.con.execute(f"CREATE TABLE {ITEMS[code].table} AS FROM '{path}'")
        tables.read(ITEMS[code].table, [path], rows.schema)
    return Answers(
        held,
        FeaturePipeline(backend, "enterprise", ALONE).build(held.spine()),
        SparkPipeline(tables, "enterprise", ALONE).build(held.spine()),
    )


def bits(column: pa.ChunkedArray) -> Any:
    return column.to_numpy().view(np.uint64)


def test_every_feature_has_the_same_bits_on_both_engines(answers: Answers) -> None:
    assert answers.spark.schema == answers.duckdb.schema
    assert answers.spark.select(["subject_id", "as_of"]) == answers.held.spine()
    differing = {}
    for code in (feature.code for feature in ALONE):
        unlike = np.flatnonzero(bits(answers.duckdb[code]) != bits(answers.spark[code]))
        if len(unlike):
            at = int(unlike[0])
            differing[code] = (
                answers.held.asked[at],
                answers.duckdb[code][at].as_py(),
                answers.spark[code][at].as_py(),
                len(unlike),
            )
    assert differing == {}


def test_what_is_learnt_later_changes_no_bit_on_spark(answers: Answers) -> None:
    places = {subject: at for at, (subject, _) in enumerate(answers.held.asked)}
    values = {code: bits(answers.spark[code]) for code in (feature.code for feature in ALONE)}
    leaks = [
        (code, before)
        for before, after in answers.held.pairs
        for code, column in values.items()
        if column[places[before]] != column[places[after]]
    ]
    assert leaks == []


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    """A small county, some of whose records were corrected, hidden, shown again, carried on, or of an older version."""
    folder = tmp_path_factory.mktemp("county [1]*")  # names with what Spark would take for a pattern
    base = RecordBase.open(Settings(home=folder / "home"))
    fill(base, CountyPlan(subjects=80, months=24, block=80, seed=5, organisation_share=0.05), folder / "truth.parquet")
    door = folder / "door"
    send(base, door, "tax.arrears", *(arrears(f"a{number}", number % 4) for number in range(12)))
    send(base, door, "tax.arrears", arrears("b1", 1, supersedes="a1"), arrears("b2", 2, amount="7", supersedes="a2"))
    life = RecordLife(base)
    life.apply("withdraw", "tax.arrears", ["a3", "a7"], ORDER)
    life.apply("seal", "tax.arrears", ["a4"], ORDER)
    life.apply("restore", "tax.arrears", ["a3"], ORDER)
    step = {"record_id": "s1", "subject_number": FIRMS[0], "kind": "merge", "occurred_on": "2024-06-01"}
    send(base, door, "market.succession", step | {"predecessor": FIRMS[1]})
    taxpayer = {"subject_number": FIRMS[2], "occurred_on": "2024-06-01", "name": "甲", "status": "normal"}
    taxpayer |= {"taxpayer_kind": "general"}
    send(base, door, "tax.registration", {**taxpayer, "record_id": "t1"}, version=1)
    send(base, door, "tax.registration", {**taxpayer, "record_id": "t2", "digital_invoice": True})
    return base


COMPARED = ("tax.arrears", "market.succession", "tax.registration", "loan.account_month", "tax.grade")


@pytest.fixture(scope="module")
def tables(spark: Any, county: RecordBase) -> SparkTables:
    found = connect(county, spark, (*COMPARED, *items_for("farmer")))
    for name, value in INTERPRETED.items():
        found.session.conf.set(name, value)
    return found


def test_records_are_the_same_tables_on_both_engines(county: RecordBase, tables: SparkTables) -> None:
    backend = county.connection()
    held = {item for (item,) in backend.con.execute("SELECT DISTINCT item FROM visibility").fetchall()}
    assert held == {"tax.arrears"}
    for code in COMPARED:
        table = county.catalogue.item(code).table
        wanted = backend.table(table).to_pyarrow()
        found = tables.session.table(table).select(*wanted.column_names).toArrow().cast(wanted.schema)
        order = [(name, "ascending") for name in ("record_id", "subject_id", "recorded_at")]
        assert wanted.num_rows > 0
        assert found.sort_by(order).equals(wanted.sort_by(order)), code


def test_a_county_is_built_by_the_executors(county: RecordBase, tables: SparkTables, tmp_path: Path) -> None:
    segment = "farmer"
    first, last = date(2025, 9, 1), date(2025, 12, 31)
    backend = county.connection()
    chosen = [one for one in features_for(segment) if isinstance(one, Peer) or one.item == "loan.account_month"]
    wanted = FeaturePipeline(backend, segment, chosen).build(month_end_spine(backend, segment, first, last, every=3))
    told: list[int] = []
    pipeline = SparkPipeline(tables, segment, chosen)
    asked = spark_spine.month_end_spine(tables, segment, first, last, every=3)
    assert pipeline.build_to(asked, tmp_path / "made", told.append) == wanted.num_rows
    assert told == list(range(1, pipeline.steps + 1))
    found = pq.read_table(tmp_path / "made")
    order = [("subject_id", "ascending"), ("as_of", "ascending")]
    found, wanted = found.sort_by(order), wanted.sort_by(order)
    assert found.schema.names == wanted.schema.names
    assert found.select(["subject_id", "as_of"]) == wanted.select(["subject_id", "as_of"])
    assert [code for code in pipeline.codes if (bits(found[code]) != bits(wanted[code])).any()] == []
    among_peers = [one.code for one in pipeline.features if isinstance(one, Peer)]
    assert any(np.isfinite(wanted[code].to_numpy()).any() for code in among_peers)


def test_a_folder_is_whole_or_not_there(tables: SparkTables, tmp_path: Path) -> None:
    pipeline = SparkPipeline(tables, "farmer", [one for one in FEATURES if one.code == "land_area_mu"])
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    spine = pa.table({"subject_id": ["x", "y"], "as_of": pa.array([datetime(2025, 1, 1)] * 2, pa.timestamp("us"))})
    with pytest.raises(FolderTaken):
        pipeline.build_to(spine, taken)
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]
    pq.write_table(spine.rename_columns(["subject", "as_of"]), tmp_path / "other.parquet")
    gaps = spine.set_column(0, "subject_id", pa.array(["x", None]))
    pq.write_table(gaps, tmp_path / "gaps.parquet")
    for bad in ("other", "gaps"):
        with pytest.raises(BadSpine):
            pipeline.build_to(tmp_path / f"{bad}.parquet", tmp_path / "made")
        assert not (tmp_path / "made").exists()
    pq.write_table(spine, tmp_path / "spine.parquet")
    assert pipeline.build_to(tmp_path / "spine.parquet", tmp_path / "made") == 2
    assert sorted(pq.read_table(tmp_path / "made")["subject_id"].to_pylist()) == ["x", "y"]
    assert not list((tmp_path / "made").glob("_spine*"))


def test_the_command_builds_the_same_table_on_either_engine(
    county: RecordBase, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIXIN_HOME", str(county.settings.home))
    words = ["build", "--segment", "organisation", "--as-of", "2025-12-31", "--since", "2025-11-30", "--to"]
    for engine in ("duckdb", "spark"):
        said = CliRunner().invoke(app, [*words, str(tmp_path / engine), "--engine", engine])
        assert said.exit_code == 0, said.output
    order = [("subject_id", "ascending"), ("as_of", "ascending")]
    wanted, found = (pq.read_table(tmp_path / engine).sort_by(order) for engine in ("duckdb", "spark"))
    assert wanted.num_rows > 0
    assert all((bits(found[code]) == bits(wanted[code])).all() for code in wanted.column_names[2:])


@pytest.mark.parametrize(("version", "says"), [("11.0.2", "Java is 11"), (None, "no Java was found")])
def test_what_spark_lacks_is_said(
    version: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    if version:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        java.chmod(0o755)
    with pytest.raises(SparkMissing, match=says):
        require()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SparkMissing, match=re.escape("pip install 'huixin[spark]'")):
        require()
