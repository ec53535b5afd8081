"""The data set in a record base of its own, and the invoice features of its enterprises."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.definition import AnyFeature
from features.invoices import FEATURES
from features.pipeline import FeaturePipeline
from huixin.cumcm.reader import ISSUER, BadStudyData, StudyData
from records.base import RecordBase
from records.moment import end_of_day
from records.settings import Settings
from records.words import Text

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StudyTable:
    """Features of every enterprise at the data set's last moment, in the order of ``StudyData.enterprises``.

    ``X`` [n, features] (NaN: missing), ``subject_ids`` (n), ``outcome`` [n] (NaN where there is no credit record).
    """

    features: tuple[AnyFeature, ...]
    subject_ids: tuple[str, ...]
    X: Floats
    outcome: Floats

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(feature.code for feature in self.features)

    @property
    def directions(self) -> tuple[int, ...]:
        return tuple(int(feature.direction) for feature in self.features)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Enterprises with a credit record, [n]."""
        return ~np.isnan(self.outcome)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the features and outcomes."""
        return hashlib.sha256(self.X.tobytes() + self.outcome.tobytes()).hexdigest()


def fill(data: StudyData, settings: Settings) -> RecordBase:
    """Take the data set into the base of ``settings``; again is no harm, into a base with other records an error."""
    base = RecordBase.open(settings)
    prefix = f"{ISSUER}:"
    if any(not (batch.batch_key or "").startswith(prefix) for batch in base.batches()):
        raise BadStudyData(
            Text(
                f"{settings.home} 中的信用库已有其他记录；请为此数据集另设目录",
                f"the base in {settings.home} holds other records; give this data set a folder of its own",
            )
        )
    with tempfile.TemporaryDirectory(dir=settings.home) as door:
        for item, rows in (("market.registration", data.registrations), ("tax.invoice", data.invoices)):
            path = Path(door) / f"{item}.parquet"
            rows.write_parquet(path)
            content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            key = f"{prefix}{item}:{content}"
            receipt = base.append(path, item, history=True, pseudonyms=ISSUER, batch_key=key)
            if receipt.rows_rejected:
                raise BadStudyData(
                    Text(
                        f"{item}：{receipt.rows_rejected} 行未获接收，见 {receipt.quarantine}",
                        f"{item}: {receipt.rows_rejected} rows were not accepted, see {receipt.quarantine}",
                    )
                )
    return base


def study_table(base: RecordBase, data: StudyData) -> StudyTable:
    """Invoice features of every enterprise at the end of the data set's last month."""
    number = base.identity.subject_id
    ids = [number(f"pseudonym:{ISSUER}", code) for code in data.enterprises["code"]]
    moment = pa.array([end_of_day(data.as_of_day)] * len(ids), pa.timestamp("us"))
    spine = pa.table({"subject_id": pa.array(ids, pa.string()), "as_of": moment})
    pipeline = FeaturePipeline(base.connection(("tax.invoice",)), "enterprise", FEATURES)
    table = pipeline.build(spine)
    return StudyTable(
        features=pipeline.features,
        subject_ids=tuple(ids),
        X=np.column_stack([table[code].to_numpy() for code in pipeline.codes]),
        outcome=data.enterprises["defaulted"].cast(float).to_numpy(),
    )
