"""The shipped catalogue 信用信息目录 is complete, lawful, and holds together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import pytest

from records.catalogue import Catalogue, Item, KeyGroup, SubjectKind
from records.protected import PROTECTED_FIELDS

CATALOGUE = Catalogue.load()
ITEMS = list(CATALOGUE.items.values())
KINDS: tuple[SubjectKind, ...] = get_args(SubjectKind)
# Regulation on the credit reporting industry, Art. 14: never collected. Diseases of crops and herds are meant once.
PROHIBITED = re.compile(
    r"宗教|信仰|基因|指纹|血型|疾病|病史|残疾|religio|\bgen(e|es|etic)\b|\bdna\b|fingerprint|blood|disease"
)
OF_CROPS = "insurance.claim.cause: 病虫害或疫病|Pest or disease"
PROTECTED = re.compile(r"性别|民族|出生|行政村|ethnic|birth|(?<![a-z])(sex|village)(?![a-z])")


def said(item: Item) -> Iterator[str]:
    """All that an item's fields may hold, in words: names, labels, codes."""
    for name, field in item.fields.items():
        yield f"{item.code}.{name}: {field.zh}|{field.en}"
        yield from (f"{item.code}.{name}: {words}" for words in (field.codes or {}).values())


def test_thirty_agencies_and_all_kinds_of_subject_are_covered() -> None:
    assert len(CATALOGUE.sources) >= 36
    assert len(ITEMS) >= 120
    for kind in KINDS:
        items = CATALOGUE.for_kind(kind)
        assert len(items) >= 12, kind
        assert {item.polarity for item in items} == {"positive", "adverse", "neutral"}, kind


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("enterprise", "market.registration"),
        ("farmer", "village.household"),
        ("individual", "public_security.resident"),
        ("institution", "staffing.registration"),
        ("organisation", "civil_affairs.registration"),
        ("government", "staffing.government_body"),
    ],
)
def test_each_kind_has_its_basic_facts(kind: SubjectKind, code: str) -> None:
    item = CATALOGUE.item(code)
    assert item.subject_kinds == (kind,)
    assert item.frequency == "on change"


def test_each_key_group_is_registered_by_some_agency_about_persons() -> None:
    registered = [item for item in ITEMS if item.key_group]
    assert {item.key_group for item in registered} == set(get_args(KeyGroup))
    for item in registered:
        assert item.subject_kinds == ("individual",), item.code
        assert "ended_on" in item.fields, f"{item.code}: nobody belongs to a group for ever"


def test_everything_is_said_in_both_languages_with_its_legal_basis() -> None:
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for item in ITEMS:
        assert chinese.search(item.legal_basis), item.code
        assert item.uses, item.code
        assert item.deadline_days > 0, item.code
        for words in (item, *item.fields.values(), *item.changes):
            assert words.zh, item.code
            assert words.en, item.code
            assert not chinese.search(words.en), item.code
        for line in said(item):
            assert all(part.strip() for part in line.split("|")), line


def test_adverse_information_expires_five_years_after_the_conduct_and_the_rest_does_not() -> None:
    for item in ITEMS:
        if item.polarity == "adverse":
            assert item.retention_years == 5, item.code
            assert item.conduct_ends, item.code
        else:
            assert item.retention_years is None, item.code
    unrepairable = [item for item in ITEMS if item.source == "court"]
    assert all(item.repair_after_months is None for item in unrepairable)


def test_nothing_prohibited_by_article_14_can_be_reported() -> None:
    found = [line for item in ITEMS for line in said(item) if PROHIBITED.search(line.lower())]
    assert found == [OF_CROPS]


def test_protected_attributes_are_for_fairness_audits_only() -> None:
    audited = {item.code for item in ITEMS if item.uses == ("fairness",)}
    for item in ITEMS:
        if item.code not in audited | {"village.household"}:
            assert not PROTECTED_FIELDS & set(item.fields), item.code
            assert not [line for line in said(item) if PROTECTED.search(line.partition(": ")[2].lower())], item.code
    assert audited


def test_what_has_to_agree_is_about_the_same_subjects() -> None:
    pairs = [(item, field) for item in ITEMS for field in item.fields.values() if field.agrees_with]
    assert len(pairs) >= 8
    for item, field in pairs:
        authority = CATALOGUE.authority(field)
        assert authority is not None
        assert authority[0].source != item.source, item.code
        assert set(authority[0].subject_kinds) & set(item.subject_kinds), item.code


def test_persons_are_linked_with_enterprises_for_a_time() -> None:
    linked = [item for item in ITEMS if item.link]
    roles = {item.link.role_is for item in linked if item.link}
    for item in linked:
        if item.link and item.link.role:
            roles |= set(item.fields[item.link.role].codes or {})
        assert item.link is not None
        assert item.link.until is not None, f"{item.code}: a link has an end"
        assert item.fields[item.link.other].required or item.link.role_is == "employee", item.code
    assert {"legal_representative", "shareholder", "director", "supervisor", "manager"} <= roles
    assert {"actual_controller", "guarantor", "spouse", "limited_partner", "branch"} <= roles


def test_every_kind_with_a_code_of_its_own_can_be_followed_through_changes() -> None:
    followed = {kind for item in ITEMS if item.succession for kind in item.subject_kinds}
    assert followed == set(KINDS) - {"farmer"}
    for item in ITEMS:
        if item.succession:
            assert "split" not in item.succession.when["kind"], f"{item.code}: a split carries no file on"
            assert not item.fields[item.succession.predecessor].required, item.code
            assert item.retention_years is None, item.code


def test_an_old_version_is_still_told() -> None:
    commitment = CATALOGUE.item("credit_centre.commitment")
    assert "check_text" in commitment.fields_at(1)
    assert "check_text" not in commitment.fields_at(2)
    assert "result" in commitment.fields_at(2)
    assert sum(item.version > 1 for item in ITEMS) >= 3
