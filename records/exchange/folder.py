"""The watched folder: a source drops a file, and finds its receipt beside it.

``FOLDER/<source>/<item>[@version][.anything].<ending>``, such as ``tax/tax.filing.2025-10.csv``. A file is copied to a
private place as it is hashed, and the copy is what the door reads: whoever changes the file meanwhile changes nothing.
Its batch key is made of what it is, so that whatever a killed watcher had begun is begun again and taken once. Only
when the receipt is written does the file leave its place.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import orjson
import structlog

from records.catalogue import Item
from records.database import writing
from records.errors import BadBatch, BadSettings, HuixinError, NotAllowed
from records.exchange.beside import beside, move_into, printable
from records.exchange.errors import GaveUp
from records.exchange.hub import Exchange
from records.exchange.spool import FULL, full
from records.exchange.uploads import Ending, problem_of
from records.receipt import Receipt
from records.words import Text

Keep = Literal["none", "done"]
RECEIPTS, DONE, REFUSED, LEAVING = "receipts", "done", "refused", ".leaving"
OWN = frozenset({RECEIPTS, DONE, REFUSED})
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")
LOCK = ".huixin-watch.lock"
FAILURES_MOST = 5
RETRY_SECONDS = 30.0
BLOCK = 1 << 20
log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """What became of a dropped file: a receipt, or the error that refused it (or, ``waits``, let it wait)."""

    source: str
    name: str
    receipt: Receipt | None = None
    error: HuixinError | None = None
    waits: bool = False


@dataclass(frozen=True)
class _Look:
    """A file at one look: the same size and time at the next one mean that nobody writes to it any more."""

    size: int
    mtime_ns: int
    inode: int
    at: float = field(compare=False)

    @classmethod
    def of(cls, found: os.stat_result) -> _Look:
        return cls(found.st_size, found.st_mtime_ns, found.st_ino, time.monotonic())


class WatchedFolder:
    """One folder, watched by one process at a time."""

    def __init__(self, exchange: Exchange, folder: Path, *, keep: Keep = "none", settle_seconds: float = 5) -> None:
        if not folder.is_dir():
            raise BadSettings(Text(f"没有文件夹 {folder}", f"no folder {folder}"))
        self.exchange = exchange
        self.catalogue = exchange.base.catalogue
        self.folder = folder
        self.keep = keep
        self.settle_seconds = settle_seconds
        self._looks: dict[Path, _Look] = {}
        self._failures: dict[Path, int] = {}
        self._not_before: dict[Path, float] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other watchers away. Raises ``BadSettings`` where there is one."""
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise BadSettings(
                Text(f"{self.folder} 已有另一进程在监视", f"another process is watching {self.folder}")
            ) from error
        try:
            self._bring_back()
            yield
        finally:
            os.close(descriptor)

    def look(self) -> Iterator[Outcome]:
        """Take every file that has not changed for the settling time; what is still being written waits."""
        found = dict(self._dropped())
        self._looks = {path: look for path, look in self._looks.items() if path in found}
        for path, source in found.items():
            if self._not_before.get(path, 0) > time.monotonic():
                continue
            if (outcome := self._tried(path, source)) is not None:
                yield outcome

    def waiting(self) -> bool:
        """Whether a file has been seen that may be taken at a later look."""
        return bool(self._looks)

    def _dropped(self) -> Iterator[tuple[Path, str]]:
        """Whatever lies in the folder, or in one folder of it, and the name of that one; in the order of names."""
        for entry in sorted(os.scandir(self.folder), key=lambda one: one.name):
            if _passed_over(entry.name) or entry.name in OWN:
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield Path(entry.path), ""
                continue
            with suppress(OSError):
                for file in sorted(os.scandir(entry.path), key=lambda one: one.name):
                    if not _passed_over(file.name) and file.name not in OWN:
                        yield Path(file.path), entry.name

    def _tried(self, path: Path, source: str) -> Outcome | None:
        name = printable(path.name)
        try:
            if not self._settled(path):
                return None
            item, version, ending = self._meant(path.name, source)
            taken = self._taken(path, item, version, ending)
            if taken is None:
                return None
            receipt, content = taken
            self._give_receipt(path, receipt)
            self._leave(path, content)
        except FileNotFoundError:
            return None
        except HuixinError as error:
            return self._failed(path, source, error)
        except OSError as error:
            return self._failed(path, source, full() if error.errno in FULL else _unreadable(name))
        except Exception as error:  # whatever a file may set off: the others behind it must not wait for ever
            log.error("a dropped file failed", kind=type(error).__name__)
            return self._failed(path, source, _unreadable(name))
        self._looks.pop(path, None)
        return Outcome(source, name, receipt)

    def _settled(self, path: Path) -> bool:
        """Whether the file is as it was ``settle_seconds`` ago; a link or a device needs no waiting, it is refused."""
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise NotAllowed(
                Text(
                    "只接收普通文件，不接收链接、目录与设备",
                    "only regular files are taken: no links, folders or devices",
                )
            )
        present = _Look.of(found)
        if self._looks.get(path) != present:
            self._looks[path] = present
        return present.at - self._looks[path].at >= self.settle_seconds

    def _meant(self, name: str, source: str) -> tuple[Item, int | None, Ending]:
        """Item, version and ending that a file's name tells. Raises ``UnknownItem``, ``NotAllowed`` or ``BadBatch``."""
        if source not in self.catalogue.sources:
            accepted = ", ".join(sorted(self.catalogue.sources))
            raise NotAllowed(
                Text(f"文件应放在以来源命名的文件夹内：{accepted}", f"files go into the folder of a source: {accepted}")
            )
        endings: tuple[Ending, ...] = get_args(Ending)
        ending = next((one for one in sorted(endings, key=len, reverse=True) if name.lower().endswith(f".{one}")), None)
        if ending is None:
            accepted = ", ".join(endings)
            raise BadBatch(Text(f"文件类型可用：{accepted}", f"endings accepted: {accepted}"))
        told = name[: -len(ending) - 1]
        codes = [code for code in self.catalogue.items if re.fullmatch(rf"{re.escape(code)}([.@].*)?", told, re.DOTALL)]
        item = self.catalogue.item(max(codes, key=len) if codes else printable(told))
        if item.source != source:
            raise NotAllowed(
                Text(f"{item.code} 由来源 {item.source} 报送", f"{item.code} is reported by the source {item.source}")
            )
        version = re.match(r"@([0-9]{1,6})(?=\.|$)", told[len(item.code) :])
        if version is None and told[len(item.code) :].startswith("@"):
            raise BadBatch(Text("@ 后应为版本号", "a version number comes after @"))
        return item, int(version[1]) if version else None, ending

    def _taken(self, path: Path, item: Item, version: int | None, ending: Ending) -> tuple[Receipt, _Look] | None:
        """The receipt and what was read; ``None`` where it changed meanwhile, so that it has to settle again."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            before = _Look.of(os.fstat(descriptor))
            self.exchange.spool.check_room(before.size)
            with self.exchange.private.file(f"{item.code}.{ending}", before.size) as copy:
                total = sha256()
                with copy.open("wb") as target:
                    while block := file.read(BLOCK):
                        total.update(block)
                        target.write(block)
                if _Look.of(os.fstat(descriptor)) != before:
                    return None
                key = f"folder:{item.code}@{version or item.version}:{total.hexdigest()}"
                receipt = self.exchange.append(copy, item.code, version=version, batch_key=key, channel="folder")
                return receipt, before

    def _give_receipt(self, path: Path, receipt: Receipt) -> None:
        """Receipt and reject file, beside the file."""
        batch = self.exchange.batch(receipt.batch_id, None)
        receipts = path.parent / RECEIPTS
        said = self.exchange.signer.signed(receipt)
        beside(receipts, path.name, "receipt.json", orjson.dumps(said, option=orjson.OPT_INDENT_2))
        if (rejects := self.exchange.reject_file(batch)) is not None:
            beside(receipts, path.name, "rejects.csv", rejects)
        self._enter("batch.accepted", {"batch_id": receipt.batch_id, "item": receipt.item})

    def _leave(self, path: Path, content: _Look) -> None:
        """The file leaves its place, unless another one of its name has been dropped since it was read."""
        aside = path.parent / LEAVING / path.name
        aside.parent.mkdir(exist_ok=True)
        path.rename(aside)
        if _Look.of(aside.lstat()) != content:
            move_into(aside, path.parent)
        elif self.keep == "done":
            move_into(aside, path.parent / DONE)
        else:
            aside.unlink()
        with suppress(OSError):
            aside.parent.rmdir()

    def _bring_back(self) -> None:
        """Files that a killed watcher was about to let leave: they are looked at again, and taken only once."""
        for aside in self.folder.glob(f"*/{LEAVING}/*"):
            move_into(aside, aside.parent.parent)

    def _failed(self, path: Path, source: str, error: HuixinError) -> Outcome:
        """Refuse the file where it is at fault; let it lie where we are."""
        name = printable(path.name)
        if error.status >= 500:
            self._failures[path] = self._failures.get(path, 0) + 1
            if not isinstance(error, GaveUp) or self._failures[path] < FAILURES_MOST:
                self._not_before[path] = time.monotonic() + RETRY_SECONDS
                log.warning("a dropped file waits", source=printable(source), reason=error.code)
                return Outcome(source, name, error=error, waits=True)
        problem: dict[str, Any] = {"file": name} | problem_of(error)
        with suppress(OSError):
            beside(path.parent / RECEIPTS, path.name, "problem.json", orjson.dumps(problem, option=orjson.OPT_INDENT_2))
            move_into(path, path.parent / REFUSED)
        self._enter("batch.refused", {"reason": error.code, "source": printable(source)})
        self._looks.pop(path, None)
        self._failures.pop(path, None)
        return Outcome(source, name, error=error)

    def _enter(self, action: str, payload: dict[str, Any]) -> None:
        with writing(self.exchange.base.engine) as session:
            self.exchange.enter(session, "watched folder", action, payload)


def _passed_over(name: str) -> bool:
    """Hidden files and those that a transfer has not finished."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def _unreadable(name: str) -> HuixinError:
    return GaveUp(Text(f"{name}：无法读取", f"{name}: it cannot be read"))
