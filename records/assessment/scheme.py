"""How measures become points: weights, bounds and grades, declared once and replaceable by a small TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from records.errors import HuixinError
from records.settings import Settings
from records.words import Text

Measure = Literal["completeness", "accuracy", "timeliness", "consistency", "repair"]
Grade = Literal["excellent", "good", "passed", "failed"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
MEASURE_WORDS: dict[Measure, Text] = {
    "completeness": Text("完整性", "Completeness"),
    "accuracy": Text("准确性", "Accuracy"),
    "timeliness": Text("及时性", "Timeliness"),
    "consistency": Text("一致性", "Consistency"),
    "repair": Text("整改时效", "Repair time"),
}
GRADE_WORDS: dict[Grade, Text] = {
    "excellent": Text("优秀", "Excellent"),
    "good": Text("良好", "Good"),
    "passed": Text("合格", "Passed"),
    "failed": Text("不合格", "Failed"),
}
FILE_NAME = "assessment.toml"
Share = Annotated[float, Field(ge=0, le=1)]
Points = Annotated[float, Field(ge=0, le=100)]
Weight = Annotated[float, Field(ge=0, le=1000)]


class BadScheme(HuixinError):
    code: ClassVar[str] = "bad-assessment-scheme"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("考核办法有误", "Bad assessment scheme")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Table):
    """What each measure weighs; only their ratios count."""

    completeness: Weight = 30
    accuracy: Weight = 25
    timeliness: Weight = 25
    consistency: Weight = 10
    repair: Weight = 10

    @model_validator(mode="after")
    def _something_weighs(self) -> Weights:
        if sum(getattr(self, name) for name in MEASURES) <= 0:
            raise ValueError("some measure must weigh something")
        return self


class Grades(_Table):
    """The points from which each grade is given."""

    excellent: Points = 90
    good: Points = 80
    passed: Points = 60

    @model_validator(mode="after")
    def _falls(self) -> Grades:
        if not self.excellent > self.good > self.passed:
            raise ValueError("excellent > good > passed")
        return self


class Scheme(_Table):
    """The whole scheme.

    ``filled_share``: what filled optional fields count within completeness; the rest is whether reports came.
    ``monthly_word``: whether items on event and on change need a record or a word of nothing to report in every month;
    otherwise a month counts as missed only for items on event, once the wait is longer than usual.
    ``repair_full_days``, ``repair_zero_days``: median days from refusal to acceptance that earn all and nothing.
    ``objection_days``: within which an objection is to be answered (Regulation on the credit reporting industry,
    Art. 25).
    """

    weights: Weights = Weights()
    grades: Grades = Grades()
    filled_share: Share = 0.2
    monthly_word: bool = False
    repair_full_days: Annotated[float, Field(ge=0)] = 5
    repair_zero_days: Annotated[float, Field(gt=0)] = 30
    objection_days: Annotated[int, Field(ge=1)] = 20

    @model_validator(mode="after")
    def _zero_after_full(self) -> Scheme:
        if self.repair_zero_days <= self.repair_full_days:
            raise ValueError("repair_zero_days > repair_full_days")
        return self

    @classmethod
    def load(cls, path: Path | None = None) -> Scheme:
        """The scheme of a TOML file, or the declared one. Raises ``BadScheme``."""
        if path is None:
            return cls()
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "-"
            raise _bad(path, f"{where}: {first['msg']}") from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise _bad(path, str(error)) from error

    @classmethod
    def of(cls, settings: Settings) -> Scheme:
        """The installation's own scheme (``assessment.toml`` in its home) where there is one."""
        own = settings.home / FILE_NAME
        return cls.load(own if own.is_file() else None)

    def points(self, measures: dict[Measure, float | None]) -> float | None:
        """0 to 100 points: the weighted mean of the measures (0 to 1) that are known; none where nothing is."""
        known = [(getattr(self.weights, name), share) for name, share in measures.items() if share is not None]
        total = sum(weight for weight, _ in known)
        return 100 * sum(weight * share for weight, share in known) / total if total > 0 else None

    def grade(self, points: float) -> Grade:
        """The grade of so many points."""
        for grade in ("excellent", "good", "passed"):
            if points >= getattr(self.grades, grade):
                return grade
        return "failed"

    def repair_share(self, days: float) -> float:
        """What a median repair time in days earns, 0 to 1."""
        span = self.repair_zero_days - self.repair_full_days
        return min(1.0, max(0.0, 1 - (days - self.repair_full_days) / span))


def _bad(path: Path, reason: str) -> BadScheme:
    return BadScheme(Text(f"{path.name}：{reason}", f"{path.name}: {reason}"))
