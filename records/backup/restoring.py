"""Restoring a backup: everything is checked, then brought beside its place, then put into it; whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy import Connection

from records.backup import placing, target
from records.backup.erasures import JOURNAL, Journal, carry_out_again, read_journal, write_journal
from records.backup.errors import DamagedBackup, RestoreFailed, RestoreRefused, RestoreUnfinished, told_plainly
from records.backup.load import check_revision, load
from records.backup.making import Steps, alone, unwatched
from records.backup.manifest import Manifest, read_manifest, verify_contents
from records.backup.registry import move_artifacts
from records.backup.store import FileStore, write_private
from records.keyring import KeyRing
from records.settings import Settings
from records.words import Text

REGISTRY = "mlflow.db"
KEYS = "secrets/identity.key"
MARK = "unfinished.json"


@dataclass(frozen=True)
class RestoreReport:
    """What was restored. ``copied``: bytes of files; those that lay in place already are not counted."""

    manifest: Manifest
    copied: int
    erased_again: int


def check(folder: Path, steps: Steps = unwatched) -> Manifest:
    """Read a backup whole and change nothing. Raises ``DamagedBackup`` or ``UnknownRevision``."""
    with told_plainly(DamagedBackup, folder):
        manifest = read_manifest(folder)
        check_revision(manifest)
        with steps(Text("核验备份（文件）", "verifying the backup (files)"), len(manifest.contents)) as done:
            verify_contents(folder, manifest, done)
    return manifest


def restore(
    settings: Settings,
    folder: Path,
    *,
    replace: bool = False,
    erasures: Path | None = None,
    steps: Steps = unwatched,
) -> RestoreReport:
    """Make the base of ``settings`` what it was when the backup in ``folder`` was made; on either database engine.

    ``replace``: the target may hold a base, which is lost then. ``erasures``: a journal of erasures from elsewhere;
    what it, the target's own journal or the backup's says to be erased is erased again where it came back.
    Cut off at any instant, the former base is as it was, or ``RecordBase.open`` refuses until this has been called
    again. Raises ``DamagedBackup``, ``UnknownRevision``, ``RestoreRefused``, ``RestoreFailed`` or ``StorageFull``.
    """
    manifest = check(folder, steps)
    _refuse_other_keys(settings, manifest)
    former = target.Former.of(settings)
    if former.occupied and not replace and not _continues(settings, manifest):
        raise _occupied(settings)
    with told_plainly(RestoreFailed, settings.home):
        side = settings.home / placing.SIDE
        side.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(side, RestoreRefused):
            target.refuse_if_in_use(settings)
            restoring = _Restoring(settings, folder, manifest, steps)
            try:
                return restoring.run(former, erasures)
            finally:
                if not _mark(settings).exists():
                    placing.clear_sides(settings)


def refuse_half_restored(settings: Settings) -> None:
    """Raises ``RestoreUnfinished`` where a restore was cut off while the new store took the old one's place."""
    if _mark(settings).exists():
        raise RestoreUnfinished(
            Text(
                f"{settings.home} 的恢复中途被打断；请再次运行同一条 huixin restore",
                f"a restore into {settings.home} was cut off in the middle; run the same huixin restore again",
            )
        )


class _Restoring:
    """One restore, step by step."""

    def __init__(self, settings: Settings, folder: Path, manifest: Manifest, steps: Steps) -> None:
        self.settings, self.manifest, self.steps = settings, manifest, steps
        self.store = FileStore(folder)
        self.files = [entry for entry in manifest.files if entry.path not in (JOURNAL, REGISTRY)]

    def run(self, former: target.Former, elsewhere: Path | None) -> RestoreReport:
        erased = self._erasures(elsewhere)
        tables = sum(entry.bytes for entry in self.manifest.tables)
        placing.refuse_without_room(self.settings, self.manifest.files, tables)
        with self.steps(Text("复制文件", "copying files"), len(self.files)) as done:
            copied = placing.bring(self.settings, self.store, self.files, done)
        copied += self._bring_registry()
        with target.new_database(self.settings, self._fill) as switch:
            target.refuse_if_in_use(self.settings)
            write_private(_mark(self.settings), orjson.dumps({"backup": self.manifest.seal}))
            placing.put(self.settings, self.files)
            self._put_registry()
            write_journal(self.settings, erased)
            switch()
        with self.steps(Text("核对依法删除", "carrying out erasures again"), None):
            again = carry_out_again(self.settings, erased)
        self._tidy(former)
        return RestoreReport(self.manifest, copied, again)

    def _fill(self, connection: Connection) -> None:
        rows = sum(entry.rows for entry in self.manifest.tables)
        with self.steps(Text("装载业务数据库（行）", "loading the operations database (rows)"), rows) as done:
            load(connection, self.manifest, self.store, done)

    def _bring_registry(self) -> int:
        """Copy the model registry beside its place and tell it where its artifacts will lie."""
        entry = self.manifest.file(REGISTRY)
        if entry is None:
            return 0
        size = placing.bring_one(self.settings, self.store, entry)
        if self.manifest.artifact_root is not None:
            side = placing.side_of(self.settings, REGISTRY)
            move_artifacts(side, self.manifest.artifact_root, self.settings.artifact_folder.as_uri())
        return size

    def _put_registry(self) -> None:
        if self.manifest.file(REGISTRY) is not None:
            side, place = (of(self.settings, REGISTRY) for of in (placing.side_of, placing.place_of))
            target.put_in_place(side, place)

    def _erasures(self, elsewhere: Path | None) -> Journal:
        """All that is known to have been erased: to the backup, to the target, or told by hand."""
        entry = self.manifest.file(JOURNAL)
        own = self.settings.home / JOURNAL
        journals = [self.store.path(entry.sha256)] if entry else []
        journals += [path for path in (own if own.is_file() else None, elsewhere) if path is not None]
        return {event_id: one for path in journals for event_id, one in read_journal(path).items()}

    def _tidy(self, former: target.Former) -> None:
        """Forget the former store, then that a restore was under way."""
        named = {entry.path for entry in self.files}
        for path in former.files:
            if f"records/{path}" not in named:
                (self.settings.records_folder / path).unlink(missing_ok=True)
        target.remove_former(placing.place_of(self.settings, REGISTRY))
        if (database := target.sqlite_path(self.settings)) is not None:
            target.remove_former(database)
        _mark(self.settings).unlink()


def _mark(settings: Settings) -> Path:
    """There while the new store takes the old one's place."""
    return settings.home / placing.SIDE / MARK


def _continues(settings: Settings, manifest: Manifest) -> bool:
    """Whether this restore was cut off before."""
    try:
        return bool(orjson.loads(_mark(settings).read_bytes())["backup"] == manifest.seal)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _occupied(settings: Settings) -> RestoreRefused:
    return RestoreRefused(
        Text(
            f"{settings.home} 或其数据库已有信用库；请另设目标，或用 --replace 以备份取而代之",
            f"{settings.home} or its database holds a base already; choose another target, or let the backup take its "
            "place with --replace",
        )
    )


def _refuse_other_keys(settings: Settings, manifest: Manifest) -> None:
    """Under other keys no subject would be found again."""
    if settings.identity_key is None:
        if manifest.file(KEYS) is None:
            raise RestoreRefused(
                Text(
                    "该备份的标识密钥由环境变量给出：请设置当时的 HUIXIN_IDENTITY_KEY 再恢复",
                    "the identity key of this backup came from the environment: set HUIXIN_IDENTITY_KEY as it was then",
                )
            )
        return
    if not set(manifest.keys) <= set(KeyRing.from_settings(settings).fingerprints):
        raise RestoreRefused(
            Text(
                "HUIXIN_IDENTITY_KEY（及 HUIXIN_IDENTITY_KEYS_FORMER）不是该备份的标识密钥：主体将无法对应",
                "HUIXIN_IDENTITY_KEY (with HUIXIN_IDENTITY_KEYS_FORMER) is not the key of this backup: no subject "
                "would be found again",
            )
        )
