"""The watched folder: what is dropped is taken once, receipted beside, and never leads out of the folder."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from records.base import RecordBase
from records.errors import BadSettings
from records.exchange.folder import Keep, Outcome, WatchedFolder
from records.exchange.hub import Exchange
from records.exchange.signing import verify
from records.settings import Settings
from tests.records.exchange.conftest import Entries, kept
from tests.sending import usage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "power").mkdir(parents=True)
    return tmp_path / "in"


def look(exchange: Exchange, folder: Path, keep: Keep = "none") -> list[Outcome]:
    watched = WatchedFolder(exchange, folder, keep=keep, settle_seconds=0)
    with watched.held():
        return list(watched.look())


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")


def test_a_dropped_file_is_taken_and_its_receipt_lies_beside(
    exchange: Exchange, base: RecordBase, folder: Path, entries: Entries
) -> None:
    (folder / "power" / "power.usage.2025-01.csv").write_bytes(usage("a", 20, bad=(3,)))
    (outcome,) = look(exchange, folder)
    assert outcome.receipt is not None
    assert (outcome.receipt.rows_accepted, outcome.receipt.rows_rejected) == (19, 1)
    stem = "power/receipts/power.usage.2025-01.csv"
    assert names(folder) == [f"{stem}.receipt.json", f"{stem}.rejects.csv"]
    said = verify((folder / f"{stem}.receipt.json").read_bytes(), exchange.signer.key_set())
    assert (said["rows_accepted"], said["source"]) == (19, "power")
    assert str(base.settings.home) not in (folder / f"{stem}.receipt.json").read_text()
    assert base.batches()[0].channel == "folder"
    assert [action for _, action, _ in entries] == ["batch.accepted"]
    assert look(exchange, folder) == []


def test_files_are_kept_where_asked_and_never_overwritten(exchange: Exchange, base: RecordBase, folder: Path) -> None:
    for content in (usage("a", 5), usage("b", 6), usage("a", 5)):
        (folder / "power" / "power.usage.csv").write_bytes(content)
        assert len(look(exchange, folder, keep="done")) == 1
    found = names(folder)
    assert [name for name in found if "/done/" in name] == [
        "power/done/power.usage.csv",
        "power/done/power.usage.csv.2",
        "power/done/power.usage.csv.3",
    ]
    assert len([name for name in found if name.endswith(".receipt.json")]) == 2
    assert kept(base) == 11


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("power/tax.filing.csv", "not-allowed"),
        ("power/no.such.csv", "unknown-item"),
        ("power/power.usagex.csv", "unknown-item"),
        ("power/power.usage@99.csv", "unknown-version"),
        ("power/power.usage@x.csv", "bad-batch"),
        ("power/power.usage.exe", "bad-batch"),
        ("nobody/power.usage.csv", "not-allowed"),
        ("power.usage.csv", "not-allowed"),
        ("power/power.usage.\n\x1b[31m.csv", None),
        ("power/power.usage." + "長" * 60 + ".csv", None),
        ("power/power.usage@1.2025.csv", None),
        ("power/power.usage.CSV", None),
    ],
)
def test_what_a_name_says_is_checked(exchange: Exchange, folder: Path, place: str, code: str | None) -> None:
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(usage("a", 5))
    (outcome,) = look(exchange, folder)
    assert outcome.name.isprintable()
    if code is None:
        assert outcome.receipt is not None
        assert outcome.receipt.rows_accepted == 5
        return
    assert outcome.error is not None
    assert outcome.error.code == code
    (problem,) = (path.parent / "receipts").iterdir()
    told = orjson.loads(problem.read_bytes())
    assert told["code"] == code
    assert set(told["detail"]) == {"zh", "en"}
    assert not path.exists()
    assert (path.parent / "refused" / path.name).read_bytes() == usage("a", 5)


def test_a_file_that_cannot_be_read_as_a_batch_is_refused_with_the_reason(exchange: Exchange, folder: Path) -> None:
    (folder / "power" / "power.usage.csv").write_bytes(usage("a", 5).replace(b"kwh", b"kwj"))
    (outcome,) = look(exchange, folder)
    assert outcome.error is not None
    assert outcome.error.code == "bad-batch"
    assert names(folder) == ["power/receipts/power.usage.csv.problem.json", "power/refused/power.usage.csv"]


def test_links_folders_and_pipes_are_refused_and_never_followed(
    exchange: Exchange, base: RecordBase, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(usage("s", 5))
    power = folder / "power"
    (power / "power.usage.link.csv").symlink_to(secret)
    (power / "power.usage.folder.csv").mkdir()
    os.mkfifo(power / "power.usage.pipe.csv")
    (folder / "tax").symlink_to(tmp_path)
    outcomes = look(exchange, folder)
    assert [outcome.error and outcome.error.code for outcome in outcomes] == ["not-allowed"] * 4
    assert kept(base) == 0
    assert secret.read_bytes() == usage("s", 5)
    assert look(exchange, folder) == []


def test_receipts_do_not_follow_a_link_that_a_source_planted(exchange: Exchange, folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "power" / "receipts").symlink_to(elsewhere)
    (folder / "power" / "power.usage.csv").write_bytes(usage("a", 5))
    (outcome,) = look(exchange, folder)
    assert outcome.waits
    assert list(elsewhere.iterdir()) == []


def test_hidden_and_unfinished_files_wait_and_growing_ones_too(
    exchange: Exchange, base: RecordBase, folder: Path
) -> None:
    power = folder / "power"
    for name in (".power.usage.csv", "power.usage.csv.part", "power.usage.csv.tmp"):
        (power / name).write_bytes(usage("a", 5))
    growing = power / "power.usage.csv"
    content = usage("a", 20)
    watched = WatchedFolder(exchange, folder, settle_seconds=0.2)
    with watched.held():
        for end in range(100, len(content) + 100, 100):
            growing.write_bytes(content[:end])
            assert list(watched.look()) == []
        assert watched.waiting()
        time.sleep(0.25)
        (outcome,) = watched.look()
    assert outcome.receipt is not None
    assert outcome.receipt.rows_accepted == 20
    assert len(list(power.glob("*.part"))) == 1


def test_two_watchers_keep_apart(exchange: Exchange, folder: Path) -> None:
    with WatchedFolder(exchange, folder).held(), pytest.raises(BadSettings):
        look(exchange, folder)


WATCH = """
import sys, os
from pathlib import Path
from records.base import RecordBase
from records.exchange.folder import WatchedFolder
from records.exchange.hub import Exchange
from records.settings import Settings
exchange = Exchange(RecordBase.open(Settings(home=Path(sys.argv[1]))), lambda *_: None)
exchange.private.sweep()
watched = WatchedFolder(exchange, Path(sys.argv[2]), settle_seconds=0)
print("open", flush=True)
with watched.held():
    list(watched.look())
exchange.private.close()
"""


def test_a_killed_watcher_takes_nothing_twice_and_loses_nothing(tmp_path: Path, folder: Path) -> None:
    home, chance = tmp_path / "home", random.Random(11)
    base = RecordBase.open(Settings(home=home))
    sent = 0
    for attempt in range(6):
        for number in range(3):
            (folder / "power" / f"power.usage.{attempt}-{number}.csv").write_bytes(usage(f"{attempt}-{number}", 50))
            sent += 50
        child = subprocess.Popen([sys.executable, "-c", WATCH, str(home), str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        if attempt < 5:
            time.sleep(chance.uniform(0, 1.2))
            child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert kept(base) == sent
    assert len(base.batches()) == 18
    receipts = [name for name in names(folder) if name.endswith(".receipt.json")]
    assert len(receipts) == 18
    assert names(folder) == sorted(receipts)
    assert not list((home / "spool").glob("clear/*/*"))
