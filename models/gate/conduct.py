"""Does the challenger behave: monotone where that is declared, explained to the last point, on permitted features?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle
from models.gate.thresholds import Thresholds
from models.gate.verdict import Check
from records.words import Text

Floats = npt.NDArray[np.float64]
PROBES = 200
MONOTONE = Text("单调方向", "declared directions")
REASONS = Text("理由合计等于评分", "reasons add up to the score")
WORDED = Text("理由覆盖", "reason coverage")
PERMITTED = Text("特征用途", "permitted features")


def monotonicity(
    answers: Callable[[Floats], Floats], codes: tuple[str, ...], X: Floats, directions: tuple[int, ...]
) -> Check:
    """Move each directed feature of some rows over its range: no answer [n, answers] may ever move the wrong way."""
    probes = X[np.linspace(0, len(X) - 1, min(PROBES, len(X))).astype(int)]
    wrong = []
    for column, direction in enumerate(directions):
        values = X[:, column][np.isfinite(X[:, column])]
        if direction == 0 or not len(values):
            continue
        grid = np.unique(np.quantile(values, np.linspace(0, 1, 9)))
        moved = np.repeat(probes, len(grid), axis=0)
        moved[:, column] = np.tile(grid, len(probes))
        found = answers(moved).reshape(len(probes), len(grid), -1)
        if (direction * np.diff(found, axis=1) < -1e-9).any():
            wrong.append(codes[column])
    named = ", ".join(wrong)
    said = Text(f"与声明方向不符的特征：{named or '无'}", f"against the declared direction: {named or 'none'}")
    return Check("monotone", MONOTONE, not wrong, said, float(len(wrong)), most=0.0)


def reasons(challenger: Bundle, X: Floats, limits: Thresholds) -> list[Check]:
    """Reasons reach the score, and each feature that is weighed has its words in both languages."""
    log_odds, contributions, base = challenger.explain(X)
    gap = float(np.abs(base + contributions.sum(axis=1) - log_odds).max())
    passed = bool(gap <= limits.reasons_tolerance)
    said = Text(f"理由合计与评分相差 {gap:.1e}", f"reasons miss the score by {gap:.1e}")
    sums = Check("reasons-add-up", REASONS, passed, said, gap, most=limits.reasons_tolerance)
    if not challenger.words:
        return [sums]
    shares = np.abs(contributions).sum(axis=0)
    told = [bool((words := challenger.words.get(code)) and words.zh and words.en) for code in challenger.codes]
    covered = float(shares[told].sum() / max(shares.sum(), 1e-300)) if shares.any() else 1.0
    dumb = [code for code, known, share in zip(challenger.codes, told, shares, strict=True) if share and not known]
    named = ", ".join(dumb[:5])
    words = Text(
        f"理由文字覆盖评分的 {covered:.1%}" + (f"；无文字：{named}" if dumb else ""),
        f"reasons in words cover {covered:.1%} of the score" + (f"; without words: {named}" if dumb else ""),
    )
    return [sums, Check("reasons-in-words", WORDED, not dumb, words, covered, least=1.0)]


def permitted(codes: tuple[str, ...]) -> Check:
    """No feature that serves fairness audits or supervision alone; codes that are not registered here are not known."""
    from features.dictionary import registered

    known = registered()
    barred = [code for code in codes if code in known and getattr(known[code], "use", "model") != "model"]
    named = ", ".join(barred)
    said = Text(f"不得用于评级的特征：{named or '无'}", f"features that may not be used for ratings: {named or 'none'}")
    return Check("permitted-features", PERMITTED, not barred, said, float(len(barred)), most=0.0)
