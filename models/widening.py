"""Learning rows that stand for refused applicants too: what ``huixin train --rejects`` makes of those seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from features.pipeline import FeaturePipeline
from models.decisions import Decided, decided, read_decisions, recorded_decisions, with_refused
from models.grades import pd_of
from models.reject_inference import LEAST_PROPENSITY, Inferred, Method
from models.scorecard import Scorecard
from models.training_table import TrainingTable
from records.base import RecordBase
from records.moment import shanghai_day
from records.words import Text

WORSE = 1.5


class Widened(NamedTuple):
    """Rows to learn from, and what a model card has to say of those that were inferred."""

    table: TrainingTable
    notes: tuple[Text, ...]


Widen = Callable[[TrainingTable, FeaturePipeline], Widened]


def refused_too(
    base: RecordBase, method: Method, decisions: Path | None = None, *, worse: float = WORSE, seed: int = 0
) -> Widen:
    """How ``models.training.train`` may widen its learning rows by ``method``.

    Decisions are those of ``bank.credit_application``, or of the platform's file ``decisions``, from the first to the
    last day that is learnt from, so that nothing later is seen. ``worse``: by what factor the odds of refused
    applicants are taken to be above those of accepted ones with the same features; for ``parcel`` alone, whose PDs are
    a scorecard's of the rows that were seen. What is made raises ``TooFewDecisions`` and ``BadDecisions``.
    """

    def widen(training: TrainingTable, pipeline: FeaturePipeline) -> Widened:
        days = [shanghai_day(moment.astype("datetime64[us]").item()) for moment in np.unique(training.as_of)]
        first, last = days[0], days[-1]
        if decisions is None:
            listed = recorded_decisions(pipeline.connection, pipeline.segment, first, last)
        else:
            listed = read_decisions(base, pipeline.segment, decisions)
            listed = listed.filter(pl.col("decided_on").is_between(first, last))
        found = decided(pipeline, listed)
        pd = None
        if method == "parcel":
            card = Scorecard(tuple(one.direction for one in pipeline.features))
            card.fit(training.X, training.outcome, groups=training.subject)
            refused = found.X[~found.accepted]
            pd = pd_of(card.margin(refused)) if len(refused) else np.empty(0)
        table, made = with_refused(training, found, method, refused_pd=pd, worse=worse, seed=seed)
        return Widened(table, notes(found, made, worse))

    return widen


def notes(found: Decided, made: Inferred, worse: float = WORSE) -> tuple[Text, ...]:
    """What was inferred, what it is worth, and what it cannot do."""
    accepted, refused = int(found.accepted.sum()), int((~found.accepted).sum())
    how = {
        "reweight": Text(
            "获准者按其获准概率的倒数加权，以代表特征相同的被拒者",
            "accepted applicants stand for refused ones who look alike, by 1 over the probability of acceptance",
        ),
        "parcel": Text(
            f"被拒者按推断的违约概率计入（违约赔率取同类获准者的 {worse:g} 倍）",
            "refused applicants joined, with outcomes drawn from an inferred PD (odds "
            f"{worse:g} times those of accepted ones with the same features)",
        ),
    }[made.method]
    return (
        Text(
            f"使用了拒绝推断：获准 {accepted:,} 笔、被拒 {refused:,} 笔申请；{how.zh}。",
            f"Reject inference was used: {accepted:,} applications accepted, {refused:,} refused; {how.en}.",
        ),
        Text(
            f"加权后相当于 {made.effective_rows:,.0f} 行；{made.without_overlap:.0%} 的被拒者几乎没有相似的获准者"
            f"（获准概率低于 {LEAST_PROPENSITY:.0%}）；获准与否的 AUC {made.acceptance_auc:.2f}。",
            f"Its rows are worth {made.effective_rows:,.0f}; hardly anybody accepted resembles "
            f"{made.without_overlap:.0%} of the refused (probability of acceptance under {LEAST_PROPENSITY:.0%}); "
            f"acceptance is told with an AUC of {made.acceptance_auc:.2f}.",
        ),
        Text(f"{made.limits.zh}。", f"{made.limits.en[0].upper()}{made.limits.en[1:]}."),
        Text(
            "本卡指标只来自结果可见者；被拒者的结果无人知晓。",
            "The figures of this card are of those whose outcomes were seen; of the refused nobody knows them.",
        ),
    )
