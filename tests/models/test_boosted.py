"""The boosted model as a scikit-learn estimator, its size, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from models.boosted import MonotoneBoosted, Size
from models.scorecard import Scorecard
from models.validation import auc

# Read-only arrays, which joblib's memory maps give back, are not for the compiled kernel.
READ_ONLY = "check_estimators_pickle"


def repeated(subjects: int, copies: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Subjects seen at several month ends: the rows of one are near copies with the same outcome."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(subjects, 6))
    y = (rng.random(subjects) < 1 / (1 + np.exp(2.5 - 1.2 * X[:, 0]))).astype(float)
    X = np.repeat(X, copies, axis=0) + rng.normal(scale=0.05, size=(subjects * copies, 6))
    return X, np.repeat(y, copies), np.repeat(np.arange(subjects), copies)


@pytest.mark.parametrize("model", [MonotoneBoosted(max_trees=30, threads=1), Scorecard()], ids=["boosted", "scorecard"])
def test_the_scikit_learn_contract_is_kept(model: Any) -> None:
    found = check_estimator(model, on_fail=None, on_skip=None)
    failed = [one["check_name"] for one in found if one["status"] == "failed"]
    assert [name for name in failed if name != READ_ONLY] == []


def test_it_works_inside_cross_validation() -> None:
    X, y, _ = repeated(800, 1)
    model = MonotoneBoosted((1, 0, 0, 0, 0, 0), trees=40, threads=1)
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean() > 0.65
    assert clone(model).get_params() == model.get_params()


def test_copies_of_a_subject_are_not_taken_for_evidence() -> None:
    X, y, subjects = repeated(600, 8)
    fresh_X, fresh_y, _ = repeated(4_000, 1, seed=1)
    knowing = MonotoneBoosted(max_trees=400, threads=1).fit(X, y, groups=subjects)
    naive = MonotoneBoosted(max_trees=400, threads=1).fit(X, y)
    assert sum(knowing.size_.trees) < sum(naive.size_.trees)
    loss = [
        np.mean(np.logaddexp(0, model.margin(fresh_X)) - fresh_y * model.margin(fresh_X)) for model in (knowing, naive)
    ]
    assert loss[0] < loss[1]


def test_a_deeper_model_is_chosen_only_where_it_is_better() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3_000, 5))
    plain = (rng.random(3_000) < 1 / (1 + np.exp(1.5 - X[:, 0]))).astype(float)
    assert MonotoneBoosted(max_depth=None, max_trees=120, threads=1).fit(X, plain).size_.max_depth == 3
    cells = rng.normal(scale=2.5, size=(2, 2, 2, 2, 2))[tuple((X > 0).astype(int).T)]
    tangled = (rng.random(3_000) < 1 / (1 + np.exp(-cells))).astype(float)
    chosen = MonotoneBoosted(max_depth=None, max_trees=120, threads=1).fit(X, tangled)
    assert chosen.size_.max_depth in (4, 5)


def test_threads_change_no_bit() -> None:
    X, y, subjects = repeated(500, 2)
    one, two = (MonotoneBoosted(threads=threads, trees=50).fit(X, y, groups=subjects) for threads in (1, 2))
    assert one.margin(X).tobytes() == two.margin(X).tobytes()


def test_margins_are_the_sum_of_its_parts_and_reasons_add_up() -> None:
    X, y, subjects = repeated(400, 2)
    X[::7, 0] = np.nan
    X[:, 5] = np.arange(len(X)) % 9
    model = MonotoneBoosted(categorical=(5,), threads=1).fit(X, y, groups=subjects)
    shares, rated = model.size_.shares, model.explainer_.rates.applied(X)
    assert shares.trees > 0
    assert shares.additive > 0
    read = np.column_stack([rated, X[:, [5]]]) if model.size_.codes else rated
    styles = [share for share in model.size_.settings.shares if share]
    counted = np.repeat(styles, len(model.boosters_) // len(styles))
    trees = np.average([one.predict(read, raw_score=True) for one in model.boosters_], axis=0, weights=counted)
    parts = shares.trees * trees + shares.additive * model.additive_.margin(rated) + shares.intercept
    margin, contributions, base = model.explain(X)
    assert np.abs(margin - parts).max() < 1e-9
    assert np.abs(margin - base - contributions.sum(axis=1)).max() < 1e-9
    assert auc(y, model.predict_proba(X)[:, 1]) > 0.7


def test_a_declared_direction_is_kept_by_all_parts() -> None:
    X, y, subjects = repeated(500, 2, seed=4)
    model = MonotoneBoosted((1, -1, 0, 0, 0, 0), threads=1).fit(X, y, groups=subjects)
    moved = np.repeat(X[:50], 30, axis=0)
    for column, direction in ((0, 1), (1, -1)):
        rows = moved.copy()
        rows[:, column] = np.tile(np.linspace(-4, 4, 30), 50)
        assert (direction * np.diff(model.margin(rows).reshape(50, 30), axis=1) >= -1e-9).all()


def test_few_events_favour_the_additive_part_and_tangles_the_trees() -> None:
    rng = np.random.default_rng(5)
    few = rng.normal(size=(150, 12))
    weak = (rng.random(150) < 1 / (1 + np.exp(2.0 - few[:, :8].sum(axis=1) / 2))).astype(float)
    shares = MonotoneBoosted(threads=1).fit(few, weak).size_.shares
    assert shares.additive > shares.trees
    many = rng.normal(size=(3_000, 5))
    tangled = (rng.random(3_000) < 1 / (1 + np.exp(2.0 - 4.0 * np.sign(many[:, 0] * many[:, 1])))).astype(float)
    shares = MonotoneBoosted(threads=1).fit(many, tangled).size_.shares
    assert shares.trees > 0.7 > shares.additive


def test_one_feature_that_says_most_of_it_favours_greedy_trees_over_random_ones() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(3_000, 6))
    y = (rng.random(3_000) < np.where(np.sin(6 * X[:, 0]) > 0.8, 0.95, 0.03)).astype(float)
    model = MonotoneBoosted(threads=1).fit(X, y)
    assert model.size_.settings.greedy_share > 0.7
    assert model.size_.trees[0] > 0
    again = MonotoneBoosted(size=Size.from_dict(model.size_.as_dict()), threads=1).fit(X, y)
    assert again.margin(X).tobytes() == model.margin(X).tobytes()


def test_what_was_settled_once_gives_the_same_bits_again() -> None:
    X, y, subjects = repeated(400, 2)
    first = MonotoneBoosted(threads=1).fit(X, y, groups=subjects)
    again = MonotoneBoosted(size=first.size_, threads=1).fit(X, y, groups=subjects)
    assert first.margin(X).tobytes() == again.margin(X).tobytes()


def test_a_category_never_seen_and_one_that_is_missing_have_an_answer() -> None:
    rng = np.random.default_rng(6)
    X = np.column_stack([rng.normal(size=900), rng.integers(0, 40, 900)])
    y = (rng.random(900) < np.where(X[:, 1] < 10, 0.5, 0.1)).astype(float)
    for model in (MonotoneBoosted(categorical=(1,), threads=1), Scorecard(categorical=(1,))):
        p = model.fit(X, y).predict_proba(np.array([[0.0, 3.0], [0.0, 30.0], [0.0, 99.0], [0.0, np.nan]]))[:, 1]
        assert p[0] > p[2] > p[1]
        assert np.isfinite(p).all()
    with pytest.raises(ValueError, match="whole numbers from 0"):
        MonotoneBoosted(categorical=(0,), threads=1).fit(X, y)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (MonotoneBoosted((1, 0)), "2 directions for 6 features"),
        (MonotoneBoosted((1, 0, 0, 0, 0, 2)), "-1, 0 or 1"),
        (MonotoneBoosted(max_depth=9), "1 to 5"),
        (Scorecard((1, 0)), "2 directions for 6 features"),
    ],
)
def test_what_is_not_accepted_is_said(made: Any, said: str) -> None:
    X, y, _ = repeated(200, 1)
    with pytest.raises(ValueError, match=said):
        made.fit(X, y)
    with pytest.raises(ValueError, match="3 classes"):
        Scorecard().fit(X, np.arange(200) % 3)
