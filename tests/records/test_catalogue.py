"""The catalogue is whole, and a new item is a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from county.numbers import enterprise_numbers
from records.base import RecordBase
from records.catalogue import Catalogue
from records.errors import BadMoment, CatalogueError, UnknownItem
from records.moment import parse_as_of
from records.settings import Settings

SHIPPED = Path(__file__).parents[2] / "records" / "catalogue"
NEW = """
code = "water"
zh = "供水企业"
en = "Water supplier"
[[items]]
code = "water.usage"
zh = "用水"
en = "Water use"
subject_kinds = ["enterprise"]
polarity = "neutral"
frequency = "monthly"
deadline_days = 10
disclosure = "authorised"
legal_basis = "目录"
[items.fields]
tons = { type = "decimal", zh = "吨", en = "Tons", required = true, minimum = 0 }
"""


def test_every_item_speaks_both_languages_and_serves_some_subject() -> None:
    items = Catalogue.load().items.values()
    assert len(items) >= 18
    for item in items:
        assert item.zh
        assert item.en
        assert item.subject_kinds
        for field in item.fields.values():
            assert field.zh
            assert field.en
            for code in field.codes or {}:
                assert all(field.code_words(code))


def test_a_new_item_needs_no_code(tmp_path: Path) -> None:
    firm = str(enterprise_numbers(np.arange(1))[0])
    folder = tmp_path / "catalogue"
    shutil.copytree(SHIPPED, folder)
    (folder / "water.toml").write_text(NEW, encoding="utf-8")
    base = RecordBase.open(Settings(home=tmp_path / "home"), Catalogue.load(folder))
    batch = tmp_path / "w.csv"
    batch.write_text(f"record_id,subject_number,occurred_on,tons\nw1,{firm},2025-01-31,3.5\n")
    assert base.append(batch, "water.usage").rows_accepted == 1
    assert base.connection().table("water_usage").count().execute() == 1


@pytest.mark.parametrize("broken", ["code = ", 'code = "x"\nzh = "x"\nen = "x"\n[[items]]\ncode = "x.y"\n'])
def test_a_broken_file_is_named(tmp_path: Path, broken: str) -> None:
    (tmp_path / "bad.toml").write_text(broken)
    with pytest.raises(CatalogueError, match=r"bad\.toml"):
        Catalogue.load(tmp_path)


def test_an_unknown_item_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownItem, match=r"court\.case"):
        Catalogue.load().item("court.cases")


def test_an_as_of_is_a_day_in_shanghai_or_an_instant_with_a_zone() -> None:
    assert str(parse_as_of("2025-12-31")) == "2025-12-31 15:59:59.999999"
    assert str(parse_as_of("2025-12-31T08:00:00+08:00")) == "2025-12-31 00:00:00"
    for wrong in ("yesterday", "2025-13-01", "2025-12-31T08:00:00", ""):
        with pytest.raises(BadMoment):
            parse_as_of(wrong)
