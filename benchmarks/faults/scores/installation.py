"""The installation under test: a copy of a trained one, its operations on a PostgreSQL that can be made to fail."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.faults.disks import Disk
from benchmarks.faults.postgres import Postgres
from records.base import RecordBase
from records.settings import Settings

SEGMENT = "enterprise"
SPARE_MIB = 384
HIGHER = 0.25  # log-odds of default that the second model adds: its scores are other ones


@dataclass
class Installation:
    """The copy: on a disk of its own beside its database's, which has one too. ``versions``: champion and the next."""

    settings: Settings
    base: RecordBase
    postgres: Postgres
    home_disk: Disk
    database_disk: Disk
    key: str
    subjects: list[str]
    versions: tuple[str, str]


def county(home: Path) -> Settings:
    """A small county of its own, both segments trained."""
    from county import CountyPlan
    from huixin.county_base import fill
    from models.training import train

    settings = Settings(home=home)
    base = RecordBase.open(settings)
    fill(base, CountyPlan(subjects=3_000, months=36, block=1_500, seed=8), home / "truth.parquet")
    for segment in ("enterprise", "farmer"):
        train(base, segment, synthetic=True)
    return settings


def installed(trained: Settings, folder: Path, ends: ExitStack) -> Installation:
    """``trained`` once more in ``folder``, by the program's own backup and restore, and a second model beside it."""
    from features.online import OnlineFeatures
    from records.backup import back_up, restore
    from service.security import Bounds, Clients

    original = RecordBase.open(trained)
    disk_mib = SPARE_MIB + 2 * (sum(path.stat().st_size for path in trained.home.rglob("*") if path.is_file()) >> 20)
    with tempfile.TemporaryDirectory() as temporary:
        back_up(trained, original.engine, Path(temporary) / "backup")
        home = Disk(folder / "home", disk_mib, list)
        ends.callback(home.close)
        disk = Disk(folder / "database", disk_mib, list)
        ends.callback(disk.close)
        postgres = Postgres(disk.folder / "data", folder / "postgresql")
        ends.callback(postgres.stop)
        settings = Settings(home=home.folder, database_url=postgres.url)
        restore(settings, Path(temporary) / "backup")
    peers = trained.home / "peers"
    if peers.is_dir():
        shutil.copytree(peers, settings.home / "peers", dirs_exist_ok=True)
    base = RecordBase.open(settings)
    OnlineFeatures(base, SEGMENT).refresh()
    found: list[str] = base.subjects(SEGMENT)["subject_id"].to_pylist()
    key = Clients(base.engine).add("load", "bank", bounds=Bounds(scopes=["score", "read"]))
    return Installation(settings, base, postgres, home, disk, key, found[:: max(len(found) // 50, 1)], _second(base))


def _second(base: RecordBase) -> tuple[str, str]:
    """The champion's version, and that of a model beside it which gives other scores."""
    from models.calibration import AffineCalibrator
    from models.registry import Registry

    registry = Registry(base.settings)
    bundle, version = registry.champion(SEGMENT)
    other = AffineCalibrator(bundle.calibrator.slope, bundle.calibrator.intercept + HIGHER)
    made = registry.register(replace(bundle, calibrator=other), {}, {}, {})
    return version, made.version
