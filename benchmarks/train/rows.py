"""A table like those that records give: heavy tails, many zeros, gaps, traits in common, few defaults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.training_table import HORIZON, TrainingTable

Floats = npt.NDArray[np.float64]
LATENT = 12
DIRECTED = 2 / 3
DEFAULT_RATE = 0.04
LEARNT = ("2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31")
JUDGED = "2024-12-31"
KINDS = ("amount", "amount", "count", "count", "share", "since", "level")


@dataclass(frozen=True)
class World:
    """What subjects and features have in common: how features follow the ``LATENT`` traits, and traits the default."""

    loadings: Floats
    risk: Floats
    scale: Floats
    missing: Floats
    directions: tuple[int, ...]
    seed: int

    @classmethod
    def of(cls, features: int, seed: int) -> World:
        """``features`` that each follow one to three traits; two thirds of them have a declared direction."""
        rng = np.random.default_rng(seed)
        loadings = np.zeros((LATENT, features))
        for column in range(features):
            followed = rng.choice(LATENT, rng.integers(1, 4), replace=False)
            loadings[followed, column] = rng.normal(0, 0.7, len(followed))
        risk = rng.normal(0, 0.45, LATENT)
        risk[LATENT // 2 :] *= 0.4
        pull = risk @ loadings
        declared = np.zeros(features, np.int64)
        clear = np.argsort(-np.abs(pull))[: round(DIRECTED * features)]
        declared[clear] = np.sign(pull[clear]).astype(np.int64)
        missing = np.where(rng.random(features) < 0.5, 0.0, rng.beta(0.7, 3, features))
        return cls(loadings, risk, rng.uniform(0.6, 1.6, features), missing, tuple(declared.tolist()), seed)

    def table(self, subjects: int, days: tuple[str, ...], draw: int) -> TrainingTable:
        """A row for each of ``subjects``, each at one of ``days``: features, default and months to distress."""
        rng = np.random.default_rng([self.seed, draw])
        traits = rng.normal(size=(subjects, LATENT))
        log_odds = self._log_odds(traits)
        level = _level(log_odds, DEFAULT_RATE)
        outcome = (rng.random(subjects) < 1 / (1 + np.exp(-log_odds - level))).astype(np.float64)
        early = rng.integers(1, HORIZON + 1, subjects).astype(np.float64)
        milder = rng.random(subjects) < 0.6 / (1 + np.exp(-log_odds - level))
        moments = np.array([f"{day}T15:59:59" for day in days], "datetime64[us]")
        return TrainingTable(
            X=self._features(traits, rng),
            outcome=outcome,
            subject=np.array([f"s{number:07d}" for number in range(subjects)]),
            as_of=moments[rng.integers(0, len(days), subjects)],
            months_to_distress=np.where((outcome > 0) | milder, early, np.nan),
        )

    def a_month_before(self, X: Floats) -> Floats:
        """The same rows with nearly the same values: a month changes little."""
        rng = np.random.default_rng(self.seed + 1)
        return np.asarray(X * np.where(rng.random(X.shape) < 0.3, rng.uniform(0.9, 1.1, X.shape), 1.0))

    def _log_odds(self, traits: Floats) -> Floats:
        """A line, bends, and three traits that count for more together."""
        tangled = 0.35 * np.maximum(traits[:, 0], 0) * np.maximum(traits[:, 1], 0)
        tangled += 0.3 * (traits[:, 2] > 1) * traits[:, 3] - 0.3 * np.abs(traits[:, 4])
        return np.asarray(1.9 * traits @ self.risk + tangled)

    def _features(self, traits: Floats, rng: np.random.Generator) -> Floats:
        found = np.empty((len(traits), self.loadings.shape[1]))
        for column in range(found.shape[1]):
            shown = traits @ self.loadings[:, column] + rng.normal(0, self.scale[column], len(traits))
            found[:, column] = _as_kind(KINDS[column % len(KINDS)], shown, rng)
            if self.missing[column]:
                found[rng.random(len(traits)) < self.missing[column], column] = np.nan
        return found


def _as_kind(kind: str, shown: Floats, rng: np.random.Generator) -> Floats:
    """A normal number as an amount (heavy tail, zeros), a count, a share, days since something, or a level."""
    match kind:
        case "amount":
            found = np.round(np.exp(8 + 1.3 * shown), 2)
            return np.where(rng.random(len(shown)) < 0.15, 0.0, found)
        case "count":
            return rng.poisson(np.exp(np.clip(shown - 1.0, -8, 5))).astype(np.float64)
        case "share":
            return np.asarray(np.round(1 / (1 + np.exp(-shown)), 4))
        case "since":
            return np.asarray(np.floor(np.exp(np.clip(4 + shown, 0, 8))))
        case _:
            return np.asarray(np.clip(np.round(2 + shown), 0, 5))


def _level(log_odds: Floats, rate: float) -> float:
    """What to add to ``log_odds`` so that their mean probability is ``rate``; found by halving."""
    low, high = -15.0, 15.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-log_odds - middle))).mean() < rate else (low, middle)
    return (low + high) / 2
