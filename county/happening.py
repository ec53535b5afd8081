"""When what health brings about happens to enterprises and farmers, and what is reported month by month."""

from __future__ import annotations

import dataclasses

import numpy as np

from county.process import Flags, Floats, Ints
from county.reporting import Days, Setting


def aside(setting: Setting) -> Setting:
    """The same block with chance of its own: what is drawn from it changes nothing of what is drawn otherwise."""
    return dataclasses.replace(setting, rng=setting.rng.spawn(1)[0])


def some(setting: Setting, share: float | Floats) -> Flags:
    """Which of the subjects, about ``share`` of them."""
    return np.asarray(setting.rng.random(setting.subjects) < share)


def likely(score: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-score)))


def events(setting: Setting, base: float, slope: float, among: Flags | None = None) -> tuple[Ints, Ints, Days]:
    """Subjects, months and days of what happens at a monthly rate of ``exp(base - slope * health)``."""
    rate = np.exp(np.clip(base - slope * setting.history.health, -12, 1)) * setting.alive
    if among is not None:
        rate = rate * among[:, None]
    subject, when = np.nonzero(setting.rng.random(rate.shape) < 1 - np.exp(-rate))
    return subject, when, days_in(setting, when)


def after_default(setting: Setting, share: float, first: int, last: int) -> tuple[Ints, Ints, Days]:
    """Subjects, months and days of what follows a default by ``first`` to ``last`` months, for ``share`` of them."""
    defaulted = np.flatnonzero(setting.history.default_month >= 0)
    hit = defaulted[setting.rng.random(len(defaulted)) < share]
    when = setting.history.default_month[hit] + setting.rng.integers(first, last + 1, len(hit))
    seen = when < len(setting.ends)
    return hit[seen], when[seen], days_in(setting, when[seen])


def periods(
    setting: Setting, among: Flags, months: tuple[int, ...] | None = None, last: int | None = None
) -> tuple[Ints, Ints]:
    """Subjects and months of what is reported in given calendar ``months`` (None: all), in the ``last`` so many."""
    numbers = np.array([day.month for day in setting.month_ends])
    asked = np.isin(numbers, months) if months else np.ones(len(numbers), bool)
    if last is not None:
        asked[: max(0, len(asked) - last)] = False
    subject, when = np.nonzero(setting.alive & among[:, None] & asked[None, :])
    return subject, when


def days_in(setting: Setting, when: Ints) -> Days:
    """A day in each month of ``when``."""
    return np.asarray(setting.ends[when] - setting.rng.integers(0, 28, len(when)).astype("timedelta64[D]"))


def years_before(setting: Setting, when: Ints) -> Ints:
    """The year before that of each month: what a yearly report is about."""
    return np.asarray(np.array([day.year - 1 for day in setting.month_ends])[when], np.int64)


def ended(setting: Setting, day: Days, low: int, high: int) -> tuple[Days, Flags]:
    """A day between ``low`` and ``high`` days later, and whether it has come."""
    end = day + setting.rng.integers(low, high, len(day)).astype("timedelta64[D]")
    return np.asarray(end), np.asarray(end <= setting.ends[-1])
