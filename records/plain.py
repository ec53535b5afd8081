"""What answers hold, as JSON has it: texts by language, instants with their zone, exact decimals as text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from records.words import Language, Text


def plain(value: Any, language: Language | None = None) -> Any:
    """``value`` of strings, numbers, lists and objects only; texts in ``language``, or in both as {"zh", "en"}."""
    if isinstance(value, Text):
        return value._asdict() if language is None else value.in_language(language)
    if isinstance(value, dict):
        return {str(key): plain(one, language) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, language) for one in value]
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
