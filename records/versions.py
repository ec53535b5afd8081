"""Versions of catalogue items: what a version declared when its first batch came may not change afterwards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.catalogue import Item
from records.database import CatalogueVersionRow
from records.errors import CatalogueError
from records.moment import now
from records.words import Text


def check_unchanged(session: Session, item: Item) -> None:
    """Raises ``CatalogueError`` where ``item`` would leave batches unreadable, or says other than before."""
    known = {
        row.version: row.declaration
        for row in session.scalars(select(CatalogueVersionRow).where(CatalogueVersionRow.item == item.code))
    }
    if not known:
        return
    newest = max(known)
    if newest > item.version:
        raise _changed(item, f"库中已有版本 {newest}", f"the base has batches of version {newest}")
    declared = item.declaration()
    if newest == item.version and known[newest] != declared:
        where = ", ".join(_differences(known[newest], declared))
        raise _changed(
            item,
            f"版本 {newest} 已有批次，却改了：{where}。请另立新版本（version、changes、since、until）",
            f"version {newest} has batches already, yet it was changed in: {where}. "
            "Declare a new version (version, changes, since, until)",
        )
    for name, field in known[newest]["fields"].items():
        now_declared = declared["fields"].get(name)
        if now_declared is None or now_declared["type"] != field["type"]:
            raise _changed(
                item,
                f"字段 {name} 已有记录，不得删除或改类型；停用请填 until",
                f"field {name} holds records: it may not be removed or change its type; end it with until",
            )


def remember(session: Session, item: Item) -> None:
    """Keep what ``item`` declares, at the first batch of its version; inside the batch's transaction."""
    check_unchanged(session, item)
    if session.get(CatalogueVersionRow, (item.code, item.version)) is None:
        session.add(
            CatalogueVersionRow(item=item.code, version=item.version, declaration=item.declaration(), since=now())
        )


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = [name for name in before["fields"] | after["fields"] if _field(before, name) != _field(after, name)]
    return names or [name for name in before if before[name] != after.get(name)]


def _field(declaration: dict[str, Any], name: str) -> Any:
    return declaration["fields"].get(name)


def _changed(item: Item, zh: str, en: str) -> CatalogueError:
    return CatalogueError(Text(f"{item.code}：{zh}", f"{item.code}: {en}"))
