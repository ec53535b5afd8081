"""How what happened becomes what is reported: with delays, sometimes wrongly, corrected later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from county.process import Floats, History, Ints
from records.catalogue import Catalogue, Item
from records.moment import end_of_day

Days = npt.NDArray[np.datetime64]
LATE_SHARE, LATE_DAYS = 0.03, (30, 75)
ERROR_SHARE, CORRECTION_DAYS = 0.005, (15, 90)
GRACE_DAYS = 20  # what would be learnt later than this after the last month is not yet known


@dataclass(frozen=True)
class Setting:
    """The block that is being reported: its subjects of one kind, their history, and the chance that serves them."""

    kind: str
    block: int
    numbers: npt.NDArray[np.str_]
    history: History
    month_ends: list[date]
    rng: np.random.Generator
    letter: str | None = None

    @property
    def subjects(self) -> int:
        return len(self.numbers)

    @property
    def mark(self) -> str:
        """The letter in record ids: that of the kind (individuals and institutions begin alike), or ``letter``."""
        return self.letter or ("p" if self.kind == "individual" else self.kind[0])

    @property
    def alive(self) -> npt.NDArray[np.bool_]:
        """[subjects, months]: the subject exists."""
        return np.arange(len(self.month_ends))[None, :] >= self.history.entered[:, None]

    @property
    def ends(self) -> Days:
        return np.array(self.month_ends, "datetime64[D]")

    @property
    def known_until(self) -> datetime:
        return end_of_day(self.month_ends[-1]) + timedelta(days=GRACE_DAYS)


def money(amount: Floats) -> pa.Array:
    """Yuan, rounded to fen, as exact decimal(18, 2)."""
    return _decimal(np.rint(np.asarray(amount) * 100).astype(np.int64), 2)


def quantity(amount: Floats) -> pa.Array:
    """A measured quantity as exact decimal(18, 4), to two decimals."""
    return _decimal(np.rint(np.asarray(amount) * 100).astype(np.int64) * 100, 4)


def codes(choice: Ints, names: list[str]) -> pa.Array:
    return pa.array(np.array(names)[choice])


def days_or_none(days: Days, present: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.array(days.astype("datetime64[D]"), pa.date32(), mask=~present)


def report(
    setting: Setting,
    code: str,
    subject: Ints,
    happened: Days,
    columns: dict[str, pa.Array],
    *,
    delay_days: float,
    error_in: str | None = None,
) -> pa.Table:
    """Rows of item ``code`` as its source reports them: batch columns with ``recorded_at`` (UTC, without a zone).

    ``subject`` [rows]: position in the block; ``delay_days``: typical days until the base learns of it; ``error_in``:
    a money column that a few rows report ten times too large, until a later row supersedes them.
    """
    rng, n = setting.rng, len(subject)
    delay = 1 + rng.exponential(delay_days, n) + np.where(rng.random(n) < LATE_SHARE, rng.uniform(*LATE_DAYS, n), 0)
    seconds = rng.integers(0, 8 * 3600, n)
    recorded = (happened + delay.astype("timedelta64[D]")).astype("datetime64[us]") + seconds.astype("timedelta64[s]")
    item = Catalogue.load().item(code)
    table = pa.table(
        {
            "record_id": _ids(f"syn-{item.table}-{setting.mark}{setting.block}-", n),
            "subject_kind": pa.array([setting.kind]).take(pa.array(np.zeros(n, np.int64))),
            "subject_number": pa.array(setting.numbers).take(pa.array(subject)),
            "occurred_on": pa.array(happened.astype("datetime64[D]"), pa.date32()),
            "recorded_at": pa.array(recorded, pa.timestamp("us")),
            "supersedes": pa.nulls(n, pa.string()),
            **columns,
        }
    )
    if error_in is not None:
        table = _with_errors(table, error_in, rng)
    return table.filter(pc.less_equal(table["recorded_at"], pa.scalar(setting.known_until, pa.timestamp("us"))))


def empty(item: Item) -> pa.Table:
    """No rows of an item."""
    own = [(name, field.arrow_type) for name, field in item.fields.items()]
    always = [("record_id", pa.string()), ("subject_kind", pa.string()), ("subject_number", pa.string())]
    times = [("occurred_on", pa.date32()), ("recorded_at", pa.timestamp("us")), ("supersedes", pa.string())]
    return pa.schema([*always, *times, *own]).empty_table()


def _with_errors(table: pa.Table, column: str, rng: np.random.Generator) -> pa.Table:
    wrong = np.flatnonzero(rng.random(table.num_rows) < ERROR_SHARE)
    right = table.take(pa.array(wrong))
    units = _units(table[column])
    units[wrong] *= 10
    position = table.schema.get_field_index(column)
    reported = table.set_column(position, column, _decimal(units, 2))
    later = rng.integers(*CORRECTION_DAYS, len(wrong)).astype("timedelta64[D]").astype("timedelta64[us]")
    moments = right["recorded_at"].to_numpy().astype("datetime64[us]") + later
    corrections = (
        right.set_column(4, "recorded_at", pa.array(moments, pa.timestamp("us")))
        .set_column(5, "supersedes", right["record_id"])
        .set_column(0, "record_id", pc.binary_join_element_wise(right["record_id"], "c", "-"))
    )
    return pa.concat_tables([reported, corrections])


def _ids(prefix: str, n: int) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(np.arange(n)).cast(pa.string()), "")


def _units(column: pa.ChunkedArray) -> Ints:
    """Fen of a decimal(18, 2) column."""
    whole = column.combine_chunks()
    words = np.frombuffer(whole.buffers()[1], np.int64)[2 * whole.offset : 2 * (whole.offset + len(whole))]
    return words.reshape(-1, 2)[:, 0].copy()


def _decimal(units: Ints, scale: int) -> pa.Array:
    """Whole units of 10^-scale as decimal128(18, scale), without passing through text."""
    words = np.empty((len(units), 2), np.int64)
    words[:, 0], words[:, 1] = units, units >> 63
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(units), [None, pa.py_buffer(words.tobytes())])
