"""Everything that is known of how good a rating model is, in one call: figures, tests, groups, rivals, and its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from features.plain import plain
from models.bundle import Bundle
from models.calibration import PD_FLOOR, LongRunAverage, long_run_average
from models.grades import GRADES, pd_of
from models.validation.backtests import Backtest, backtest
from models.validation.bootstrap import Interval, Resampling, resampled
from models.validation.comparison import LOGISTIC, Rival, plain_logistic, rivals
from models.validation.fairness import Fairness, fairness
from models.validation.figures import calibration, chance_ece, figures, ks_curve, roc
from models.validation.low_default import UpperBounds, is_low_default, upper_bounds
from models.validation.monotonicity import Directed, directed
from models.validation.population import Grouping
from models.validation.recalibration import Recalibrations, recalibrations
from models.validation.slices import Slices, sliced
from models.validation.stability import Stability, compared, reason_agreement
from records.moment import shanghai_day
from records.words import Text

Floats = npt.NDArray[np.float64]
FIGURE_WORDS = {
    "auc": Text("AUC", "AUC"),
    "gini": Text("基尼系数", "Gini"),
    "ks": Text("KS", "KS"),
    "h_measure": Text("H 测度", "H-measure"),
    "brier": Text("Brier 分", "Brier score"),
    "log_loss": Text("对数损失", "log-loss"),
    "ece": Text("校准误差 ECE", "calibration error (ECE)"),
    "mean_pd": Text("平均 PD", "mean PD"),
    "observed_rate": Text("实际违约率", "observed rate"),
}
CONFIDENCE, CORRELATION = 0.9, 0.12


class Rows(Protocol):
    """Rows of known outcome, such as a ``TrainingTable``: [n, features], [n], [n], [n] of UTC instants."""

    @property
    def X(self) -> Floats: ...  # noqa: N802
    @property
    def outcome(self) -> Floats: ...
    @property
    def subject(self) -> npt.NDArray[Any]: ...
    @property
    def as_of(self) -> npt.NDArray[np.datetime64]: ...


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% interval over resampled subjects; NaN where one class is absent."""

    code: str
    words: Text
    value: float
    interval: Interval


@dataclass(frozen=True)
class Model:
    """Which model was validated, on what."""

    segment: str
    family: str
    features: int
    depends_on: tuple[tuple[str, Text, float], ...]  # the features that weigh most: code, words, share of the weight
    slope: float
    intercept: float
    trained_as_ofs: tuple[date, ...]
    validated_as_of: date
    out_of_time: bool
    synthetic: bool
    data_fingerprint: str
    code_version: str
    fingerprint: str
    seed: int
    rows: int
    subjects: int
    defaults: int
    inferred: tuple[Text, ...]  # what of its learning rows was inferred, not seen


@dataclass(frozen=True)
class Reasons:
    """``gap``: the most by which contributions miss the log-odds they explain; ``champion_agreement``: mean share of
    the three weightiest reasons that champion and challenger give alike (None where there is none to compare)."""

    gap: float
    champion_agreement: float | None


@dataclass(frozen=True)
class ValidationReport:
    """What ``validation_report`` found.

    ``slices`` tell rows apart by as-of and by what the base knows; ``learned``: the as-ofs that the model was fitted
    on, so in sample, beside the one that it was not. ``upper_bounds``: most prudent PDs by grade, with independent and
    with correlated defaults. ``below_floor``: share of subjects whose PD lies below the floor of 0.05%.
    """

    model: Model
    figures: tuple[Figure, ...]
    chance_ece: float
    calibration: tuple[dict[str, float], ...]
    roc: dict[str, tuple[float, ...]]
    ks: dict[str, tuple[float, ...]]
    recalibrations: Recalibrations | None
    backtest: Backtest
    low_default: bool
    upper_bounds: tuple[UpperBounds, ...]
    below_floor: float
    long_run: LongRunAverage | None
    slices: tuple[Slices, ...]
    learned: Slices | None
    stability: Stability | None
    fairness: tuple[Fairness, ...]
    monotonicity: tuple[Directed, ...]
    reasons: Reasons
    rivals: tuple[Rival, ...]

    def figure(self, code: str) -> Figure:
        return next(one for one in self.figures if one.code == code)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; what is not a number is null."""
        from models.validation.card import model_card
        from models.validation.findings import findings

        found = {one.name: plain(getattr(self, one.name)) for one in fields(self)}
        return {"findings": plain(findings(self)), **found, "card": plain(model_card(self))}


def validation_report(
    bundle: Bundle,
    validation: Rows,
    directions: Sequence[int],
    *,
    learning: Rows | None = None,
    groups: Sequence[Grouping] = (),
    attributes: Sequence[Grouping] = (),
    champion: tuple[Bundle, Floats] | None = None,
    fingerprint: str = "",
) -> ValidationReport:
    """Judge a rating ``bundle`` on rows that it did not learn from.

    ``directions`` of its features; ``learning``: what it learnt from, for the plain logistic regression, the figures in
    sample, the long-run average and the stability of scores since; ``groups`` and ``attributes`` of the validation rows
    (``population.groupings`` and ``protected``); ``champion``: the model that serves, with the validation rows as it
    reads them; ``fingerprint`` of the bundle's files. Groups that are too small are listed without figures.
    """
    log_odds, contributions, base = bundle.explain(validation.X)
    outcome, pd = validation.outcome, pd_of(log_odds)
    subject = np.unique(validation.subject, return_inverse=True)[1].ravel()  # numbers are compared faster than names
    draws = Resampling(subject)
    drawn, exact = resampled(outcome, pd, draws), figures(outcome, pd)
    intervals = drawn.intervals(exact["ece"])
    tests = backtest(outcome, pd, bundle.scale)
    learnt = None if learning is None else bundle.pd(learning.X)
    return ValidationReport(
        model=_model(bundle, validation, fingerprint),
        figures=tuple(Figure(code, words, exact[code], intervals[code]) for code, words in FIGURE_WORDS.items()),
        chance_ece=chance_ece(pd),
        calibration=tuple(calibration(outcome, pd)),
        roc={name: tuple(values.tolist()) for name, values in roc(outcome, pd).items()},
        ks={name: tuple(values.tolist()) for name, values in ks_curve(outcome, pd).items()},
        recalibrations=recalibrations(log_odds, outcome, subject, draws),
        backtest=tests,
        low_default=is_low_default(float(outcome.sum())),
        upper_bounds=tuple(_bounds(tests, correlation) for correlation in (0.0, CORRELATION)),
        below_floor=float((pd < PD_FLOOR).mean()),
        long_run=_long_run(learning, validation),
        slices=sliced(outcome, pd, subject, groups),
        learned=None if learning is None or learnt is None else _learned(learning, learnt),
        stability=_stability(bundle, learning, validation),
        fairness=fairness(outcome, pd, subject, attributes),
        monotonicity=directed(lambda rows: bundle.explain(rows)[0], bundle.codes, validation.X, directions),
        reasons=Reasons(
            float(np.abs(base + contributions.sum(axis=1) - log_odds).max()),
            _agreement(bundle, contributions, champion),
        ),
        rivals=rivals(outcome, pd, _rivals(validation, learning, champion), draws, drawn),
    )


def _model(bundle: Bundle, validation: Rows, fingerprint: str) -> Model:
    total = sum(bundle.weights.values()) or 1.0
    heaviest = sorted(bundle.weights.items(), key=lambda pair: -pair[1])[:15]
    return Model(
        segment=bundle.segment,
        family=bundle.family,
        features=len(bundle.codes),
        depends_on=tuple((code, bundle.words.get(code, Text(code, code)), weight / total) for code, weight in heaviest),
        slope=bundle.calibrator.slope,
        intercept=bundle.calibrator.intercept,
        trained_as_ofs=bundle.trained_as_ofs,
        validated_as_of=bundle.validated_as_of or _day(validation.as_of.max()),
        out_of_time=bundle.out_of_time,
        synthetic=bundle.synthetic,
        data_fingerprint=bundle.data_fingerprint,
        code_version=bundle.code_version,
        fingerprint=fingerprint,
        seed=bundle.seed,
        rows=len(validation.outcome),
        subjects=len(np.unique(validation.subject)),
        defaults=int(validation.outcome.sum()),
        inferred=bundle.inferred,
    )


def _bounds(tests: Backtest, correlation: float) -> UpperBounds:
    rows, defaults = [one.rows for one in tests.grades], [one.defaults for one in tests.grades]
    used = [at for at, count in enumerate(rows) if count]
    found = upper_bounds(
        [rows[at] for at in used], [defaults[at] for at in used], confidence=CONFIDENCE, correlation=correlation
    )
    by_grade = dict(zip(used, zip(found.bounds, found.scaled, strict=True), strict=True))
    nothing = float("nan"), float("nan")
    pairs = [by_grade.get(at, nothing) for at in range(len(GRADES))]
    bounds, scaled = zip(*pairs, strict=True)
    return UpperBounds(bounds, scaled, found.confidence, correlation, found.periods)


def _long_run(learning: Rows | None, validation: Rows) -> LongRunAverage | None:
    if learning is None:
        return None
    return long_run_average(
        np.concatenate([learning.outcome, validation.outcome]), np.concatenate([learning.as_of, validation.as_of])
    )


def _learned(learning: Rows, pd: Floats) -> Slices:
    days = {moment: _day(moment).isoformat() for moment in np.unique(learning.as_of)}
    values = np.array([days[moment] for moment in learning.as_of], object)
    words = Text("学习所用时点（样本内）", "as-ofs it learnt from (in sample)")
    names = {day: Text(day, day) for day in sorted(days.values())}
    subject = np.unique(learning.subject, return_inverse=True)[1].ravel()
    return sliced(learning.outcome, pd, subject, [Grouping("learned", words, values, names)])[0]


def _stability(bundle: Bundle, learning: Rows | None, validation: Rows) -> Stability | None:
    """Between the latest as-of that was learnt from and the latest that was not."""
    if learning is None:
        return None
    before, after = learning.as_of == learning.as_of.max(), validation.as_of == validation.as_of.max()
    days = _day(learning.as_of.max()), _day(validation.as_of.max())
    if days[0] >= days[1]:
        return None
    return compared(
        bundle,
        days,
        (learning.X[before], learning.subject[before]),
        (validation.X[after], validation.subject[after]),
    )


def _agreement(bundle: Bundle, contributions: Floats, champion: tuple[Bundle, Floats] | None) -> float | None:
    if champion is None or champion[0].codes != bundle.codes:
        return None
    return reason_agreement(contributions, champion[0].explain(champion[1])[1])


def _rivals(
    validation: Rows, learning: Rows | None, champion: tuple[Bundle, Floats] | None
) -> dict[str, tuple[Text, Floats]]:
    found = {}
    if champion is not None:
        found["champion"] = (Text("现用模型", "champion"), champion[0].pd(champion[1]))
    if learning is not None and 0 < learning.outcome.sum() < len(learning.outcome):
        found["logistic"] = (LOGISTIC, plain_logistic(learning.X, learning.outcome, validation.X))
    return found


def _day(moment: np.datetime64) -> date:
    return shanghai_day(moment.astype("datetime64[us]").item())
