"""What training asks of the records around its tables: groups, protected attributes, a month earlier, the warning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from features.pipeline import FeaturePipeline
from models.bundle import Bundle
from models.early_warning import learn_warning
from models.gate import Background, gather
from models.training_table import TrainingTable
from models.validation.population import Grouping, groupings, protected


class Surroundings(Protocol):
    """What is known of the rows of a training table beyond their features."""

    def warning(self, common: dict[str, Any]) -> Bundle | None:
        """The early-warning model of more months than the training table holds; None: learn it of the table."""
        ...

    def background(self, judged: TrainingTable, latest: TrainingTable) -> Background:
        """What the gate asks about ``judged`` rows; ``latest``: rows learnt from of the latest as-of."""
        ...

    def groups(self, rows: TrainingTable, codes: Sequence[str]) -> tuple[Grouping, ...]:
        """What tells rows apart that is not protected."""
        ...

    def attributes(self, rows: TrainingTable) -> tuple[Grouping, ...]:
        """Protected attributes of rows."""
        ...


@dataclass(frozen=True)
class FromRecords:
    """As the records of a base tell it; ``forward``: whether there are earlier months to learn warnings of."""

    connection: Any
    pipeline: FeaturePipeline
    forward: bool

    def warning(self, common: dict[str, Any]) -> Bundle | None:
        return learn_warning(self.connection, self.pipeline, common) if self.forward else None

    def background(self, judged: TrainingTable, latest: TrainingTable) -> Background:
        return gather(self.pipeline, self.pipeline.codes, judged, latest)

    def groups(self, rows: TrainingTable, codes: Sequence[str]) -> tuple[Grouping, ...]:
        return groupings(self.connection, self.pipeline.segment, rows.subject, rows.as_of, rows.X, codes)

    def attributes(self, rows: TrainingTable) -> tuple[Grouping, ...]:
        return protected(self.connection, self.pipeline.segment, rows.subject, rows.as_of)
