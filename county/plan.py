"""What a county is made of: its size, its span, and the parameters of the process that drives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from records.moment import add_months, month_end


@dataclass(frozen=True)
class Nature:
    """How the financial health of one kind of subject moves, and how it leads to default.

    Health is a static mean plus a dynamic part; the dynamic part (own shocks plus those of the sector or the village,
    all with the same monthly persistence) is one Gaussian AR(1), so that the true PD is exact. Each month a subject
    stops paying with probability ``logistic(base - health)``; once it has stopped it resumes with probability ``cure``
    a month, and in the third month in a row it is in default (90 days past due).
    """

    base: float
    static_sd: float
    dynamic_sd: float
    shared_share: float
    persistence: float = 0.93
    cure: float = 0.25
    contagion: float = 0.8
    closing: float = 0.004
    loan_share: float = 0.9


@dataclass(frozen=True)
class CountyPlan:
    """A synthetic county of ``subjects`` observed for ``months`` up to ``last_month``; the same plan, the same bytes.

    ``subjects`` are its enterprises and farmers, whose true PD is known; its people, institutions, organisations and
    government bodies come in addition, as shares of them.
    Subjects come in blocks of ``block``: only one block is in memory at a time.
    """

    subjects: int = 20_000
    months: int = 60
    last_month: date = date(2025, 12, 31)
    seed: int = 20260101
    enterprise_share: float = 0.4
    people_share: float = 0.075
    institution_share: float = 0.006
    organisation_share: float = 0.006
    government_share: float = 0.002
    block: int = 5_000
    burn_in: int = 120
    enterprise: Nature = field(
        default_factory=lambda: Nature(base=-5.7, static_sd=1.4, dynamic_sd=1.2, shared_share=0.2)
    )
    farmer: Nature = field(default_factory=lambda: Nature(base=-6.1, static_sd=1.4, dynamic_sd=1.2, shared_share=0.3))

    def __post_init__(self) -> None:
        if self.subjects < 1 or self.months < 13 or self.block < 1:
            raise ValueError("a county has at least 1 subject, 13 months and blocks of at least 1")

    @property
    def month_ends(self) -> list[date]:
        """The observed month ends, the first one first."""
        last = month_end(self.last_month).replace(day=1)
        return [month_end(add_months(last, -back)) for back in range(self.months - 1, -1, -1)]

    @property
    def people(self) -> int:
        return round(self.subjects * self.people_share)

    @property
    def institutions(self) -> int:
        return round(self.subjects * self.institution_share)

    @property
    def organisations(self) -> int:
        return round(self.subjects * self.organisation_share)

    @property
    def governments(self) -> int:
        return round(self.subjects * self.government_share)

    @property
    def villages(self) -> int:
        return max(5, int(self.subjects * (1 - self.enterprise_share)) // 60)
