"""Excel workbooks (.xlsx) to chunks of text columns: one sheet, its cells as a source would write them in CSV.

A formula counts by the value that was last computed. Days come as 2025-01-31, instants as 2025-01-31T08:00:00, numbers
without the noise of binary fractions. Excel keeps 15 digits of a number: an identity number that was typed as one has
lost its last digits, and is told so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from records.errors import BadBatch
from records.reading.chunk import Chunk, check_names, no_rows, refusal
from records.reading.limits import check_archive

SHEET_ROWS = 50_000
LOST_DIGITS = 1e15
