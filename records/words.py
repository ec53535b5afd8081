"""Text in the two languages of the users."""

from __future__ import annotations

from typing import Literal, NamedTuple

Language = Literal["zh", "en"]


class Text(NamedTuple):
    """The same statement in Chinese and in English."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en

    def with_values(self, **values: object) -> Text:
        """Fill ``{name}`` placeholders in both languages."""
        return Text(self.zh.format(**values), self.en.format(**values))
