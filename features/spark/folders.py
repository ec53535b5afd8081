"""A folder of Parquet files on any storage that Spark knows, there whole or not at all."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from records.errors import HuixinError
from records.words import Text


class FolderTaken(HuixinError):
    code: ClassVar[str] = "folder-taken"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("输出目录已有内容", "The output folder is taken")


def address_of(path: str | Path) -> str:
    """Where Spark finds ``path``: an address as it is, a path not relative to Spark's own default."""
    return str(path) if "://" in str(path) else f"file://{Path(path).absolute()}"


class NewFolder:
    """A context in which ``folder`` is filled; when it fails, nothing of it stays. Raises ``FolderTaken``."""

    def __init__(self, session: Any, folder: str | Path) -> None:
        self.address = address_of(folder)
        self._jvm = session.sparkContext._jvm
        self._storage = self._path(self.address).getFileSystem(session.sparkContext._jsc.hadoopConfiguration())

    def __enter__(self) -> NewFolder:
        path = self._path(self.address)
        if self._storage.exists(path) and (not self._storage.isDirectory(path) or self._storage.listStatus(path)):
            raise FolderTaken(
                Text(
                    f"{self.address} 已有内容；请另指定一个新目录",
                    f"something is in {self.address} already; name a new folder",
                )
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._storage.delete(self._path(self.address), True)

    def inside(self, name: str) -> str:
        """The address of ``name`` in the folder."""
        return f"{self.address}/{name}"

    def remove(self, name: str) -> None:
        self._storage.delete(self._path(self.inside(name)), True)

    def _path(self, address: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(address)
