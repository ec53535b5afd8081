"""What Huixin is measured against, each in its default settings, with categories the way it wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Fits on a table [n, columns] and 0/1 outcomes, and gives the probability of 1 for the rows of another.
Contestant = Callable[[Any, Any, Any], Floats]
SEED, THREADS = 20260101, 2


def logistic_regression(X: Any, y: Any, asked: Any) -> Floats:
    """Medians for what is missing with a flag, standardised; categories as indicators."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, texts = _kinds(X)
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10), texts),
    )
    model = make_pipeline(prepared, LogisticRegression(max_iter=2_000))
    return _second(model.fit(_known_texts(X), y).predict_proba(_known_texts(asked)))


def random_forest(X: Any, y: Any, asked: Any) -> Floats:
    """500 trees; categories as numbers, missing values at the median."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    numbers, texts = _kinds(X)
    prepared = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts),
    )
    model = make_pipeline(prepared, RandomForestClassifier(500, random_state=SEED, n_jobs=THREADS))
    return _second(model.fit(_known_texts(X), y).predict_proba(_known_texts(asked)))


def lightgbm(X: Any, y: Any, asked: Any) -> Floats:
    from lightgbm import LGBMClassifier

    inside, outside = _categories(X, asked)
    model = LGBMClassifier(random_state=SEED, n_jobs=THREADS, verbose=-1)
    return _second(model.fit(inside, y).predict_proba(outside))


def xgboost(X: Any, y: Any, asked: Any) -> Floats:
    from xgboost import XGBClassifier

    inside, outside = _categories(X, asked)
    model = XGBClassifier(random_state=SEED, n_jobs=THREADS, enable_categorical=True)
    return _second(model.fit(inside, y).predict_proba(outside))


def catboost(X: Any, y: Any, asked: Any) -> Floats:
    from catboost import CatBoostClassifier

    _, texts = _kinds(X)
    model = CatBoostClassifier(
        random_seed=SEED, thread_count=THREADS, verbose=False, allow_writing_files=False, cat_features=texts
    )
    return _second(model.fit(_known_texts(X), y).predict_proba(_known_texts(asked)))


def explainable_boosting(X: Any, y: Any, asked: Any) -> Floats:
    from interpret.glassbox import ExplainableBoostingClassifier

    model = ExplainableBoostingClassifier(random_state=SEED, n_jobs=THREADS)
    return _second(model.fit(_known_texts(X), y).predict_proba(_known_texts(asked)))


def optbinning_scorecard(X: Any, y: Any, asked: Any) -> Floats:
    """Optimal binning of every column, weight of evidence, logistic regression."""
    import logging

    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    logging.getLogger("optbinning").setLevel(logging.ERROR)
    _, texts = _kinds(X)
    binning = BinningProcess(variable_names=list(X.columns), categorical_variables=texts, n_jobs=THREADS)
    model = Scorecard(binning_process=binning, estimator=LogisticRegression(max_iter=2_000))
    return _second(model.fit(_known_texts(X), y).predict_proba(_known_texts(asked)))


RIVALS: dict[str, Contestant] = {
    "optbinning_scorecard": optbinning_scorecard,
    "logistic_regression": logistic_regression,
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "catboost": catboost,
    "explainable_boosting": explainable_boosting,
    "random_forest": random_forest,
}


def _kinds(X: Any) -> tuple[list[str], list[str]]:
    """Names of the columns that hold numbers, and of those that hold texts."""
    texts = [name for name in X.columns if X[name].dtype == object]
    return [name for name in X.columns if name not in texts], texts


def _known_texts(X: Any) -> Any:
    """A missing text is a category of its own."""
    _, texts = _kinds(X)
    return X.assign(**{name: X[name].fillna("(missing)").astype(str) for name in texts})


def _categories(X: Any, asked: Any) -> tuple[Any, Any]:
    """Texts as pandas categories of the rows that are learnt from; what else is asked is missing."""
    import pandas as pd

    _, texts = _kinds(X)
    kinds = {name: pd.CategoricalDtype(sorted(X[name].dropna().unique())) for name in texts}
    return X.astype(kinds), asked.astype(kinds)


def _second(p: Any) -> Floats:
    return np.asarray(p, np.float64)[:, 1]
