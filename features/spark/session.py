"""Where Spark runs: a session that reads instants and days as DuckDB does, or what to install for one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from records.errors import HuixinError
from records.words import Text

LEAST_JAVA = 17
# Instants without a zone are UTC on both engines; a sum that overflows is an error on both, never a null.
ALIKE = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
}
QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
# Spark divides a core's memory into 16 pages by default, and each of the joins of a plan needs one of its own.
SMALL_PAGES = {"spark.buffer.pageSize": "2m"}
LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


class SparkMissing(HuixinError):
    code: ClassVar[str] = "spark-missing"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("无法使用 Spark", "Spark cannot be used")


class SparkFailed(HuixinError):
    code: ClassVar[str] = "spark-failed"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("Spark 未能完成", "Spark failed")


def start(master: str | None = None, settings: Mapping[str, str] | None = None) -> Any:
    """A Spark session on ``master`` (default: what Spark's own configuration says, or all cores of this machine).

    ``settings``: Spark's, by name. A session that runs already in this process is given back as it is.
    Raises ``SparkMissing`` where PySpark or Java is not there, ``SparkFailed`` where it does not start.
    """
    require()
    from pyspark.sql import SparkSession

    chosen = {**ALIKE, **QUIET, **SMALL_PAGES, **_zone_options()}
    if master is None or master.startswith("local"):
        chosen |= LOOPBACK
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # executors attach peers with the same packages
    chosen |= settings or {}
    builder = SparkSession.builder.appName("huixin")
    if master is not None:
        builder = builder.master(master)
    for name, value in chosen.items():
        builder = builder.config(name, value)
    with failures():
        return builder.getOrCreate()


@contextmanager
def failures() -> Iterator[None]:
    """Whatever goes wrong on Spark inside, ``SparkFailed`` says so."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = next((line for line in lines if "Exception:" in line or "Error" in line), lines[0] if lines else "")
        raise SparkFailed(Text(f"Spark 报告：{said[:500]}", f"Spark says: {said[:500]}")) from error


def require() -> None:
    """Raises ``SparkMissing`` where PySpark is not installed, or Java not there or too old."""
    from importlib.util import find_spec

    if find_spec("pyspark") is None:
        raise SparkMissing(
            Text(
                "未安装 PySpark：请执行 pip install 'huixin[spark]'",
                "PySpark is not installed: pip install 'huixin[spark]'",
            )
        )
    java = _java()
    found = _version(java) if java else None
    if found is None or found < LEAST_JAVA:
        has = (
            Text("未找到 Java", "no Java was found") if found is None else Text(f"Java 为 {found}", f"Java is {found}")
        )
        raise SparkMissing(
            Text(
                f"{has.zh}；需要 Java {LEAST_JAVA} 或更高版本（Debian：apt-get install default-jre-headless，"
                "或把 JAVA_HOME 指向已有的 Java）",
                f"{has.en}; Java {LEAST_JAVA} or later is needed (Debian: apt-get install default-jre-headless, "
                "or point JAVA_HOME to one)",
            )
        )


def _zone_options() -> dict[str, str]:
    return {f"spark.{role}.extraJavaOptions": "-Duser.timezone=UTC" for role in ("driver", "executor")}


def _java() -> str | None:
    """The Java that Spark would run."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which(str(Path(home) / "bin" / "java")) if home else shutil.which("java")


def _version(java: str) -> int | None:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None
