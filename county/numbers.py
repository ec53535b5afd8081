"""Identity numbers that pass every check and that no living person and no firm can hold.

Enterprises get the administrative code 999999, which GB/T 2260 does not assign; citizens are born in the 19th century.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

USCC_ALPHABET = np.array(list("0123456789ABCDEFGHJKLMNPQRTUWXY"))
USCC_WEIGHTS = np.array([pow(3, place, 31) for place in range(17)])
RIC_WEIGHTS = np.array([pow(2, 17 - place, 11) for place in range(17)])
RIC_CHECKS = np.array(list("10X98765432"))
REGION = "110101"
DAYS_OF_FARMERS = (date(1850, 1, 1), date(1899, 12, 31))
DAYS_OF_OFFICERS = (date(1800, 1, 1), date(1849, 12, 31))
PEOPLE_A_DAY = 999


def enterprise_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Unified social credit codes (GB 32100-2015) of the enterprises numbered ``index`` (0 to 999,999,999)."""
    digits = _digits(index, 9)
    head = np.broadcast_to(np.array([9, 1, 9, 9, 9, 9, 9, 9]), (len(index), 8))
    values = np.hstack([head, digits])
    checks = (31 - values @ USCC_WEIGHTS % 31) % 31
    return _join(values, USCC_ALPHABET[checks])


def farmer_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Citizen numbers (GB 11643-1999) of householders born between 1850 and 1899."""
    return _citizen_numbers(index, *DAYS_OF_FARMERS)


def officer_numbers(index: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Citizen numbers of legal representatives, born between 1800 and 1849."""
    return _citizen_numbers(index, *DAYS_OF_OFFICERS)


def _citizen_numbers(index: npt.NDArray[np.int64], first: date, last: date) -> npt.NDArray[np.str_]:
    days = (last - first).days + 1
    if len(index) and int(index.max()) >= days * PEOPLE_A_DAY:
        raise ValueError(f"at most {days * PEOPLE_A_DAY} synthetic citizens")
    born = [first + timedelta(days=int(day)) for day in index // PEOPLE_A_DAY]
    births = np.array([day.year * 10_000 + day.month * 100 + day.day for day in born], np.int64)
    region = np.broadcast_to(np.array([int(digit) for digit in REGION]), (len(index), 6))
    values = np.hstack([region, _digits(births, 8), _digits(index % PEOPLE_A_DAY + 1, 3)])
    return _join(values, RIC_CHECKS[values @ RIC_WEIGHTS % 11])


def _digits(numbers: npt.NDArray[np.int64], places: int) -> npt.NDArray[np.int64]:
    return numbers[:, None] // 10 ** np.arange(places - 1, -1, -1) % 10


def _join(values: npt.NDArray[np.int64], checks: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    joined = np.hstack([values.astype("U1"), checks[:, None].astype("U1")])
    return np.ascontiguousarray(joined).view(f"U{joined.shape[1]}").ravel()
