"""The records that a sweep reads, as arrays of whole numbers: asked of the item's view, for some subjects at a time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.plan import SweepPlan, Value
from features.sweep_arrays import NEVER_DAY, NEVER_US, WORD, Records

MOST = float(1 << 62)


class TooLarge(Exception):
    """Sums of these values might leave 64 bits."""


@dataclass(frozen=True)
class Read:
    """``records``, the texts that stand behind the codes of a column of texts, and the grouping keys, if any."""

    records: Records
    texts: dict[int, pa.Array]
    keys: npt.NDArray[np.int64] | None


def read(cursor: Any, plan: SweepPlan, query: str, subjects: pa.Table) -> Read:
    """Inputs of ``plan`` (SQL ``query``) for ``subjects``: subject_id and number. Raises ``TooLarge``."""
    cursor.register("asked", subjects)
    found = cursor.sql(
        f"SELECT asked.number AS subject, i.* EXCLUDE (subject_id) FROM ({query}) i JOIN asked USING (subject_id)"
    ).to_arrow_table()
    texts: dict[int, pa.Array] = {}
    inputs = plan.inputs
    values = np.zeros((len(inputs.values), found.num_rows), np.int64)
    for number, value in enumerate(inputs.values):
        values[number], texts[number] = whole_numbers(found[f"v{number}"], value)
    words = -(-len(inputs.conditions) // WORD)
    records = Records(
        subject=found["subject"].to_numpy().astype(np.int32, copy=False),
        recorded=_instants(found["recorded_at"]),
        gone=_instants(found["superseded_at"]),
        occurred=_days(found["occurred_on"]),
        expires=_days(found["expires_on"]),
        begins=_stacked([_days(found[f"b{number}"]) for number in range(len(inputs.begins))], np.int32),
        ends=_stacked([_days(found[f"e{number}"]) for number in range(len(inputs.ends))], np.int32),
        bits=_stacked([_hashes(found[f"w{word}"].cast(pa.int64())) for word in range(words)], np.int64).view(np.uint64),
        values=values,
    )
    keys = _hashes(found["key"]) if inputs.key is not None else None
    return Read(records, texts, keys)


def whole_numbers(column: pa.ChunkedArray, value: Value) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """``column`` as whole numbers in its own order, 0 for null, and the texts that they stand for.

    Raises ``TooLarge`` for a decimal that 64 bits cannot hold.
    """
    nothing = pa.array([], pa.string())
    match value.kind:
        case "hash":
            return _hashes(column), nothing
        case "text":
            coded = pc.dictionary_encode(column).combine_chunks()
            return pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False).astype(np.int64), coded.dictionary
        case "float":
            return ordered(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()), nothing
        case "date":
            return pc.fill_null(column.cast(pa.int32()), 0).to_numpy().astype(np.int64), nothing
        case "decimal":
            return _of_decimals(column), nothing
    return pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), nothing


def ordered(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Whole numbers in the order of the floating-point ``numbers``; ``restored`` gives the same bits back."""
    bits = (numbers + 0.0).view(np.int64)
    return np.where(bits < 0, bits ^ np.int64(np.iinfo(np.int64).max), bits)


def restored(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """What ``ordered`` was given."""
    bits = np.where(numbers < 0, numbers ^ np.int64(np.iinfo(np.int64).max), numbers)
    return np.ascontiguousarray(bits).view(np.float64)


def _of_decimals(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    parts = []
    for chunk in column.chunks:
        whole = pc.fill_null(chunk, pa.scalar(Decimal(0), chunk.type)) if chunk.null_count else chunk
        words = np.frombuffer(whole.buffers()[1], np.int64).reshape(-1, 2)[whole.offset : whole.offset + len(whole)]
        if (words[:, 1] != words[:, 0] >> 63).any():
            raise TooLarge
        parts.append(words[:, 0])
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def check_sums(values: npt.NDArray[np.int64], summed: list[int]) -> None:
    """Raises ``TooLarge`` where the rows of ``values`` that are ``summed`` could leave 64 bits together."""
    for number in summed:
        if np.abs(values[number].astype(np.float64)).sum() > MOST:
            raise TooLarge


def _instants(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    whole = column.cast(pa.timestamp("us")).cast(pa.int64())
    found: npt.NDArray[np.int64] = (pc.fill_null(whole, NEVER_US) if whole.null_count else whole).to_numpy()
    return found


def _days(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Days since 1970; null is never, as the last day as well as the first."""
    whole = column.cast(pa.date32()).cast(pa.int32())
    found: npt.NDArray[np.int32] = (pc.fill_null(whole, NEVER_DAY) if whole.null_count else whole).to_numpy()
    return found


def _hashes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = pc.fill_null(column, 0).to_numpy().view(np.int64)
    return found


def _stacked(columns: list[Any], dtype: Any) -> Any:
    return np.stack(columns).astype(dtype, copy=False) if columns else np.zeros((0, 0), dtype)
