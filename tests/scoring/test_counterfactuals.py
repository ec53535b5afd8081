"""Advice on a score never harms, moves only what may be moved, and is what the model says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.dictionary import features_for
from features.online import OnlineFeatures
from models.bundle import Bundle
from models.grades import GRADES
from models.registry import Registry
from records.base import RecordBase
from scoring.counterfactuals import Counterfactuals, better_values, counterfactuals
from scoring.peer_values import LatestPeers, NoPeers, PeerValues
from scoring.scorer import Scorer

PATTERN = features_for("enterprise")
DIRECTIONS = (1, 1, -1, -1, 0, 1, -1)
ACTIONABLE = (True, True, True, True, True, False, False)
CODES = tuple(f"f{number}" for number in range(len(DIRECTIONS)))
DECLARED = {
    code: replace(PATTERN[0], code=code, direction=direction, actionable=actionable, unit="count")
    for code, direction, actionable in zip(CODES, DIRECTIONS, ACTIONABLE, strict=True)
}


@dataclass
class Steps:
    """Monotone steps of each feature (log-odds of default), with shares that add up."""

    heights: Any
    base: float

    def explain(self, X: Any) -> Any:
        shares = np.array(DIRECTIONS) * self.heights * np.floor(np.nan_to_num(X))
        return shares.sum(axis=1) + self.base, shares, self.base

    def to_arrays(self) -> Any:
        return {}


def bundle_of(heights: Any, base: float) -> Bundle:
    return Bundle("enterprise", "boosted", CODES, Steps(np.array(heights), base))  # type: ignore[arg-type]


def peers_of(seed: int) -> PeerValues:
    table = np.random.default_rng(seed).integers(0, 8, (200, len(CODES))).astype(float)
    return PeerValues.of(table, CODES, datetime(2025, 1, 1))


def check(bundle: Bundle, row: Any, peers: PeerValues, declared: Any, found: Counterfactuals) -> None:
    """What holds of any advice on ``row``."""
    scorer, codes = Scorer(bundle), bundle.codes
    was = scorer.score(row[None])
    assert (found.score, found.pd, found.grade) == (was.score[0], was.pd[0], was.grade[0])
    for path in (*found.paths, *found.alone):
        moved = row.copy()
        for change in path.changes:
            feature = declared[change.feature]
            assert feature.actionable
            assert (change.value - change.to) * feature.direction > 0
            assert change.to in peers.values[change.feature]
            moved[codes.index(change.feature)] = change.to
        then = scorer.score(moved[None])
        assert (path.score, path.pd, path.grade) == (then.score[0], then.pd[0], then.grade[0])
        assert path.score >= found.score
        assert path.gain == pytest.approx(sum(change.points for change in path.changes), abs=1e-9)
        assert all(change.points >= -1e-9 for change in path.changes)
        assert f"{path.score:.1f}" in path.words.zh
        assert f"{path.score:.1f}" in path.words.en
    assert len({tuple(sorted(one.feature for one in path.changes)) for path in found.paths}) == len(found.paths)


@settings(max_examples=80, deadline=None)
@given(
    heights=st.lists(st.floats(0, 0.6), min_size=len(CODES), max_size=len(CODES)),
    base=st.floats(-7, 2),
    row=st.lists(st.one_of(st.integers(0, 8), st.just(float("nan"))), min_size=len(CODES), max_size=len(CODES)),
    seed=st.integers(0, 50),
)
def test_advice_never_harms_and_is_what_the_model_says(heights: Any, base: float, row: Any, seed: int) -> None:
    bundle, peers, values = bundle_of(heights, base), peers_of(seed), np.array(row, float)
    found = counterfactuals(bundle, values, peers, DECLARED)
    check(bundle, values, peers, DECLARED, found)
    if found.target_grade is None:
        assert not found.paths
        return
    # No way with fewer changes was overlooked: a way with one or two is found whenever there is one.
    levels = [[value, *better_values(DECLARED[c], value, peers)] for c, value in zip(CODES, values, strict=True)]
    reachable = 9
    for one in product(*((level[0], level[-1]) for level in levels)):
        if GRADES.index(bundle.scale.grades(bundle.pd(np.array([one])))[0]) < GRADES.index(found.grade):
            reachable = min(reachable, sum(a != b and not np.isnan(a) for a, b in zip(one, values, strict=True)))
    reaching = [path for path in found.paths if path.reaches_target]
    assert bool(reaching) == (reachable < 9)
    if reaching:
        assert {len(path.changes) for path in reaching} == {reachable}


def test_the_smallest_of_the_changes_that_reach_the_next_grade_is_shown() -> None:
    bundle, peers = bundle_of([0.4, 0, 0, 0, 0, 0, 0], -4.0), peers_of(1)
    row = np.array([7.0, 5, 1, 1, 5, 5, 1])
    found = counterfactuals(bundle, row, peers, DECLARED)
    (path,) = found.paths
    change = path.changes[0]
    assert path.grade == found.target_grade
    assert Scorer(bundle).score(np.array([[change.to + 1, *row[1:]]])).grade[0] == found.grade
    assert "f1" not in {one.feature for alone in found.alone for one in alone.changes}


def test_the_best_and_those_who_can_do_nothing_are_told_so() -> None:
    row = np.array([0.0, 0, 9, 9, 5, 5, 5])
    best = counterfactuals(bundle_of([0.1] * 7, -20.0), row, peers_of(2), DECLARED)
    assert (best.grade, best.target_grade, best.paths) == ("AAA", None, ())
    stuck = counterfactuals(bundle_of([0.1] * 7, 1.0), row, peers_of(2), DECLARED)
    assert (stuck.paths, stuck.alone) == ((), ())
    assert any("already as good" in note.en for note in stuck.notes)


def test_values_of_few_peers_are_not_pointed_to() -> None:
    table = np.full((100, 1), np.nan)
    table[:19] = np.arange(19.0)[:, None]
    assert PeerValues.of(table, ("f0",), datetime(2025, 1, 1)).values == {}


def test_real_subjects_get_advice_that_the_model_confirms(trained_base: RecordBase) -> None:
    bundle, _ = Registry(trained_base.settings).champion("farmer")
    online, helped = OnlineFeatures(trained_base, "farmer"), 0
    online.refresh()
    peers = LatestPeers(trained_base).of("farmer")
    declared = {one.code: one for one in features_for("farmer")}
    for subject in trained_base.subjects("farmer")["subject_id"].to_pylist()[:30]:
        features = online.get(subject)
        assert features is not None
        row = np.array([features[code] for code in bundle.codes])
        found = counterfactuals(bundle, row, peers, declared)
        check(bundle, row, peers, declared, found)
        helped += any(path.reaches_target for path in found.paths)
    assert helped > 3


def test_without_peers_nothing_is_advised(base: RecordBase) -> None:
    with pytest.raises(NoPeers, match="huixin features refresh"):
        LatestPeers(base).of("enterprise")
