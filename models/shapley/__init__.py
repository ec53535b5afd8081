"""Exact Shapley values of a boosted model, compiled once so that explaining a row costs what scoring it costs."""

from __future__ import annotations

from models.shapley.compile import compile_ensemble, compile_explainer
from models.shapley.errors import BadExplainer, BadRows, UnsupportedModel
from models.shapley.explainer import CompiledExplainer
from models.shapley.trees import Ensemble, Split, Tree, read_ensemble

__all__ = [
    "BadExplainer",
    "BadRows",
    "CompiledExplainer",
    "Ensemble",
    "Split",
    "Tree",
    "UnsupportedModel",
    "compile_ensemble",
    "compile_explainer",
    "read_ensemble",
]
