"""kill -9 before any step of a backup or a restore: what was whole stays whole, and the next run finishes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from county.numbers import enterprise_numbers
from records.backup import back_up, check, restore
from records.backup.errors import RestoreUnfinished
from records.base import RecordBase
from records.database import BatchRow, migrate, open_engine
from records.settings import Settings
from scoring.audit import record, verify

FIRMS = enterprise_numbers(np.arange(20))
# One process has imported everything; for each line that it reads it forks a child, which kills itself before the
# n-th renaming, removal or commit. It answers with the child's exit status.
VICTIMS = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from records.backup import back_up, restore
from records.base import RecordBase
from records.database import open_engine
from records.settings import Settings

def work(last, task, home, url, folder):
    done = 0
    def step(*_):
        nonlocal done
        done += 1
        if done == int(last):
            os.kill(os.getpid(), signal.SIGKILL)
    replace, unlink = Path.replace, Path.unlink
    Path.replace = lambda *given: (step(), replace(*given))[1]
    Path.unlink = lambda *given, **more: (step(), unlink(*given, **more))[1]
    event.listen(Engine, "commit", step)
    settings = Settings(home=Path(home), database_url=url if url != "-" else None)
    if task == "backup":
        back_up(settings, open_engine(settings.operations_url), Path(folder))
    else:
        restore(settings, Path(folder), replace=task == "replace")

print("ready", flush=True)
for line in sys.stdin:
    if (child := os.fork()) == 0:
        try:
            work(*line.split())
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(3)
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Victims:
    """Backups and restores that are killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def until_whole(self, task: str, settings: Settings, folders: Sequence[Path], stride: int) -> Iterator[int]:
        """Kill before the 1st, (1 + stride)-th, ... step of a task until one run ends by itself.

        Each run takes the next one of ``folders``, round and round; yields its number after each killing.
        """
        turns = cycle(range(len(folders)))
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for last in range(1, 500, stride):
            turn = next(turns)
            words = (last, task, settings.home, settings.database_url or "-", folders[turn])
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            status = int(self.process.stdout.readline())
            assert status in (0, 9)
            if status == 0:
                assert last > 2 * stride
                return
            yield turn
        raise AssertionError("no run ended by itself")


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", VICTIMS], **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline().strip() == "ready"
        yield Victims(process)
        process.stdin.close()


def grow(base: RecordBase, folder: Path, name: str) -> None:
    lines = [f"{name}-{number},{FIRMS[number]},2025-01-02,{number}.5" for number in range(20)]
    path = folder / f"{name}.csv"
    path.write_text("\n".join(["record_id,subject_number,occurred_on,amount", *lines]))
    base.append(path, "tax.arrears")
    record(base.engine, "someone", name)


@contextmanager
def opened(settings: Settings) -> Iterator[RecordBase]:
    base = RecordBase.open(settings)
    try:
        yield base
    finally:
        base.engine.dispose()


def seen(base: RecordBase) -> tuple[list[str], int]:
    """Batches and the records that can be read."""
    assert verify(base.engine).sound
    with base.engine.connect() as connection:
        keys = connection.scalars(select(BatchRow.batch_id).order_by(BatchRow.accepted_at)).all()
    return list(keys), int(base.connection().table("tax_arrears").count().execute())


def test_a_killed_backup_leaves_the_former_one_or_none(victims: Victims, tmp_path: Path) -> None:
    settings, folder = Settings(home=tmp_path / "home"), tmp_path / "backup"
    for number, name in enumerate("ab"):
        with opened(settings) as base:
            grow(base, tmp_path, name)
        for _ in victims.until_whole("backup", settings, [folder], stride=9):
            if number or (folder / "manifest.json").exists():
                assert check(folder).batches in (number, number + 1)
        assert check(folder).batches == number + 1
        assert {path.name for path in (folder / "files").rglob("*") if path.is_file()} == set(check(folder).contents)


@pytest.mark.parametrize(("engine", "stride"), [("sqlite", 4), ("postgresql", 3)])
def test_a_killed_restore_keeps_the_former_base_or_is_finished_by_the_next(
    engine: str, stride: int, victims: Victims, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres") if engine == "postgresql" else None
    backups, whole = [tmp_path / "first", tmp_path / "second"], []
    for folder, names in zip(backups, ("a", "bc"), strict=True):
        with opened(Settings(home=tmp_path / f"home-{names}")) as base:
            for name in names:
                grow(base, tmp_path, name)
            back_up(base.settings, base.engine, folder)
            whole.append(seen(base))
    settings, outcomes = Settings(home=tmp_path / "home", database_url=url), set()
    restore(settings, backups[1], replace=True)
    for new in victims.until_whole("replace", settings, backups, stride):
        try:
            with opened(settings) as base:
                outcomes.add(whole.index(seen(base)) == new)
            restore(settings, backups[new], replace=True)
        except RestoreUnfinished as error:
            outcomes.add(error.code)
            restore(settings, backups[new])
        with opened(settings) as base:
            assert seen(base) == whole[new]
    with opened(settings) as base:
        assert seen(base) == whole[1 - new]
    assert {False, "restore-unfinished"} <= outcomes
    if url is not None:
        migrate(last := open_engine(url), "base")
        last.dispose()
