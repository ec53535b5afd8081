"""The report in one call: complete, plain data, the same every time, and silent where too few rows tell anything."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from models.validation.bootstrap import Resampling, percentiles, resampled
from models.validation.card import model_card
from models.validation.figures import figures
from models.validation.files import report_files
from models.validation.findings import findings
from models.validation.population import Grouping
from models.validation.report import ValidationReport, validation_report
from records.words import Text
from tests.models.validating import (
    DIRECTIONS,
    JUDGED,
    LEARNT,
    Rows,
    bundle,
    grouping,
    made_report,
    rows,
)


@pytest.fixture(scope="module")
def report() -> ValidationReport:
    return made_report()


def words(found: ValidationReport) -> list[str]:
    return [f"{one.weight}: {one.words.en}" for one in findings(found)]


def test_a_good_model_is_found_good(report: ValidationReport) -> None:
    assert not [one for one in words(report) if one.startswith("bad")]
    assert report.figure("auc").interval.low < report.figure("auc").value < report.figure("auc").interval.high
    assert report.backtest.inside >= 8
    assert {one.code for one in report.rivals} == {"champion", "logistic"}
    assert report.rivals[0].auc_gain_interval.low > 0
    assert report.stability is not None
    assert report.stability.scores.level == "stable"
    assert report.stability.rank_correlation == pytest.approx(0.8, abs=0.1)
    assert report.stability.migration is not None
    assert sum(map(sum, report.stability.migration.counts)) == report.stability.subjects == 3_000


def test_the_report_is_plain_data_and_the_same_every_time(report: ValidationReport) -> None:
    said = orjson.dumps(report.as_dict())
    assert b"NaN" not in said
    found = orjson.loads(said)
    assert found["backtest"]["grades"][0]["grade"] == "AAA"
    assert found["card"]["sections"][0]["lines"][0]["zh"]
    assert orjson.dumps(made_report().as_dict()) == said


def test_groups_too_small_to_judge_say_so(report: ValidationReport) -> None:
    sector, village = report.slices
    tiny = next(one for one in sector.slices if one.value == "C")
    assert (tiny.rows, tiny.observed, tiny.few) == (4, None, True)
    assert all(one.auc is not None for one in sector.slices if one.value in "AB")
    assert village.groups == 150
    assert len(village.slices) <= 12
    assert all(one.few for one in village.slices if one.value != "…")


def test_bad_models_are_found_bad() -> None:
    judged = rows(3_000, JUDGED, 3)
    low = validation_report(bundle(base=-5.0), judged, DIRECTIONS)
    assert any(one.startswith("bad: red lights") for one in words(low))
    backward = validation_report(bundle(), judged, (1, -1, -1, 0))
    assert "bad: against the declared direction: overdue" in words(backward)
    blind = validation_report(bundle(np.zeros(4)), judged, DIRECTIONS)
    assert any(one.startswith("bad: discrimination") for one in words(blind))


def test_a_drifted_population_is_found() -> None:
    moved = rows(3_000, JUDGED, 3)
    moved.X[:, 0] += 1.5
    found = validation_report(bundle(), moved, DIRECTIONS, learning=rows(3_000, LEARNT, 2))
    assert any(one.startswith("bad: stability of scores") for one in words(found))


@pytest.mark.parametrize("events", [0, 1, 3])
def test_a_handful_of_rows_gives_a_report_without_figures_that_mean_nothing(events: int) -> None:
    few = rows(12, JUDGED, 3)
    few.outcome[:] = 0
    few.outcome[:events] = 1
    attribute = grouping("sex", "性别", "sex", ["0"] * 9 + ["?"] * 3)
    found = validation_report(
        bundle(), few, DIRECTIONS, learning=rows(40, LEARNT, 2), groups=[attribute], attributes=[attribute]
    )
    assert found.recalibrations is None
    assert found.low_default
    assert found.fairness[0].worst == "few"
    assert orjson.loads(orjson.dumps(found.as_dict()))["model"]["rows"] == 12
    assert model_card(found).markdown("zh").startswith("# 模型卡：农户")


def test_the_card_tells_purpose_data_figures_limits_and_fingerprint(report: ValidationReport) -> None:
    card = model_card(report).markdown("en")
    for told in (
        "Not for: refusals",
        "2023-12-31",
        "3,000 subjects",
        "AUC",
        "f" * 64,
        "d" * 64,
        "too few to judge for C",
    ):
        assert told in card
    assert "不得用于" in model_card(report).markdown("zh")


def test_many_draws_at_once_agree_with_drawing_rows() -> None:
    judged = rows(1_500, JUDGED, 4)
    pd = bundle().pd(judged.X)
    subject = np.arange(1_500) // 2
    found = resampled(judged.outcome, pd, Resampling(subject, 200)).intervals(0.01)
    rng, drawn = np.random.default_rng(1), []
    for _ in range(200):
        chosen = rng.integers(0, 750, 750)
        taken = np.concatenate([2 * chosen, 2 * chosen + 1])
        drawn.append(figures(judged.outcome[taken], pd[taken]))
    for code in ("auc", "ks", "h_measure", "brier", "log_loss", "observed_rate"):
        plain = percentiles(np.array([one[code] for one in drawn]))
        width = plain.high - plain.low
        assert found[code].low == pytest.approx(plain.low, abs=0.3 * width), code
        assert found[code].high == pytest.approx(plain.high, abs=0.3 * width), code


def test_a_grouping_lists_its_values_in_their_order_and_shortens_to_the_largest() -> None:
    values = ["b"] * 5 + ["a"] * 3 + ["?"] * 9 + ["c"]
    one = grouping("x", "甲", "x", values, {"a": Text("甲", "A"), "b": Text("乙", "B")})
    assert one.listed == ("a", "b", "c", "?")
    assert one.named("a").en == "A"
    many = Grouping("x", Text("甲", "x"), np.array([f"v{at % 40}" for at in range(400)], object), {})
    assert len(many.shortened().listed) == 12
    assert many.shortened().listed[-1] == "…"


def test_rows_of_several_moments_are_reported_by_moment() -> None:
    first, second = rows(1_500, LEARNT, 2), rows(1_500, JUDGED, 3)
    columns = ("X", "outcome", "subject", "as_of")
    both = Rows(*(np.concatenate([getattr(one, name) for one in (first, second)]) for name in columns))
    found = validation_report(bundle(), both, DIRECTIONS, learning=both)
    assert found.learned is not None
    assert [one.value for one in found.learned.slices] == ["2023-12-31", "2024-12-31"]
    assert found.model.subjects == 1_500


def test_a_run_keeps_data_page_and_card(report: ValidationReport) -> None:
    files = report_files(report, lambda found: f"<p>{found.model.segment}")
    assert list(files) == ["validation.json", "card.zh.md", "card.en.md", "validation.html"]
    assert files["validation.html"] == "<p>farmer"
    assert files["validation.json"]["model"]["rows"] == 3_000
    assert "validation.html" not in report_files(report)
