"""The challenger rates what the champion rated, aside: the same rows, the challenger's own bits, shown to nobody."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from features.spine import spine
from models.registry import Registry, model_name
from models.shadow import NothingInShadow, beside, shadow_folder, shadow_ratings, shadowed
from models.shadow_report import shadow_report
from records.base import RecordBase
from records.moment import add_months, month_end
from scoring.rating import Rater


@pytest.fixture(scope="module")
def day(last_day: date) -> date:
    return month_end(add_months(last_day, -14))


@pytest.fixture(scope="module")
def given(trained_base: RecordBase, day: date) -> list[dict[str, Any]]:
    """Ratings that the champion gave."""
    rater = Rater(trained_base)
    subjects = spine(trained_base.connection(), "farmer", [day])["subject_id"].to_pylist()[:6]
    return [rater.rate(one, day).as_dict() for one in subjects]


def test_every_rating_is_scored_once_by_the_challenger(trained_base: RecordBase, given: list[dict[str, Any]]) -> None:
    registry = Registry(trained_base.settings)
    version = registry.challenger_version("farmer")
    assert version is not None
    shutil.rmtree(shadow_folder(trained_base, "farmer", version), ignore_errors=True)
    first = shadow_ratings(trained_base, "farmer")
    assert (first.challenger, first.scored >= len(given)) == (version, True)
    assert shadow_ratings(trained_base, "farmer").scored == 0
    rows = {one["score_id"]: one for one in shadowed(trained_base, "farmer").to_dicts()}
    challenger = registry.bundle(model_name("farmer"), version)
    for one in given:
        kept = rows[one["score_id"]]
        assert kept["champion_score"].hex() == one["score"].hex()
        assert kept["champion_version"] == one["model_version"] != version
        features = {code: np.nan if value is None else value for code, value in one["features"].items()}
        X = np.array([[features[code] for code in challenger.codes]])
        assert kept["challenger_pd"].hex() == float(challenger.pd(X)[0]).hex()
        told = orjson.dumps(one).decode()
        assert "challenger" not in told
        assert repr(kept["challenger_score"]) not in told


def test_features_that_no_rating_sealed_are_built_again(trained_base: RecordBase, given: list[dict[str, Any]]) -> None:
    """What the sealed features lack is known from the records, as of the same moment."""
    from models import shadow

    registry = Registry(trained_base.settings)
    version = registry.challenger_version("farmer")
    assert version is not None
    bundle = registry.bundle(model_name("farmer"), version)
    rows = shadow._ratings(trained_base, "farmer", set())[:4]
    champion = {(one.model_name, one.model_version): registry.bundle(one.model_name, one.model_version) for one in rows}
    sealed = shadow._features(trained_base, "farmer", bundle, rows, champion)
    stripped = {key: _Fewer(one.codes) for key, one in champion.items()}
    again = shadow._features(trained_base, "farmer", bundle, rows, stripped)  # type: ignore[arg-type]
    assert sealed.tobytes() == again.tobytes()


class _Fewer:
    """A bundle that looked at one feature less than the challenger needs."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        self.codes = codes[1:]


def test_both_are_reported_side_by_side(trained_base: RecordBase, day: date) -> None:
    rows = beside(trained_base, "farmer", day)
    found = shadow_report(trained_base, "farmer", rows)
    assert found.rows == rows.height > 500
    assert 0.5 < found.rank_correlation <= 1
    assert sum(map(sum, found.grades)) == found.rows
    assert found.same_grade <= found.within_one <= 1
    assert found.matured is not None
    assert found.matured.low < found.matured.challenger_auc - found.matured.champion_auc < found.matured.high
    assert len(found.furthest) == 10
    told = orjson.loads(orjson.dumps(found.as_dict()))
    assert told["matured"]["rows"] == found.matured.rows


def test_without_a_challenger_nothing_is_shadowed(base: RecordBase) -> None:
    with pytest.raises(NothingInShadow, match="no challenger"):
        shadow_ratings(base, "farmer")


def test_a_file_that_was_not_finished_does_not_exist(trained_base: RecordBase, given: list[dict[str, Any]]) -> None:
    version = Registry(trained_base.settings).challenger_version("farmer")
    assert version is not None
    shadow_ratings(trained_base, "farmer")
    folder: Path = shadow_folder(trained_base, "farmer", version)
    before = shadowed(trained_base, "farmer").height
    (folder / ".half.parquet.123").write_bytes(b"PAR1")
    assert shadowed(trained_base, "farmer").height == before
