"""How well do invoices tell who defaults? Repeated cross-validation, the same splits for every method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from huixin.cumcm.base import StudyTable
from huixin.cumcm.reader import BadStudyData
from models.calibration import AffineCalibrator
from models.small_sample import SmallSampleBlend
from records.words import Text

Floats = npt.NDArray[np.float64]
Progress = Callable[[int], None]
FOLDS, REPEATS, SEED = 5, 10, 20260101
BOOTSTRAP_ROUNDS = 2_000
BASELINES = {
    "logistic_regression": Text("逻辑回归（标准化）", "logistic regression (standardised)"),
    "random_forest": Text("随机森林（300 棵）", "random forest (300 trees)"),
    "lightgbm": Text("LightGBM（默认参数）", "LightGBM (default settings)"),
}


@dataclass(frozen=True)
class OutOfFold:
    """Margins of rows that the model had not seen, and the AUC of every test fold.

    ``margins`` [repeats, n]; ``tests`` names the repeat and the rows of each fold; ``aucs`` [repeats x folds].
    """

    outcome: Floats
    margins: Floats
    tests: tuple[tuple[int, npt.NDArray[np.int64]], ...]
    aucs: Floats

    @property
    def auc(self) -> float:
        """Mean over all test folds."""
        return float(self.aucs.mean())

    @property
    def standard_error(self) -> float:
        """Of that mean, with folds taken as independent."""
        return float(self.aucs.std(ddof=1) / np.sqrt(len(self.aucs)))

    @property
    def repeat_aucs(self) -> Floats:
        """Mean of each repeat's folds, [repeats]."""
        return np.asarray(self.aucs.reshape(len(self.margins), -1).mean(axis=1))

    @property
    def pooled_auc(self) -> float:
        """Mean over repeats of the AUC of a repeat's margins taken together, across folds."""
        from models.validation import auc

        return float(np.mean([auc(self.outcome, margin) for margin in self.margins]))

    @property
    def mean_margin(self) -> Floats:
        """Each row's margin, averaged over repeats, [n]."""
        return np.asarray(self.margins.mean(axis=0))

    def interval(self, rounds: int = BOOTSTRAP_ROUNDS, seed: int = SEED) -> tuple[float, float]:
        """95% percentile bootstrap over enterprises of the mean AUC over folds, the models held as they are."""
        drawn = np.random.default_rng(seed).multinomial(
            len(self.outcome), np.full(len(self.outcome), 1 / len(self.outcome)), size=rounds
        )
        total, folds = np.zeros(rounds), np.zeros(rounds)
        for repeat, rows in self.tests:
            bad, good = rows[self.outcome[rows] > 0], rows[self.outcome[rows] == 0]
            gap = self.margins[repeat, bad][:, None] - self.margins[repeat, good][None, :]
            wins = (gap > 0) + 0.5 * (gap == 0)
            pairs = drawn[:, bad].sum(axis=1) * drawn[:, good].sum(axis=1)
            won = ((drawn[:, bad] @ wins) * drawn[:, good]).sum(axis=1)
            total += np.divide(won, pairs, out=np.zeros(rounds), where=pairs > 0)
            folds += pairs > 0
        low, high = np.percentile((total / np.maximum(folds, 1))[folds > 0], [2.5, 97.5])
        return float(low), float(high)


def huixin_model(directions: tuple[int, ...], seed: int = 0) -> SmallSampleBlend:
    """Huixin's model for a study of this size, at its default settings.

    They are priors and are fitted nowhere. Features and method were designed with some ninety runs on these folds in
    view (windows, transforms, penalties, shares of trees), which flatters by a little; the benchmark prints neighbours.
    """
    return SmallSampleBlend(directions=directions, seed=seed)


def baseline(name: str) -> Any:
    """A plain competitor of ``BASELINES``, unfitted."""
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    match name:
        case "logistic_regression":
            return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=2000))
        case "random_forest":
            return RandomForestClassifier(n_estimators=300, random_state=SEED, n_jobs=1)
    return LGBMClassifier(random_state=SEED, n_jobs=1, verbose=-1)


def compare(table: StudyTable, progress: Progress | None = None) -> dict[str, OutOfFold]:
    """Huixin's model and the ``BASELINES`` on the same features and folds, by name. Progress counts folds of all."""
    X, outcome = table.X[table.known], table.outcome[table.known]
    makers: dict[str, Callable[[], Any]] = {"huixin": lambda: huixin_model(table.directions)}
    makers |= {name: partial(baseline, name) for name in BASELINES}
    found = {}
    for done, (name, make) in enumerate(makers.items()):
        before = done * FOLDS * REPEATS
        found[name] = out_of_fold(make, X, outcome, partial(_advance, progress, before) if progress else None)
    return found


def out_of_fold(make: Callable[[], Any], X: Floats, outcome: Floats, progress: Progress | None = None) -> OutOfFold:
    """Fit ``make()`` on the training part of each of 5 x 10 stratified folds and ask it about the rest.

    Everything a method learns, scales and bins among it, it learns inside the training part. Progress counts folds.
    """
    from models.validation import auc

    margins = np.zeros((REPEATS, len(outcome)))
    tests, aucs = [], []
    for number, (training, test) in enumerate(splits(outcome)):
        model = make().fit(X[training], outcome[training])
        repeat = number // FOLDS
        margins[repeat, test] = _margin(model, X[test])
        tests.append((repeat, test))
        aucs.append(auc(outcome[test], margins[repeat, test]))
        if progress:
            progress(number + 1)
    return OutOfFold(outcome, margins, tuple(tests), np.array(aucs))


def splits(outcome: Floats) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Training and test rows of the folds; the same for every method."""
    from sklearn.model_selection import RepeatedStratifiedKFold

    defaults = int(outcome.sum())
    if min(defaults, len(outcome) - defaults) < FOLDS:
        raise BadStudyData(
            Text(
                f"违约 {defaults} 户、未违约 {len(outcome) - defaults} 户：交叉验证各需至少 {FOLDS} 户",
                f"{defaults} defaulted and {len(outcome) - defaults} not: cross-validation needs {FOLDS} of each",
            )
        )
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    yield from folds.split(np.zeros((len(outcome), 1)), outcome)


def cross_fitted_calibrator(found: OutOfFold) -> AffineCalibrator:
    """Slope and intercept on margins of rows that their models had not seen."""
    return AffineCalibrator.fit(found.mean_margin, found.outcome)


def rank_correlation(margin: Floats, bank_grades: list[str]) -> tuple[float, float]:
    """Spearman's rho and Kendall's tau-b of risk and the bank's grades (A lowest risk, D highest)."""
    from scipy.stats import kendalltau, spearmanr

    order = np.array([ord(grade) for grade in bank_grades], np.float64)
    return float(spearmanr(margin, order).statistic), float(kendalltau(margin, order).statistic)


def _advance(progress: Progress, before: int, folds: int) -> None:
    progress(before + folds)


def _margin(model: Any, X: Floats) -> Floats:
    if hasattr(model, "margin"):
        return np.asarray(model.margin(X), np.float64)
    p = np.clip(model.predict_proba(X)[:, 1], 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p / (1 - p)), np.float64)
