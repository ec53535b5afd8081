"""The latent integrity of people and bodies, and when what it brings about happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from county.places import Numbers, Places
from county.process import Flags, Floats, History, Ints
from county.reporting import Days, Setting, report

STATIC_SD, DYNAMIC_SD, PERSISTENCE = 0.85, 0.5, 0.95


@dataclass(frozen=True)
class Civic:
    """Some people or bodies of one kind: ``index`` [n] are their numbers in the county."""

    setting: Setting
    places: Places
    index: Ints

    @property
    def rng(self) -> np.random.Generator:
        return self.setting.rng

    @property
    def n(self) -> int:
        return len(self.index)

    @property
    def everyone(self) -> Ints:
        return np.arange(self.n)

    @property
    def integrity(self) -> Floats:
        """[n, months]: about standard normal."""
        return self.setting.history.health

    @property
    def ends(self) -> Days:
        return self.setting.ends

    def report(
        self, code: str, subject: Ints, day: Days, columns: dict[str, pa.Array], delay_days: float = 6
    ) -> pa.Table:
        return report(self.setting, code, subject, day, columns, delay_days=delay_days)

    def some(self, share: float) -> Ints:
        """Positions of about ``share`` of them."""
        return np.flatnonzero(self.rng.random(self.n) < share)

    def began(self, subject: Ints) -> Days:
        """A day in the first year of the county's records for each."""
        when = self.rng.integers(0, min(12, len(self.ends) - 1), len(subject))
        return np.asarray(self.ends[when] - self.rng.integers(0, 28, len(subject)).astype("timedelta64[D]"))

    def events(self, base: float, slope: float, subject: Ints | None = None) -> tuple[Ints, Ints, Days]:
        """Subjects, months and days of what happens at a monthly rate of ``exp(base - slope * integrity)``."""
        among = self.everyone if subject is None else subject
        rate = np.exp(np.clip(base - slope * self.integrity[among], -12, 1))
        which, when = np.nonzero(self.rng.random(rate.shape) < 1 - np.exp(-rate))
        days = self.ends[when] - self.rng.integers(0, 28, len(when)).astype("timedelta64[D]")
        return among[which], when, days

    def periods(
        self, months: tuple[int, ...] | None, subject: Ints | None = None, last: int | None = None
    ) -> tuple[Ints, Ints]:
        """Subjects and months of what is reported in given calendar ``months`` (None: all), in the ``last`` so many."""
        among = self.everyone if subject is None else subject
        numbers = np.array([day.month for day in self.setting.month_ends])
        asked = np.isin(numbers, months) if months else np.ones(len(numbers), bool)
        if last is not None:
            asked[: max(0, len(asked) - last)] = False
        which, when = np.nonzero(np.broadcast_to(asked, (len(among), len(asked))))
        return among[which], when

    def years(self, when: Ints, before: int = 1) -> pa.Array:
        """The year that a report in month ``when`` is about."""
        return pa.array(np.array([day.year - before for day in self.setting.month_ends])[when])

    def ended(self, day: Days, low: int, high: int) -> tuple[Days, Flags]:
        """A day between ``low`` and ``high`` days later, and whether it has come."""
        end = day + self.rng.integers(low, high, len(day)).astype("timedelta64[D]")
        return np.asarray(end), np.asarray(end <= self.ends[-1])

    def grade(self, subject: Ints, when: Ints, edges: tuple[float, ...], noise: float = 0.7) -> Ints:
        """A grade (0: the worst) that sees integrity through ``noise``."""
        seen = self.integrity[subject, when] + self.rng.normal(0, noise, len(subject))
        return np.asarray(np.digitize(seen, edges), np.int64)


def labels(prefix: str, number: Ints, width: int = 1) -> pa.Array:
    """``prefix`` and each number, filled to ``width`` digits."""
    return pa.array([f"{prefix}{int(one):0{width}d}" for one in number], pa.string())


def civic(places: Places, kind: str, block: int, index: Ints, numbers: Numbers, rng: np.random.Generator) -> Civic:
    """``index``'s people or bodies with the integrity that they will have shown."""
    months: list[date] = places.plan.month_ends
    n = len(index)
    static = rng.normal(0, STATIC_SD, n)
    dynamic = np.empty((n, len(months)))
    state = rng.normal(0, DYNAMIC_SD, n)
    for month in range(len(months)):
        state = PERSISTENCE * state + rng.normal(0, DYNAMIC_SD * np.sqrt(1 - PERSISTENCE**2), n)
        dynamic[:, month] = state
    none = np.zeros((n, len(months)), np.int64)
    history = History(static[:, None] + dynamic, dynamic, static, none, none[:, 0], none[:, 0] - 1)
    return Civic(Setting(kind, block, numbers, history, months, rng), places, index)
