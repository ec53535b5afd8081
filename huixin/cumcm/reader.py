"""The files of CUMCM 2020 problem C, as batches for the record base."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import polars as pl

from records.errors import HuixinError
from records.moment import month_end
from records.words import Text

ISSUER = "cumcm"
PARTS = ("credit", "nocredit")
ENTERPRISE_COLUMNS = ("企业代号", "企业名称")
OUTCOME_COLUMNS = ("信誉评级", "是否违约")
INVOICE_COLUMNS = ("企业代号", "发票号码", "开票日期", "金额", "税额", "价税合计", "发票状态")
PARTNER_COLUMN = {"sale": "购方单位代号", "purchase": "销方单位代号"}
FILES = {"sale": "sales", "purchase": "purchases"}
STATUS = {"有效发票": "valid", "作废发票": "void"}
OUTCOME = {"是": 1.0, "否": 0.0}
GRADES = ("A", "B", "C", "D")
CODE = r"^[A-Za-z0-9_.-]{1,64}$"
MONEY = r"^[+-]?\d{1,15}(\.\d{1,2})?$"
EXAMPLES = 3


class BadStudyData(HuixinError):
    """A file of the data set is absent, or rows of it cannot be read. Nothing was imported."""

    code: ClassVar[str] = "bad-study-data"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("数据集有误", "Bad data set")


@dataclass(frozen=True)
class StudyData:
    """What the files say, ready for the record base.

    ``enterprises``: code, name, bank_grade (A to D), defaulted (1.0, 0.0); null where there is no credit record.
    ``registrations``, ``invoices``: batch columns of ``market.registration`` and ``tax.invoice``.
    ``repeated``: invoice lines that repeat another one in every column and were left out.
    """

    enterprises: pl.DataFrame
    registrations: pl.DataFrame
    invoices: pl.DataFrame
    repeated: int
    last_day: date

    @property
    def as_of_day(self) -> date:
        """The end of the month of the last invoice: all that the data set knows was known by then."""
        return month_end(self.last_day)


def read_cumcm(folder: Path) -> StudyData:
    """Read ``credit/`` (and ``nocredit/``, where it is there) below ``folder`` or below ``folder/cumcm``.

    Each part holds enterprises, purchases and sales as ``.csv`` or ``.csv.gz``, UTF-8 or GB18030. An invoice counts as
    learnt at the end of its month, because until then it can still be made void. Raises ``BadStudyData``.
    """
    root = _root(folder)
    enterprises, lines = [], []
    for part in PARTS:
        if part == "credit" or (root / part).is_dir():
            firms = _enterprises(root / part, with_outcome=part == "credit")
            enterprises.append(firms)
            lines += [_invoices(root / part, direction, set(firms["code"])) for direction in FILES]
    firms = pl.concat(enterprises)
    if twice := firms.filter(pl.col("code").is_duplicated())["code"].to_list():
        raise _bad(str(root), f"企业代号 {twice[0]} 在两部分中都有", f"enterprise code {twice[0]} is in both parts")
    found = pl.concat(lines)
    if found.is_empty():
        raise _bad(str(root), "没有任何发票", "no invoice at all")
    once = found.unique(maintain_order=True)
    return StudyData(
        enterprises=firms,
        registrations=_registrations(firms, once),
        invoices=_batch(once),
        repeated=len(found) - len(once),
        last_day=_last_day(once),
    )


def _root(folder: Path) -> Path:
    for root in (folder, folder / "cumcm"):
        if (root / "credit").is_dir():
            return root
    other = ""
    if (folder / "sba").is_dir() or (folder / "loans.csv.gz").is_file():
        other = "（此处有 sba 贷款数据，但本命令读的是发票数据 / sba loans are here, but this command reads invoices）"
    files = "enterprises.csv, purchases.csv[.gz], sales.csv[.gz]"
    raise BadStudyData(
        Text(
            f"{folder}：没有 credit 目录{other}；应有 credit/ 与 nocredit/，各含 {files}",
            f"{folder}: no folder credit{other}; credit/ and nocredit/ are expected, each with {files}",
        )
    )


def _enterprises(part: Path, *, with_outcome: bool) -> pl.DataFrame:
    table = _table(part, "enterprises", (*ENTERPRISE_COLUMNS, *(OUTCOME_COLUMNS if with_outcome else ())))
    where = f"{part.name}/enterprises"
    _refuse(part, "enterprises", ~_matches(table["企业代号"], CODE), "企业代号有误", "bad enterprise code")
    _refuse(part, "enterprises", table["企业代号"].is_duplicated(), "企业代号重复", "an enterprise code given twice")
    _refuse(part, "enterprises", table["企业名称"].is_null(), "企业名称为空", "empty enterprise name")
    if table.is_empty():
        raise _bad(where, "没有企业", "no enterprise")
    if not with_outcome:
        empty = {"bank_grade": pl.lit(None, pl.String), "defaulted": pl.lit(None, pl.Float64)}
        return table.select(code="企业代号", name="企业名称", **empty)
    accepted = ", ".join(GRADES)
    _refuse(
        part,
        "enterprises",
        ~table["信誉评级"].is_in(GRADES).fill_null(False),
        f"信誉评级应为 {accepted}",
        f"credit grade (信誉评级): {accepted} are accepted",
    )
    _refuse(
        part,
        "enterprises",
        ~table["是否违约"].is_in(list(OUTCOME)).fill_null(False),
        "是否违约应为 是 或 否",
        "default (是否违约): 是 or 否 are accepted",
    )
    return table.select(
        code="企业代号",
        name="企业名称",
        bank_grade="信誉评级",
        defaulted=pl.col("是否违约").replace_strict(OUTCOME, return_dtype=pl.Float64),
    )


def _invoices(part: Path, direction: str, codes: set[str]) -> pl.DataFrame:
    """Invoice lines: code, number, day, partner, amount, tax, status, direction."""
    name, partner = FILES[direction], PARTNER_COLUMN[direction]
    table = _table(part, name, (*INVOICE_COLUMNS, partner))
    day = table["开票日期"].str.replace_all("/", "-", literal=True).str.to_date("%Y-%m-%d", strict=False)
    status = table["发票状态"].replace_strict(STATUS, default=None, return_dtype=pl.String)
    checks = [
        (~table["企业代号"].is_in(list(codes)).fill_null(False), "企业代号不在企业表中", "enterprise code not listed"),
        (table["发票号码"].is_null(), "发票号码为空", "empty invoice number"),
        (day.is_null(), "开票日期应形如 2017/7/18", "invoice date: such as 2017/7/18 is accepted"),
        (table[partner].is_null(), f"{partner}为空", f"empty partner code ({partner})"),
        (
            ~_matches(table["金额"], MONEY),
            "金额应为至多两位小数的数",
            "amount (金额): a number with two decimals at most",
        ),
        (~_matches(table["税额"], MONEY), "税额应为至多两位小数", "tax (税额): two decimals at most"),
        (status.is_null(), f"发票状态应为 {' 或 '.join(STATUS)}", f"status (发票状态): {' or '.join(STATUS)}"),
    ]
    for wrong, zh, en in checks:
        _refuse(part, name, wrong, zh, en)
    return table.select(
        code="企业代号",
        number="发票号码",
        day=day,
        partner=partner,
        amount=pl.col("金额").cast(pl.Decimal(18, 2)),
        tax=pl.col("税额").cast(pl.Decimal(18, 2)),
        status=status,
        direction=pl.lit(direction),
    )


def _table(part: Path, name: str, columns: Sequence[str]) -> pl.DataFrame:
    """The file ``name`` of ``part`` with ``columns`` as text, blanks around values taken off."""
    path = next((path for ending in (".csv", ".csv.gz") if (path := part / f"{name}{ending}").is_file()), None)
    if path is None:
        raise _bad(str(part), f"缺少文件 {name}.csv 或 {name}.csv.gz", f"missing file {name}.csv or {name}.csv.gz")
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        table = pl.read_csv(io.StringIO(_decoded(raw, path)), infer_schema=False)
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise _bad(str(path), f"文件无法读取（{error}）", f"the file cannot be read ({error})") from error
    table = table.rename({column: column.strip() for column in table.columns})
    if missing := [column for column in columns if column not in table.columns]:
        listed = ", ".join(missing)
        raise _bad(str(path), f"缺少列 {listed}", f"missing columns {listed}")
    return table.select(pl.col(column).str.strip_chars().replace("", None) for column in columns)


def _decoded(raw: bytes, path: Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _bad(str(path), "编码既非 UTF-8 亦非 GB18030", "neither UTF-8 nor GB18030")


def _batch(lines: pl.DataFrame) -> pl.DataFrame:
    """Batch columns of ``tax.invoice``. Same numbers are counted: the file leaves out the invoice code."""
    letter = pl.col("direction").replace_strict({"sale": "S", "purchase": "P"})
    same = pl.int_range(pl.len()).over("code", "direction", "number")
    identifier = pl.concat_str("code", pl.lit("-"), letter, pl.lit("-"), "number")
    return lines.select(
        record_id=pl.when(same == 0).then(identifier).otherwise(pl.concat_str(identifier, pl.lit("-"), same + 1)),
        subject_number="code",
        occurred_on="day",
        recorded_at=_end_of_day(pl.col("day").dt.month_end()),
        direction="direction",
        counterparty="partner",
        amount="amount",
        tax="tax",
        status="status",
    )


def _registrations(firms: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Batch columns of ``market.registration``: the name alone is known; known since the enterprise's first invoice."""
    first = lines.group_by("code").agg(day=pl.col("day").min())
    known = firms.join(first, on="code", how="left").with_columns(pl.col("day").fill_null(_last_day(lines)))
    return known.select(
        record_id=pl.concat_str("code", pl.lit("-R")),
        subject_number="code",
        occurred_on="day",
        recorded_at=_end_of_day(pl.col("day")),
        name="name",
        industry=pl.lit("X"),
        district=pl.lit("未知"),
        status=pl.lit("active"),
    )


def _last_day(lines: pl.DataFrame) -> date:
    last = lines["day"].max()
    assert isinstance(last, date)  # noqa: S101
    return last


def _end_of_day(day: pl.Expr) -> pl.Expr:
    """The last microsecond of a day in Asia/Shanghai, in UTC."""
    return day.cast(pl.Datetime("us")).dt.offset_by("16h").dt.offset_by("-1us")


def _matches(column: pl.Series, pattern: str) -> pl.Series:
    return column.str.contains(pattern).fill_null(False)


def _refuse(part: Path, name: str, wrong: pl.Series, zh: str, en: str) -> None:
    """Raise for rows that are ``wrong``, naming the first ones by their line in the file."""
    rows = wrong.arg_true()
    if len(rows):
        lines = ", ".join(str(row + 2) for row in rows.head(EXAMPLES).to_list())
        raise _bad(
            f"{part.name}/{name}",
            f"{zh}（共 {len(rows)} 行，如第 {lines} 行）",
            f"{en} ({len(rows)} rows, such as line {lines})",
        )


def _bad(where: str, zh: str, en: str) -> BadStudyData:
    return BadStudyData(Text(f"{where}：{zh}", f"{where}: {en}"))
