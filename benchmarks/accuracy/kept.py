"""Folds that an earlier run has measured already, so that a run of hours that was cut off can go on."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import orjson

from benchmarks.accuracy.datasets import DataSet
from benchmarks.accuracy.own import OWN

PACKAGES = {
    "optbinning_scorecard": "optbinning",
    "lightgbm": "lightgbm",
    "xgboost": "xgboost-cpu",
    "catboost": "catboost",
    "explainable_boosting": "interpret-core",
}


class Kept:
    """Figures by fold in a file of JSON lines; ``None`` as path keeps nothing.

    A fold counts only for the same rows, the same fold and the same model: of ours the same source files, of others
    the same version of the library. ``again`` takes up the lines of the file; without it the file is begun anew.
    """

    def __init__(self, path: Path | None, again: bool = False) -> None:
        self._path = path
        self._known: dict[str, dict[str, float]] = {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if not again:
            path.unlink(missing_ok=True)
        elif path.is_file():
            for line in path.read_bytes().splitlines():
                try:
                    one = orjson.loads(line)
                except orjson.JSONDecodeError:  # the last line of a run that was killed
                    continue
                self._known[one["of"]] = one["figures"]

    def find(self, data: DataSet, model: str, fold: int) -> dict[str, float] | None:
        return self._known.get(_name(data, model, fold))

    def keep(self, data: DataSet, model: str, fold: int, figures: dict[str, float]) -> None:
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(orjson.dumps({"of": _name(data, model, fold), "figures": figures}) + b"\n")


def _name(data: DataSet, model: str, fold: int) -> str:
    return f"{data.name}/{_rows(data)}/{model}@{_made(model)}/{fold}"


_digests: dict[int, tuple[DataSet, str]] = {}


def _rows(data: DataSet) -> str:
    known = _digests.get(id(data))
    if known is None or known[0] is not data:
        found = hashlib.sha256(data.X.to_csv(index=False).encode())
        found.update(data.y.tobytes())
        found.update(repr(data.directions).encode())
        _digests[id(data)] = known = (data, found.hexdigest()[:16])
    return known[1]


def _made(model: str) -> str:
    if model not in OWN:
        return importlib.metadata.version(PACKAGES.get(model, "scikit-learn"))
    import models

    found = hashlib.sha256()
    for folder in models.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:16]
