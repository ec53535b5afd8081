"""The source that an assessment is asked about."""

from __future__ import annotations

from typing import ClassVar

from records.catalogue import Catalogue
from records.errors import HuixinError
from records.words import Text


class UnknownSource(HuixinError):
    code: ClassVar[str] = "unknown-source"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("目录中没有此来源", "Source not in the catalogue")


def known_source(catalogue: Catalogue, source: str) -> str:
    """``source`` where the catalogue has it. Raises ``UnknownSource`` with the accepted ones."""
    if source not in catalogue.sources:
        accepted = ", ".join(catalogue.sources)
        raise UnknownSource(
            Text(
                f"目录中没有来源“{source[:40]}”；可用：{accepted}",
                f"no source '{source[:40]}' in the catalogue; accepted: {accepted}",
            )
        )
    return source
