"""What can go wrong with a backup or a restore, told so that it can be mended."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from sqlalchemy.exc import DBAPIError

from records.errors import HuixinError, StorageFull
from records.words import Text


class BackupFailed(HuixinError):
    """No backup was made; the one that lay there before is still valid."""

    code: ClassVar[str] = "backup-failed"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("备份未完成", "No backup was made")


class DamagedBackup(HuixinError):
    """The backup is incomplete or changed; nothing was restored."""

    code: ClassVar[str] = "damaged-backup"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("备份不完整或已损坏", "The backup is damaged")


class UnknownRevision(HuixinError):
    """The backup was made by a newer Huixin; nothing was restored."""

    code: ClassVar[str] = "unknown-revision"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("备份来自更新的版本", "The backup is newer than this Huixin")


class RestoreRefused(HuixinError):
    """The target cannot take the backup; nothing was restored."""

    code: ClassVar[str] = "restore-refused"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("未恢复", "Not restored")


class RestoreFailed(HuixinError):
    """The restore could not be finished; the former store is still there, or a second restore finishes."""

    code: ClassVar[str] = "restore-failed"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("恢复未完成", "The restore was not finished")


class RestoreUnfinished(HuixinError):
    """A restore was cut off in the middle; the base is not used until a second one has finished."""

    code: ClassVar[str] = "restore-unfinished"
    status: ClassVar[int] = 503
    title: ClassVar[Text] = Text("恢复被中断", "A restore was cut off")


FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def told_plainly(kind: type[HuixinError], folder: Path) -> Iterator[None]:
    """Turn what the disk, SQLite or PostgreSQL refuse into ``StorageFull`` or ``kind``."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _full(folder) from error
        place = error.filename or folder
        reason = error.strerror or type(error).__name__
        raise kind(Text(f"{place}：{reason}", f"{place}: {reason}")) from error
    except (sqlite3.DatabaseError, DBAPIError) as error:
        cause = getattr(error, "orig", None) or error
        if "full" in str(cause).lower() or type(cause).__name__ == "DiskFull":
            raise _full(folder) from error
        reason = str(cause).splitlines()[0][:200]
        raise kind(Text(f"数据库：{reason}", f"the database says: {reason}")) from error


def _full(folder: Path) -> StorageFull:
    return StorageFull(
        Text(
            f"写入 {folder} 时磁盘已满；原有内容未受影响，腾出空间后请重试",
            f"the disk is full while writing to {folder}; what was there before is untouched; make room and try again",
        )
    )
