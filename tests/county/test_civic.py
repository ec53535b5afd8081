"""The county's people and bodies: reproducible, apart from its borrowers, and as the catalogue wants them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from county import CountyPlan, generate
from county.civic import civic_blocks
from features.dictionary import dictionary, source_item
from records.catalogue import Catalogue

PLAN = CountyPlan(subjects=2_000, months=36, block=1_000, seed=5)
ALWAYS = {"record_id", "subject_kind", "subject_number", "occurred_on", "recorded_at", "supersedes"}
ITEMS = Catalogue.load().items


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    (only,) = civic_blocks(PLAN)
    return only


def test_enterprises_and_farmers_are_what_they_are_without_the_others() -> None:
    small = CountyPlan(subjects=300, months=30, block=150, seed=3)
    alone = dataclasses.replace(small, people_share=0, institution_share=0, organisation_share=0, government_share=0)
    with_others, without = list(generate(small)), list(generate(alone))
    assert len(with_others) == len(without) + 1
    for one, other in zip(with_others, without, strict=False):
        assert one.truth.equals(other.truth)
        told, told_alone = _borrowers(one.tables), _borrowers(other.tables)
        assert set(told) == set(told_alone)
        assert all(rows.equals(told_alone[code]) for code, rows in told.items())
    assert with_others[-1].truth.num_rows == 0


def _borrowers(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """What is told of enterprises and farmers; who heads an enterprise may be one of the county's people or not."""
    told = {}
    for code, rows in tables.items():
        kept = rows.filter(pc.is_in(rows["subject_kind"], pa.array(["enterprise", "farmer"])))
        if kept.num_rows:
            told[code] = kept.select([name for name in kept.column_names if name != "legal_representative"])
    return told


def test_the_same_plan_gives_the_same_rows_and_smaller_blocks_as_many_people(tables: dict[str, pa.Table]) -> None:
    (again,) = civic_blocks(PLAN)
    assert all(table.equals(again[code]) for code, table in tables.items())
    blocks = list(civic_blocks(dataclasses.replace(PLAN, block=50)))
    assert len(blocks) == 4
    numbers = [set(block["public_security.resident"]["subject_number"].to_pylist()) for block in blocks]
    assert sum(map(len, numbers)) == len(set.union(*numbers)) == PLAN.people


def test_rows_are_what_the_catalogue_declares_and_never_from_the_future(tables: dict[str, pa.Table]) -> None:
    for code, rows in tables.items():
        fields = ITEMS[code].fields
        assert set(rows.column_names) <= ALWAYS | set(fields), code
        assert {name for name, field in fields.items() if field.required} <= set(rows.column_names), code
        assert set(rows["subject_kind"].to_pylist()) <= set(ITEMS[code].subject_kinds), code
        assert len(set(rows["record_id"].to_pylist())) == rows.num_rows, code
        assert all(one.startswith("syn-") for one in rows["record_id"].to_pylist()), code
        assert pc.all(pc.less_equal(rows["occurred_on"], rows["recorded_at"].cast(pa.date32(), safe=False))).as_py()


def test_every_kind_and_every_key_group_is_there(tables: dict[str, pa.Table]) -> None:
    groups = {ITEMS[code].key_group for code in tables} - {None}
    assert len(groups) == 16
    for kind in ("individual", "institution", "organisation", "government"):
        read = {source_item(one) for one in dictionary(kind)}
        assert len(read & set(tables)) >= 0.6 * len(read), kind


def test_officers_are_those_whom_the_registrations_name(tables: dict[str, pa.Table]) -> None:
    named: dict[str, str] = {}
    for block in generate(PLAN):
        if "market.registration" in block.tables:
            rows = block.tables["market.registration"]
            named |= dict(
                zip(rows["subject_number"].to_pylist(), rows["legal_representative"].to_pylist(), strict=True)
            )
    offices = tables["market.legal_representative"].to_pylist()
    agreeing = [named.get(row["enterprise"]) in (None, row["subject_number"]) for row in offices]
    assert len(offices) == int(PLAN.people * 0.4)
    assert all(agreeing)
    assert sum(row["enterprise"] in named for row in offices) >= 0.95 * len(offices)


def test_integrity_shows_in_what_is_recorded(tables: dict[str, pa.Table]) -> None:
    """Those whose loans are past due are sued more often than the others."""
    loans = tables["bank.person_loan_month"]
    late = pc.greater(loans["days_past_due"], 0)
    share = (
        loans.append_column("late", late.cast(pa.float64())).group_by("subject_number").aggregate([("late", "mean")])
    )
    sued = set(tables["court.person_enforcement"]["subject_number"].to_pylist())
    means = dict(zip(share["subject_number"].to_pylist(), share["late_mean"].to_numpy(), strict=True))
    with_case = [mean for number, mean in means.items() if number in sued]
    without = [mean for number, mean in means.items() if number not in sued]
    assert np.mean(with_case) > np.mean(without)
