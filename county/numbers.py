"""Identity numbers that pass every check and that no living person, no firm and no body can hold.

Enterprises and bodies get the administrative code 999999, which GB/T 2260 does not assign; citizens are born in the
19th century.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

USCC_ALPHABET = np.array(list("0123456789ABCDEFGHJKLMNPQRTUWXY"))
USCC_WEIGHTS = np.array([pow(3, place, 31) for place in range(17)])
RIC_WEIGHTS = np.array([pow(2, 17 - place, 11) for place in range(17)])
RIC_CHECKS = np.array(list("10X98765432"))
REGION, OTHER_REGION = "110101", "110102"
DAYS_OF_FARMERS = (date(1850, 1, 1), date(1899, 12, 31))
DAYS_OF_OFFICERS = (date(1800, 1, 1), date(1849, 12, 31))
DAYS_OF_OTHERS = (date(1800, 1, 1), date(1899, 12, 31))
PEOPLE_A_DAY = 999
ENTERPRISE, INSTITUTION, GOVERNMENT = "91", "12", "11"
COOPERATIVE = "93"
ORGANISATIONS = ("51", "52", "53")  # association, private non-enterprise unit, foundation


def enterprise_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Unified social credit codes (GB 32100-2015) of the enterprises numbered ``index`` (0 to 999,999,999)."""
    return _unified_codes(index, [ENTERPRISE])


def institution_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Unified social credit codes of public institutions."""
    return _unified_codes(index, [INSTITUTION])


def organisation_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Unified social credit codes of social organisations: associations, private non-enterprise units, foundations."""
    return _unified_codes(index, ORGANISATIONS)


def government_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Unified social credit codes of government bodies."""
    return _unified_codes(index, [GOVERNMENT])


def cooperative_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Unified social credit codes of farmers' cooperatives."""
    return _unified_codes(index, [COOPERATIVE])


def farmer_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Citizen numbers (GB 11643-1999) of householders born between 1850 and 1899."""
    return _citizen_numbers(index, *DAYS_OF_FARMERS)


def officer_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Citizen numbers of legal representatives, born between 1800 and 1849."""
    return _citizen_numbers(index, *DAYS_OF_OFFICERS)


def person_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Citizen numbers of everybody else, of another place of birth than farmers and legal representatives."""
    return _citizen_numbers(index, *DAYS_OF_OTHERS, region=OTHER_REGION)


def _unified_codes(index: npt.NDArray[np.int64], kinds: Sequence[str]) -> npt.NDArray[np.str_]:
    """Codes of the bodies numbered ``index``, of each of ``kinds`` (registering agency and form) in turn."""
    heads = np.array([[int(digit) for digit in f"{kind}999999"] for kind in kinds])
    values = np.hstack([heads[index % len(heads)], _digits(index, 9)])
    checks = (31 - values @ USCC_WEIGHTS % 31) % 31
    return _join(values, USCC_ALPHABET[checks])


def _citizen_numbers(
    index: npt.NDArray[np.int64], first: date, last: date, region: str = REGION
) -> npt.NDArray[np.str_]:
    days = (last - first).days + 1
    if len(index) and int(index.max()) >= days * PEOPLE_A_DAY:
        raise ValueError(f"at most {days * PEOPLE_A_DAY} synthetic citizens")
    born = [first + timedelta(days=int(day)) for day in index // PEOPLE_A_DAY]
    births = np.array([day.year * 10_000 + day.month * 100 + day.day for day in born], np.int64)
    place = np.broadcast_to(np.array([int(digit) for digit in region]), (len(index), 6))
    values = np.hstack([place, _digits(births, 8), _digits(index % PEOPLE_A_DAY + 1, 3)])
    return _join(values, RIC_CHECKS[values @ RIC_WEIGHTS % 11])


def _digits(numbers: npt.NDArray[np.int64], places: int) -> npt.NDArray[np.int64]:
    return numbers[:, None] // 10 ** np.arange(places - 1, -1, -1) % 10


def _join(values: npt.NDArray[np.int64], checks: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    joined = np.hstack([values.astype("U1"), checks[:, None].astype("U1")])
    return np.ascontiguousarray(joined).view(f"U{joined.shape[1]}").ravel()
