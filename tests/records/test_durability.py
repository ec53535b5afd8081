"""Nothing acknowledged is lost, nothing unacknowledged is seen: kill -9, two writers, SQLite and PostgreSQL."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import inspect

from county.numbers import enterprise_numbers
from records.base import RecordBase
from records.database import migrate, open_engine
from records.settings import Settings

ROWS = 4_000
KILLS = 12
APPEND = """
import sys
from pathlib import Path
from records.base import RecordBase
from records.settings import Settings
base = RecordBase.open(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2] or None))
print("open", flush=True)
for path in sys.argv[3:]:
    receipt = base.append(Path(path), "power.usage")
    print(receipt.batch_id, Path(path).stem, receipt.rows_accepted, flush=True)
"""


def usage_file(folder: Path, name: str, rows: int = ROWS, first: int = 0) -> Path:
    numbers = enterprise_numbers(np.arange(rows) % 900)
    table = pa.table(
        {
            "record_id": [f"{name}-{number}" for number in range(first, first + rows)],
            "subject_kind": ["enterprise"] * rows,
            "subject_number": numbers,
            "occurred_on": ["2025-01-31"] * rows,
            "kwh": ["12.5"] * rows,
            "bill": ["7.75"] * rows,
            "days_late": ["0"] * rows,
        }
    )
    path = folder / f"{name}.parquet"
    pq.write_table(table, path)
    return path


def counts(base: RecordBase) -> dict[str, int]:
    """Visible rows by the file they came from."""
    query = "SELECT split_part(record_id, '-', 1), count(*) FROM power_usage GROUP BY 1"
    return dict(base.connection().con.execute(query).fetchall())


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_kill_9_at_random_instants_leaves_whole_batches_only(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres") if engine == "postgresql" else ""
    chance = random.Random(20260101)
    home = tmp_path / "home"
    acknowledged: dict[str, int] = {}
    files = [usage_file(tmp_path, f"b{number}") for number in range(KILLS * 2)]
    for attempt in range(KILLS if engine == "sqlite" else 5):
        command = [sys.executable, "-c", APPEND, str(home), url, *map(str, files[2 * attempt : 2 * attempt + 2])]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "open"
        time.sleep(chance.uniform(0, 0.6))
        child.send_signal(signal.SIGKILL)
        for line in child.stdout.read().splitlines():
            if len(parts := line.split()) == 3:
                acknowledged[parts[1]] = int(parts[2])
        child.wait()
        child.stdout.close()
    base = RecordBase.open(Settings(home=home, database_url=url or None))
    visible = counts(base)
    assert set(acknowledged) <= set(visible)
    assert set(visible.values()) <= {ROWS}
    assert len(base.batches()) == len(visible)
    again = [base.append(path, "power.usage") for path in files[:6]]
    assert all(receipt.rows_accepted == ROWS for receipt in again)
    assert all(counts(base)[path.stem] == ROWS for path in files[:6])


def test_two_writers_never_accept_the_same_record_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    RecordBase.open(Settings(home=home))
    overlapping = [usage_file(tmp_path, "x", 3_000), tmp_path / "copy"]
    overlapping[1].mkdir()
    second = usage_file(overlapping[1], "x", 3_000, first=1_500)
    commands = [[sys.executable, "-c", APPEND, str(home), "", str(path)] for path in (overlapping[0], second)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    accepted = [int((writer.communicate(timeout=120)[0]).splitlines()[-1].split()[2]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sum(accepted) == 4_500
    assert counts(RecordBase.open(Settings(home=home)))["x"] == 4_500


def test_migrations_go_up_and_down_on_both_databases(tmp_path: Path, postgres: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'm.db'}", postgres):
        engine = open_engine(url)
        migrate(engine)
        assert {"batches", "batch_files", "subjects", "scores", "audit"} <= set(inspect(engine).get_table_names())
        migrate(engine, "base")
        assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
        migrate(engine)
        engine.dispose()


def test_orphan_files_are_swept_and_named_ones_kept(base: RecordBase, tmp_path: Path) -> None:
    base.append(usage_file(tmp_path, "a", 10), "power.usage")
    orphan = base.settings.records_folder / "power.usage" / "orphan.parquet"
    orphan.write_bytes(b"half")
    assert counts(base) == {"a": 10}
    assert base.sweep(older_than=timedelta(seconds=-1)) == 1
    assert not orphan.exists()
    assert counts(base) == {"a": 10}
