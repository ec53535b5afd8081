"""What may be registered is decided by what a feature reads, not only by how it is called."""

from __future__ import annotations

from typing import Any

import pytest

from features.checks import BadFeature, check, fields_read
from features.definition import Derived, Feature, latest
from features.dictionary import dictionary, features_for, registered
from records.catalogue import Catalogue
from records.words import Text

ITEMS = Catalogue.load().items


def feature(**changed: Any) -> Feature:
    declared: dict[str, Any] = {
        "code": "fresh",
        "item": "village.household",
        "segments": ("farmer",),
        "words": Text("新", "new"),
        "unit": "count",
        "direction": 0,
        "measure": lambda r, w: r.count(where=w),
    }
    return Feature(**{**declared, **changed})


def derived(**changed: Any) -> Derived:
    declared: dict[str, Any] = {
        "code": "fresh",
        "segments": ("farmer",),
        "words": Text("新", "new"),
        "unit": "ratio",
        "direction": 0,
        "inputs": ("land_area_mu",),
        "formula": lambda t: t.land_area_mu,
    }
    return Derived(**{**declared, **changed})


@pytest.mark.parametrize(
    "reading",
    [
        {"measure": lambda r, w: latest(r, r.head_birth_year, w)},
        {"where": lambda r: r.head_sex == "male"},
        {"measure": lambda r, w: r.village.nunique(where=w)},
        {"evidence": lambda r: r.head_sex == "male"},
    ],
)
def test_a_protected_field_under_an_innocent_name_is_for_fairness_only(reading: dict[str, Any]) -> None:
    with pytest.raises(BadFeature, match="fairness"):
        check(feature(**reading), {}, ITEMS)
    check(feature(use="fairness", **reading), {}, ITEMS)


@pytest.mark.parametrize(
    "words",
    [
        Text("户主血型", "new"),
        Text("指纹", "new"),
        Text("新", "genes of the head"),
        Text("新", "chronic illness"),
        Text("新", "finger prints"),
        Text("病史", "new"),
        Text("新", "Religious group"),
    ],
)
def test_article_14_holds_for_every_use(words: Text) -> None:
    for use in ("model", "fairness"):
        with pytest.raises(BadFeature, match=r"Art\. 14"):
            check(feature(words=words, use=use), {}, ITEMS)


def test_words_that_only_look_prohibited_are_accepted() -> None:
    check(feature(words=Text("一般情况", "general generation of income")), {}, ITEMS)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"code": "Fresh One"}, "lower-case"),
        ({"segments": ("enterprise", "farmer")}, "not about enterprise"),
        ({"measure": lambda r, w: r.no_such_field.sum(where=w)}, "cannot give it"),
        ({"window_months": 121}, "window"),
    ],
)
def test_a_feature_its_item_cannot_give_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(BadFeature, match=says) as refused:
        check(feature(**changed), {}, ITEMS)
    assert refused.value.text.zh != refused.value.text.en


def test_a_derived_feature_shows_all_that_it_is_made_of() -> None:
    known = registered()
    check(derived(), known, ITEMS)
    with pytest.raises(BadFeature, match="no input"):
        check(derived(formula=lambda t: t.season_output_12m), known, ITEMS)
    with pytest.raises(BadFeature, match="fairness"):
        check(derived(inputs=("head_birth_year",), formula=lambda t: 2025 - t.head_birth_year), known, ITEMS)
    with pytest.raises(BadFeature, match="segments have no input"):
        check(derived(segments=("enterprise",)), known, ITEMS)


def test_only_what_the_catalogue_permits_for_ratings_feeds_a_model() -> None:
    barred = feature(item="tax.person_settlement", segments=("individual",))
    with pytest.raises(BadFeature, match="does not permit"):
        check(barred, {}, ITEMS)
    supervised = feature(item="tax.person_settlement", segments=("individual",), use="supervision")
    check(supervised, {}, ITEMS)
    made_of_it = derived(segments=("individual",), inputs=("fresh",), code="made_of_it", formula=lambda t: t.fresh)
    with pytest.raises(BadFeature, match="supervision only"):
        check(made_of_it, {"fresh": supervised}, ITEMS)
    demographics = feature(item="public_security.demographics", segments=("individual",), use="supervision")
    with pytest.raises(BadFeature, match="does not permit"):
        check(demographics, {}, ITEMS)


def test_no_model_feature_reads_a_protected_field() -> None:
    for declared in registered().values():
        if isinstance(declared, Feature) and declared.use == "model":
            assert not fields_read(declared, ITEMS[declared.item]) & {"village", "head_sex", "head_birth_year"}


@pytest.mark.parametrize(
    ("segment", "least"), [("individual", 15), ("institution", 10), ("organisation", 10), ("government", 10)]
)
def test_kinds_that_are_not_rated_have_their_features_too(segment: str, least: int) -> None:
    found = dictionary(segment)
    assert len(found) >= least
    assert len(features_for(segment)) >= least
    assert len({one.words.zh for one in found}) == len(found)
    assert len({one.words.en for one in found}) == len(found)
    assert all(one.missing.zh and one.missing.en for one in found)


def test_each_segment_has_enough_features_without_invoices() -> None:
    for segment in ("enterprise", "farmer"):
        found = [one for one in features_for(segment) if not one.code.startswith("invoice_")]
        assert len(found) >= 30
        assert len({one.words.zh for one in dictionary(segment)}) == len(dictionary(segment))
        assert len({one.words.en for one in dictionary(segment)}) == len(dictionary(segment))
