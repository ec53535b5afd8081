"""Files on disk for good, and what to say when the disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from hashlib import sha256
from pathlib import Path

from records.errors import HuixinError, StorageFull
from records.words import Text

# The last two are what Polars says of a Parquet file whose end finds no room, and NumPy of an array that does not.
FULL = (
    "no space left on device",
    "disk quota exceeded",
    "os error 28",
    "os error 122",
    "max_temp_directory_size",
    "invalid thrift: transport error",
    " requested and ",
)


@contextmanager
def room(folder: Path) -> Iterator[None]:
    """Whatever library finds the disk full inside, ``StorageFull`` says so."""
    try:
        yield
    except HuixinError:
        raise
    except Exception as error:
        if not _is_full(error):
            raise
        raise StorageFull(
            Text(
                f"存储空间不足（{folder}）：本批未入库，请释放空间后重发",
                f"the disk of {folder} is full: nothing of this batch was kept; free some space and resend",
            )
        ) from error


def _is_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            return True
        if any(words in str(error).lower() for words in FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    total = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()
