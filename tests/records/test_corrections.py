"""Corrections lead back to a record, and record ids stay unique, whatever comes in between."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import records.commit
from county.numbers import enterprise_numbers, farmer_numbers
from records.base import Receipt, RecordBase
from records.moment import now
from records.staging import StagedBatch

FIRMS = [str(number) for number in enterprise_numbers(np.arange(20))]
PERSON = str(farmer_numbers(np.arange(1))[0])


def usage(record_id: str, firm: int = 0, supersedes: str = "", **changed: str) -> dict[str, str]:
    row = {"record_id": record_id, "subject_kind": "enterprise", "subject_number": FIRMS[firm], "kwh": "1", "bill": "2"}
    return {**row, "occurred_on": "2025-01-31", "days_late": "0", "supersedes": supersedes, **changed}


def send(base: RecordBase, folder: Path, *rows: dict[str, str], **options: Any) -> Receipt:
    path = folder / f"{len(list(folder.glob('*.jsonl')))}.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return base.append(path, "power.usage", **options)


def ids(base: RecordBase) -> list[str]:
    return sorted(base.connection().table("power_usage").record_id.to_pyarrow().to_pylist())


@pytest.mark.parametrize(
    "rows",
    [
        [usage("a", supersedes="a")],
        [usage("a", supersedes="b"), usage("b", supersedes="a")],
        [usage("a", supersedes="b"), usage("b", supersedes="c"), usage("c", supersedes="a")],
        [usage("a", supersedes="nothing"), usage("b", supersedes="a"), usage("c", supersedes="b")],
        [usage("a", kwh="bad"), usage("b", supersedes="a")],
        [usage("a", supersedes="of another")],
    ],
)
def test_a_correction_without_a_record_to_correct_is_refused(
    base: RecordBase, tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    send(base, tmp_path, usage("of another", firm=5))
    assert send(base, tmp_path, *rows, usage("good")).rows_rejected == len(rows)
    assert ids(base) == ["good", "of another"]


def test_a_chain_of_corrections_is_kept_in_any_order(base: RecordBase, tmp_path: Path) -> None:
    send(base, tmp_path, usage("first"))
    receipt = send(base, tmp_path, usage("third", supersedes="second"), usage("second", supersedes="first"))
    assert receipt.rows_accepted == 2
    shown = base.connection().table("power_usage")
    assert shown.filter(shown.superseded_at.isnull()).record_id.to_pyarrow().to_pylist() == ["third"]


def test_a_correction_survives_another_batch_that_arrives_meanwhile(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check under the write lock sees the new batch, and still the old record that is corrected."""
    send(base, tmp_path, usage("old"))
    write, other = StagedBatch.write_file, RecordBase.open(base.settings)

    def interrupted(staged: StagedBatch, *arguments: Any) -> Any:
        monkeypatch.setattr(StagedBatch, "write_file", write)
        send(other, tmp_path, usage("taken", firm=3))
        return write(staged, *arguments)

    monkeypatch.setattr(StagedBatch, "write_file", interrupted)
    rows = [usage("new", supersedes="old"), usage("taken", firm=4), usage("after", firm=4, supersedes="taken")]
    receipt = send(base, tmp_path, *rows)
    assert (receipt.rows_accepted, receipt.rows_rejected) == (1, 2)
    assert ids(base) == ["new", "old", "taken"]
    assert len(list((base.settings.records_folder / "power.usage").iterdir())) == 3


def test_a_file_sent_again_with_one_more_row_adds_that_row(base: RecordBase, tmp_path: Path) -> None:
    rows = [usage(f"r{number}", number % 20) for number in range(500)]
    send(base, tmp_path, *rows)
    receipt = send(base, tmp_path, *rows, usage("new"))
    assert (receipt.rows_accepted, receipt.rows_rejected) == (1, 500)
    assert receipt.quarantine is not None
    lines = [json.loads(line) for line in Path(receipt.quarantine).read_text().splitlines()]
    assert [line["row"] for line in lines] == list(range(1, 501))


def test_a_file_of_which_nothing_was_kept_may_be_sent_with_the_forgotten_option(
    base: RecordBase, tmp_path: Path
) -> None:
    path = tmp_path / "codes.csv"
    row = usage("a", subject_number="E17")
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    assert base.append(path, "power.usage").rows_accepted == 0
    assert base.append(path, "power.usage", pseudonyms="study").rows_accepted == 1
    assert base.append(path, "power.usage", pseudonyms="study").replayed


def test_a_subject_is_dated_by_the_earliest_that_the_base_learnt_of_it(base: RecordBase, tmp_path: Path) -> None:
    for record_id, moment in (("b", "2025-03-01T00:00:00"), ("a", "2025-02-05T01:00:00"), ("c", "2025-04-01T00:00:00")):
        send(base, tmp_path, usage(record_id, recorded_at=moment), history=True)
    subjects = base.subjects("enterprise")
    assert [str(moment) for moment in subjects["first_recorded_at"].to_pylist()] == ["2025-02-05 01:00:00"]
    assert base.subjects("farmer").num_rows == 0


@pytest.mark.parametrize("held", [PERSON, f"NO-{PERSON}-1", f"{PERSON}0001", FIRMS[0], f"{FIRMS[1]}/7"])
def test_no_identity_number_enters_inside_a_record_id(base: RecordBase, tmp_path: Path, held: str) -> None:
    assert not FIRMS[0].isdecimal()
    receipt = send(base, tmp_path, usage(held), usage("20250131ABCDEFGHJK"), usage("202501310000000017"))
    assert receipt.rows_accepted == 2
    kept = b"".join(path.read_bytes() for path in base.settings.home.rglob("*") if path.is_file())
    assert held.encode() not in kept


def test_no_identity_number_enters_inside_a_text(base: RecordBase, tmp_path: Path) -> None:
    path = tmp_path / "named.jsonl"
    row = {"record_id": "a", "subject_number": FIRMS[2], "occurred_on": "2024-05-01", "industry": "C"}
    row |= {"district": "东城区", "status": "active"}
    names = ["惠民农机", f"惠民农机（{PERSON}）"]
    path.write_text("\n".join(json.dumps({**row, "record_id": name[-3:], "name": name}) for name in names))
    receipt = base.append(path, "market.registration")
    assert (receipt.rows_accepted, receipt.rows_rejected) == (1, 1)
    kept = b"".join(path.read_bytes() for path in base.settings.home.rglob("*") if path.is_file())
    assert PERSON.encode() not in kept


def test_a_wrong_number_is_told_in_the_words_of_its_kind(base: RecordBase, tmp_path: Path) -> None:
    rows = [usage("a", subject_kind="farmer", subject_number="110"), usage("b", subject_number="110")]
    receipt = send(base, tmp_path, *rows)
    assert receipt.quarantine is not None
    reasons = [json.loads(line)["reason"]["en"] for line in Path(receipt.quarantine).read_text().splitlines()]
    assert "GB 11643" in reasons[0]
    assert "GB 32100" in reasons[1]


def test_what_an_as_of_shows_does_not_change_afterwards(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the file takes: records are stamped later than any moment at which they could not be seen."""
    write, looks = StagedBatch.write_file, [0]

    def slow(staged: StagedBatch, *arguments: Any) -> Any:
        written = write(staged, *arguments)
        looks[0] += 1
        if looks[0] == 1:
            time.sleep(0.3)
        return written

    before_commit: list[datetime] = []

    def last_look(*arguments: Any) -> Any:
        before_commit.append(now())
        return name_batch(*arguments)

    name_batch = records.commit._name_batch
    monkeypatch.setattr(StagedBatch, "write_file", slow)
    monkeypatch.setattr(records.commit, "_name_batch", last_look)
    receipt = send(base, tmp_path, usage("a"), usage("b"))
    stamped = set(base.connection().table("power_usage").recorded_at.to_pyarrow().to_pylist())
    assert stamped == {receipt.accepted_at}
    assert before_commit[0] < receipt.accepted_at <= now()
    assert looks[0] > 1
