"""What the gate says of a challenger: each check with its figure, threshold and finding, in two languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from features.plain import plain
from records.words import Text


@dataclass(frozen=True)
class Check:
    """One question of the gate and its answer.

    ``code`` is stable and machine-readable, ``words`` say what is asked, ``found`` what was found: where ``passed`` is
    false, that is the reason against the challenger. ``figure`` has to lie between ``least`` and
    ``most``; where few events leave doubt it is the end of its interval that speaks for the challenger.
    """

    code: str
    words: Text
    passed: bool
    found: Text
    figure: float | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger may serve: only where something was checked, and every check passed.

    ``left_out`` says what could not be asked, because what it needs was not there.
    """

    checks: tuple[Check, ...]
    left_out: tuple[Text, ...] = ()

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(one.passed for one in self.checks)

    @property
    def reasons(self) -> tuple[Text, ...]:
        """Every reason against the challenger."""
        return tuple(one.found for one in self.checks if not one.passed)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; what is not a number is null."""
        return {"passed": self.passed, "checks": plain(self.checks), "left_out": plain(self.left_out)}
