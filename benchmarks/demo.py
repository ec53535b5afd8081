"""The demo county's models against the true PD that only the county knows, out of time."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from county import CountyPlan
from huixin.county_base import fill
from huixin.oracle import validate
from huixin.train import SEGMENTS
from models.training import train
from models.validation import auc, ece, gini
from models.validation.backtests import backtest
from records.base import RecordBase
from records.settings import Settings


def run(plan: CountyPlan | None = None) -> dict[str, Any]:
    """Make the county of the demo in a folder of its own, train both segments, compare with the truth.

    Per segment: ``auc`` and ``oracle_auc`` (the true PD's) on the out-of-time slice, ``gini_share`` of the model that
    serves, ``scorecard_gini_share``, ``ece``, rows and defaults; ``grades_inside`` of ``grades_used``: whose mean PD
    lies in the 95% Jeffreys interval of what was observed, and ``grades``, each with that interval.
    """
    with TemporaryDirectory() as folder:
        home = Path(folder)
        base = RecordBase.open(Settings(home=home))
        fill(base, plan or CountyPlan(), home / "truth.parquet")
        figures: dict[str, Any] = {segment: _compare(base, segment, home / "truth.parquet") for segment in SEGMENTS}
    figures["machine"] = machine("lightgbm", "optbinning", "duckdb")
    _show(figures)
    return figures


def _compare(base: RecordBase, segment: str, truth: Path) -> dict[str, Any]:
    result = train(base, segment, synthetic=True)
    found = validate(base, segment, truth)
    serving = next((one.family for one in result.models if one.alias == "champion"), "none")
    served = found.scorecard_pd if serving == "scorecard" else found.pd
    tested = backtest(found.outcome, served, found.scorecard_scale if serving == "scorecard" else found.scale)
    ceiling = gini(found.outcome, found.true_pd)
    return {
        "auc": auc(found.outcome, served),
        "oracle_auc": auc(found.outcome, found.true_pd),
        "gini_share": gini(found.outcome, served) / ceiling,
        "serving": serving,
        "boosted_gini_share": gini(found.outcome, found.pd) / ceiling,
        "scorecard_gini_share": gini(found.outcome, found.scorecard_pd) / ceiling,
        "ece": ece(found.outcome, served),
        "grades_inside": tested.inside,
        "grades_used": tested.used,
        "grades": [
            {name: getattr(one, name) for name in ("grade", "rows", "mean_pd", "observed", "low", "high", "inside")}
            for one in tested.grades
        ],
        "rows": len(found.outcome),
        "defaults": int(found.outcome.sum()),
        "validated_as_of": found.as_of.isoformat(),
    }


def _show(figures: dict[str, Any]) -> None:
    table = Table(title="demo county, out of time: model / true PD")
    for name in ("segment", "serving", "AUC", "true-PD AUC", "Gini share", "ECE", "grades inside", "rows", "defaults"):
        table.add_column(name)
    for segment in SEGMENTS:
        one = figures[segment]
        shown = [f"{one[key]:.4f}" for key in ("auc", "oracle_auc", "gini_share", "ece")]
        inside = f"{one['grades_inside']}/{one['grades_used']}"
        table.add_row(segment, one["serving"], *shown, inside, str(one["rows"]), str(one["defaults"]))
    console = Console()
    console.print(table)
    console.print(figures["machine"])


if __name__ == "__main__":
    run()
