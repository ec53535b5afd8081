"""Files put beside what a source dropped: whole or not at all, and never over another one."""

from __future__ import annotations

import filecmp
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from records.durable import make_durable
from records.identity import POSSIBLE_NUMBER, mask

LONGEST_NAME = 200


def beside(folder: Path, name: str, ending: str, content: bytes | Path) -> Path:
    """Write ``folder/name.ending``, or a copy of a file; what is there already with the same content stays."""
    _make_own(folder)
    attempt = folder / f".{secrets.token_hex(8)}.tmp"
    descriptor = os.open(attempt, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        path = next(one for one in _names(folder, name, f".{ending}") if _reserved(one) or _equal(one, attempt))
        attempt.replace(path)
        make_durable(folder)
        return path
    finally:
        attempt.unlink(missing_ok=True)


def move_into(path: Path, folder: Path) -> Path:
    """Move a file, link or folder into ``folder``, under a name that nothing there has."""
    _make_own(folder)
    if path.is_dir() and not path.is_symlink():
        target = next(one for one in _names(folder, path.name, "") if not os.path.lexists(one))
        path.rename(target)
    else:
        target = next(one for one in _names(folder, path.name, "") if _reserved(one))
        path.replace(target)
    make_durable(folder)
    return target


def printable(name: str) -> str:
    """A name as it may be shown: no control characters, no identity number, not too long."""
    shown = "".join(one if one.isprintable() else "?" for one in name)
    return re.sub(POSSIBLE_NUMBER, lambda found: mask(found[0]), shown)[:LONGEST_NAME]


def _names(folder: Path, name: str, ending: str) -> Iterator[Path]:
    """``name``, then ``name.2``, ``name.3`` ...; cut where a file system would not take it, by bytes."""
    stem = os.fsdecode(os.fsencode(name)[:LONGEST_NAME])
    yield folder / f"{stem}{ending}"
    for nth in count(2):
        yield folder / f"{stem}.{nth}{ending}"


def _reserved(path: Path) -> bool:
    """Take a name that is free."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660))
        return True
    return False


def _equal(path: Path, attempt: Path) -> bool:
    """Whether a file holds the same, or nothing: then a killed process had taken its name."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return False
    return found.st_size == 0 or filecmp.cmp(path, attempt, shallow=False)


def _make_own(folder: Path) -> None:
    """Raises ``OSError`` where a link stands in the folder's place: it might lead anywhere."""
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(folder)
