"""A trained model with all that a score needs, as one folder that gives the same bits wherever it is read."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
import orjson

from models.calibration import AffineCalibrator
from models.categories import read_explainer
from models.grades import MasterScale, pd_of
from models.hazard import HazardModel
from models.scorecard import WoeExplainer
from models.shapley import CompiledExplainer
from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
Family = Literal["boosted", "scorecard", "warning"]
FORMAT = 1


class DamagedModel(HuixinError):
    code: ClassVar[str] = "damaged-model"
    status: ClassVar[int] = 503
    title: ClassVar[Text] = Text("模型文件损坏", "The model's files are damaged")


class Explainer(Protocol):
    """Margins [n], contributions [n, features] and their base, in log-odds; as plain arrays for keeping."""

    def explain(self, X: Any) -> tuple[Floats, Floats, float]: ...

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]: ...


@dataclass(frozen=True)
class Bundle:
    """A model of one segment: what it looks at, how a margin becomes a PD, where it comes from.

    ``codes`` are the features in the order of columns, ``words`` what each was called when the model was trained,
    ``weights`` their mean absolute share of the log-odds; ``data_fingerprint`` is of the training rows, ``inferred``
    says what of them was inferred and not seen.
    """

    segment: str
    family: Family
    codes: tuple[str, ...]
    explainer: Explainer | HazardModel
    calibrator: AffineCalibrator = field(default_factory=AffineCalibrator)
    scale: MasterScale = field(default_factory=MasterScale)
    trained_as_ofs: tuple[date, ...] = ()
    validated_as_of: date | None = None
    out_of_time: bool = True
    synthetic: bool = False
    data_fingerprint: str = ""
    code_version: str = ""
    seed: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    words: dict[str, Text] = field(default_factory=dict)
    booster_text: str | None = None
    inferred: tuple[Text, ...] = ()

    def explain(self, X: Floats) -> tuple[Floats, Floats, float]:
        """Calibrated log-odds of default [n], each feature's share [n, features] and their base, in log-odds."""
        assert not isinstance(self.explainer, HazardModel)  # noqa: S101
        margin, contributions, base = self.explainer.explain(np.ascontiguousarray(X, np.float64))
        slope = self.calibrator.slope
        return self.calibrator.log_odds(margin), slope * contributions, slope * base + self.calibrator.intercept

    def pd(self, X: Floats) -> Floats:
        """Probability of default within 12 months, [n]."""
        return pd_of(self.explain(X)[0])

    def distress(self, X: Floats) -> Floats:
        """Probability of distress within 3, 6 and 12 months, [n, 3]; for bundles of the family ``warning``."""
        assert isinstance(self.explainer, HazardModel)  # noqa: S101
        return self.explainer.distress(np.ascontiguousarray(X, np.float64))

    def save(self, folder: Path) -> str:
        """Write the bundle to ``folder``; returns the fingerprint of its files."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "explainer.npz", **self.explainer.to_arrays())  # type: ignore[arg-type]
        if self.booster_text is not None:
            (folder / "booster.txt").write_text(self.booster_text)
        facts = {
            "format": FORMAT,
            "segment": self.segment,
            "family": self.family,
            "codes": self.codes,
            "calibrator": [self.calibrator.slope, self.calibrator.intercept],
            "scale": self.scale.upper,
            "trained_as_ofs": self.trained_as_ofs,
            "validated_as_of": self.validated_as_of,
            "out_of_time": self.out_of_time,
            "synthetic": self.synthetic,
            "data_fingerprint": self.data_fingerprint,
            "code_version": self.code_version,
            "seed": self.seed,
            "metrics": self.metrics,
            "weights": self.weights,
            "words": {code: list(words) for code, words in self.words.items()},
            "inferred": [list(note) for note in self.inferred],
        }
        (folder / "bundle.json").write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
        return fingerprint(folder)

    @classmethod
    def load(cls, folder: Path, expected: str | None = None) -> Bundle:
        """Read what ``save`` wrote. Raises ``DamagedModel`` where files are missing or not the ``expected`` ones."""
        try:
            if expected is not None and fingerprint(folder) != expected:
                raise DamagedModel(
                    Text(
                        "模型文件与登记的指纹不符，拒绝使用",
                        "the files do not match the registered fingerprint; not used",
                    )
                )
            facts = orjson.loads((folder / "bundle.json").read_bytes())
            if facts["format"] != FORMAT:
                raise ValueError(f"format {facts['format']}; this version reads {FORMAT}")
            with np.load(folder / "explainer.npz", allow_pickle=False) as kept:
                arrays = dict(kept)
            explainer = read_explainer(arrays, _EXPLAINERS[facts["family"]])
            text = folder / "booster.txt"
            return cls(
                segment=facts["segment"],
                family=facts["family"],
                codes=tuple(facts["codes"]),
                explainer=explainer,
                calibrator=AffineCalibrator(*facts["calibrator"]),
                scale=MasterScale(tuple(facts["scale"])),
                trained_as_ofs=tuple(date.fromisoformat(day) for day in facts["trained_as_ofs"]),
                validated_as_of=date.fromisoformat(facts["validated_as_of"]) if facts["validated_as_of"] else None,
                out_of_time=facts["out_of_time"],
                synthetic=facts["synthetic"],
                data_fingerprint=facts["data_fingerprint"],
                code_version=facts["code_version"],
                seed=facts["seed"],
                metrics=facts["metrics"],
                weights=facts["weights"],
                words={code: Text(*both) for code, both in facts.get("words", {}).items()},
                booster_text=text.read_text() if text.exists() else None,
                inferred=tuple(Text(*note) for note in facts.get("inferred", ())),
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise DamagedModel(
                Text(f"模型文件无法读取（{error}）", f"the model's files cannot be read ({error})")
            ) from error


_EXPLAINERS: dict[str, Any] = {"boosted": CompiledExplainer, "scorecard": WoeExplainer, "warning": HazardModel}


def fingerprint(folder: Path) -> str:
    """SHA-256 over the names and contents of a folder's files."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file() and path.name in BUNDLE_FILES):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


BUNDLE_FILES = ("bundle.json", "explainer.npz", "booster.txt")


def code_version() -> str:
    """Version of the installed package, with the commit of the working tree that it runs from, if any."""
    try:
        installed = version("huixin")
    except PackageNotFoundError:
        installed = "unknown"
    tree, git = Path(__file__).parents[1], shutil.which("git")
    if git is None or not (tree / ".git").exists():
        return installed
    command = [git, "-C", str(tree), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    commit = found.stdout.strip().replace("-", ".")
    return f"{installed}+g{commit}" if commit else installed
