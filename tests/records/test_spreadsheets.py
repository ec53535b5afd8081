"""Excel workbooks as agencies make them: typed cells, lost digits, several sheets, and archives made to do harm."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

from county.numbers import enterprise_numbers, farmer_numbers
from records.base import RecordBase
from records.errors import BadBatch

FIRMS = [str(number) for number in enterprise_numbers(np.arange(5))]
FARMERS = [str(number) for number in farmer_numbers(np.arange(5))]
COLUMNS = ["record_id", "subject_kind", "subject_number", "occurred_on", "kwh", "bill", "days_late"]
Cell = str | float | bool | None
TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"""
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sheet_xml(rows: list[list[Cell]]) -> str:
    """A sheet; a text that begins with ``=`` is a formula with the value after ``|``, one with ``#`` a serial day."""
    lines = []
    for row in rows:
        cells = []
        for cell in row:
            if cell is None:
                cells.append("<c/>")
            elif isinstance(cell, bool):
                cells.append(f'<c t="b"><v>{int(cell)}</v></c>')
            elif isinstance(cell, int | float):
                cells.append(f"<c><v>{cell!r}</v></c>")
            elif cell.startswith("#"):
                cells.append(f'<c s="1"><v>{cell[1:]}</v></c>')
            elif cell.startswith("="):
                formula, value = cell[1:].split("|")
                cells.append(f"<c><f>{formula}</f><v>{value}</v></c>")
            else:
                cells.append(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>')
        lines.append(f"<row>{''.join(cells)}</row>")
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def workbook(path: Path, **sheets: list[list[Cell]]) -> Path:
    names = list(sheets)
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
    related = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/s{n}.xml"/>'
        for n in range(1, len(names) + 1)
    )
    styles = (
        f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        start = f'<Relationship Id="a" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{RELATIONS}">{start}</Relationships>')
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>'
        )
        related += f'<Relationship Id="st" Type="{OFFICE}/styles" Target="styles.xml"/>'
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{RELATIONS}">{related}</Relationships>')
        archive.writestr("xl/styles.xml", styles)
        for n, name in enumerate(names, 1):
            archive.writestr(f"xl/worksheets/s{n}.xml", sheet_xml(sheets[name]))
    return path


def usage(number: int, **changed: Cell) -> list[Cell]:
    row: dict[str, Cell] = dict(
        zip(COLUMNS, [f"u{number}", "enterprise", FIRMS[number], "#45688", 12.5, 7.3, 0], strict=True)
    )
    return list({**row, **changed}.values())


def refusal(base: RecordBase, path: Path) -> str:
    with pytest.raises(BadBatch) as problem:
        base.append(path, "power.usage")
    assert base.batches() == []
    assert str(path.parent) not in problem.value.text.en
    return problem.value.text.en


def test_typed_cells_come_as_their_source_would_write_them(base: RecordBase, tmp_path: Path) -> None:
    rows: list[list[Cell]] = [
        [*COLUMNS, None],
        usage(0),
        usage(1, occurred_on="2025-01-31", kwh=0.1 + 0.2, bill="=1+1|2", days_late="3"),
        [None] * 7,
        usage(2, subject_kind="farmer", subject_number=FARMERS[2], kwh=10000000000000.0, bill=1e-2),
    ]
    receipt = base.append(workbook(tmp_path / "b.xlsx", 数据=rows, Sheet2=[]), "power.usage")
    assert (receipt.rows_read, receipt.rows_accepted) == (3, 3)
    stored = base.connection().table("power_usage").order_by("record_id").to_pyarrow().to_pylist()
    assert [str(row["occurred_on"]) for row in stored] == ["2025-01-31"] * 3
    assert [str(row["kwh"]) for row in stored] == ["12.5000", "0.3000", "10000000000000.0000"]
    assert [str(row["bill"]) for row in stored] == ["7.30", "2.00", "0.01"]
    assert stored[2]["subject_id"] == base.resolve(FARMERS[2])


def test_an_identity_number_kept_as_a_number_has_lost_digits_and_is_told_so(base: RecordBase, tmp_path: Path) -> None:
    rows = [
        COLUMNS,
        usage(0),
        *(
            usage(1, record_id=f"n{n}", subject_kind="farmer", subject_number=float(110101185001010000 + n * 2000))
            for n in range(12)
        ),
    ]
    receipt = base.append(workbook(tmp_path / "b.xlsx", 数据=rows), "power.usage")
    assert (receipt.rows_accepted, receipt.rows_rejected) == (1, 12)
    assert receipt.quarantine is not None
    assert receipt.rejects is not None
    assert "15 digits" in Path(receipt.quarantine).read_text()
    assert "sealed:" not in Path(receipt.rejects).read_text()
    assert "1101011850" not in Path(receipt.rejects).read_text()


def test_what_is_no_single_sheet_of_named_columns_is_refused(base: RecordBase, tmp_path: Path) -> None:
    two = workbook(tmp_path / "a.xlsx", 一=[COLUMNS, usage(0)], 二=[COLUMNS, usage(1)])
    assert "several sheets have content: 一, 二" in refusal(base, two)
    assert "without content" in refusal(base, workbook(tmp_path / "b.xlsx", 一=[]))
    assert "no rows" in refusal(base, workbook(tmp_path / "c.xlsx", 一=[COLUMNS]))
    wide = workbook(tmp_path / "d.xlsx", 一=[COLUMNS, usage(0), [*usage(1), "stray"]])
    assert "row 2 has a cell in a column without a name" in refusal(base, wide)
    twice = workbook(tmp_path / "e.xlsx", 一=[[*COLUMNS, "kwh"], [*usage(0), 1.0]])
    assert "given twice: kwh" in refusal(base, twice)
    (tmp_path / "f.xlsx").write_text("not a workbook")
    assert "damaged" in refusal(base, tmp_path / "f.xlsx")
    with zipfile.ZipFile(tmp_path / "g.xlsx", "w") as archive:
        archive.writestr("hello.txt", "no workbook")
    assert "no Excel workbook" in refusal(base, tmp_path / "g.xlsx")


def test_an_archive_that_unfolds_too_far_is_refused_unopened(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.reading.limits.FREE", 1 << 20)
    path = workbook(tmp_path / "b.xlsx", 数据=[COLUMNS, usage(0)])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", b"0" * (4 << 20))
    assert "unfolds too far" in refusal(base, path)


def test_an_archive_whose_directory_tells_less_than_is_inside_is_refused(base: RecordBase, tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", 数据=[COLUMNS, usage(0)])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", b"0" * (4 << 20))
    content = path.read_bytes()
    path.write_bytes(content.replace((4 << 20).to_bytes(4, "little"), (40).to_bytes(4, "little")))
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("xl/more.xml").file_size == 40
    assert "unfolds too far" in refusal(base, path)
