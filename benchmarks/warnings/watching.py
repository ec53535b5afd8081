"""The games of warning: who is warned of at a budget, what that foresaw, and how early."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.follow_up import FollowUp

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
BUDGET = 0.05
HORIZON = 12


@dataclass(frozen=True)
class Watch:
    """Those at risk at successive month ends, and whose distress begins in the month after each.

    ``row`` [subjects, months]: the row of the follow-up, -1 where the subject is not at risk at that month end;
    ``begins`` [subjects, months]: distress begins in the month that follows it.
    """

    row: Ints
    begins: Flags

    @classmethod
    def of(cls, found: FollowUp) -> Watch:
        """Raises ValueError where the month that follows one of the month ends is not known yet."""
        if (found.followed < 1).any():
            raise ValueError("the month after the last month end is not known yet")
        names, subject = np.unique(found.subject, return_inverse=True)
        ends, month = np.unique(found.as_of, return_inverse=True)
        row = np.full((len(names), len(ends)), -1, np.int64)
        row[subject, month] = np.arange(len(subject))
        begins = np.zeros(row.shape, bool)
        begins[subject, month] = found.months_to_distress == 1
        return cls(row, begins)

    @property
    def at_risk(self) -> Flags:
        return np.asarray(self.row >= 0)

    @property
    def events(self) -> int:
        return int(self.begins.sum())

    @property
    def subjects(self) -> int:
        """Those at risk at one of the month ends."""
        return int(self.at_risk.any(axis=1).sum())


@dataclass(frozen=True)
class Foreseen:
    """What lists foresaw: for each event its subject and the lead of the alert that stood then (0: none did)."""

    subject: Ints
    lead: Ints
    alerts: int

    @property
    def recall(self) -> float:
        return float((self.lead > 0).mean()) if len(self.lead) else float("nan")

    @property
    def true_alerts(self) -> int:
        return int((self.lead > 0).sum())

    @property
    def precision(self) -> float:
        return self.true_alerts / self.alerts if self.alerts else float("nan")

    @property
    def median_lead(self) -> float:
        """Months from the alert to the event, among those foreseen."""
        found = self.lead[self.lead > 0]
        return float(np.median(found)) if len(found) else float("nan")


def year_of_lists(watch: Watch, risk: Floats, ties: np.random.Generator) -> Foreseen:
    """Each month end, whoever is at risk and above one level of ``risk`` [rows of the follow-up] is warned of, once.

    The level is the one at which 5% of those at risk in the year are warned of in all. The first beginning of distress
    of each subject counts; a warning of it stands from the month end at which it was given.
    """
    level = np.full(watch.row.shape, -np.inf)
    at_risk = watch.at_risk & (np.cumsum(watch.begins, axis=1) - watch.begins == 0)
    level[at_risk] = np.nan_to_num(risk, nan=-1e300)[watch.row[at_risk]]
    place: Ints = np.lexsort((ties.random(level.size), -level.ravel()))[: int(at_risk.sum())]  # the riskiest first
    subject: Ints = np.asarray(place // watch.row.shape[1], np.int64)
    first = np.unique(subject, return_index=True)[1]
    budget = int(BUDGET * watch.subjects)
    last = np.sort(first)[budget] if budget < len(first) else len(place)
    warned = np.zeros(level.shape, bool)
    warned.ravel()[place[:last]] = True
    who, month = np.nonzero(watch.begins & at_risk)
    since = warned[who].argmax(axis=1)
    stands = warned[who].any(axis=1) & (since <= month)
    return Foreseen(who, np.where(stands, month + 1 - since, 0).astype(np.int64), int(warned.any(axis=1).sum()))


def one_list(found: FollowUp, risk: Floats, ties: np.random.Generator) -> Foreseen:
    """The highest 5% of the rows of one month end are warned of; each row is followed for 12 months."""
    order = np.lexsort((ties.random(len(risk)), -np.nan_to_num(risk, nan=-np.inf)))
    chosen = order[: int(BUDGET * len(risk))]
    warned = np.zeros(len(risk), bool)
    warned[chosen] = True
    event = np.flatnonzero(found.months_to_distress <= HORIZON)
    lead = np.where(warned[event], found.months_to_distress[event], 0)
    return Foreseen(event, lead.astype(np.int64), len(chosen))


def ratio_interval(asked: Foreseen, against: Foreseen, draws: int = 500, level: float = 0.9) -> tuple[float, float]:
    """Bootstrap interval, over subjects, of the ratio of two recalls on the same events."""
    rng = np.random.default_rng(7)
    subjects = int(asked.subject.max(initial=0)) + 1
    hits = np.stack([np.bincount(one.subject, one.lead > 0, subjects) for one in (asked, against)])
    drawn = hits @ rng.multinomial(subjects, np.full(subjects, 1 / subjects), draws).T
    some = drawn[1] > 0
    low, high = np.quantile(drawn[0, some] / drawn[1, some], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
