"""What the explainer cannot do exactly it refuses, in words, before it computes anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

import models.shapley.compile as compilation
from models.shapley import BadExplainer, BadRows, CompiledExplainer, UnsupportedModel, compile_explainer

QUIET: dict[str, Any] = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
RNG = np.random.default_rng(2)
X = RNG.normal(size=(400, 4))
OUTCOME = (X[:, 0] + RNG.normal(size=400) > 0).astype(float)


def _train(rounds: int = 5, outcome: NDArray[np.float64] = OUTCOME, **parameters: Any) -> lgb.Booster:
    return lgb.train(QUIET | {"objective": "binary", "max_depth": 3} | parameters, lgb.Dataset(X, outcome), rounds)


@pytest.fixture(scope="module")
def explainer() -> CompiledExplainer:
    return compile_explainer(_train())


def test_several_classes_are_refused() -> None:
    classes = RNG.integers(0, 3, 400).astype(float)
    with pytest.raises(UnsupportedModel, match=r"3 个类别.*3 classes"):
        compile_explainer(_train(outcome=classes, objective="multiclass", num_class=3))


def test_linear_leaves_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="linear_tree"):
        compile_explainer(_train(linear_tree=True, objective="regression"))


def test_trees_that_are_too_deep_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match=r"at most 8: train with max_depth"):
        compile_explainer(_train(max_depth=12, num_leaves=300, min_data_in_leaf=1))


def test_a_model_without_trees_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="no trees"):
        compile_explainer(lgb.Booster(QUIET, lgb.Dataset(X, OUTCOME)))


def test_tables_that_would_not_fit_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "MAX_TABLE_BYTES", 1 << 10)
    with pytest.raises(UnsupportedModel, match="fewer or shallower trees"):
        compile_explainer(_train())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (X[:, :3], "rows have 3 columns; the model needs 4 features"),
        (X[0], "float64 .4,.; accepted: a numeric array of two dimensions"),
        (X.astype(object), "rows are object"),
        (X.astype(complex), "rows are complex128"),
        (X.tolist(), "rows are list"),
        (np.ma.masked_array(X, X > 0), "rows are MaskedArray"),
    ],
)
def test_rows_that_do_not_fit_are_refused(explainer: CompiledExplainer, rows: Any, said: str) -> None:
    with pytest.raises(BadRows, match=said):
        explainer.explain(rows)


def _save(explainer: CompiledExplainer, path: Path) -> Path:
    arrays: dict[str, Any] = explainer.to_arrays()
    np.savez(path, **arrays)
    return path


def test_saved_arrays_give_the_explainer_back(explainer: CompiledExplainer, tmp_path: Path) -> None:
    with np.load(_save(explainer, tmp_path / "explainer.npz"), allow_pickle=False) as arrays:
        again = CompiledExplainer.from_arrays(arrays)
    before, after = explainer.explain(X), again.explain(X)
    assert before[0].tobytes() == after[0].tobytes()
    assert before[1].tobytes() == after[1].tobytes()
    assert before[2] == after[2]


def test_arrays_of_another_format_are_refused(explainer: CompiledExplainer) -> None:
    with pytest.raises(BadExplainer, match="format 99"):
        CompiledExplainer.from_arrays(explainer.to_arrays() | {"format": np.array(99)})
    with pytest.raises(BadExplainer, match="format None"):
        CompiledExplainer.from_arrays({})


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("table", lambda values: values[:-1]),
        ("units", lambda values: values + 1),
        ("units", lambda values: values[:, :4]),
        ("columns", lambda values: values - 1),
        ("thresholds", lambda values: values[:0]),
        ("split_column", lambda values: values + 1000),
        ("split_rank", lambda values: values[:-1]),
        ("share_feature", lambda values: values + 1),
    ],
)
def test_damaged_arrays_are_refused(explainer: CompiledExplainer, name: str, damage: Any) -> None:
    arrays = explainer.to_arrays()
    with pytest.raises(BadExplainer, match="do not fit"):
        CompiledExplainer.from_arrays(arrays | {name: damage(arrays[name])})


def test_a_missing_array_is_named(explainer: CompiledExplainer) -> None:
    arrays = explainer.to_arrays()
    del arrays["words"]
    with pytest.raises(BadExplainer, match="words"):
        CompiledExplainer.from_arrays(arrays)


def test_it_explains_where_no_folder_can_be_written(explainer: CompiledExplainer, tmp_path: Path) -> None:
    """A service may run from a read-only disk: then the kernel is compiled in each process, and works."""
    program = """
import sys
import numpy as np
from numba.core import caching

def refuse(locator):
    raise OSError("read-only file system")

caching._CacheLocator.ensure_cache_path = refuse
from models.shapley import CompiledExplainer

explainer = CompiledExplainer.from_arrays(np.load(sys.argv[1]))
print(explainer.margin(np.zeros((1, 4)))[0].hex())
"""
    saved = _save(explainer, tmp_path / "explainer.npz")
    done = subprocess.run(
        [sys.executable, "-c", program, str(saved)],
        env={"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == float(explainer.margin(np.zeros((1, 4)))[0]).hex()
