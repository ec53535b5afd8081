"""A small world that tests of the gate share: two years of rows, a model of the first, protected groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.auc_error import areas
from models.bundle import Bundle
from models.calibration import AffineCalibrator
from models.gate import Attribute, Background, Learning, Rebuilt, Verdict, judge
from models.scorecard import Scorecard
from records.words import Text

CODES = ("debt", "harvest", "age_of_file", "delays")
DIRECTIONS = (1, -1, -1, 1)
WORDS = {code: Text(f"特征 {code}", f"the feature {code}") for code in CODES}


@dataclass(frozen=True)
class Year:
    """Features [n, 4], outcome [n], and the same rows as they were known a month earlier."""

    X: Any
    outcome: Any
    month_earlier: Any


def year(seed: int, rows: int = 4_000, shift: float = 0.0) -> Year:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4)) + np.array([shift, 0, 0, shift])
    log_odds = -3.0 + 0.9 * X[:, 0] - 0.6 * X[:, 1] - 0.3 * X[:, 2] + 0.5 * X[:, 3]
    outcome = (rng.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(float)
    earlier = 0.95 * X + np.sqrt(1 - 0.95**2) * rng.normal(size=X.shape)
    return Year(X, outcome, earlier)


def trained(learnt: Year, codes: tuple[str, ...] = CODES, directions: tuple[int, ...] = DIRECTIONS) -> Bundle:
    """A scorecard of ``learnt``, calibrated on its second half by a card of its first."""
    half = len(learnt.X) // 2
    first = Scorecard(directions).fit(learnt.X[:half], learnt.outcome[:half])
    calibrator = AffineCalibrator.fit(first.margin(learnt.X[half:]), learnt.outcome[half:])
    card = Scorecard(directions).fit(learnt.X, learnt.outcome)
    found = areas(learnt.outcome, crossed(learnt, directions))
    metrics = {"auc_learning": float(found.auc[0]), "auc_learning_error": found.error()}
    words = {code: WORDS.get(code, Text(code, code)) for code in codes}
    return Bundle("farmer", "scorecard", codes, card.explainer_, calibrator=calibrator, words=words, metrics=metrics)


def crossed(learnt: Year, directions: tuple[int, ...] = DIRECTIONS) -> Any:
    """Cross-fitted PDs of the learning rows."""
    pd = np.empty(len(learnt.X))
    fold = np.arange(len(learnt.X)) % 2
    for one in (0, 1):
        card = Scorecard(directions).fit(learnt.X[fold != one], learnt.outcome[fold != one])
        pd[fold == one] = card.predict_proba(learnt.X[fold == one])[:, 1]
    return pd


def sexes(group: Any) -> Attribute:
    names = (Text("男", "men"), Text("女", "women"))
    return Attribute("head_sex_female", Text("户主性别", "sex of the head"), names, np.asarray(group, np.int64))


def background(learnt: Year, judged: Year, **changed: Any) -> Background:
    some = np.arange(0, len(judged.X), 20)
    rng = np.random.default_rng(99)
    whole = Background(
        learning=Learning(learnt.X, learnt.outcome),
        month_earlier=judged.month_earlier,
        rebuilt=Rebuilt(some, judged.X[some]),
        protected=(sexes(rng.integers(0, 2, len(judged.X))),),
    )
    return replace(whole, **changed)


def verdict(bundle: Bundle, judged: Year, around: Background, champion: Bundle | None = None) -> Verdict:
    theirs = judged.X if champion else None
    return judge(bundle, champion, judged.X, judged.outcome, theirs, DIRECTIONS, background=around)


def failed(found: Verdict) -> list[str]:
    return [one.code for one in found.checks if not one.passed]
