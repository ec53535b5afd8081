"""Who lives and works in the county: how many of each kind, and under which identity numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from county.numbers import (
    enterprise_numbers,
    government_numbers,
    institution_numbers,
    officer_numbers,
    organisation_numbers,
    person_numbers,
)
from county.plan import CountyPlan
from county.process import Flags, Ints

Numbers = npt.NDArray[np.str_]
OFFICERS_SHARE, PROFESSIONALS_SHARE = 0.4, 0.4  # of the people; the others are the floating population
INSTITUTION_FIELDS = ["education", "health", "science", "culture", "agriculture", "welfare", "other"]
ORGANISATION_KINDS = ["association", "service", "foundation"]
LAW_FIRM_EVERY = 6


@dataclass(frozen=True)
class Places:
    """The county of a plan by number; nothing here is drawn at random."""

    plan: CountyPlan

    @property
    def enterprises(self) -> int:
        """How many enterprises there are in all blocks."""
        plan = self.plan
        whole, rest = divmod(plan.subjects, plan.block)
        return whole * round(plan.block * plan.enterprise_share) + round(rest * plan.enterprise_share)

    def enterprise_index(self, number: Ints) -> Ints:
        """The subject index of the enterprises numbered ``number`` (0 to ``enterprises`` - 1), as blocks count them."""
        a_block = max(1, round(self.plan.block * self.plan.enterprise_share))
        return np.asarray(number // a_block * self.plan.block + number % a_block, np.int64)

    def enterprise(self, number: Ints) -> Numbers:
        """Codes of enterprises; any number is taken, round and round."""
        return enterprise_numbers(self.enterprise_index(number % max(1, self.enterprises)))

    @property
    def officers(self) -> int:
        """How many of the people are legal representatives: one of an enterprise each."""
        return min(int(self.plan.people * OFFICERS_SHARE), self.enterprises)

    @property
    def professionals(self) -> int:
        return int(self.plan.people * PROFESSIONALS_SHARE)

    def office(self, person: Ints) -> Ints:
        """The number of the enterprise whose legal representative an officer is; officers are spread over them all."""
        return np.asarray(person * max(1, self.enterprises // max(1, self.officers)), np.int64)

    def is_office(self, number: Ints) -> Flags:
        """Whether one of the people is the legal representative of the enterprises numbered ``number``."""
        step = max(1, self.enterprises // max(1, self.officers))
        return np.asarray((number % step == 0) & (number // step < self.officers))

    def people(self, person: Ints) -> Numbers:
        """Citizen numbers: officers have those that their enterprises' registrations name."""
        numbers = person_numbers(person)
        officers = person < self.officers
        if officers.any():
            numbers[officers] = officer_numbers(self.enterprise_index(self.office(person[officers])))
        return numbers

    def heads(self, number: Ints) -> Numbers:
        """Citizen numbers of professionals who head bodies."""
        return self.people(self.officers + number % max(1, self.professionals))

    def institution(self, number: Ints, field: str | None = None) -> Numbers:
        """Codes of institutions, of those in ``field`` where there are any."""
        return institution_numbers(self._of(number, self.plan.institutions, INSTITUTION_FIELDS, field))

    def organisation(self, number: Ints) -> Numbers:
        return organisation_numbers(number % max(1, self.plan.organisations))

    def law_firm(self, number: Ints) -> Numbers:
        firms = np.arange(1, max(2, self.plan.organisations), LAW_FIRM_EVERY)
        return organisation_numbers(firms[number % len(firms)])

    def government(self, number: Ints) -> Numbers:
        return government_numbers(number % max(1, self.plan.governments))

    @staticmethod
    def _of(number: Ints, many: int, fields: list[str], field: str | None) -> Ints:
        if field is None or many <= fields.index(field):
            return np.asarray(number % max(1, many), np.int64)
        chosen = np.arange(fields.index(field), many, len(fields))
        return np.asarray(chosen[number % len(chosen)], np.int64)
