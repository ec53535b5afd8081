"""What would raise a score: the fewest and smallest changes that a subject can make, re-scored before they are shown.

Wachter, Mittelstadt and Russell (2018), Counterfactual explanations without opening the black box; actionable recourse
after Ustun, Spangher and Liu (2019). Only features that a subject can act on are moved, only from a known value in the
direction in which the model is constrained to be monotone, and only to values that peers really have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from features.definition import AnyFeature
from models.bundle import Bundle
from models.grades import GRADES
from records.words import Text
from scoring.peer_values import PeerValues
from scoring.reasons import value_in_words
from scoring.scorer import Scorer

Floats = npt.NDArray[np.float64]
Levels = dict[int, Floats]  # by column: better values, the nearest first
Move = dict[int, float]  # by column: the value it is moved to
SHARES = np.linspace(0.05, 0.95, 13)
MOST_PATHS, MOST_ALONE, MOST_CHANGES = 3, 5, 6
PAIRS_OF, TRIPLES_OF = 10, 8
ENOUGH = 0.8
NOISE = 1e-9


@dataclass(frozen=True)
class Change:
    """One feature moved; ``points`` is what the score gains by it, after the changes before it.

    ``peers``: the share of peers who have ``to`` or better. ``window_months``: over how long a time the feature is
    measured, so how long a change may take to count in full.
    """

    feature: str
    words: Text
    value: float
    value_words: Text
    to: float
    to_words: Text
    peers: float
    window_months: int | None
    points: float


@dataclass(frozen=True)
class Path:
    """Changes made together, everything else as it is, and what the model then says."""

    changes: tuple[Change, ...]
    pd: float
    score: float
    grade: str
    gain: float
    reaches_target: bool
    words: Text


@dataclass(frozen=True)
class Counterfactuals:
    """How a score of ``score`` and ``grade`` could be better.

    ``paths``: to ``target_grade`` with the fewest changes, the smallest first; where the target is out of reach, one
    path as far as there is a way. ``alone``: what single changes give, the most helpful first.
    """

    pd: float
    score: float
    grade: str
    target_grade: str | None
    paths: tuple[Path, ...]
    alone: tuple[Path, ...]
    peers: int
    notes: tuple[Text, ...]


def counterfactuals(
    bundle: Bundle, values: Floats, peers: PeerValues, declared: Mapping[str, AnyFeature]
) -> Counterfactuals:
    """What would raise the score of ``values`` [features], as ``bundle`` scores it.

    ``declared``: the features by code, which say what can be moved, and where to.
    """
    return _Search(bundle, np.asarray(values, np.float64), peers, declared).found()


def better_values(feature: AnyFeature, value: float, peers: PeerValues) -> Floats:
    """Values that peers have, between their 5th and 95th percentile, that are better than ``value``; nearest first.

    Empty where the feature cannot be acted on, claims no direction, or has no known value: what missing does to a
    score no constraint promises.
    """
    movable = feature.actionable and feature.direction and feature.use == "model"
    if not movable or not np.isfinite(value) or feature.code not in peers.values:
        return np.empty(0)
    held = np.unique(np.quantile(peers.values[feature.code], SHARES, method="inverted_cdf"))
    return held[held > value] if feature.direction < 0 else held[held < value][::-1]


class _Search:
    def __init__(self, bundle: Bundle, values: Floats, peers: PeerValues, declared: Mapping[str, AnyFeature]) -> None:
        self.bundle, self.values, self.peers, self.declared = bundle, values, peers, declared
        self.scorer = Scorer(bundle)
        now = self.scorer.score(values[None])
        self.pd, self.score, self.grade = float(now.pd[0]), float(now.score[0]), now.grade[0]
        self.position = GRADES.index(self.grade)
        self.alone: dict[int, Floats] = {}  # by column: scores at each of its levels
        self.levels = self._levels()

    def found(self) -> Counterfactuals:
        target = GRADES[self.position - 1] if self.position else None
        moves = self._moves() if target else []
        paths = [path for path in map(self._path, moves) if path is not None]
        alone = [self._path(self._enough(column)) for column in self._best()[:MOST_ALONE]]
        return Counterfactuals(
            self.pd,
            self.score,
            self.grade,
            target,
            tuple(paths),
            tuple(path for path in alone if path is not None),
            self.peers.subjects,
            self._notes(target, paths),
        )

    def _levels(self) -> Levels:
        """What can be moved and helps. A feature made of others that can be moved follows them, and is not moved."""
        found: Levels = {}
        for column, code in enumerate(self.bundle.codes):
            if code in self.declared:
                levels = better_values(self.declared[code], self.values[column], self.peers)
                if len(levels):
                    found[column] = levels
        codes = {self.bundle.codes[column] for column in found}
        found = {
            column: levels
            for column, levels in found.items()
            if not codes & set(self.declared[self.bundle.codes[column]].inputs)
        }
        for column, levels in list(found.items()):
            self.alone[column] = scores = self._rescored([{column: level} for level in levels])[1]
            if scores.min() < self.score - NOISE or scores.max() <= self.score + NOISE:
                del found[column]
        return found

    def _best(self) -> list[int]:
        """Columns by what they can give alone, the most first."""
        return sorted(self.levels, key=lambda column: (-self.alone[column].max(), column))

    def _enough(self, column: int) -> Move:
        """The smallest change of a column that gives most of what it can give."""
        gains = self.alone[column] - self.score
        return {column: float(self.levels[column][int(np.argmax(gains >= ENOUGH * gains.max()))])}

    def _moves(self) -> list[Move]:
        """The fewest changes that reach the next grade, the smallest first; else as far as there is a way."""
        best = self._best()
        for size, among in ((1, len(best)), (2, PAIRS_OF), (3, TRIPLES_OF)):
            reaching = self._reaching(combinations(best[:among], size))
            if reaching:
                shrink = self._smallest if size < 3 else self._shrunk
                made = [shrink(columns) for columns in reaching]
                return sorted(made, key=lambda move: (self._effort(move), sorted(move)))[:MOST_PATHS]
        chosen = self._greedy(best)
        if not chosen:
            return []
        reached = self._reaches([self._most(chosen)])[0]
        return [self._shrunk(chosen) if reached else self._most(chosen)]

    def _reaching(self, sets: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
        tried = list(sets)
        reached = self._reaches([self._most(columns) for columns in tried])
        return [columns for columns, yes in zip(tried, reached, strict=True) if yes]

    def _most(self, columns: Iterable[int]) -> Move:
        return {column: float(self.levels[column][-1]) for column in columns}

    def _smallest(self, columns: tuple[int, ...]) -> Move:
        """Of all combinations of levels that reach the target, the one of least effort."""
        grid = [dict(zip(columns, levels, strict=True)) for levels in product(*(self.levels[c] for c in columns))]
        reached = self._reaches(grid)
        return min((move for move, yes in zip(grid, reached, strict=True) if yes), key=self._effort)

    def _shrunk(self, columns: Iterable[int]) -> Move:
        """From the largest changes back, one column after the other, as long as the target is reached."""
        move = self._most(columns)
        for column in sorted(move, key=lambda one: (self.alone[one].max(), one)):
            tried = [{**move, column: float(level)} for level in self.levels[column]]
            move = tried[int(np.argmax(self._reaches(tried)))]
        return move

    def _greedy(self, best: list[int]) -> list[int]:
        """Columns that together give the most, one after the other, until the target is reached."""
        chosen: list[int] = []
        score = self.score
        while len(chosen) < min(MOST_CHANGES, len(best)):
            left = [column for column in best if column not in chosen]
            pd, scores = self._rescored([self._most([*chosen, column]) for column in left])
            at = int(np.argmax(scores))
            if scores[at] <= score + NOISE:
                break
            chosen.append(left[at])
            score = float(scores[at])
            if self.bundle.scale.positions(pd[at : at + 1])[0] < self.position:
                break
        return chosen

    def _effort(self, move: Move) -> float:
        """How many peers are overtaken, as the sum of shares."""
        return sum(abs(self._rank(column, to) - self._rank(column, self.values[column])) for column, to in move.items())

    def _rank(self, column: int, value: float) -> float:
        return self.peers.share_below(self.bundle.codes[column], value)

    def _reaches(self, moves: list[Move]) -> list[bool]:
        reached: list[bool] = (self.bundle.scale.positions(self._rescored(moves)[0]) < self.position).tolist()
        return reached

    def _rescored(self, moves: list[Move]) -> tuple[Floats, Floats]:
        """PD and score [moves] after each of ``moves``."""
        if not moves:
            return np.empty(0), np.empty(0)
        rows = np.repeat(self.values[None], len(moves), axis=0)
        for row, move in zip(rows, moves, strict=True):
            row[list(move)] = list(move.values())
        scores = self.scorer.score(rows)
        return scores.pd, scores.score

    def _path(self, move: Move) -> Path | None:
        """``move`` as it is shown: each step scored by the model on its own. None where it does not help after all."""
        row, before = self.values.copy(), self.score
        changes = []
        for column in sorted(move, key=lambda one: (-self.alone[one].max(), one)):
            row[column] = move[column]
            scored = self.scorer.score(row[None])
            changes.append(self._change(column, move[column], float(scored.score[0]) - before))
            before = float(scored.score[0])
        if before < self.score or not changes:
            return None
        grade, pd = scored.grade[0], float(scored.pd[0])
        reaches = GRADES.index(grade) < self.position
        words = _told(changes, self.score, before, self.grade, grade)
        return Path(tuple(changes), pd, before, grade, before - self.score, reaches, words)

    def _change(self, column: int, to: float, points: float) -> Change:
        code = self.bundle.codes[column]
        feature, value = self.declared[code], float(self.values[column])
        return Change(
            code,
            feature.words,
            value,
            value_in_words(feature, value),
            to,
            value_in_words(feature, to),
            self.peers.share_as_good(code, to, feature.direction),
            feature.window_months,
            points,
        )

    def _notes(self, target: str | None, paths: list[Path]) -> tuple[Text, ...]:
        notes = [HELD]
        if target is None:
            notes.append(BEST)
        elif not self.levels:
            notes.append(NOTHING_TO_MOVE)
        elif not any(path.reaches_target for path in paths):
            notes.append(OUT_OF_REACH)
        return tuple(notes)


HELD = Text(
    "假定其余各项不变、以给出评分的模型重算；不是对将来评分的承诺",
    "re-scored by the model that gave the score, everything else as it is; no promise of a future score",
)
BEST = Text("已是最高等级", "this is the best grade already")
NOTHING_TO_MOVE = Text(
    "凡本人可以改善且有记录的各项，都已不逊于同类", "whatever the subject can act on is already as good as its peers'"
)
OUT_OF_REACH = Text(
    "仅凭本人可改善的各项，改善到同类常见水平仍不足以升一级",
    "what the subject can act on, brought to what peers have, does not reach the next grade by itself",
)


def _told(changes: list[Change], before: float, after: float, grade: str, then: str) -> Text:
    """A path in words."""
    zh = "；".join(
        f"“{one.words.zh}”由 {one.value_words.zh} 变为 {one.to_words.zh}（{one.peers:.0%} 的同类已达到）"
        for one in changes
    )
    en = "; ".join(
        f"'{one.words.en}' from {one.value_words.en} to {one.to_words.en} ({one.peers:.0%} of peers are there)"
        for one in changes
    )
    moved = f"{before:.1f} → {after:.1f}"
    grades = (
        Text(f"等级 {grade} → {then}", f"grade {grade} → {then}")
        if grade != then
        else Text(f"等级仍为 {grade}", f"grade still {grade}")
    )
    return Text(
        f"{zh}：评分 {moved}（+{after - before:.1f} 分），{grades.zh}",
        f"{en}: score {moved} (+{after - before:.1f} points), {grades.en}",
    )
