"""Files made to fill a disk or a memory, or to be named after somebody else's; and a disk that is full."""

from __future__ import annotations

import errno
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import records.sorted_runs
from county.numbers import enterprise_numbers
from records.base import RecordBase
from records.errors import BadBatch, StorageFull, UnknownVersion
from records.settings import Settings
from records.staging import StagedBatch

FIRMS = [str(number) for number in enterprise_numbers(np.arange(20))]
COLUMNS = ["record_id", "subject_kind", "subject_number", "occurred_on", "kwh", "bill", "days_late"]


def usage(number: int, **changed: Any) -> dict[str, str]:
    values = [f"u{number}", "enterprise", FIRMS[number % 20], "2025-01-31", "1", "2", "0"]
    return {**dict(zip(COLUMNS, values, strict=True)), **changed}


def csv_text(rows: list[dict[str, str]]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)])


def files(base: RecordBase) -> list[str]:
    return sorted(path.name for path in base.settings.records_folder.rglob("*") if path.is_file())


def test_a_gzip_bomb_is_refused_while_it_unfolds(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.reading.limits.FREE", 1 << 20)
    path = tmp_path / "b.csv.gz"
    path.write_bytes(gzip.compress((csv_text([usage(0)]) + "\n" + "\n" * (8 << 20)).encode()))
    with pytest.raises(BadBatch, match="unfolds too far"):
        base.append(path, "power.usage")
    assert files(base) == []


def test_a_parquet_file_of_few_bytes_that_mean_many_is_refused(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.reading.parquet_files.CHUNK_MOST", 1 << 20)
    table = pl.DataFrame([usage(number) for number in range(400)]).with_columns(subject_kind=pl.lit("x" * 10_000))
    path = tmp_path / "b.parquet"
    pq.write_table(table.to_arrow(), path, compression="zstd")
    assert path.stat().st_size < 100_000
    with pytest.raises(BadBatch, match="unfolds too far"):
        base.append(path, "power.usage")


def test_more_rows_than_a_batch_may_have_are_refused_whatever_the_format(tmp_path: Path) -> None:
    base = RecordBase.open(Settings(home=tmp_path / "home", batch_rows_most=10))
    rows = [usage(number) for number in range(11)]
    (tmp_path / "b.csv").write_text(csv_text(rows))
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pq.write_table(pl.DataFrame(rows).to_arrow(), tmp_path / "b.parquet")
    for ending in ("csv", "jsonl", "parquet"):
        with pytest.raises(BadBatch, match="at most 10 a batch"):
            base.append(tmp_path / f"b.{ending}", "power.usage")
    assert files(base) == []


def test_text_that_parquet_calls_utf8_and_is_not_is_refused(base: RecordBase, tmp_path: Path) -> None:
    table = pl.DataFrame([usage(0)]).to_arrow()
    broken = pa.array([b"\xff\xfe"], pa.large_binary()).view(pa.large_string())
    path = tmp_path / "b.parquet"
    pq.write_table(table.set_column(0, "record_id", broken), path)
    with pytest.raises(BadBatch, match="not UTF-8"):
        base.append(path, "power.usage")


def test_odd_cells_of_csv_are_kept_or_refused_alone(base: RecordBase, tmp_path: Path) -> None:
    """Quoted line ends, CRLF, a byte order mark, a NUL, a cell of a million characters, names with path tricks."""
    row = {"subject_number": FIRMS[0], "occurred_on": "2024-05-01", "industry": "C", "status": "active"}
    cells = ['"a\r\nb"', "惠民", "nul\0", "x" * 1_000_000, "../../etc/passwd", '"say ""hi"""']
    rows = [{"record_id": f"r{n}", **row, "district": "../..", "name": cell} for n, cell in enumerate(cells)]
    path = tmp_path / "..%2f..%2fmarket.csv"
    path.write_bytes(b"\xef\xbb\xbf" + csv_text(rows).replace("\n", "\r\n").replace("\r\r\n", "\r\n").encode())
    receipt = base.append(path, "market.registration")
    assert (receipt.rows_accepted, receipt.rows_rejected) == (5, 1)
    assert receipt.quarantine is not None
    assert "NUL" in Path(receipt.quarantine).read_text()
    names = base.connection().table("market_registration").name.to_pyarrow().to_pylist()
    assert {"a\r\nb", 'say "hi"', "../../etc/passwd"} <= set(names)
    assert all(name.startswith(receipt.batch_id) for name in files(base))


def test_a_quote_that_is_never_closed_is_told(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.reading.csv_files.BLOCK_BYTES", 1 << 16)
    rows = [usage(number) for number in range(3_000)]
    rows[5]["record_id"] = '"u5'
    (tmp_path / "b.csv").write_text(csv_text(rows))
    with pytest.raises(BadBatch, match="quote is not closed"):
        base.append(tmp_path / "b.csv", "power.usage")


def test_columns_without_a_name_are_told(base: RecordBase, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(csv_text([usage(0)]).replace("bill", ""))
    with pytest.raises(BadBatch, match="no name for column 6"):
        base.append(tmp_path / "b.csv", "power.usage")


def test_an_unknown_version_is_refused_with_those_that_there_are(base: RecordBase, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(csv_text([usage(0)]))
    with pytest.raises(UnknownVersion, match="accepted: 1"):
        base.append(tmp_path / "b.csv", "power.usage", version=99)


@pytest.mark.parametrize("step", ["staging", "writing", "quarantine"])
def test_a_full_disk_changes_nothing_and_is_told(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "staging":
        monkeypatch.setattr(records.sorted_runs, "IN_MEMORY_BYTES", 0)
        monkeypatch.setattr("records.sorted_runs.pa.OSFile", full)
    else:
        target = {"writing": "records.staging.write_parquet", "quarantine": "records.rejected.write_csv"}[step]
        monkeypatch.setattr(target, full)
    (tmp_path / "b.csv").write_text(csv_text([usage(0), usage(1, kwh="x")]))
    with pytest.raises(StorageFull):
        base.append(tmp_path / "b.csv", "power.usage")
    assert base.batches() == []
    assert files(base) == []
    monkeypatch.undo()
    assert base.append(tmp_path / "b.csv", "power.usage").rows_accepted == 1


def test_a_batch_larger_than_memory_goes_over_the_disk(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many runs, many sorted ranges of hashes, one subject with most rows: the same records, sorted, once each."""
    monkeypatch.setattr("records.sorted_runs.IN_MEMORY_BYTES", 1 << 15)
    monkeypatch.setattr("records.sorted_runs.PORTION_MOST", 300)
    monkeypatch.setattr("records.sorted_runs.ROWS_AT_ONCE", 200)
    monkeypatch.setattr("records.id_hashes.IN_MEMORY", 500)
    monkeypatch.setattr("records.reading.csv_files.BLOCK_BYTES", 1 << 14)
    rows = [usage(number, subject_number=FIRMS[number % 20 if number % 5 == 0 else 7]) for number in range(3_000)]
    rows += [usage(17), usage(1_500, kwh="9"), usage(9_000, supersedes="u3"), usage(9_001, supersedes="nothing")]
    rows = [{**row, "supersedes": row.get("supersedes", "")} for row in rows]
    rows[9]["subject_number"] = rows[3_002]["subject_number"] = FIRMS[3]
    rows[3]["subject_number"] = FIRMS[3]
    (tmp_path / "a.csv").write_text(csv_text(rows))
    receipt = base.append(tmp_path / "a.csv", "power.usage")
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_rejected) == (3_004, 3_001, 3)
    [file] = (base.settings.records_folder / "power.usage").iterdir()
    stored = pl.read_parquet(file)
    assert stored["subject_id"].is_sorted()
    assert set(stored["record_id"]) == {f"u{number}" for number in [*range(3_000), 9_000]}
    assert stored.filter(pl.col("record_id") == "u1500")["kwh"].cast(pl.Float64).to_list() == [1.0]
    (tmp_path / "b.csv").write_text(csv_text([usage(2_999), usage(3_500)]))
    again = base.append(tmp_path / "b.csv", "power.usage")
    assert (again.rows_accepted, again.rows_rejected) == (1, 1)


def test_the_index_of_record_ids_is_a_short_cut_only(base: RecordBase, tmp_path: Path) -> None:
    """Without it, with a damaged one, and with one of other hashes, a record id that is taken is still found."""
    (tmp_path / "a.csv").write_text(csv_text([usage(number) for number in range(50)]))
    base.append(tmp_path / "a.csv", "power.usage")
    [index] = (base.settings.home / "index").rglob("*.ids")
    content = index.read_bytes()
    for number, harm in enumerate((None, content[:100], b"", content[:-16] + b"\1" * 8 + content[-8:])):
        index.unlink()
        if harm is not None:
            index.write_bytes(harm)
        path = tmp_path / f"again{number}.csv"
        path.write_text(csv_text([usage(7), usage(100 + number)]))
        assert base.append(path, "power.usage").rows_accepted == 1
        assert index.read_bytes() == content


def test_staging_leaves_nothing_behind(base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(StagedBatch, "write_quarantine", broken)
    (tmp_path / "a.csv").write_text(csv_text([usage(0), usage(1)]))
    with pytest.raises(RuntimeError):
        base.append(tmp_path / "a.csv", "power.usage")
    assert not list((base.settings.records_folder / ".staging").iterdir())
    assert base.connection().table("power_usage").count().execute() == 0
