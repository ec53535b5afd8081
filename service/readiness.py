"""Whether the service can answer, and if not, what is missing: told in words, without addresses, names or secrets."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy.exc import SQLAlchemyError

from records.base import RecordBase
from records.database import alembic_configuration
from records.errors import HuixinError
from records.words import Text
from scoring.rating import Rater

SEGMENTS = ("enterprise", "farmer")
LEAST_BYTES = 64 << 20
Status = Literal["ok", "warning", "missing"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that answers depend on; only ``missing`` makes the service not ready."""

    status: Status
    words: Text

    def as_dict(self) -> dict[str, str]:
        return {"status": self.status, "zh": self.words.zh, "en": self.words.en}


OK = Text("正常", "as it should be")


def readiness(base: RecordBase, rater: Rater) -> dict[str, Any]:
    """``status`` (ready, not ready), ``champions`` (version or error code by segment), ``checks`` by name."""
    champions, model_check = _champions(rater)
    checks = {**_database(base), "models": model_check, "disk": _disk(base)}
    ready = all(one.status != "missing" for one in checks.values())
    return {
        "status": "ready" if ready else "not ready",
        "champions": champions,
        "checks": {name: one.as_dict() for name, one in checks.items()},
    }


def free_bytes(base: RecordBase) -> int:
    """Room on the disk of the home folder."""
    return shutil.disk_usage(base.settings.home).free


def _database(base: RecordBase) -> dict[str, Check]:
    """Whether the database answers, and whether its tables are those that this program knows."""
    try:
        with base.engine.connect() as connection:
            revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except SQLAlchemyError:
        missing = Check("missing", Text("业务数据库不应答", "the operations database does not answer"))
        return {"database": missing, "migrations": Check("missing", Text("未知", "not known"))}
    return {"database": Check("ok", OK), "migrations": _migrations(revision)}


def _migrations(revision: str | None) -> Check:
    head, known = _revisions()
    if revision == head:
        return Check("ok", OK)
    if revision in known or revision is None:
        return Check("missing", Text("数据表未升级到本程序的版本", "the tables are older than this program: migrate"))
    return Check(
        "warning", Text("数据表比本程序新：正在升级？", "the tables are newer than this program: an upgrade under way?")
    )


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_configuration())
    return script.get_current_head(), frozenset(one.revision for one in script.walk_revisions())


def _champions(rater: Rater) -> tuple[dict[str, str], Check]:
    found: dict[str, str] = {}
    absent = []
    for segment in SEGMENTS:
        try:
            found[segment] = rater.serving(segment).rating_version
        except HuixinError as error:
            found[segment] = error.code
            absent.append(segment)
        except Exception:  # a registry that is away: whatever its client raises says more than anybody may know
            found[segment] = "registry-away"
            absent.append(segment)
    if absent:
        names = ", ".join(absent)
        return found, Check("missing", Text(f"没有可用的上线模型：{names}", f"no champion serves: {names}"))
    return found, Check("ok", OK)


def _disk(base: RecordBase) -> Check:
    """Below the reserve sources are sent away and scores go on; with next to nothing left no score can be kept."""
    try:
        free = free_bytes(base)
    except OSError:
        return Check("missing", Text("主目录不可读", "the home folder cannot be read"))
    if free < LEAST_BYTES:
        return Check("missing", Text("磁盘已满", "the disk is full"))
    if free < base.settings.exchange.disk_reserve_bytes:
        return Check("warning", Text("磁盘余量不足，暂不收批次", "the disk is filling up: batches are sent away"))
    return Check("ok", OK)
