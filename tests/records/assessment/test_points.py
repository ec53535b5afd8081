"""From measures to points, grades and ranks; the scheme as a file; the assessment as files."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pytest

from records.assessment import BadMonth, BadScheme, Scheme, assess
from records.assessment.export import write_files
from records.base import RecordBase
from records.errors import BadMoment
from records.exports import safe_cell, write_csv
from tests.records.assessment.sample import FIRMS, Send, month_row


def test_measures_that_are_not_known_leave_their_weight_to_the_others() -> None:
    scheme = Scheme()
    all_known = {"completeness": 1.0, "accuracy": 0.8, "timeliness": 0.6, "consistency": 0.5, "repair": 0.0}
    assert scheme.points(all_known) == pytest.approx(30 + 20 + 15 + 5)  # type: ignore[arg-type]
    assert scheme.points({"completeness": 1.0, "accuracy": 0.5}) == pytest.approx(100 * (30 + 12.5) / 55)
    assert scheme.points({"completeness": None}) is None
    grades = [scheme.grade(points) for points in (100, 90, 89.99, 80, 60, 59.99)]
    assert grades == ["excellent", "excellent", "good", "good", "passed", "failed"]


def test_a_scheme_of_the_installation_is_used(base: RecordBase, send: Send) -> None:
    send("alpha.month", *(month_row(n, "2025-03-31", "2025-04-20") for n in range(2)), history=True)
    declared = assess(base, "2025-03", as_of="2025-05-01").ranking[0]
    (base.settings.home / "assessment.toml").write_text(
        "filled_share = 0\n[weights]\ncompleteness = 1\naccuracy = 0\ntimeliness = 0\n[grades]\nexcellent = 99\n"
    )
    own = assess(base, "2025-03", as_of="2025-05-01").ranking[0]
    assert declared.points is not None
    assert declared.points < 70
    assert (own.points, own.grade) == (100, "excellent")


@pytest.mark.parametrize(
    "text",
    [
        "weights = 3",
        "[weights]\ncompletness = 30",
        "[weights]\ncompleteness = -1",
        "[weights]\ncompleteness = 0\naccuracy = 0\ntimeliness = 0\nconsistency = 0\nrepair = 0",
        "[grades]\ngood = 95",
        "repair_zero_days = 2",
        "[weights\n",
    ],
)
def test_a_wrong_scheme_is_refused_with_its_file_and_reason(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(BadScheme, match=r"own\.toml"):
        Scheme.load(path)
    with pytest.raises(BadScheme):
        Scheme.load(tmp_path / "absent.toml")


def test_sources_are_ranked_and_equals_share_a_rank(base: RecordBase, send: Send) -> None:
    send("alpha.month", month_row(0, "2025-03-31", "2025-04-30", remark="x"), history=True)
    day = {"occurred_on": "2025-03-05", "recorded_at": "2025-03-06T04:00:00"}
    send("beta.account", {"record_id": "a", "name": "甲"} | day, history=True)
    ranking = assess(base, "2025-03", as_of="2025-05-01").ranking
    assert [(one.rank, one.source) for one in ranking] == [(1, "beta"), (2, "alpha")]
    assert ranking[0].grade == "excellent"
    early = assess(base, "2025-03", as_of="2025-04-05").ranking
    assert [(one.rank, one.source, one.points) for one in early] == [(1, "beta", 100.0)]
    with_body = {"record_id": "b", "name": "甲", "status": "open"} | day
    send("alpha.body", with_body, history=True)
    tied = assess(base, "2025-03", as_of="2025-04-05").ranking
    assert [(one.rank, one.source) for one in tied] == [(1, "alpha"), (1, "beta")]


def test_a_month_is_read_strictly(base: RecordBase) -> None:
    for wrong in ("2025-13", "2025", "October", "2999-01", "", "2025-10-01"):
        with pytest.raises(BadMonth):
            assess(base, wrong)
    for wrong_count in (0, 121):
        with pytest.raises(BadMonth):
            assess(base, "2025-10", months=wrong_count)
    for as_of in ("9999-12-31", "0001-01-01", "1985-01-01"):
        with pytest.raises((BadMonth, BadMoment)):
            assess(base, as_of=as_of)
    with pytest.raises(BadMonth):
        assess(base, "0001-01")
    empty = assess(base, "2025-10")
    assert empty.ranking == ()
    assert set(empty.unreported) >= {"alpha", "beta", "tax"}


def test_the_files_hold_what_was_found_and_no_identity_number(base: RecordBase, send: Send, tmp_path: Path) -> None:
    send("alpha.month", *(month_row(n, "2025-03-31", "2025-04-02") for n in range(3)), history=True)
    day = {"occurred_on": "2025-03-05", "recorded_at": "2025-03-06T04:00:00"}
    send("alpha.body", {"record_id": "b", "name": "=1+1", "status": "open"} | day, history=True)
    send("beta.account", {"record_id": "a", "name": "-cmd|' /C calc'!A0"} | day, history=True)
    found = assess(base, "2025-03", as_of="2025-05-01")
    written = write_files(found, tmp_path / "out")
    texts = {path.name: path.read_text("utf-8-sig") for path in written}
    assert not any(number in text for text in texts.values() for number in FIRMS)
    rows = list(csv.DictReader(texts["contradictions.csv"].splitlines()))
    assert (rows[0]["authority_value"], rows[0]["claim_value"]) == ("'=1+1", "'-cmd|' /C calc'!A0")
    ranking = orjson.loads(texts["assessment.json"])["ranking"]
    assert [one["source"] for one in ranking] == [one.source for one in found.ranking]
    items = list(csv.DictReader(texts["items.csv"].splitlines()))
    assert {one["item"] for one in items} == {"alpha.month", "alpha.body", "beta.account"}


def test_a_spreadsheet_takes_no_cell_for_a_formula(tmp_path: Path) -> None:
    assert [safe_cell(value) for value in ("=A1", "+x", "-x", "@x", "\tx", "\rx")] == [
        "'=A1",
        "'+x",
        "'-x",
        "'@x",
        "'\tx",
        "'\rx",
    ]
    assert [safe_cell(value) for value in (-3.5, "+5", "x=1", None, 0)] == ["-3.5", "+5", "x=1", "", "0"]
    path = write_csv(tmp_path / "x.csv", ["a"], [["=1"], ["-1"]])
    assert path.read_bytes() == b"\xef\xbb\xbfa\r\n'=1\r\n-1\r\n"
    assert list(tmp_path.iterdir()) == [path]
