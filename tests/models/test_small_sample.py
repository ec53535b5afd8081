from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.small_sample import BlendExplainer, SmallSampleBlend
from models.validation import auc


def sample(seed: int, rows: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.exp(2 * rng.normal(size=(rows, 4)))
    y = (np.log(X[:, 0]) - np.log(X[:, 1]) + rng.normal(size=rows) > 2).astype(float)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y


@pytest.mark.parametrize("share", [None, 0.0, 1.0])
def test_reasons_add_up(share: float | None) -> None:
    X, y = sample(1)
    model = SmallSampleBlend((1, -1, 0, 0), tree_share=share, trees=40).fit(X, y)
    margin, contributions, base = model.explain(X)
    np.testing.assert_allclose(margin, base + contributions.sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-margin)))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), column=st.integers(0, 1), step=st.floats(0.01, 1000))
def test_declared_directions_hold(seed: int, column: int, step: float) -> None:
    X, y = sample(seed)
    model = SmallSampleBlend((1, -1, 0, 0), trees=40).fit(X, y)
    moved = X.copy()
    moved[:, column] += step
    change = model.margin(moved) - model.margin(X)
    assert ((1, -1)[column] * change >= -1e-9).all()


def test_learns_from_few_events() -> None:
    X, y = sample(3)
    fresh, outcome = sample(4, 2000)
    assert auc(outcome, SmallSampleBlend((1, -1, 0, 0)).fit(X, y).margin(fresh)) > 0.85


def test_a_change_of_scale_changes_no_linear_part() -> None:
    X, y = sample(5)
    plain = SmallSampleBlend(tree_share=0.0).fit(X, y).margin(X)
    cubed = SmallSampleBlend(tree_share=0.0).fit(X**3, y).margin(X**3)
    np.testing.assert_allclose(plain, cubed)


def test_trees_get_their_say_with_events() -> None:
    X, y = sample(6, 400)
    few, many = SmallSampleBlend(trees=5).fit(X[:80], y[:80]), SmallSampleBlend(trees=5).fit(X, y)
    assert 0 < few.explainer_.share < many.explainer_.share < 0.6


def test_saved_and_read_again_gives_the_same_bits() -> None:
    X, y = sample(7)
    explainer = SmallSampleBlend((1, -1, 0, 0), trees=20).fit(X, y).explainer_
    file = io.BytesIO()
    np.savez(file, **explainer.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as kept:
        again = BlendExplainer.from_arrays(dict(kept))
    for ours, theirs in zip(explainer.explain(X)[:2], again.explain(X)[:2], strict=True):
        assert (ours == theirs).all()


def test_refuses_what_it_cannot_learn_from() -> None:
    X, y = sample(8)
    with pytest.raises(ValueError, match="two classes"):
        SmallSampleBlend().fit(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="2 directions for 4 features"):
        SmallSampleBlend((1, 1)).fit(X, y)
