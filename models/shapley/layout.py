"""How compiled arrays encode a model: the words that the compiler, the kernel and the saved form share.

Saved explainers and Numba's cache hold these values: whoever changes one raises ``FORMAT`` and edits ``kernel.py``.
"""

from __future__ import annotations

import numpy as np

FORMAT = 1

NUMERIC, ZERO_RIGHT, ZERO_LEFT, NAN_RIGHT, NAN_LEFT, CATEGORICAL = range(6)
"""Kinds of an answer column: what counts as missing at its splits, and where missing values go."""

ALWAYS, NEVER = 0, 65535
"""Codes that are at most, and above, the rank of every split."""

ZERO = float(np.float32(1e-35))
"""LightGBM's kZeroThreshold: values at most this far from 0 are 0."""
