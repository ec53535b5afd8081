"""The compiled explainer says what LightGBM says, to the last corner of its missing-value and category rules."""

from __future__ import annotations

import pickle
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.shapley import CompiledExplainer, compile_explainer

Floats = NDArray[np.float64]
QUIET: dict[str, Any] = {"verbose": -1, "num_threads": 1, "deterministic": True}
ODD_VALUES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-35, -1e-35, 9e-36, -9e-36, 2e-35, -2e-35, 1e308, -1e308, 5e-324]
ODD_CATEGORIES = [np.nan, np.inf, -np.inf, -1.0, -0.5, 0.5, 3.9, 31.0, 32.0, 1e6, 2.0**31, 2.0**32 + 1.0, 1e300]


@st.composite
def trained_models(draw: st.DrawFn) -> tuple[lgb.Booster, Floats]:
    """A model of any kind that the explainer accepts, with rows that press on its thresholds and categories."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.sampled_from([250, 120, 60, 25, 12]))
    numeric, categorical = draw(st.sampled_from([6, 3, 2, 1])), draw(st.sampled_from([1, 2, 0]))
    X = _features(draw, rng, rows, numeric, categorical)
    outcome = rng.random(rows) < 1 / (1 + np.exp(-np.nan_to_num(X).clip(-3, 3).sum(axis=1)))
    parameters = QUIET | {
        "objective": draw(st.sampled_from(["binary", "regression"])),
        "max_depth": draw(st.sampled_from([4, 5, 6, 3, 2, 1])),
        "num_leaves": draw(st.sampled_from([64, 16, 5])),
        "min_data_in_leaf": draw(st.sampled_from([1, 3, 8])),
        "learning_rate": draw(st.sampled_from([0.05, 0.3, 1.0])),
        "use_missing": draw(st.sampled_from([True, True, False])),
        "zero_as_missing": draw(st.booleans()),
        "max_bin": draw(st.sampled_from([255, 15, 3])),
        "min_data_in_bin": 1,
        "min_data_per_group": 1,
        "cat_smooth": 1.0,
        "cat_l2": 0.0,
        "max_cat_to_onehot": draw(st.sampled_from([1, 4])),
        "extra_trees": draw(st.booleans()),
        "seed": 1,
    }
    if draw(st.booleans()):
        parameters["monotone_constraints"] = [*rng.integers(-1, 2, numeric).tolist(), *[0] * categorical]
    if draw(st.booleans()):
        parameters |= {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
    weights = rng.random(rows) + 0.1 if draw(st.booleans()) else None
    columns = list(range(numeric, numeric + categorical))
    data = lgb.Dataset(X, outcome.astype(float), weight=weights, categorical_feature=columns)
    try:
        booster = lgb.train(parameters, data, draw(st.integers(1, 8)))
    except lgb.basic.LightGBMError:  # its own checks fail on some tiny data
        reject()
    return booster, np.concatenate([X[:40], _edges(booster, rng, X, numeric)])


def _features(draw: st.DrawFn, rng: np.random.Generator, rows: int, numeric: int, categorical: int) -> Floats:
    X = rng.normal(size=(rows, numeric + categorical))
    kind = draw(st.sampled_from(["spread", "coarse", "constant", "copied", "tiny"]))
    if kind == "coarse":
        X = np.round(X)
    elif kind == "constant":
        X[:, 0] = 1.0
    elif kind == "copied":
        X[:, numeric - 1] = X[:, 0]
    elif kind == "tiny":
        X[:, 0] *= 1e-35
    X[:, numeric:] = rng.integers(0, draw(st.sampled_from([2, 5, 70])), size=(rows, categorical))
    X[rng.random(X.shape) < draw(st.sampled_from([0.2, 0.6, 0.0]))] = np.nan
    X[rng.random(X.shape) < draw(st.sampled_from([0.3, 0.0]))] = 0.0
    return X


def _edges(booster: lgb.Booster, rng: np.random.Generator, X: Floats, numeric: int) -> Floats:
    """Rows that mix values at, just below and just above the thresholds with odd values and odd categories."""
    thresholds = _thresholds(booster.dump_model()["tree_info"])
    edges = [*thresholds, *np.nextafter(thresholds, np.inf), *np.nextafter(thresholds, -np.inf), *ODD_VALUES]
    rows = rng.choice(np.array(edges), size=(120, X.shape[1]))
    categories = rng.choice(np.array([*ODD_CATEGORIES, *range(8)]), size=(120, X.shape[1] - numeric))
    rows[:, numeric:] = categories
    return rows


def _thresholds(trees: Any) -> list[float]:
    if isinstance(trees, list):
        return [value for part in trees for value in _thresholds(part)]
    if not isinstance(trees, dict):
        return []
    own = [trees["threshold"]] if isinstance(trees.get("threshold"), float) else []
    return own + [value for part in trees.values() for value in _thresholds(part)]


def _assert_says_what_lightgbm_says(booster: lgb.Booster, X: Floats) -> CompiledExplainer:
    explainer = compile_explainer(booster)
    margin, contributions, expected = explainer.explain(X)
    theirs = booster.predict(X, pred_contrib=True, num_threads=1)
    near = 1e-9 * max(1.0, np.abs(theirs).max() / 1e3)
    np.testing.assert_array_equal(margin, booster.predict(X, raw_score=True, num_threads=1))
    np.testing.assert_allclose(contributions, theirs[:, :-1], rtol=0, atol=near)
    np.testing.assert_allclose(np.full(len(X), expected), theirs[:, -1], rtol=0, atol=near)
    np.testing.assert_allclose(margin, expected + contributions.sum(axis=1), rtol=0, atol=near)
    return explainer


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(trained_models())
def test_any_model_is_explained_as_lightgbm_explains_it(trained: tuple[lgb.Booster, Floats]) -> None:
    booster, X = trained
    explainer = _assert_says_what_lightgbm_says(booster, X)
    block = explainer.explain(X)
    for row in range(0, len(X), 9):
        alone = explainer.explain(X[row : row + 1])
        assert alone[0].tobytes() == block[0][row : row + 1].tobytes()
        assert alone[1].tobytes() == block[1][row : row + 1].tobytes()


@pytest.fixture(scope="module")
def credit_model() -> tuple[lgb.Booster, Floats]:
    """Depth 5, missing values, zeros and categories; more rows than one thread takes at a time."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(9001, 12))
    X[:, 10:] = rng.integers(0, 50, size=(9001, 2))
    X[rng.random(X.shape) < 0.15] = np.nan
    X[rng.random(X.shape) < 0.1] = 0.0
    score = np.nan_to_num(X[:, :4]).sum(axis=1) + (np.nan_to_num(X[:, 10]) % 3)
    outcome = (rng.random(9001) < 1 / (1 + np.exp(-score))).astype(float)
    data = lgb.Dataset(X[:3000], outcome[:3000], categorical_feature=[10, 11])
    return lgb.train(QUIET | {"objective": "binary", "max_depth": 5, "num_leaves": 32}, data, 30), X


def test_a_row_has_the_same_bits_alone_in_any_block_and_on_any_threads(
    credit_model: tuple[lgb.Booster, Floats],
) -> None:
    booster, X = credit_model
    explainer = compile_explainer(booster)
    margin, contributions, _ = explainer.explain(X, threads=1)
    for threads in (None, 2, 3):
        again = explainer.explain(X, threads=threads)
        assert again[0].tobytes() == margin.tobytes()
        assert again[1].tobytes() == contributions.tobytes()
    for size in (1, 11, 12, 63, 64, 65, 75, 76, 77, 200):
        part = explainer.explain(X[100 : 100 + size])
        assert part[0].tobytes() == margin[100 : 100 + size].tobytes()
        assert part[1].tobytes() == contributions[100 : 100 + size].tobytes()
    assert explainer.margin(X).tobytes() == margin.tobytes()


def test_a_model_compiled_again_has_the_same_bits(credit_model: tuple[lgb.Booster, Floats]) -> None:
    booster, _ = credit_model
    first, second = compile_explainer(booster).to_arrays(), compile_explainer(booster).to_arrays()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_a_pickled_explainer_says_the_same(credit_model: tuple[lgb.Booster, Floats]) -> None:
    booster, X = credit_model
    explainer = compile_explainer(booster)
    copy = pickle.loads(pickle.dumps(explainer))  # noqa: S301
    assert copy.explain(X[:100])[1].tobytes() == explainer.explain(X[:100])[1].tobytes()


def test_other_layouts_and_number_types_are_converted(credit_model: tuple[lgb.Booster, Floats]) -> None:
    booster, X = credit_model
    explainer = compile_explainer(booster)
    rows = X[:100]
    expected = explainer.explain(rows)[1].tobytes()
    locked = rows.copy()
    locked.flags.writeable = False
    for same in (np.asfortranarray(rows), locked, rows.astype(">f8"), np.repeat(rows, 2, axis=0)[::2]):
        assert explainer.explain(same)[1].tobytes() == expected
    single = rows.astype(np.float32)
    assert explainer.explain(single)[1].tobytes() == explainer.explain(single.astype(np.float64))[1].tobytes()
    whole = np.nan_to_num(rows).astype(np.int64)
    assert explainer.explain(whole)[1].tobytes() == explainer.explain(whole.astype(np.float64))[1].tobytes()


def test_no_rows_give_no_answers(credit_model: tuple[lgb.Booster, Floats]) -> None:
    margin, contributions, _ = compile_explainer(credit_model[0]).explain(np.empty((0, 12)))
    assert margin.shape == (0,)
    assert contributions.shape == (0, 12)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6, 7, 8])
def test_each_depth_up_to_the_limit(depth: int) -> None:
    rng = np.random.default_rng(depth)
    X = rng.normal(size=(1500, 5))
    outcome = np.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2] + rng.normal(size=1500)
    parameters = QUIET | {"objective": "regression", "max_depth": depth, "num_leaves": 2**depth, "min_data_in_leaf": 2}
    booster = lgb.train(parameters, lgb.Dataset(X, outcome), 4)
    assert max(tree["tree_structure"]["internal_count"] for tree in booster.dump_model()["tree_info"]) == 1500
    _assert_says_what_lightgbm_says(booster, X[:200])


def test_a_feature_asked_again_and_again_on_one_path() -> None:
    X = np.linspace(-3, 3, 600)[:, None] * np.array([1.0, 0.0])
    parameters = QUIET | {"objective": "regression", "max_depth": 6, "num_leaves": 64, "min_data_in_leaf": 2}
    booster = lgb.train(parameters, lgb.Dataset(X, np.sin(5 * X[:, 0])), 5)
    contributions = _assert_says_what_lightgbm_says(booster, X).explain(X)[1]
    assert not contributions[:, 1].any()


def test_trees_without_a_split() -> None:
    X = np.zeros((40, 3))
    outcome = np.arange(40) % 4 == 0
    booster = lgb.train(QUIET | {"objective": "binary"}, lgb.Dataset(X, outcome.astype(float)), 5)
    contributions = _assert_says_what_lightgbm_says(booster, X).explain(X)[1]
    assert not contributions.any()


def test_early_stopping_uses_the_best_iteration_unless_told_otherwise() -> None:
    rng = np.random.default_rng(3)
    X, outcome = rng.normal(size=(300, 4)), (rng.random(300) < 0.5).astype(float)
    train = lgb.Dataset(X[:150], outcome[:150])
    booster = lgb.train(
        QUIET | {"objective": "binary", "max_depth": 4, "learning_rate": 0.3},
        train,
        60,
        valid_sets=[train.create_valid(X[150:], outcome[150:])],
        callbacks=[lgb.early_stopping(5, verbose=False)],
        keep_training_booster=True,
    )
    assert 0 < booster.best_iteration < booster.current_iteration()
    _assert_says_what_lightgbm_says(booster, X)
    for iterations in (1, booster.current_iteration()):
        margin = compile_explainer(booster, num_iteration=iterations).margin(X)
        np.testing.assert_array_equal(margin, booster.predict(X, raw_score=True, num_iteration=iterations))


def test_training_continued_on_other_missing_rules() -> None:
    """One model may treat a feature's missing values in two ways: NaN in its first trees, zero in its later ones."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(400, 3)).round(1)
    X[rng.random(X.shape) < 0.3] = np.nan
    outcome = np.nan_to_num(X).sum(axis=1) + np.isnan(X[:, 0])
    common = QUIET | {"objective": "regression", "max_depth": 3, "min_data_in_leaf": 5}
    first = lgb.train(common, lgb.Dataset(X, outcome, free_raw_data=False), 4)
    other = lgb.Dataset(X, outcome, params={"zero_as_missing": True}, free_raw_data=False)
    booster = lgb.train(common | {"zero_as_missing": True}, other, 4, init_model=first)
    _assert_says_what_lightgbm_says(booster, np.concatenate([X, np.zeros((1, 3)), np.full((1, 3), np.nan)]))


@example(value=np.nan)
@example(value=2.0**32 + 1.0)
@example(value=-0.5)
@settings(max_examples=200, deadline=None)
@given(value=st.floats() | st.integers(-3, 90).map(float) | st.sampled_from(ODD_CATEGORIES))
def test_any_value_as_a_category(value: float) -> None:
    booster, explainer = _village_model()
    row = np.array([[value, 0.3]])
    assert explainer.margin(row)[0] == booster.predict(row, raw_score=True, num_threads=1)[0]


_VILLAGES: list[tuple[lgb.Booster, CompiledExplainer]] = []


def _village_model() -> tuple[lgb.Booster, CompiledExplainer]:
    if not _VILLAGES:
        rng = np.random.default_rng(11)
        X = np.stack([rng.integers(0, 80, 2000).astype(float), rng.normal(size=2000)], axis=1)
        parameters = QUIET | {"objective": "regression", "max_depth": 4, "min_data_per_group": 5}
        booster = lgb.train(parameters, lgb.Dataset(X, np.sin(X[:, 0]) + X[:, 1], categorical_feature=[0]), 10)
        _VILLAGES.append((booster, compile_explainer(booster)))
    return _VILLAGES[0]
