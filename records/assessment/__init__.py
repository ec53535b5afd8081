"""Submission assessment 报送考核: how completely, rightly, timely and consistently sources report, by month."""

from records.assessment.assessing import assess
from records.assessment.model import Alert, Assessment, Claim, Contradiction, ItemMonth, SourceMonth
from records.assessment.periods import BadMonth
from records.assessment.scheme import GRADE_WORDS, MEASURE_WORDS, MEASURES, BadScheme, Scheme
from records.assessment.sources import UnknownSource, known_source

__all__ = [
    "Alert",
    "Assessment",
    "BadMonth",
    "BadScheme",
    "Claim",
    "Contradiction",
    "GRADE_WORDS",
    "ItemMonth",
    "MEASURES",
    "MEASURE_WORDS",
    "Scheme",
    "SourceMonth",
    "UnknownSource",
    "assess",
    "known_source",
]
