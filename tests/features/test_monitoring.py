"""A source's silence is told, with the features that it poisons; two days are compared; the dictionary is filled."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.dictionary import features_for
from features.drift import BadComparison
from features.lineage import items_behind
from features.monitoring import Drift, monitor
from features.pipeline import FeaturePipeline
from features.poison import Poisoned, poisoned
from features.profile import profiles
from features.silence import silences, thin
from records.base import RecordBase
from records.database import NothingToReportRow, writing
from records.moment import end_of_day
from records.settings import Settings
from tests.features.reporting import SILENT, SPEAKING, report

ITEMS = ("tax.filing", "loan.account_month", "court.case", "tax.arrears", "court.enforcement")
# What rests on the reported items alone: fewer features are compiled sooner.
FEATURES = tuple(one for one in features_for("enterprise") if set(items_behind(one)) <= set(ITEMS))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    folder = tmp_path_factory.mktemp("reporting")
    made = RecordBase.open(Settings(home=folder / "home"))
    report(made, folder / "door")
    return made


@pytest.fixture(scope="module")
def found(base: RecordBase) -> list[Poisoned]:
    pipeline = FeaturePipeline(base.connection(), "enterprise", FEATURES)
    return poisoned(base, "enterprise", SILENT, pipeline=pipeline)


@pytest.fixture(scope="module")
def moved(base: RecordBase) -> Drift:
    return monitor(base, "enterprise", SPEAKING, SILENT, features=FEATURES)


def test_while_all_sources_speak_nothing_is_silent(base: RecordBase) -> None:
    heard = silences(base, "enterprise", ITEMS, end_of_day(SPEAKING))
    assert {one.item: one.cause for one in heard} == {"court.enforcement": "never"}


def test_each_kind_of_silence_is_told_with_its_day(base: RecordBase) -> None:
    heard = {one.item: one for one in silences(base, "enterprise", ITEMS, end_of_day(SILENT))}
    assert {item: one.cause for item, one in heard.items()} == {
        "loan.account_month": "incomplete",
        "court.case": "silent",
        "tax.arrears": "thinned",
        "court.enforcement": "never",
    }
    assert heard["loan.account_month"].since == date(2025, 12, 11)
    assert "8 of 40" in heard["loan.account_month"].words.en
    assert heard["loan.account_month"].severity == "orange"
    assert all(one.words.zh != one.words.en for one in heard.values())


def test_a_word_of_nothing_to_report_is_no_silence(tmp_path: Path) -> None:
    own = RecordBase.open(Settings(home=tmp_path / "home"))
    report(own, tmp_path / "door")
    with writing(own.engine) as session:
        for item in ("tax.arrears", "court.case"):
            session.add(NothingToReportRow(item=item, month=date(2025, 12, 1), at=end_of_day(date(2025, 12, 30))))
    heard = silences(own, "enterprise", ("tax.arrears", "court.case"), end_of_day(SILENT))
    assert heard == []


def test_what_reads_as_good_behaviour_comes_first(found: list[Poisoned]) -> None:
    known = [one for one in found if one.silence.cause != "never"]
    kinds = [one.reads_as for one in known]
    assert kinds[0] == "good"
    assert kinds == sorted(kinds, key=("good", "bad", "nothing", "missing", "stale").index)
    assert found[: len(known)] == known


def test_features_that_count_nothing_as_zero_affect_every_subject(found: list[Poisoned]) -> None:
    cases = next(one for one in found if one.feature == "court_defendant_count_12m")
    assert (cases.reads_as, cases.subjects, cases.affected) == ("good", 40, 40)
    assert cases.zero.current > cases.zero.reference
    assert cases.better > cases.worse == 0
    assert cases.age.current > cases.age.reference
    assert cases.present.current == 1.0


def test_features_that_go_missing_affect_those_who_had_a_value(found: list[Poisoned]) -> None:
    loans = [one for one in found if one.silence.item == "loan.account_month" and one.reads_as == "missing"]
    assert loans
    assert all(one.affected == 40 for one in loans if one.present.reference == 1.0)


def test_what_goes_on_without_its_source_is_not_called_good(found: list[Poisoned]) -> None:
    seen = {one.feature: one.reads_as for one in found if one.silence.cause != "never"}
    assert seen["loan_months_on_book"] == "stale"  # a month a month, whoever speaks
    assert seen["loan_overdue_30_count_12m"] == "good"


def test_what_comes_of_others_does_not_speak_for_a_segment(base: RecordBase) -> None:
    heard = silences(base, "farmer", ("loan.account_month", "court.case"), end_of_day(SPEAKING))
    assert {one.item: one.cause for one in heard} == {"loan.account_month": "never", "court.case": "never"}


def test_the_past_is_told_the_same_whatever_came_later(base: RecordBase) -> None:
    early = [one.item for one in silences(base, "enterprise", ITEMS, end_of_day(date(2025, 5, 31)))]
    assert early == ["court.enforcement"]


def test_two_days_are_compared(moved: Drift) -> None:
    assert moved.level == "large"
    assert {one.code for one in moved.features} == {one.code for one in FEATURES}
    assert {one.source for one in moved.sources} == {"tax", "bank", "court"}
    assert moved.population.subjects.reference == moved.population.subjects.current == 40
    assert {one.field for one in moved.population.composition} == {"industry", "status"}
    assert moved.population.composition[0].index == 0
    cause = next(one for one in moved.codes if one.field == "cause")
    assert cause.values["loan"][1] == 0
    assert cause.values["sale"][0] <= 1
    assert moved.as_dict()["features"][0]["bins"]


def test_questions_without_an_answer_are_refused(base: RecordBase) -> None:
    with pytest.raises(BadComparison, match="accepted: enterprise"):
        monitor(base, "shop", SPEAKING, SILENT)
    with pytest.raises(BadComparison, match="before"):
        monitor(base, "enterprise", SILENT, SPEAKING)
    with pytest.raises(BadComparison, match="no subject was known"):
        monitor(base, "enterprise", date(2020, 1, 1), SILENT, features=FEATURES[:1])


def test_the_profile_says_how_each_feature_behaves(base: RecordBase) -> None:
    made = profiles(FeaturePipeline(base.connection(), "enterprise", FEATURES), SILENT)
    assert (made.subjects, made.known) == (40, 40)
    entries = {one.code: one for one in made.features}
    revenue = entries["revenue_month_12m"]
    assert revenue.present == 1.0
    assert revenue.distribution is not None
    assert sum(bar.share for bar in revenue.distribution.bars) == pytest.approx(1.0)
    assert [year.year for year in revenue.years] == [2024, 2025]
    told = revenue.years[0].information
    assert told is not None
    assert (told.defaults, told.others, told.few) == (6, 34, True)
    assert revenue.years[1].information is None
    assert revenue.information == told
    assert entries["enforcement_open_count"].zero == 1.0
    assert all(abs(rho) >= 0.3 for one in made.features for _, rho in one.partners)


def test_steady_counts_raise_no_alarm_more_often_than_said() -> None:
    rng = np.random.default_rng(3)
    for mean in (2, 12, 150):
        false = sum(thin(rng.poisson(mean, 30).tolist()) is not None for _ in range(300))
        assert false <= 0.05 * 300


def test_counts_that_fell_are_found_and_those_of_a_season_are_not() -> None:
    rng = np.random.default_rng(4)
    for mean in (12, 150):
        fell = [thin([*rng.poisson(mean / 5, 3).tolist(), *rng.poisson(mean, 27).tolist()]) for _ in range(50)]
        assert sum(one is not None for one in fell) >= 48
    season = [0, 0, 0, 40, 42, 38, 41, 39, 40, 44, 0, 0, 0] * 3
    assert thin(season) is None
    assert thin([0, 0, 0, 90, 1, 2, 80, 0, 0, 0, 100, 1, 0, 70]) is None  # sent now and then, in bulk
    assert thin([0, 0, 0, 30, 30, 30]) is None
    assert thin([]) is None
