"""From records to registered models: which moments to learn from, how to fit, how to judge, what to keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from features.dictionary import features_for
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from models.bundle import Bundle, DamagedModel, Family, code_version
from models.fitting import fit_warning, rate
from models.gate import Background, Verdict, distressed_within, judge, judge_warning
from models.hazard import HORIZONS
from models.registry import CHALLENGER, CHAMPION, ModelVersion, Registry
from models.surroundings import FromRecords, Surroundings
from models.tracking import Dataset, typical
from models.training_table import (
    HORIZON,
    TrainingTable,
    check_events,
    learning_days,
    split_by_subject,
    training_table,
)
from models.tuning import Tuned, log_trials, tune
from models.validation import auc, bootstrap_interval, calibration, ece, figures, grade_table, ks_curve, roc
from models.validation.files import Page, report_files
from models.validation.report import validation_report
from models.widening import Widen, Widened
from records.base import RecordBase
from records.errors import ModelNotTrained
from records.words import Text

Floats = npt.NDArray[np.float64]
SCORECARD_MARGIN = 0.005
# What a training does once its tables are built, and how far it is by then, of 100.
STAGES = {
    "tuning": 35,
    "boosted": 55,
    "scorecard": 70,
    "warning": 83,
    "background": 87,
    "reports": 93,
    "registration": 100,
}


@dataclass(frozen=True)
class Trained:
    """One trained model as it is reported."""

    family: str
    version: str
    alias: str | None
    metrics: dict[str, float]
    bundle: Bundle


@dataclass(frozen=True)
class TrainingResult:
    """What a training of one segment made, why something was not promoted, and what a search for settings found."""

    segment: str
    models: tuple[Trained, ...]
    refusals: tuple[Text, ...]
    out_of_time: bool
    validated_as_of: date
    tuned: Tuned | None = None


def train(
    base: RecordBase,
    segment: str,
    *,
    seed: int = 20260101,
    synthetic: bool = False,
    progress: Callable[[int], None] | None = None,
    page: Page | None = None,
    widen: Widen | None = None,
    tune_minutes: float = 0.0,
) -> TrainingResult:
    """Train, validate and register the models of ``segment``; the gate decides which one serves.

    Each rating model's run keeps its validation report, drawn by ``page`` if one is given
    (``service.pages.render.validation_page``), and its model card. ``widen`` adds inferred rows to those that rating
    models learn from (``models.widening``); nothing is judged on these. ``tune_minutes``: how long to search settings
    of the boosted model (``models.tuning``), 0 for the usual ones; what is settled is kept as ``size.json``.

    Learns at month ends whose 12-month outcome was known by the validation moment, and validates on the latest month
    end with a complete outcome. Raises ``TooLittleToLearn`` with what is needed and what was found. Progress counts
    to 100.
    """
    done = progress or (lambda _: None)
    peers = PeerTables.of(base)
    connection = base.connection()
    learning, judged_on = learning_days(connection, segment)
    pipeline = FeaturePipeline(connection, segment, peers=peers)
    known = training_table(connection, pipeline, [*learning, judged_on])
    done(20)
    at = known.as_of.astype("datetime64[D]")
    validation = known.where(at == np.datetime64(judged_on))
    training = known.where(at != np.datetime64(judged_on))
    if not learning:
        training, validation = split_by_subject(known, seed)
    check_events(segment, training, validation)
    features = features_for(segment)
    learnt_from = widen(training, pipeline) if widen else Widened(training, ())
    common = {
        "segment": segment,
        "codes": pipeline.codes,
        "words": {one.code: one.words for one in features},
        "trained_as_ofs": tuple(learning or [judged_on]),
        "validated_as_of": judged_on,
        "out_of_time": bool(learning),
        "synthetic": synthetic,
        "data_fingerprint": training.fingerprint,
        "code_version": code_version(),
        "seed": seed,
    }
    material = Material(training, validation, learnt_from, tuple(one.direction for one in features), common)
    around = FromRecords(connection, pipeline, forward=bool(learning))
    return train_on(
        Registry(base.settings),
        material,
        around,
        page=page,
        tune_minutes=tune_minutes,
        told=lambda share: done(20 + round(share * (STAGES["tuning"] - 20))),
        ended=lambda stage: done(STAGES[stage]),
    )


@dataclass(frozen=True)
class Material:
    """Where training begins once its tables are built.

    ``learnt_from``: the rows that rating models learn from, inferred ones among them, if any; ``directions`` one a
    feature; ``common``: the facts of every bundle (segment, codes, words, as-ofs, seed, ...).
    """

    training: TrainingTable
    validation: TrainingTable
    learnt_from: Widened
    directions: tuple[int, ...]
    common: dict[str, Any]


def train_on(
    registry: Registry,
    material: Material,
    around: Surroundings,
    *,
    page: Page | None = None,
    tune_minutes: float = 0.0,
    told: Callable[[float], None] = lambda _: None,
    ended: Callable[[str], None] = lambda _: None,
) -> TrainingResult:
    """Fit, validate and register the models of ``material``.

    ``tune_minutes``: see ``train``; ``told`` hears which share of them is spent, ``ended`` each of ``STAGES`` as it
    ends.
    """
    training, validation, directions, common = (
        material.training,
        material.validation,
        material.directions,
        material.common,
    )
    wide, notes = material.learnt_from
    rating = common | {"data_fingerprint": wide.fingerprint, "inferred": notes}
    tuned = None
    if tune_minutes:
        found = wide.X, wide.outcome, wide.subject
        tuned = tune(*found, directions, minutes=tune_minutes, seed=common["seed"], told=told)
        ended("tuning")
    rated = []
    families: tuple[Family, ...] = ("boosted", "scorecard")
    for family in families:
        fitted = rate(wide, family, directions, rating, tuned=tuned)
        rated.append(replace(fitted, bundle=_validated(fitted.bundle, validation)))
        ended(family)
    bundles = [one.bundle for one in rated]
    learnt = around.warning(common) or fit_warning(training, directions, common)
    warning = _validated_warning(learnt, validation)
    ended("warning")
    background = around.background(validation, training.where(training.as_of == training.as_of.max()))
    ended("background")
    segment, codes = common["segment"], common["codes"]
    datasets = (
        Dataset.of("learning", segment, codes, wide.outcome, training.as_of, wide.fingerprint),
        Dataset.of("validation", segment, codes, validation.outcome, validation.as_of, validation.fingerprint),
    )
    with registry.training(segment, {name: common[name] for name in ("segment", "seed", "synthetic")}):
        if tuned is not None:
            log_trials(segment, tuned)
        logged = {"datasets": datasets, "example": typical(training.X)}
        reporter = _Reporter(around, directions, training, validation, _serving(registry, segment), page)
        reported: dict[Family, dict[str, Any]] = {
            one.bundle.family: one.settled | reports(one.bundle, validation) | reporter(one.bundle) for one in rated
        }
        ended("reports")
        result = _settle(registry, directions, bundles, warning, validation, background, logged, reported)
        ended("registration")
    return replace(result, tuned=tuned)


def reports(bundle: Bundle, validation: TrainingTable) -> dict[str, Any]:
    """Curves and tables of a rating model on ``validation``, JSON-ready."""
    pd = bundle.pd(validation.X)
    return {
        "roc": {name: values.tolist() for name, values in roc(validation.outcome, pd).items()},
        "ks": {name: values.tolist() for name, values in ks_curve(validation.outcome, pd).items()},
        "calibration": calibration(validation.outcome, pd),
        "grades": grade_table(validation.outcome, pd, bundle.scale),
    }


@dataclass(frozen=True)
class _Reporter:
    """The validation report of a bundle, as the files that its run keeps."""

    around: Surroundings
    directions: tuple[int, ...]
    learning: TrainingTable
    validation: TrainingTable
    champion: Bundle | None
    page: Page | None

    def __call__(self, bundle: Bundle) -> dict[str, Any]:
        rows = self.validation
        theirs = _columns(rows, bundle, self.champion)
        report = validation_report(
            bundle,
            rows,
            self.directions,
            learning=self.learning,
            groups=self.around.groups(rows, bundle.codes),
            attributes=self.around.attributes(rows),
            champion=(self.champion, theirs) if self.champion is not None and theirs is not None else None,
        )
        return report_files(report, self.page)


def _validated(bundle: Bundle, validation: TrainingTable) -> Bundle:
    pd = bundle.pd(validation.X)
    low, high = bootstrap_interval(validation.outcome, pd, validation.subject)
    found = figures(validation.outcome, pd)
    return replace(bundle, metrics={**bundle.metrics, **found, "auc_low": low, "auc_high": high})


def _validated_warning(bundle: Bundle, everybody: TrainingTable) -> Bundle:
    validation = everybody.where(~(everybody.months_to_distress < 1))
    found = bundle.distress(validation.X)
    metrics = {"rows": float(len(found))}
    for column, months in enumerate(HORIZONS):
        outcome = distressed_within(validation.months_to_distress, months)
        metrics |= {
            f"auc_{months}m": auc(outcome, found[:, column]),
            f"ece_{months}m": ece(outcome, found[:, column]),
            f"mean_{months}m": float(found[:, column].mean()),
            f"observed_{months}m": float(outcome.mean()),
        }
    return replace(bundle, metrics={**metrics, "auc": metrics[f"auc_{HORIZON}m"]})


def _settle(
    registry: Registry,
    directions: tuple[int, ...],
    bundles: list[Bundle],
    warning: Bundle,
    validation: TrainingTable,
    background: Background,
    logged: dict[str, Any],
    reported: dict[Family, dict[str, Any]],
) -> TrainingResult:
    """Register everything; the preferred rating model meets the gate first, the other stands as challenger."""
    segment = warning.segment
    champion = _serving(registry, segment)
    trained: list[Trained] = []
    refusals: list[Text] = []
    promoted = False
    for bundle in sorted(bundles, key=_preference, reverse=True):
        version = _register(registry, bundle, reported[bundle.family], logged)
        passed = False
        if not promoted:
            theirs = _columns(validation, bundle, champion)
            verdict = judge(
                bundle, champion, validation.X, validation.outcome, theirs, directions, background=background
            )
            passed = promoted = _led_in(registry, version, verdict, refusals)
        if not passed:
            registry.stand(version.name, version.version)
        alias = CHAMPION if passed else CHALLENGER
        trained.append(Trained(bundle.family, version.version, alias, bundle.metrics, bundle))
    watching = _serving(registry, segment, warning=True)
    theirs = _columns(validation, warning, watching)
    months = validation.months_to_distress
    found = _register(registry, warning, {}, logged)
    verdict = judge_warning(warning, watching, validation.X, months, theirs, directions)
    if not _led_in(registry, found, verdict, refusals):
        registry.stand(found.name, found.version)
    assert warning.validated_as_of is not None  # noqa: S101
    return TrainingResult(segment, tuple(trained), tuple(refusals), warning.out_of_time, warning.validated_as_of)


def _led_in(registry: Registry, version: ModelVersion, verdict: Verdict, refusals: list[Text]) -> bool:
    """Promote where the gate says yes; where it says no, keep why."""
    if verdict.passed:
        registry.promote(version.name, version.version, verdict)
    else:
        registry.record_verdict(version.name, version.version, verdict)
        refusals += [Text(f"{version.family}：{no.zh}", f"{version.family}: {no.en}") for no in verdict.reasons]
    return verdict.passed


def _preference(bundle: Bundle) -> float:
    """AUC out of time; the boosted model serves unless the scorecard is better by a margin."""
    return bundle.metrics["auc"] - (SCORECARD_MARGIN if bundle.family == "scorecard" else 0.0)


def _columns(validation: TrainingTable, bundle: Bundle, champion: Bundle | None) -> Floats | None:
    """The validation rows as the champion reads them; None where it reads features that are no longer built."""
    if champion is None or not set(champion.codes) <= set(bundle.codes):
        return None
    return validation.X[:, [bundle.codes.index(code) for code in champion.codes]]


def _serving(registry: Registry, segment: str, *, warning: bool = False) -> Bundle | None:
    """What serves now; None where nothing does, or where its files are damaged: then there is nothing to compare."""
    try:
        return registry.champion(segment, warning=warning)[0]
    except (ModelNotTrained, DamagedModel):
        return None


def _register(registry: Registry, bundle: Bundle, found: dict[str, Any], logged: dict[str, Any]) -> ModelVersion:
    parameters = {
        "segment": bundle.segment,
        "family": bundle.family,
        "features": len(bundle.codes),
        "seed": bundle.seed,
        "trained_from": min(bundle.trained_as_ofs),
        "trained_to": max(bundle.trained_as_ofs),
        "validated_as_of": bundle.validated_as_of,
        "out_of_time": bundle.out_of_time,
        "synthetic": bundle.synthetic,
        "data_fingerprint": bundle.data_fingerprint,
        "code_version": bundle.code_version,
        "reject_inference": bool(bundle.inferred),
    }
    return registry.register(bundle, parameters, bundle.metrics, found, **logged)
