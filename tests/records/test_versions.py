"""Items change by versions: old batches stay readable, and a silent change is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.base import RecordBase
from records.catalogue import Catalogue
from records.compaction import compact
from records.errors import BadBatch, CatalogueError, UnknownVersion
from records.settings import Settings
from tests.records.life import FIRMS, send

FIRST = """
code = "harbour"
zh = "港务"
en = "Harbour office"
[[items]]
code = "harbour.call"
zh = "靠港"
en = "Port call"
subject_kinds = ["enterprise"]
polarity = "neutral"
frequency = "monthly"
deadline_days = 10
disclosure = "authorised"
legal_basis = "港口法"
[items.fields]
tons = { type = "decimal", zh = "吨", en = "Tons", required = true, minimum = 0 }
berth = { type = "text", zh = "泊位", en = "Berth" }
"""
SECOND = FIRST.replace(
    'legal_basis = "港口法"',
    'legal_basis = "港口法"\nversion = 2\n'
    'changes = [{ version = 2, on = 2026-01-01, zh = "加船旗", en = "Flag added" }]',
).replace(
    'berth = { type = "text", zh = "泊位", en = "Berth" }',
    'berth = { type = "text", zh = "泊位", en = "Berth", until = 1 }\n'
    'flag = { type = "text", zh = "船旗", en = "Flag", required = true, since = 2 }',
)


def opened(tmp_path: Path, toml: str) -> RecordBase:
    folder = tmp_path / f"catalogue{len(list(tmp_path.glob('catalogue*')))}"
    folder.mkdir()
    (folder / "harbour.toml").write_text(toml, encoding="utf-8")
    return RecordBase.open(Settings(home=tmp_path / "home"), Catalogue.load(folder))


def call(record_id: str, **fields: str) -> dict[str, str]:
    return {"record_id": record_id, "subject_number": FIRMS[0], "occurred_on": "2025-01-31", "tons": "3", **fields}


def rows(base: RecordBase) -> list[tuple[str, str | None, str | None]]:
    query = "SELECT record_id, berth, flag FROM harbour_call ORDER BY 1"
    return base.connection().con.execute(query).fetchall()


def test_old_batches_stay_readable_and_both_versions_are_accepted(tmp_path: Path) -> None:
    door = tmp_path / "door"
    send(opened(tmp_path, FIRST), door, "harbour.call", call("a", berth="7"))
    base = opened(tmp_path, SECOND)
    assert rows(base) == [("a", "7", None)]
    assert send(base, door, "harbour.call", call("b", flag="CN")).version == 2
    assert send(base, door, "harbour.call", call("c", berth="8"), version=1).version == 1
    with pytest.raises(BadBatch, match="missing columns flag"):
        send(base, door, "harbour.call", call("d"))
    assert rows(base) == [("a", "7", None), ("b", None, "CN"), ("c", "8", None)]
    compact(base)
    assert rows(base) == [("a", "7", None), ("b", None, "CN"), ("c", "8", None)]


def test_an_unknown_version_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    base = opened(tmp_path, SECOND)
    for version in (0, 3, -1):
        with pytest.raises(UnknownVersion, match="accepted: 1 to 2"):
            send(base, tmp_path / "door", "harbour.call", call("a", flag="CN"), version=version)
    assert rows(base) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (FIRST.replace("minimum = 0", "minimum = 1"), "changed in: tons"),
        (FIRST.replace('berth = { type = "text"', 'berth = { type = "integer"'), "changed in: berth"),
        (FIRST.replace('subject_kinds = ["enterprise"]', 'subject_kinds = ["institution"]'), "subject_kinds"),
        (SECOND.replace('berth = { type = "text", zh = "泊位", en = "Berth", until = 1 }\n', ""), "berth"),
    ],
)
def test_a_change_without_a_new_version_is_refused(tmp_path: Path, changed: str, reason: str) -> None:
    send(opened(tmp_path, FIRST), tmp_path / "door", "harbour.call", call("a", berth="7"))
    base = opened(tmp_path, changed)
    with pytest.raises(CatalogueError, match=reason):
        send(base, tmp_path / "door", "harbour.call", call("b", flag="CN"))


def test_going_back_to_an_older_version_is_refused(tmp_path: Path) -> None:
    send(opened(tmp_path, SECOND), tmp_path / "door", "harbour.call", call("a", flag="CN"))
    with pytest.raises(CatalogueError, match="batches of version 2"):
        send(opened(tmp_path, FIRST), tmp_path / "door", "harbour.call", call("b"))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (SECOND.replace("since = 2", "since = 3"), "since and until"),
        (SECOND.replace("changes = [{ version = 2", "changes = [{ version = 3"), "tell of each version"),
        (FIRST.replace("tons =", "subject_id ="), "every record has already"),
        (FIRST.replace('"harbour.call"', '"Harbour Call"'), "lower-case words"),
        (
            FIRST.replace('berth = { type = "text"', 'berth = { agrees_with = "no.such.field", type = "text"'),
            "agrees_with",
        ),
    ],
)
def test_a_broken_declaration_is_refused_with_its_reason(tmp_path: Path, broken: str, reason: str) -> None:
    with pytest.raises(CatalogueError, match=reason):
        opened(tmp_path, broken)
