"""All tables of the operations database, in whichever ``records.database_SUBJECT`` they are declared."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import MetaData

import records
from records.database import Operations


@cache
def every_table() -> MetaData:
    """The metadata with every table in it: for whoever migrates, backs up or restores the whole database."""
    for module in iter_modules(records.__path__):
        if module.name.startswith("database_"):
            import_module(f"records.{module.name}")
    return Operations.metadata
