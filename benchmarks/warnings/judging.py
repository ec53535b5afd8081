"""The model, the true hazard and the naive rules on the same lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from benchmarks.warnings.naive import declared_rules, naive_rules, single_features
from benchmarks.warnings.watching import BUDGET, HORIZON, Foreseen, Watch, one_list, ratio_interval, year_of_lists
from county import CountyPlan
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from huixin.county_base import fill
from huixin.train import SEGMENTS
from models.early_warning import learn_hazard
from models.follow_up import FollowUp, follow_up
from models.hazard import HORIZONS, HazardModel
from models.validation import auc, ece
from records.base import RecordBase
from records.moment import end_of_day
from records.settings import Settings

Floats = npt.NDArray[np.float64]
Orders = Mapping[str, Floats]
MODEL, TRUTH, RULES = "model", "true hazard", "declared rules"
OLD_TRUTH = "month-old hazard"
TIES = {"naive": 10, "feature": 2}  # rules leave many equal: their recall is the mean over so many random orders
SEED = 20260101


def run(plan: CountyPlan | None = None) -> dict[str, Any]:
    """Make the county of the demo in a folder of its own, learn to warn, and judge the year that follows.

    Per segment ``recall``, ``oracle_recall``, ``recall_share_of_oracle``, ``median_lead_months``, ``precision``,
    ``alerts_per_true_event``, ``naive``, ``best_naive``, ``recall_vs_naive`` and more; at the top the least of both
    segments of what the goals are about.
    """
    chosen, began = plan or CountyPlan(), time.monotonic()
    console = Console()
    console.print(machine("lightgbm", "duckdb", "numpy"))
    with TemporaryDirectory() as folder:
        home = Path(folder)
        base = RecordBase.open(Settings(home=home))
        with console.status("合成县 · the county"):
            fill(base, chosen, home / "truth.parquet")
        console.print(f"county of {chosen.subjects} subjects made, {time.monotonic() - began:.0f} s")
        figures: dict[str, Any] = {}
        for segment in SEGMENTS:
            with console.status(f"{segment}：学习与检验 · learning, judging"):
                figures[segment] = judged(base, segment, chosen, home / "truth.parquet")
            console.print(f"{segment} judged, {time.monotonic() - began:.0f} s")
    least = ("recall_share_of_oracle", "median_lead_months", "recall_vs_naive")
    figures |= {name: min(figures[segment][name] for segment in SEGMENTS) for name in least}
    figures["seconds"] = time.monotonic() - began
    figures["machine"] = machine("lightgbm", "duckdb", "numpy")
    _show(console, figures)
    return figures


def judged(base: RecordBase, segment: str, plan: CountyPlan, truth: Path) -> dict[str, Any]:
    """Learn from what was known at the beginning of the last year of ``plan``, and judge that year."""
    lists = plan.month_ends[-HORIZON - 1 : -1]
    known_at = end_of_day(lists[0])
    connection = base.connection()
    pipeline = FeaturePipeline(connection, segment, peers=PeerTables.of(base))
    learned = learn_hazard(connection, pipeline, known_at, SEED)
    if learned is None:
        raise ValueError(
            f"{segment}: too little distress before {lists[0]} to learn from; give the county more subjects"
        )
    model, days = learned.model, learned.days
    found = follow_up(connection, pipeline, lists)
    columns = dict(zip(pipeline.codes, found.X.T, strict=True))
    hazards = _true_hazard(found, segment, truth)
    orders = _orders(segment, model, found, columns, hazards)
    orders |= _named(OLD_TRUTH, _true_hazard(found, segment, truth, months_before=1))
    first, watch = found.where(found.as_of == found.as_of.min()), Watch.of(found)
    at = found.as_of == found.as_of.min()
    return {
        **_contest(lambda order, ties: year_of_lists(watch, order, ties), orders),
        "at_risk": watch.subjects,
        "one_list": {
            **_contest(lambda order, ties: one_list(first, order[at], ties), orders),
            "at_risk": len(first.X),
        },
        "calibration": _calibration(model, first),
        "judged_year": [lists[0].isoformat(), plan.month_ends[-1].isoformat()],
        "learned_from": [days[0].isoformat(), days[-1].isoformat()],
    }


def _true_hazard(found: FollowUp, segment: str, truth: Path, months_before: int = 0) -> Floats:
    """The county's probabilities [n, 3] of distress within 3, 6 and 12 months, at the as-ofs or some months before."""
    names = [f"distress_{months}m" for months in HORIZONS]
    known = pl.read_parquet(truth).filter(pl.col("subject_kind") == segment)
    months = (found.as_of + np.timedelta64(8, "h")).astype("datetime64[M]") - months_before
    days = (months + 1).astype("datetime64[D]") - 1
    asked = pl.DataFrame({"subject_id": found.subject.tolist(), "month_end": days})
    return np.asarray(asked.join(known, on=["subject_id", "month_end"], how="left").select(names).to_numpy())


def _orders(segment: str, model: HazardModel, found: FollowUp, columns: Orders, truth: Floats) -> dict[str, Floats]:
    """In which order each contender warns: name to risk [rows of ``found`]."""
    return {
        MODEL: model.term_structure(found.X)[:, -1],
        **_named(TRUTH, truth),
        RULES: declared_rules(segment, columns),
        **{f"naive {name}": order for name, order in naive_rules(columns).items()},
        **{f"feature {name}": order for name, order in single_features(segment, columns).items()},
    }


def _named(kind: str, hazards: Floats) -> dict[str, Floats]:
    return {f"{kind} {months}m": hazards[:, at] for at, months in enumerate(HORIZONS)}


def _contest(play: Callable[[Floats, np.random.Generator], Foreseen], orders: Orders) -> dict[str, Any]:
    """Let every contender play, and put the model beside the true hazard and the best naive rule."""
    played = {name: _played(play, name, order) for name, order in orders.items()}
    recall = {name: float(np.mean([one.recall for one in found])) for name, found in played.items()}
    model = played[MODEL][0]
    truth, naive, feature, old = (_best(recall, kind) for kind in (TRUTH, "naive", "feature", OLD_TRUTH))
    return {
        "recall": recall[MODEL],
        "oracle_recall": recall[truth],
        "recall_share_of_oracle": recall[MODEL] / recall[truth],
        "recall_share_interval_90": ratio_interval(model, played[truth][0]),
        "median_lead_months": model.median_lead,
        "oracle_median_lead_months": played[truth][0].median_lead,
        "precision": model.precision,
        "oracle_precision": played[truth][0].precision,
        "alerts": model.alerts,
        "alerts_per_true_event": model.alerts / max(model.true_alerts, 1),
        "events": len(model.subject),
        "oracle": truth,
        "month_old_oracle_recall": recall[old],
        "recall_share_of_month_old_oracle": recall[MODEL] / recall[old],
        "naive": {name.removeprefix("naive "): recall[name] for name in recall if name.startswith("naive ")},
        "best_naive": naive.removeprefix("naive "),
        "naive_recall": recall[naive],
        "recall_vs_naive": recall[MODEL] / recall[naive],
        "oracle_recall_vs_naive": recall[truth] / recall[naive],
        "declared_rules_recall": recall[RULES],
        "best_single_feature": feature.removeprefix("feature "),
        "single_feature_recall": recall[feature],
        "recall_vs_single_feature": recall[MODEL] / recall[feature],
    }


def _played(play: Callable[[Floats, np.random.Generator], Foreseen], name: str, order: Floats) -> list[Foreseen]:
    """The game played once, or as often as ``TIES`` says where ``order`` may leave many subjects equal."""
    ties = np.random.default_rng(SEED)
    return [play(order, ties) for _ in range(TIES.get(name.split(" ")[0], 1))]


def _best(recall: Mapping[str, float], kind: str) -> str:
    return max((name for name in recall if name.startswith(kind)), key=lambda name: recall[name])


def _calibration(model: HazardModel, first: FollowUp) -> dict[str, Any]:
    """The model's probabilities at the first list against what happened, by horizon."""
    found, made = model.distress(first.X), {}
    for at, months in enumerate(HORIZONS):
        outcome = (np.nan_to_num(first.months_to_distress, nan=np.inf) <= months).astype(float)
        made[f"{months}m"] = {
            "auc": auc(outcome, found[:, at]),
            "ece": ece(outcome, found[:, at]),
            "mean": float(found[:, at].mean()),
            "observed": float(outcome.mean()),
        }
    return made


def _show(console: Console, figures: dict[str, Any]) -> None:
    table = Table(
        title=f"warnings at a budget of {BUDGET:.0%} of those at risk, out of time",
        caption="truth, naive: the recall of the true hazard and of the best naive rule; share, times: the model's by "
        "theirs; lead: median, in months",
    )
    columns = {
        "recall": "recall",
        "oracle_recall": "truth",
        "recall_share_of_oracle": "share",
        "median_lead_months": "lead",
        "precision": "precision",
        "naive_recall": "naive",
        "recall_vs_naive": "times",
    }
    for name in ("segment", "game", *columns.values()):
        table.add_column(name)
    for segment in SEGMENTS:
        for game, found in (("each month", figures[segment]), ("one list", figures[segment]["one_list"])):
            table.add_row(segment, game, *(f"{found[key]:.3f}" for key in columns))
    console.print(table)
    for segment in SEGMENTS:
        one = figures[segment]
        low, high = one["recall_share_interval_90"]
        console.print(
            f"{segment}: {one['events']} events among {one['at_risk']} at risk; share of the true hazard's recall "
            f"{one['recall_share_of_oracle']:.3f}, 90% interval {low:.2f} to {high:.2f}; best naive rule "
            f"{one['best_naive']}; best single feature {one['best_single_feature']} "
            f"(recall {one['single_feature_recall']:.3f})"
        )
    console.print(figures["machine"])
