"""Does an answer ever move against the direction that a feature declares?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PROBES, GRID = 200, 9
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Directed:
    """A feature with a declared direction: how many of the ``probes`` it moved the wrong way, by how much at most.

    ``reach``: mean distance between the lowest and the highest answer over the feature's range: what it can do.
    """

    code: str
    direction: int
    probes: int
    wrong: int
    largest: float
    reach: float


def directed(
    answers: Callable[[Floats], Floats], codes: Sequence[str], X: Floats, directions: Sequence[int]
) -> tuple[Directed, ...]:
    """Move each directed feature of 200 rows of ``X`` [n, features] over nine quantiles of its range, all else equal.

    ``answers``: rows to answers [rows] or [rows, answers] that rise with risk, such as log-odds of default. Features
    that are missing throughout are left out.
    """
    probes = X[np.linspace(0, len(X) - 1, min(PROBES, len(X))).astype(int)]
    found = []
    for column, (code, direction) in enumerate(zip(codes, directions, strict=True)):
        values = X[:, column][np.isfinite(X[:, column])]
        if direction == 0 or not len(values):
            continue
        grid = np.unique(np.quantile(values, np.linspace(0, 1, GRID)))
        moved = np.repeat(probes, len(grid), axis=0)
        moved[:, column] = np.tile(grid, len(probes))
        said = np.asarray(answers(moved)).reshape(len(probes), len(grid), -1)
        against = np.maximum(-direction * np.diff(said, axis=1), 0).reshape(len(probes), -1)
        against = np.where(against > TOLERANCE, against, 0.0)
        largest = float(against.max()) if against.size else 0.0
        wrong = int((against > 0).any(axis=1).sum()) if against.size else 0
        reach = float((said.max(axis=1) - said.min(axis=1)).mean())
        found.append(Directed(code, direction, len(probes), wrong, largest, reach))
    return tuple(found)
