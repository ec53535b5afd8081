"""Columns of identity numbers are judged as python-stdnum judges one, whatever was done to them."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from county.numbers import enterprise_numbers, farmer_numbers, officer_numbers
from records.errors import BadIdentifier
from records.identity import check_number, holds_number, mask
from records.number_checks import holding_numbers, masked_numbers, normal_numbers

CHARACTERS = "0123456789XxABCDEFGHIJKLMNOPQRSTUVWXYZabz -－１９\t中é*!\x00"
KINDS = {"uscc": "enterprise", "ric": "individual"}
FIRMS = [str(number) for number in enterprise_numbers(np.arange(0, 999_999_999, 7_654_321))]
PERSONS = [str(number) for number in farmer_numbers(np.arange(200))] + [
    str(number) for number in officer_numbers(np.arange(0, 9_000_000, 77_777))
]


def one_by_one(kind: str, number: str | None) -> str | None:
    if number is None or len(number) > 64:
        return None
    try:
        return check_number(kind, number)
    except BadIdentifier:
        return None


def with_check_character(scheme: str, seventeen: str) -> str:
    every = [seventeen + character for character in "0123456789ABCDEFGHJKLMNPQRTUWXY"]
    return next((number for number in every if _checks(scheme, number)), every[0])


def _checks(scheme: str, number: str) -> bool:
    from stdnum.cn import ric, uscc

    return str((ric if scheme == "ric" else uscc).calc_check_digit(number)) == number[-1]


def mutated(chance: random.Random, number: str) -> str:
    text = list(number)
    for _ in range(chance.randint(0, 2)):
        place = chance.randrange(len(text)) if text else 0
        match chance.randrange(4):
            case 0 if text:
                text[place] = chance.choice(CHARACTERS)
            case 1:
                text.insert(place, chance.choice(CHARACTERS))
            case 2 if text:
                del text[place]
            case 3:
                return "".join(text).lower()
    return "".join(text)


@pytest.mark.parametrize("scheme", ["uscc", "ric"])
def test_mutated_numbers_are_judged_as_by_stdnum(scheme: str) -> None:
    chance = random.Random(11)
    numbers = [None, "", *(mutated(chance, number) for number in (FIRMS + PERSONS) * 12)]
    expected = [one_by_one(KINDS[scheme], number) for number in numbers]
    assert normal_numbers(scheme, pl.Series(numbers, dtype=pl.String)).to_list() == expected
    assert sum(found is not None for found in expected) > 500


def test_days_and_places_of_citizens_are_judged_as_by_stdnum() -> None:
    """Regions that came and went, provinces without such a county, days that there never were."""
    chance = random.Random(12)
    heads = ["110103", "110110", "110111", "119999", "990101", "000000", "500101", "110000", "441900", "152921"]
    days = ["00000101", "20000229", "19000229", "19860101", "19861231", "20101231", "20110101", "19991301", "20010431"]
    seventeen = [f"{head}{day}{chance.randrange(1000):03d}" for head in heads for day in days]
    seventeen += [f"{chance.randrange(10**6):06d}{chance.randrange(1940, 2026)}0615123" for _ in range(1500)]
    numbers = [with_check_character("ric", one) for one in seventeen]
    expected = [one_by_one("individual", number) for number in numbers]
    assert normal_numbers("ric", pl.Series(numbers)).to_list() == expected
    assert 0 < sum(found is not None for found in expected) < len(numbers)


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.text(alphabet=CHARACTERS, max_size=40), max_size=6))
def test_any_text_is_judged_as_by_stdnum(texts: list[str]) -> None:
    for scheme, kind in KINDS.items():
        found = normal_numbers(scheme, pl.Series(texts, dtype=pl.String)).to_list()
        assert found == [one_by_one(kind, text) for text in texts]


def test_numbers_inside_texts_are_found_as_one_by_one() -> None:
    chance = random.Random(13)
    around = ["", "no ", "号", "a", "7", "-", "（", "/2025", "x1", "00"]
    texts: list[str | None] = [None, ""]
    for number in (FIRMS + PERSONS) * 8:
        texts.append(chance.choice(around) + mutated(chance, number) + chance.choice(around))
        texts.append(number[: chance.randrange(18)])
    texts += [f"{chance.randrange(10**20):020d}" for _ in range(3_000)]
    expected = [text is not None and holds_number(text) for text in texts]
    assert holding_numbers(pl.Series(texts, dtype=pl.String)).to_list() == expected
    assert 500 < sum(expected) < len(expected) - 500


def test_masks_are_those_of_one_number() -> None:
    assert masked_numbers(pl.Series(FIRMS + PERSONS)).to_list() == [mask(number) for number in FIRMS + PERSONS]
