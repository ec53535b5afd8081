"""A validation report as the files that a run keeps: data, page, and the card in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.validation.card import model_card
from models.validation.report import ValidationReport
from records.words import Language

Page = Callable[[ValidationReport], str]


def report_files(report: ValidationReport, page: Page | None = None) -> dict[str, Any]:
    """By file name: ``validation.json`` as plain data, everything else as text.

    ``page`` draws the report, such as ``service.pages.render.validation_page``, which this room does not know.
    """
    languages: tuple[Language, ...] = ("zh", "en")
    card = model_card(report)
    files: dict[str, Any] = {"validation.json": report.as_dict()}
    files |= {f"card.{language}.md": card.markdown(language) for language in languages}
    return files if page is None else {**files, "validation.html": page(report)}
