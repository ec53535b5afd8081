"""The credit data sets that models are measured on, and any CSV with a target column."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from records.errors import HuixinError
from records.words import Text

FEWEST_OF_A_CLASS = 10
# A text with so many different values, most of them in one row only, names rows; it does not describe them.
MOST_NAMES, NAMING_SHARE = 50, 0.5


class BadTable(HuixinError):
    code = "bad-table"
    title = Text("数据表不可用", "The table cannot be used")


@dataclass(frozen=True)
class DataSet:
    """Rows to learn from: ``X`` a pandas DataFrame of numbers, categories (texts) and NaN; ``y`` [n] of 0 and 1.

    ``directions`` are those that the features themselves declare, if they do. ``left_out`` says which columns of the
    file are not in ``X``, and why.
    """

    name: str
    X: Any
    y: npt.NDArray[np.int64]
    directions: tuple[int, ...] | None = None
    left_out: dict[str, str] = field(default_factory=dict)


def known_sets(folder: Path, names: str | None = None) -> list[DataSet]:
    """Every data set of the folder, or those named. Raises ``BadTable`` where one is not there."""
    wanted = [name.strip() for name in names.split(",") if name.strip()] if names else list(LOADERS)
    if unknown := sorted(set(wanted) - set(LOADERS)):
        told, accepted = ", ".join(unknown), ", ".join(LOADERS)
        raise BadTable(Text(f"没有数据集 {told}；可用：{accepted}", f"no data set {told}; accepted: {accepted}"))
    return [LOADERS[name](folder) for name in wanted]


def from_csv(path: Path, target: str, positive: str) -> DataSet:
    """Any CSV with a header, in UTF-8 or GB18030; rows without a target are left out. Raises ``BadTable``."""
    import pandas as pd

    if not path.is_file():
        raise BadTable(Text(f"没有文件 {path}", f"no file {path}"))
    try:
        try:
            table = pd.read_csv(path, dtype_backend="numpy_nullable", low_memory=False, encoding="utf-8-sig")
        except UnicodeDecodeError:
            table = pd.read_csv(path, dtype_backend="numpy_nullable", low_memory=False, encoding="gb18030")
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadTable(Text(f"{path} 无法按 CSV 读取：{error}", f"{path} cannot be read as CSV: {error}")) from error
    if target not in table:
        accepted = ", ".join(map(str, table.columns[:50]))
        raise BadTable(Text(f"没有目标列 {target}；各列为：{accepted}", f"no column {target}; there are: {accepted}"))
    known = table[target].notna()
    labels = table.loc[known, target]
    event = (labels.astype(str).str.strip() == positive) | _equal_numbers(labels, positive)
    y: npt.NDArray[np.int64] = event.to_numpy(dtype=np.int64)
    counts = int(y.sum()), int(len(y) - y.sum())
    if min(counts) < FEWEST_OF_A_CLASS:
        values = ", ".join(labels.astype(str).value_counts().index[:10])
        raise BadTable(
            Text(
                f"{target} = {positive} 有 {counts[0]} 行，其余 {counts[1]} 行，"
                f"各至少 {FEWEST_OF_A_CLASS} 行；取值有：{values}",
                f"{counts[0]} rows where {target} = {positive} and {counts[1]} others; "
                f"at least {FEWEST_OF_A_CLASS} of each are needed; its values: {values}",
            )
        )
    rows = table.loc[known].drop(columns=target).reset_index(drop=True)
    left_out = {} if known.all() else {target: f"{int((~known).sum())} rows without a target"}
    X, why = features_of(rows)
    if not X.shape[1]:
        raise BadTable(Text(f"{path} 没有可用的特征列", f"{path} has no column to learn from"))
    return DataSet(path.stem, X, y, None, left_out | why)


def features_of(table: Any) -> tuple[Any, dict[str, str]]:
    """Columns as floats (numbers, yes and no, days) or texts (categories); and which say nothing, with the reason."""
    import pandas as pd

    columns: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name in table.columns:
        column = _column(table[name])
        known = column.dropna()
        different = known.nunique()
        if different < 2 and not (different == 1 and column.isna().any()):
            left_out[str(name)] = "one value only"
        elif column.dtype == object and different > MOST_NAMES and different > NAMING_SHARE * len(known):
            left_out[str(name)] = "a name of the row: almost every text is different"
        elif different == len(table) and _counts_rows(known):
            left_out[str(name)] = "a number of the row"
        else:
            columns[str(name)] = column
    return pd.DataFrame(columns), left_out


def _column(values: Any) -> Any:
    """A column as float64, or as object of texts and None."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return values.astype("Float64").astype("float64")
    if pd.api.types.is_datetime64_any_dtype(values):
        return (values - pd.Timestamp("1970-01-01")).dt.days.astype("float64")
    texts = values.astype(object).where(values.notna(), None)
    known = texts.dropna().astype(str).str.strip()
    numbers = pd.to_numeric(known.str.replace(r"[$¥,%]", "", regex=True), errors="coerce")
    if len(known) and numbers.notna().mean() > 0.99:
        return numbers.reindex(values.index).astype("float64")
    if len(known) and known.str.contains(r"\d[-/.年]\d", regex=True).mean() > 0.99:
        days = pd.to_datetime(known, errors="coerce", format="mixed")
        if days.notna().mean() > 0.99:
            return (days - pd.Timestamp("1970-01-01")).dt.days.astype("float64").reindex(values.index)
    return known.where(known != "", None).reindex(values.index).astype(object)


def _counts_rows(known: Any) -> bool:
    """Whole numbers that rise by one from row to row."""
    if known.dtype == object or len(known) < 2:
        return False
    steps = np.diff(known.to_numpy())
    return bool((steps == 1).all())


def _equal_numbers(labels: Any, positive: str) -> Any:
    """``1`` also means ``1.0``."""
    import pandas as pd

    try:
        wanted = float(positive)
    except ValueError:
        return False
    return (pd.to_numeric(labels, errors="coerce") == wanted).fillna(False)


def _cumcm(folder: Path) -> DataSet:
    import pandas as pd

    from huixin.cumcm.base import fill, study_table
    from huixin.cumcm.reader import read_cumcm
    from records.settings import Settings

    found = read_cumcm(folder)
    with tempfile.TemporaryDirectory() as home:
        table = study_table(fill(found, Settings(home=Path(home), database_url=None)), found)
    X = pd.DataFrame(table.X[table.known], columns=list(table.codes))
    return DataSet("cumcm", X, np.asarray(table.outcome[table.known], np.int64), tuple(table.directions))


def _sba(folder: Path, term: bool = True) -> DataSet:
    """Loans as they stood at approval: what is known only later, or names the borrower, is left out."""
    import pandas as pd

    table = pd.read_csv(_there(folder / "sba" / "loans.csv.gz"), low_memory=False)
    table = table[table["MIS_Status"].notna()].reset_index(drop=True)
    y: npt.NDArray[np.int64] = (table["MIS_Status"] == "CHGOFF").to_numpy().astype(np.int64)
    later = ("MIS_Status", "ChgOffDate", "ChgOffPrinGr", "DisbursementDate", "DisbursementGross")
    names = ("LoanNr_ChkDgt", "Name", "City", "Zip")
    table["Sector"] = "n" + table["NAICS"].astype(str).str[:2]
    for code in ("NewExist", "UrbanRural"):
        table[code] = "c" + table[code].astype(str)
    table["Franchise"] = (table["FranchiseCode"] > 1).astype(float)
    without = [*later, *names, "FranchiseCode", "NAICS", "ApprovalFY", *([] if term else ["Term"])]
    X, why = features_of(table.drop(columns=without))
    left_out = dict.fromkeys(later, "known only after approval") | dict.fromkeys(names, "names the loan") | why
    return DataSet("sba" if term else "sba_without_term", X, y, None, left_out)


def _csv(folder: Path, name: str, file: str, target: str, positive: str) -> DataSet:
    found = from_csv(_there(folder / name / file), target, positive)
    return DataSet(name, found.X, found.y, None, found.left_out)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise BadTable(Text(f"没有数据文件 {path}", f"no data file {path}"))
    return path


LOADERS: dict[str, Callable[[Path], DataSet]] = {
    "cumcm": _cumcm,
    "german": lambda folder: _csv(folder, "german", "germancredit.csv", "creditability", "bad"),
    "hmeq": lambda folder: _csv(folder, "hmeq", "hmeq.csv", "BAD", "1"),
    "polish": lambda folder: _csv(folder, "polish", "year1.csv.gz", "class", "1"),
    "sba": _sba,
    "sba_without_term": lambda folder: _sba(folder, term=False),
}
