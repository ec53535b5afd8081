"""Does the challenger rank well enough, and no worse than what serves?"""

from __future__ import annotations

from models.gate.thresholds import Thresholds
from models.gate.verdict import Check
from records.words import Text

MINIMUM = Text("区分度", "discrimination")
AGAINST = Text("与现用模型相比的区分度", "discrimination against the champion")


def discrimination(found: float, best: float | None, minimum: float, limits: Thresholds) -> list[Check]:
    """``found`` and ``best`` are the AUC of challenger and champion on the same rows; None where none serves."""
    words = Text(f"区分度：AUC {found:.3f}，至少 {minimum}", f"discrimination: AUC {found:.3f}, at least {minimum}")
    if not found >= minimum:
        words = Text(f"区分度不足：AUC {found:.3f} < {minimum}", f"discrimination: AUC {found:.3f} < {minimum}")
    checks = [Check("discrimination", MINIMUM, bool(found >= minimum), words, found, least=minimum)]
    if best is None:
        return checks
    least = best - limits.auc_loss_allowed
    passed = bool(found >= least)
    said = (
        Text(f"AUC {found:.3f}，现用模型 {best:.3f}", f"AUC {found:.3f}, the champion's {best:.3f}")
        if passed
        else Text(
            f"不及现用模型：AUC {found:.3f} 对 {best:.3f}",
            f"worse than the champion: AUC {found:.3f} against {best:.3f}",
        )
    )
    return [*checks, Check("against-champion", AGAINST, passed, said, found, least=least)]
