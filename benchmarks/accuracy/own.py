"""Huixin's models in their default setting, on any table of numbers and texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SEED, THREADS = 20260101, 2


def boosted(X: Any, y: Any, asked: Any, directions: tuple[int, ...] | None) -> Floats:
    from models.boosted import MonotoneBoosted

    inside, outside, categorical = as_codes(X, asked)
    model = MonotoneBoosted(directions, categorical=categorical, max_depth=None, seed=SEED, threads=THREADS)
    return np.asarray(model.fit(inside, y).predict_proba(outside)[:, 1])


def scorecard(X: Any, y: Any, asked: Any, directions: tuple[int, ...] | None) -> Floats:
    from models.scorecard import Scorecard

    inside, outside, categorical = as_codes(X, asked)
    return np.asarray(Scorecard(directions, categorical=categorical).fit(inside, y).predict_proba(outside)[:, 1])


OWN = {"huixin": boosted, "huixin_scorecard": scorecard}


def as_codes(X: Any, asked: Any) -> tuple[Floats, Floats, tuple[int, ...]]:
    """Both tables as floats: texts by the codes that they have in ``X``, and which columns those are.

    A missing text is a category of its own where ``X`` has one; a text that ``X`` has not is coded past its last.
    """
    inside, outside, categorical = np.empty(X.shape), np.empty(asked.shape), []
    for column, name in enumerate(X.columns):
        if X[name].dtype != object:
            inside[:, column], outside[:, column] = X[name], asked[name]
            continue
        categorical.append(column)
        texts, others = (table[name].fillna("").astype(str) for table in (X, asked))
        codes = {text: code for code, text in enumerate(sorted(texts.unique()))}
        inside[:, column] = texts.map(codes)
        outside[:, column] = others.map(codes).fillna(len(codes))
    return inside, outside, tuple(categorical)
