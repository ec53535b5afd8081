"""The page about the model that serves, and how its words are told."""

from __future__ import annotations

from functools import partial

from features.dictionary import registered
from models.expected import LIMITS
from models.hazard import HORIZONS
from models.model_alarms import ALARM_WORDS
from models.monitoring import ModelHealth
from models.warning_monitoring import WarningHealth
from records.words import Text
from service.pages import feature_words
from service.pages.charts import model as charts
from service.pages.charts.frame import chart
from service.pages.render import Charts, _page

MOST_FEATURES, MOST_POINTS = 20, 8


def model_page(health: ModelHealth) -> str:
    """Whether the champion of a segment is still the one that was let in."""
    options: Charts = {"scores": chart(partial(charts.score_bars, health))}
    tables = {"scores": charts.score_table(health), "cohorts": charts.cohort_table(health)}
    if any(one.elapsed for one in health.cohorts):
        options["cohorts"] = chart(partial(charts.cohort_bars, health))
    kind = feature_words.kind(health.segment)
    moved = [one for one in health.features if one.drift.worst != "stable"]
    return _page(
        "model.html",
        Text(f"模型监测：{kind.zh}", f"The model that serves: {kind.en}"),
        options,
        tables,
        health=health,
        kind=kind,
        alarm_words=ALARM_WORDS,
        levels=feature_words.LEVEL_WORDS,
        moved=sorted(moved, key=lambda one: -one.weight)[:MOST_FEATURES],
        unmoved=len(health.features) - len(moved),
        points=sorted(health.scores.points.items(), key=lambda pair: -abs(pair[1]))[:MOST_POINTS],
        feature_names={code: one.words for code, one in registered().items()},
        limits=LIMITS,
    )


def warning_page(health: WarningHealth) -> str:
    """Whether the early-warning champion of a segment is still the one that was let in."""
    horizons = [one for one in HORIZONS if any(cohort.elapsed for cohort in health.of(one))]
    options: Charts = {f"ahead_{one}": chart(partial(charts.ahead_bars, health, one)) for one in horizons}
    kind = feature_words.kind(health.segment)
    moved = [one for one in health.features if one.drift.worst != "stable"]
    return _page(
        "warning_model.html",
        Text(f"预警模型监测：{kind.zh}", f"The early-warning model that serves: {kind.en}"),
        options,
        {f"ahead_{one}": charts.ahead_table(health, one) for one in horizons},
        health=health,
        kind=kind,
        horizons=horizons,
        alarm_words=ALARM_WORDS,
        levels=feature_words.LEVEL_WORDS,
        moved=sorted(moved, key=lambda one: -one.weight)[:MOST_FEATURES],
        unmoved=len(health.features) - len(moved),
        shifts=sorted(health.risk.log_odds.items(), key=lambda pair: -abs(pair[1]))[:MOST_POINTS],
        feature_names={code: one.words for code, one in registered().items()},
    )
