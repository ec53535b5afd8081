"""Pulling from a real PostgreSQL: each row once, however often the pull is killed, and changes as corrections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from county.numbers import enterprise_numbers
from records.base import RecordBase
from records.catalogue import Catalogue
from records.errors import HuixinError
from records.exchange.connector import Connector
from records.exchange.errors import BadConnector, SourceDown
from records.exchange.hub import Exchange
from records.exchange.pull import Puller, start_again
from records.exchange.source_table import SourceTable
from tests.records.exchange.conftest import kept

NUMBERS = [str(number) for number in enterprise_numbers(np.arange(900))]
TOML = """
name = "power"
item = "power.usage"
url_env = "POWER_URL"
relation = "Out put.Use;drop"
batch_rows = 10
[columns]
record_id = "Id"
subject_number = "number"
occurred_on = "month"
kwh = "kwh"
bill = "bill"
days_late = "late"
[constants]
subject_kind = "enterprise"
[watermark]
column = "changed"
lag = 0
"""
CHANGING = TOML.replace('record_id = "Id"\n', "").replace(
    "batch_rows = 10", 'batch_rows = 10\nkey = "Id"\non_change = "correct"'
)


@pytest.fixture
def source(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """The source's database, with names that need quoting."""
    monkeypatch.setenv("POWER_URL", postgres)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute('DROP SCHEMA IF EXISTS "Out put" CASCADE; CREATE SCHEMA "Out put"')
        connection.execute(
            'CREATE TABLE "Out put"."Use;drop" ("Id" bigint, number text, month timestamptz, kwh numeric, '
            "bill numeric(18,2), late int, changed timestamptz)"
        )
        yield connection
        connection.execute('DROP SCHEMA "Out put" CASCADE')


def add(source: psycopg.Connection[Any], first: int, rows: int, changed: str = "clock_timestamp()") -> None:
    with source.cursor() as cursor:
        cursor.executemany(
            f'INSERT INTO "Out put"."Use;drop" VALUES (%s, %s, \'2025-01-31T00:30:00+08\', 12.50, 7.75, 0, {changed})',
            [(number, NUMBERS[number % 900]) for number in range(first, first + rows)],
        )


def connector(tmp_path: Path, content: str = TOML) -> Connector:
    path = tmp_path / "connector.toml"
    path.write_text(content, encoding="utf-8")
    return Connector.read(path, Catalogue.load())


def test_each_row_is_pulled_once_in_ranges(
    source: psycopg.Connection[Any], exchange: Exchange, base: RecordBase, tmp_path: Path
) -> None:
    add(source, 0, 25)
    puller = Puller(exchange, connector(tmp_path))
    assert [one.rows for one in puller.ranges()] == [10, 10, 5]
    assert list(puller.ranges()) == []
    add(source, 25, 3)
    assert [one.rows for one in puller.ranges()] == [3]
    assert kept(base) == 28
    assert kept(base, "SELECT DISTINCT occurred_on::text FROM power_usage") == "2025-01-31"
    assert {batch.channel for batch in base.batches()} == {"pull"}


def test_rows_that_share_a_watermark_stay_together(
    source: psycopg.Connection[Any], exchange: Exchange, base: RecordBase, tmp_path: Path
) -> None:
    add(source, 0, 35, "'2025-02-01T00:00:00.123456Z'")
    add(source, 35, 4, "'2025-02-02'")
    assert [one.rows for one in Puller(exchange, connector(tmp_path)).ranges()] == [35, 4]
    assert kept(base) == 39


def test_a_pull_that_dies_anywhere_takes_the_same_range_again(
    source: psycopg.Connection[Any],
    exchange: Exchange,
    base: RecordBase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(source, 0, 25)

    class Died(Exception):
        pass

    def die(*_: Any, **__: Any) -> Any:
        raise Died

    for step in ("_fetch", "_append", "_move"):
        puller = Puller(exchange, connector(tmp_path))
        with monkeypatch.context() as patch:
            patch.setattr(Puller, step, die)
            with pytest.raises(Died):
                puller.pull()
        add(source, 25 if step == "_fetch" else 1000, 0)
        before = kept(base)
        if step == "_move":
            assert before == 10
    assert [one.rows for one in Puller(exchange, connector(tmp_path)).ranges()] == [0, 10, 5]
    assert kept(base) == 25
    assert len(base.batches()) == 3


def test_a_late_commit_inside_the_lag_is_not_missed(
    source: psycopg.Connection[Any], exchange: Exchange, base: RecordBase, tmp_path: Path
) -> None:
    puller = Puller(exchange, connector(tmp_path, TOML.replace("lag = 0", "lag = 3600")))
    add(source, 0, 5, "now() - interval '2 hours'")
    add(source, 5, 5, "now() - interval '10 minutes'")
    assert [one.rows for one in puller.ranges()] == [5]
    add(source, 10, 2, "now() - interval '15 minutes'")
    source.execute("""UPDATE "Out put"."Use;drop" SET changed = changed - interval '1 hour' WHERE "Id" >= 5""")
    assert [one.rows for one in puller.ranges()] == [7]
    assert kept(base) == 12


@pytest.mark.parametrize(("kind", "step"), [("date", "1 day"), ("bigint", None), ("timestamp", "1 hour")])
def test_dates_integers_and_local_times_are_watermarks_too(
    source: psycopg.Connection[Any], exchange: Exchange, base: RecordBase, tmp_path: Path, kind: str, step: str | None
) -> None:
    source.execute('ALTER TABLE "Out put"."Use;drop" DROP COLUMN changed')
    source.execute(f'ALTER TABLE "Out put"."Use;drop" ADD COLUMN changed {kind}')
    for number in range(4):
        add(source, number * 6, 6, f"{number + 1}" if step is None else f"now() - interval '{step}' * {9 - number}")
    ends = [one.rows for one in Puller(exchange, connector(tmp_path)).ranges()]
    assert ends == ([12, 12] if kind != "timestamp" else ends)
    assert kept(base) == 24


def test_changed_rows_become_corrections_and_unchanged_ones_stay_out(
    source: psycopg.Connection[Any], exchange: Exchange, base: RecordBase, tmp_path: Path
) -> None:
    add(source, 0, 8)
    puller = Puller(exchange, connector(tmp_path, CHANGING))
    assert [one.rows for one in puller.ranges()] == [8]
    for number in ("13.5", "14"):
        source.execute(f'UPDATE "Out put"."Use;drop" SET kwh = {number}, changed = clock_timestamp() WHERE "Id" = 3')
        source.execute('UPDATE "Out put"."Use;drop" SET kwh = 12.5000, changed = clock_timestamp() WHERE "Id" = 5')
        (pulled,) = puller.ranges()
        assert pulled.rows == 2
        assert pulled.receipt is not None
        assert (pulled.receipt.rows_accepted, pulled.receipt.rows_rejected) == (1, 0)
    source.execute('UPDATE "Out put"."Use;drop" SET changed = clock_timestamp()')
    (pulled,) = puller.ranges()
    assert (pulled.rows, pulled.receipt) == (8, None)
    assert kept(base) == 10
    live = "SELECT count(*), sum(kwh) FROM power_usage WHERE superseded_at IS NULL"
    ((count, total),) = kept(base, live)
    assert (count, float(total)) == (8, 7 * 12.5 + 14)
    assert kept(base, "SELECT count(*) FROM power_usage WHERE supersedes = '3' OR supersedes LIKE '3~%'") == 2
    start_again(exchange, puller.connector)
    assert all(one.receipt is None for one in puller.ranges())


def test_bad_rows_are_told_and_the_watermark_moves_on(
    source: psycopg.Connection[Any], exchange: Exchange, tmp_path: Path
) -> None:
    add(source, 0, 5)
    source.execute("""UPDATE "Out put"."Use;drop" SET number = '12345' WHERE "Id" = 2""")
    puller = Puller(exchange, connector(tmp_path, CHANGING))
    (pulled,) = puller.ranges()
    assert pulled.receipt is not None
    assert (pulled.receipt.rows_accepted, pulled.receipt.rows_rejected) == (4, 1)
    source.execute(
        """UPDATE "Out put"."Use;drop" SET number = %s, changed = clock_timestamp() WHERE "Id" = 2""", (NUMBERS[2],)
    )
    (pulled,) = puller.ranges()
    assert pulled.receipt is not None
    assert pulled.receipt.rows_accepted == 1


def test_a_key_that_names_two_rows_is_refused_and_nothing_changes(
    source: psycopg.Connection[Any], exchange: Exchange, base: RecordBase, tmp_path: Path
) -> None:
    for _ in range(2):
        add(source, 1, 1)
    with pytest.raises(BadConnector):
        Puller(exchange, connector(tmp_path, CHANGING)).pull()
    assert kept(base) == 0


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ('item = "power.usage"', 'item = "no.such"', "unknown-item"),
        ('kwh = "kwh"', 'kwx = "kwh"', "bad-connector"),
        ('kwh = "kwh"', 'kwh = "nothing"', "bad-connector"),
        ('column = "changed"', 'column = "number"', "bad-connector"),
        ("batch_rows = 10", "batch_rows = 0", "bad-connector"),
        ("batch_rows = 10", 'batch_rows = 10\nkey = "Id"', "bad-connector"),
        ('relation = "Out put.Use;drop"', 'relation = "Out put.x"', "bad-connector"),
        ('relation = "Out put.Use;drop"', 'relation = "nothing"', "bad-connector"),
        ('name = "power"', 'name = "../power"', "bad-connector"),
        ('url_env = "POWER_URL"', 'url_env = "NO_SUCH_URL"', "bad-connector"),
        ("lag = 0", 'lag = 0\nstart = "soon"', "source-down"),
        ("lag = 0", "lag = ", "bad-connector"),
    ],
)
def test_bad_connectors_say_what_is_wrong(
    source: psycopg.Connection[Any], exchange: Exchange, tmp_path: Path, before: str, after: str, error: str
) -> None:
    assert before in TOML
    with pytest.raises(HuixinError) as found:
        Puller(exchange, connector(tmp_path, TOML.replace(before, after))).pull()
    assert found.value.code == error


def test_a_source_that_is_down_tells_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWER_URL", "postgresql://user:hunter2@127.0.0.1:9/none")
    with pytest.raises(SourceDown) as found, SourceTable.connected(connector(tmp_path)):
        pass
    assert "hunter2" not in str(found.value)
