"""Decisions of lenders on applications for credit: from the records of the base, or from a file of a platform."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from features.outcomes import label
from features.pipeline import FeaturePipeline
from features.spine import SPINE_SCHEMA
from models.reject_inference import Inferred, Method, parcelled, reweighted
from records.base import RecordBase
from records.errors import HuixinError, UnknownSubject
from records.moment import end_of_day
from records.words import Text

if TYPE_CHECKING:
    from models.training_table import TrainingTable

Floats = npt.NDArray[np.float64]
ACCEPTED = ("approved", "reduced")
REFUSED = ("refused",)


class BadDecisions(HuixinError):
    code: ClassVar[str] = "bad-decisions"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("审批结果文件有误", "Bad file of decisions")


@dataclass(frozen=True)
class Decided:
    """Applicants as a lender saw them: features X [n, features] as known the day before, whether they were accepted,
    and whether they defaulted within 12 months (NaN for the refused, and where it is not known yet)."""

    subject: npt.NDArray[Any]
    as_of: npt.NDArray[np.datetime64]
    X: Floats
    accepted: npt.NDArray[np.bool_]
    outcome: Floats


def recorded_decisions(connection: Any, segment: str, first: date, last: date) -> pl.DataFrame:
    """Decisions of ``bank.credit_application`` from ``first`` to ``last``: subject_id, decided_on, accepted."""
    query = """
        SELECT subject_id, occurred_on AS decided_on, decision IN ('approved', 'reduced') AS accepted
        FROM bank_credit_application
        WHERE subject_kind = $segment AND occurred_on BETWEEN $first AND $last AND superseded_at IS NULL
          AND decision IN ('approved', 'reduced', 'refused')
        ORDER BY 1, 2, 3
    """
    with connection.con.cursor() as cursor:
        found = cursor.sql(query, params={"segment": segment, "first": first, "last": last}).to_arrow_table()
    made = pl.from_arrow(found)
    assert isinstance(made, pl.DataFrame)  # noqa: S101
    return made


def read_decisions(base: RecordBase, segment: str, path: Path) -> pl.DataFrame:
    """A platform's decisions from CSV or Parquet: columns ``subject`` (identity number or subject id), ``decided_on``
    (day), ``decision`` (approved, reduced or refused). Subjects that the base does not know are left out.

    Identity numbers become subject ids at once and are kept nowhere. Raises ``BadDecisions``.
    """
    wanted = ("subject", "decided_on", "decision")
    try:
        table = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=0)
        table = table.select(wanted)
        if table["decided_on"].dtype == pl.String:
            table = table.with_columns(pl.col("decided_on").str.to_date("%Y-%m-%d"))
    except (pl.exceptions.PolarsError, OSError) as error:
        columns = ", ".join(wanted)
        raise BadDecisions(
            Text(
                f"无法读取（{type(error).__name__}）；需要列 {columns}，日期如 2025-06-30",
                f"cannot be read ({type(error).__name__}); columns {columns} are needed, days as 2025-06-30",
            )
        ) from error
    strange = sorted(set(table["decision"].to_list()) - {*ACCEPTED, *REFUSED})
    if strange:
        accepted = ", ".join((*ACCEPTED, *REFUSED))
        raise BadDecisions(
            Text(f"审批结果“{strange[0]}”不可用；可用：{accepted}", f"decision '{strange[0]}'; accepted: {accepted}")
        )
    ids = {number: _known(base, segment, number) for number in table["subject"].unique().to_list()}
    return (
        table.with_columns(subject_id=pl.col("subject").replace_strict(ids, return_dtype=pl.String))
        .filter(pl.col("subject_id").is_not_null())
        .select("subject_id", "decided_on", accepted=pl.col("decision").is_in(ACCEPTED))
    )


def decided(pipeline: FeaturePipeline, decisions: pl.DataFrame) -> Decided:
    """Features and outcomes of those about whom ``decisions`` (subject_id, decided_on, accepted) were taken.

    Features are as of the end of the day before: the decision itself is not among them.
    """
    moments = [end_of_day(day - timedelta(days=1)) for day in decisions["decided_on"].to_list()]
    subjects = pa.array(decisions["subject_id"].to_list(), pa.string())
    asked = pa.table([subjects, pa.array(moments, pa.timestamp("us"))], schema=SPINE_SCHEMA)
    table = pipeline.build(asked)
    outcome = label(pipeline.connection, asked, pipeline.segment)["outcome"].to_numpy()
    accepted = decisions["accepted"].to_numpy()
    return Decided(
        np.array(table["subject_id"].to_pylist()),
        table["as_of"].to_numpy(),
        np.column_stack([table[code].to_numpy() for code in pipeline.codes]),
        accepted,
        np.where(accepted, outcome, np.nan),
    )


def with_refused(
    training: TrainingTable,
    found: Decided,
    method: Method,
    *,
    refused_pd: Floats | None = None,
    worse: float = 1.5,
    seed: int = 0,
) -> tuple[TrainingTable, Inferred]:
    """Training rows that stand for all applicants, and what they are worth; columns of both are the same features.

    ``reweight``: rows are repeated by the inverse of how probable their acceptance was. ``parcel``: refused applicants
    join with outcomes drawn by ``refused_pd`` (by a model of ``training``), odds raised by ``worse``. Guessed rows have
    no months to distress. Judge the model on rows of the accepted alone: nobody knows the others. Raises
    ``TooFewDecisions``.
    """
    refused = ~found.accepted
    refused_X = found.X[refused]
    if method == "reweight":
        accepted_X = found.X[found.accepted]
        made = reweighted(training.X, training.outcome, refused_X, accepted_X=accepted_X, seed=seed)
    else:
        if refused_pd is None:
            raise ValueError("parcelling needs a PD of each refused applicant")
        made = parcelled(training.X, training.outcome, refused_X, refused_pd, worse=worse, seed=seed)
    X, outcome, origin = made.as_rows(seed)
    source = made.source[origin]
    unknown = np.full(len(refused_X), np.nan)
    return (
        replace(
            training,
            X=X,
            outcome=outcome,
            subject=np.concatenate([training.subject, found.subject[refused]])[source],
            as_of=np.concatenate([training.as_of, found.as_of[refused]])[source],
            months_to_distress=np.concatenate([training.months_to_distress, unknown])[source],
        ),
        made,
    )


def _known(base: RecordBase, segment: str, number: str) -> str | None:
    try:
        found = base.subject(number)
    except UnknownSubject:
        return None
    return found.subject_id if found.kind == segment else None
