"""Identity numbers checked by the column: GB 32100 (mod 31) and GB 11643 (mod 11-2), as ``python-stdnum`` checks one.

The rules are ``stdnum``'s to the letter: forms that it cleans first (blanks, hyphens, full-width digits) are handed to
it, and its table of regions decides which place existed in which year. A test compares the two on mutated numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from records.errors import BadIdentifier
from records.identity import check_number

LENGTH = 18
LONGEST = 64
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = np.array([pow(3, place, 31) for place in range(17)], np.int32)
RIC_WEIGHTS = np.array([pow(2, 17 - place, 11) for place in range(17)], np.int32)
NONE = 99
# What stdnum cleans away or maps to ASCII before it looks: all but printable ASCII, and the blank and the hyphen.
CLEANED_FIRST = r"[^!-,./-~]"
SUSPECT = r"[1-9][0-9]{7}[0-9A-Za-z]{10}"
UNKNOWN, NEVER, ALWAYS, BY_YEAR = 0, 1, 2, 3

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def normal_numbers(scheme: str, numbers: pl.Series) -> pl.Series:
    """Each number (String) in its normal form, null where it is none of ``scheme`` (``uscc`` or ``ric``)."""
    whole = (numbers.str.len_bytes() == LENGTH).fill_null(False)
    valid = np.zeros(len(numbers), np.bool_)
    if whole.any():
        characters = _characters(numbers.filter(whole))
        valid[whole.to_numpy()] = valid_uscc(characters) if scheme == "uscc" else valid_ric(characters)
    kept = numbers.to_frame("number").select(
        pl.when(pl.Series(valid)).then(pl.col("number").str.to_uppercase()).alias("number")
    )["number"]
    odd = pl.Series(~valid) & numbers.str.contains(CLEANED_FIRST) & (numbers.str.len_chars() <= LONGEST)
    odd = odd.fill_null(False)
    if not odd.any():
        return kept
    kind = "enterprise" if scheme == "uscc" else "individual"
    cleaned = pl.Series([_cleaned(kind, number) for number in numbers.filter(odd)], dtype=pl.String)
    return kept.scatter(odd.arg_true(), cleaned)


def holding_numbers(texts: pl.Series) -> pl.Series:
    """Which texts (String) hold a valid identity number, as ``records.identity.holds_number`` tells; never null."""
    found = np.zeros(len(texts), np.bool_)
    suspects = (texts.str.len_bytes() >= LENGTH).fill_null(False).arg_true().to_numpy()
    if len(suspects):
        suspects = suspects[_rows_with_digits(texts[suspects])]
    if len(suspects):
        found[suspects[_rows_with_numbers(texts[suspects])]] = True
    return pl.Series(found)


def masked_numbers(numbers: pl.Series) -> pl.Series:
    """The first two and the last two of 18 characters, stars between."""
    return numbers.str.head(2) + "*" * (LENGTH - 4) + numbers.str.tail(2)


def valid_uscc(characters: Bytes) -> Mask:
    """Rows of 18 bytes that are unified social credit codes."""
    values = _USCC_VALUES[characters]
    known = (values != NONE).all(axis=1) & (values[:, :8] < 10).all(axis=1)
    total = values[:, :17].astype(np.int32) @ USCC_WEIGHTS
    return np.asarray(known & ((31 - total % 31) % 31 == values[:, 17]))


def valid_ric(characters: Bytes) -> Mask:
    """Rows of 18 bytes that are citizen numbers: check character, a day that there was, a place that there was then."""
    values = _RIC_VALUES[characters]
    known = (values[:, :17] < 10).all(axis=1) & (values[:, 17] != NONE)
    digits = np.where(known[:, None], values, 0).astype(np.int32)
    known &= (digits[:, :17] @ RIC_WEIGHTS + digits[:, 17]) % 11 == 1
    year, month, day = (_number(digits[:, first:last]) for first, last in ((6, 10), (10, 12), (12, 14)))
    known &= (year > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= _days_in(year, month))
    if known.any():
        known[known] = _places_that_were(_number(digits[known, :6]), year[known])
    return np.asarray(known)


def _cleaned(kind: str, number: str) -> str | None:
    try:
        return check_number(kind, number)
    except BadIdentifier:
        return None


def _characters(numbers: pl.Series) -> Bytes:
    """The bytes of texts that are 18 bytes long each, shape (texts, 18)."""
    content, _ = _content(numbers)
    return content.reshape(len(numbers), LENGTH)


def _content(texts: pl.Series) -> tuple[Bytes, NDArray[np.int64]]:
    """All bytes of ``texts`` (no nulls) one after another, and where each text begins; one more for the end."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, content = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(content, np.uint8)[starts[0] : starts[-1]], starts - starts[0]


def _rows_with_digits(texts: pl.Series) -> NDArray[np.int64]:
    """Positions of the texts (18 bytes or more) with eight digits in a row, without which there is no number.

    A run over the end of a text may tell of that text too.
    """
    content, starts = _content(texts)
    run = content - np.uint8(ord("0")) < 10
    for step in (1, 2, 4):
        run = run[:-step] & run[step:]
    begins = run & ~np.concatenate([[False], run[:-1]])
    begins[starts[:-1]] = run[starts[:-1]]
    return np.unique(np.searchsorted(starts, np.flatnonzero(begins), side="right") - 1)


def _rows_with_numbers(texts: pl.Series) -> NDArray[np.int64]:
    """Positions of the texts in which some 18 bytes are a citizen number, or alone-standing ones a unified code."""
    content, starts = _content(texts)
    places = len(content) - LENGTH + 1
    windows = np.lib.stride_tricks.sliding_window_view(content, LENGTH)
    digits = np.concatenate([[0], np.cumsum(_RIC_VALUES[content] < 10, dtype=np.int32)])
    first, last = content[:places], content[LENGTH - 1 :]
    citizens = (digits[17 : 17 + places] - digits[:places] == 17) & (first != ord("0")) & (_RIC_VALUES[last] != NONE)
    codes = (digits[8 : 8 + places] - digits[:places] == 8) & (digits[LENGTH:] - digits[:places] < LENGTH)
    codes &= np.isin(first, _AUTHORITIES) & np.isin(content[1 : places + 1], _TYPES) & _alone(content, starts, places)
    found = []
    for suspected, check in ((citizens, valid_ric), (codes, valid_uscc)):
        place = np.flatnonzero(suspected)
        text = np.searchsorted(starts, place, side="right")
        inside = starts[text] >= place + LENGTH
        found.append(text[inside][check(windows[place[inside]])] - 1)
    return np.unique(np.concatenate(found))


def _alone(content: Bytes, starts: NDArray[np.int64], places: int) -> Mask:
    """Which windows of 18 bytes are letters and digits only, with none right before or after in the same text."""
    alphanumeric = _ALPHANUMERIC[content]
    before = np.concatenate([[0], np.cumsum(alphanumeric, dtype=np.int32)])
    borders = np.zeros(len(content) + 1, np.bool_)
    borders[starts] = True
    begins = np.concatenate([[True], ~alphanumeric[: places - 1]]) | borders[:places]
    ends = np.concatenate([~alphanumeric[LENGTH:], [True]]) | borders[LENGTH:]
    return np.asarray((before[LENGTH:] - before[:places] == LENGTH) & begins & ends)


def _number(digits: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.asarray(digits @ 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int32), np.int32)


def _days_in(year: NDArray[np.int32], month: NDArray[np.int32]) -> NDArray[np.int32]:
    days = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int32)[np.clip(month, 0, 12)]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return np.asarray(days + (leap & (month == 2)), np.int32)


def _places_that_were(regions: NDArray[np.int32], years: NDArray[np.int32]) -> Mask:
    states = _region_states()
    for region in np.unique(regions[states[regions] == UNKNOWN]):
        spans = _spans(int(region))
        always = any(span == (None, None) for span in spans)
        states[region] = ALWAYS if always else BY_YEAR if spans else NEVER
    found = np.asarray(states[regions] == ALWAYS)
    for place in np.flatnonzero(states[regions] == BY_YEAR):
        year = int(years[place])
        found[place] = any((not a or year >= a) and (not b or year <= b) for a, b in _spans(int(regions[place])))
    return found


@cache
def _region_states() -> NDArray[np.uint8]:
    """What is known so far of each of the million region codes."""
    return np.zeros(1_000_000, np.uint8)


@cache
def _spans(region: int) -> tuple[tuple[int | None, int | None], ...]:
    """First and last year of each place that had the code, as the table of ``stdnum`` (GB/T 2260) writes them."""
    from stdnum import numdb

    found: list[tuple[str, dict[str, str]]] = numdb.get("cn/loc").info(f"{region:06d}")
    counties = [words["county"] for _, words in found if "county" in words]
    return tuple(_span(county) for listed in counties[-1:] for county in listed.split(","))


def _span(county: str) -> tuple[int | None, int | None]:
    if not county.startswith("["):
        return None, None
    first, last = county[1:].split("]")[0].split("-")
    return int(first) if first else None, int(last) if last else None


def _values(alphabet: str, extra: dict[str, int]) -> Bytes:
    table = np.full(256, NONE, np.uint8)
    for value, character in enumerate(alphabet):
        table[ord(character)] = table[ord(character.lower())] = value
    for character, value in extra.items():
        table[ord(character)] = value
    return table


def _table_of(characters: str) -> Any:
    table = np.zeros(256, np.bool_)
    table[[ord(character) for character in characters]] = True
    return table


_USCC_VALUES = _values(USCC_ALPHABET, {})
_RIC_VALUES = _values("0123456789", {"X": 10, "x": 10})
_ALPHANUMERIC = _table_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_AUTHORITIES = np.frombuffer(b"159", np.uint8)
_TYPES = np.frombuffer(b"123", np.uint8)
