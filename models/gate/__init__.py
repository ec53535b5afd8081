"""The promotion gate as code: declared thresholds, the checks, and the verdict that lists each of them."""

from models.gate.background import Attribute, Background, Learning, Rebuilt
from models.gate.gathering import gather, protected
from models.gate.judging import distressed_within, judge, judge_warning
from models.gate.thresholds import Thresholds
from models.gate.verdict import Check, Verdict

__all__ = [
    "Attribute",
    "Background",
    "Check",
    "Learning",
    "Rebuilt",
    "Thresholds",
    "Verdict",
    "distressed_within",
    "gather",
    "judge",
    "judge_warning",
    "protected",
]
