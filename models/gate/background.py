"""What is known around the rows that a challenger is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from records.words import Text

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Learning:
    """Rows that a challenger learnt from: features [m, features], outcome [m]."""

    X: Floats
    outcome: Floats


@dataclass(frozen=True)
class Rebuilt:
    """Some of the judged rows (their numbers), built again from the records that their as-of may see."""

    rows: npt.NDArray[np.int64]
    X: Floats


@dataclass(frozen=True)
class Attribute:
    """A protected attribute of the judged rows: ``group`` [n] numbers into ``names``, -1 where it is not known."""

    code: str
    words: Text
    names: tuple[Text, ...]
    group: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Background:
    """What the gate needs beyond the judged rows; what is absent is left out, and the verdict says so.

    ``month_earlier`` [n, features]: the judged rows with their as-ofs moved back by a month.
    ``claimed_auc``: AUC that the version was registered with. ``protected``: attributes for fairness audits alone.
    """

    learning: Learning | None = None
    month_earlier: Floats | None = None
    rebuilt: Rebuilt | None = None
    claimed_auc: float | None = None
    protected: tuple[Attribute, ...] | None = None
