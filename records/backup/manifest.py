"""The one page that makes a folder a backup: what is in it, sealed by a checksum, written last."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from records.backup.errors import DamagedBackup, UnknownRevision
from records.backup.store import FileStore, Kept, digest, write_private
from records.words import Text

MANIFEST = "manifest.json"
FORMAT = 1
CONTENT = re.compile(r"[0-9a-f]{64}")
PLACES = frozenset({"records", "quarantine", "secrets", "catalogue", "mlflow-artifacts"})
SINGLE_FILES = frozenset({"mlflow.db", "erasures.jsonl"})
FAULTS_TOLD = 5


@dataclass(frozen=True)
class TableEntry:
    """A table of the operations database, as Parquet."""

    name: str
    rows: int
    sha256: str
    bytes: int


@dataclass(frozen=True)
class FileEntry:
    """A file by its path below the home folder."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    ``created_at``: the snapshot's moment, ISO 8601, UTC. ``revision``: of the Alembic migrations. ``keys``: public
    names of the identity keys, newest first. ``newest_batch``: id of the batch accepted last. ``artifact_root``: where
    the model registry believed its artifacts, a URI.
    """

    created_at: str
    package: str
    engine: str
    revision: str
    batches: int
    records: int
    newest_batch: str | None
    keys: tuple[str, ...]
    artifact_root: str | None
    tables: tuple[TableEntry, ...]
    files: tuple[FileEntry, ...]

    @property
    def contents(self) -> dict[str, int]:
        """Size of every content of the store that this backup needs, by its SHA-256."""
        entries: tuple[TableEntry | FileEntry, ...] = (*self.tables, *self.files)
        return {entry.sha256: entry.bytes for entry in entries}

    @property
    def bytes(self) -> int:
        return sum(self.contents.values())

    @property
    def seal(self) -> str:
        """SHA-256 of what the manifest says."""
        return sha256(orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def file(self, path: str) -> FileEntry | None:
        return next((entry for entry in self.files if entry.path == path), None)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make ``folder`` the backup that ``manifest`` describes, in one instant."""
    page = {"format": FORMAT, "sha256": manifest.seal, "backup": asdict(manifest)}
    write_private(folder / MANIFEST, orjson.dumps(page, option=orjson.OPT_INDENT_2) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises ``DamagedBackup`` where there is none or it was changed, ``UnknownRevision``."""
    path = folder / MANIFEST
    if not path.is_file():
        raise DamagedBackup(
            Text(f"{folder} 中没有 {MANIFEST}：不是完整的备份", f"no {MANIFEST} in {folder}: it is not a whole backup")
        )
    try:
        page = orjson.loads(path.read_bytes())
        form = page["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise _changed(path) from error
    if form != FORMAT:
        raise UnknownRevision(
            Text(f"{path}：备份格式 {form}；可读格式：{FORMAT}", f"{path}: format {form}; format {FORMAT} is accepted")
        )
    try:
        manifest = _parsed(page["backup"])
        whole = manifest.seal == page["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise _changed(path) from error
    if not whole:
        raise _changed(path)
    _check_paths(path, manifest)
    return manifest


def verify_contents(folder: Path, manifest: Manifest, done: Callable[[int], None]) -> None:
    """Read every file of the backup. Raises ``DamagedBackup`` naming what is missing or changed."""
    store, faults = FileStore(folder), []
    told = {entry.sha256: f"operations/{entry.name}" for entry in manifest.tables}
    told |= {entry.sha256: entry.path for entry in manifest.files}
    for number, (content, size) in enumerate(manifest.contents.items(), 1):
        path = store.path(content)
        if not path.is_file():
            faults.append(Text(f"{told[content]} 缺失", f"{told[content]} is missing"))
        elif Kept(digest(path), path.stat().st_size) != (content, size):
            faults.append(Text(f"{told[content]} 已改变", f"{told[content]} was changed"))
        done(number)
    if not faults:
        return
    more = len(faults) - FAULTS_TOLD
    zh = "；".join(fault.zh for fault in faults[:FAULTS_TOLD]) + (f"；另有 {more} 处" if more > 0 else "")
    en = "; ".join(fault.en for fault in faults[:FAULTS_TOLD]) + (f"; and {more} more" if more > 0 else "")
    raise DamagedBackup(Text(f"{folder}：{zh}", f"{folder}: {en}"))


def _parsed(said: dict[str, Any]) -> Manifest:
    tables = tuple(TableEntry(**entry) for entry in said["tables"])
    files = tuple(FileEntry(**entry) for entry in said["files"])
    return Manifest(**{**said, "keys": tuple(said["keys"]), "tables": tables, "files": files})


def _check_paths(manifest_path: Path, manifest: Manifest) -> None:
    """No name in a manifest may lead out of the home folder or the store, whoever wrote it."""
    for entry in manifest.files:
        path = PurePosixPath(entry.path)
        parts = path.parts
        inside = str(path) == entry.path and not path.is_absolute() and ".." not in parts and "\0" not in entry.path
        known = entry.path in SINGLE_FILES or (len(parts) > 1 and parts[0] in PLACES)
        if not (inside and known):
            raise _changed(manifest_path)
    if not all(CONTENT.fullmatch(content) for content in manifest.contents):
        raise _changed(manifest_path)


def _changed(path: Path) -> DamagedBackup:
    return DamagedBackup(
        Text(f"{path} 被截断或被改动", f"{path} is truncated or was changed; a manifest as it was written is accepted")
    )
