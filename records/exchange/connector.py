"""A pull connector as its TOML file declares it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from records.catalogue import Catalogue, Item
from records.exchange.errors import BadConnector
from records.words import Text

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
RELATION = r"^[^.\x00]{1,63}\.[^.\x00]{1,63}$"
ALWAYS = frozenset({"record_id", "subject_number", "subject_kind", "occurred_on", "supersedes"})


class Watermark(BaseModel):
    """The column that grows with every new or changed row.

    ``lag``: how far behind the present (or the highest value) a pull stays, because transactions commit late: seconds
    for a timestamp, days for a date, steps for an integer. ``start``: rows up to this value are never pulled.
    ``time_zone``: of a timestamp column without one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = Field(min_length=1, max_length=63)
    lag: float = Field(300, ge=0)
    start: str | None = None
    time_zone: str = "Asia/Shanghai"


class Connector(BaseModel):
    """What to pull from where. ``columns``: batch column = source column; ``constants``: batch column = value.

    ``url_env``: environment variable that holds the URL of the source's PostgreSQL, with its password.
    ``key``: the source column that names a row, where rows change in place; a changed one becomes a correction.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    item: str
    version: int | None = Field(None, ge=1)
    url_env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    relation: str = Field(pattern=RELATION)
    columns: dict[str, str]
    constants: dict[str, str] = {}
    watermark: Watermark
    batch_rows: int = Field(100_000, ge=1, le=5_000_000)
    key: str | None = Field(None, min_length=1, max_length=63)
    on_change: Literal["append", "correct"] = "append"

    @model_validator(mode="after")
    def _fits(self) -> Connector:
        if (self.on_change == "correct") != (self.key is not None):
            raise ValueError('key and on_change = "correct" go together')
        if self.key is not None and {"record_id", "supersedes"} & {*self.columns, *self.constants}:
            raise ValueError("with a key, record_id and supersedes are made from it: leave them out of columns")
        if both := sorted(set(self.columns) & set(self.constants)):
            raise ValueError(f"both in columns and in constants: {', '.join(both)}")
        return self

    @classmethod
    def read(cls, path: Path, catalogue: Catalogue) -> Connector:
        """The connector of a TOML file. Raises ``BadConnector`` with what is wrong, or ``UnknownItem``."""
        try:
            found = cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, one['loc'])) or '-'}: {one['msg']}" for one in error.errors())
            raise _bad(path, faults) from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise _bad(path, str(error)) from error
        item = catalogue.item(found.item)
        known = ALWAYS | set(item.fields_at(found.version))
        if unknown := sorted({*found.columns, *found.constants} - known):
            raise _bad(path, f"{', '.join(unknown)}: not a column of {item.code}; accepted: {', '.join(sorted(known))}")
        return found

    def url(self) -> str:
        """URL of the source's database. Raises ``BadConnector`` where the environment does not have it."""
        found = os.environ.get(self.url_env)
        if not found:
            raise BadConnector(
                Text(
                    f"环境变量 {self.url_env} 未给出数据库地址",
                    f"the environment variable {self.url_env} does not hold the URL of the database",
                )
            )
        return found.replace("postgresql+psycopg://", "postgresql://", 1)

    def days(self, item: Item) -> frozenset[str]:
        """The batch columns that hold days."""
        return frozenset({"occurred_on", *(n for n, field in item.fields.items() if field.type == "date")})


def _bad(path: Path, what: str) -> BadConnector:
    return BadConnector(Text(f"{path.name}：{what}", f"{path.name}: {what}"))
