"""Sheets of A4 in the house style: headings, paragraphs and tables in Noto Sans SC, embedded as a subset."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors, textsplit
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    CondPageBreak,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
    paragraph,
)

FONTS = Path(__file__).parent / "static" / "noto-sans-sc"
REGULAR, BOLD = "NotoSansSC", "NotoSansSC-Bold"
INK, SOFT, LINE, SUNK, ACCENT = (
    colors.HexColor(one) for one in ("#1b2530", "#566474", "#dfe5ec", "#f4f7fa", "#1c5c96")
)
GAIN, LOSS = colors.HexColor("#17714b"), colors.HexColor("#b0342a")
GRADE_FILLS = ("#14694a", "#2a8a60", "#5ba579", "#93b770", "#cdb45c", "#dc9a4c", "#d57440", "#bd4b3a", "#8f2a2a")
DARK = frozenset({0, 7, 8})
WIDTH = A4[0] - 36 * mm
ROOM = 30 * mm
HANGING = "，；：！？）》”’％"  # where lines break by characters, none of these begins one
_registering = threading.Lock()


class Sheet:
    """One document in the making; ``language`` is ``zh`` or ``en`` and decides where lines may break."""

    def __init__(self, language: str) -> None:
        _register()
        self.language = language
        self.flow: list[Any] = []
        wrap = {"wordWrap": "CJK"} if language == "zh" else {}
        self.styles = {
            name: ParagraphStyle(name, fontName=font, fontSize=size, leading=size * lead, textColor=ink, **wrap, **more)
            for name, font, size, lead, ink, more in (
                ("title", BOLD, 20, 1.3, INK, {"spaceAfter": 4}),
                ("heading", BOLD, 13.5, 1.35, ACCENT, {"spaceBefore": 14, "spaceAfter": 5}),
                ("subheading", BOLD, 10.5, 1.4, INK, {"spaceBefore": 8, "spaceAfter": 3}),
                ("text", REGULAR, 9.5, 1.55, INK, {"spaceAfter": 4}),
                ("soft", REGULAR, 8.5, 1.5, SOFT, {"spaceAfter": 3}),
                ("lead", REGULAR, 8.5, 1.5, SOFT, {"spaceBefore": 4, "spaceAfter": 2}),
                ("cell", REGULAR, 8, 1.4, INK, {}),
                ("soft cell", REGULAR, 7.5, 1.4, SOFT, {}),
                ("head", BOLD, 8, 1.4, SOFT, {}),
                ("figure", BOLD, 17, 1.3, INK, {}),
                ("grade", BOLD, 26, 1.2, INK, {"alignment": 1}),
                ("grade on dark", BOLD, 26, 1.2, colors.white, {"alignment": 1}),
            )
        }

    def say(self, text: str, style: str = "text") -> None:
        """A paragraph; a heading, or what introduces a table, does not stand at the foot of a page."""
        if style.endswith("heading") or style == "lead":
            self.flow.append(CondPageBreak(ROOM))
        self.flow.append(self.cell(text, style))

    def cell(self, text: str, style: str = "cell") -> Paragraph:
        return Paragraph(escape(text).replace("\n", "<br/>"), self.styles[style])

    def space(self, points: float) -> None:
        self.flow.append(Spacer(1, points))

    def table(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str | Paragraph]],
        shares: Sequence[float],
        soft: Sequence[int] = (),
    ) -> None:
        """Rows under a head repeated on each page; ``shares`` of the width; ``soft`` columns are set smaller."""
        made = [[self.cell(one, "head") for one in head]]
        for row in rows:
            made.append(
                [
                    cell if isinstance(cell, Paragraph) else self.cell(cell, "soft cell" if place in soft else "cell")
                    for place, cell in enumerate(row)
                ]
            )
        widths = [WIDTH * one / sum(shares) for one in shares]
        self.flow.append(Table(made, widths, repeatRows=1, style=_RULED, splitInRow=1, hAlign="LEFT"))
        self.space(4)

    def pairs(self, rows: Sequence[tuple[str, str]], columns: int = 3) -> None:
        """Names and values, side by side, on a tinted ground."""
        cells: list[Any] = [[self.cell(name, "soft cell"), self.cell(value, "cell")] for name, value in rows]
        cells += [""] * (-len(cells) % columns)
        grid = [cells[place : place + columns] for place in range(0, len(cells), columns)]
        self.flow.append(Table(grid, [WIDTH / columns] * columns, style=_TINTED, hAlign="LEFT"))
        self.space(4)

    def badge(self, grade: str, rank: int, figures: Sequence[tuple[str, str]]) -> None:
        """The grade in its colour (``rank`` 0 is the best), with a few figures beside it."""
        cells: list[Any] = [self.cell(grade, "grade on dark" if rank in DARK else "grade")]
        cells += [[self.cell(name, "soft cell"), self.cell(value, "figure")] for name, value in figures]
        widths = [WIDTH * 0.17, *[WIDTH * 0.83 / len(figures)] * len(figures)]
        style = [*_TINTED.getCommands(), ("BACKGROUND", (0, 0), (0, 0), colors.HexColor(GRADE_FILLS[rank]))]
        style += [("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("BOTTOMPADDING", (0, 0), (0, 0), 12)]
        self.flow.append(KeepTogether(Table([cells], widths, style=TableStyle(style), hAlign="LEFT")))
        self.space(6)

    def points(self, text: str, *, gain: bool) -> Paragraph:
        """Points in the colour of what they do to a score."""
        return Paragraph(
            f'<font color="{(GAIN if gain else LOSS).hexval()}">{escape(text)}</font>', self.styles["cell"]
        )

    def pdf(self, title: str, foot: str) -> bytes:
        """The document; ``foot`` stands on every page, beside the page's number."""
        file = io.BytesIO()
        document = SimpleDocTemplate(
            file,
            pagesize=A4,
            leftMargin=18 * mm,
            rightMargin=18 * mm,
            topMargin=16 * mm,
            bottomMargin=18 * mm,
            title=title,
            author="惠信 Huixin",
            lang="zh-CN" if self.language == "zh" else "en",
        )

        def page(canvas: Any, _: Any) -> None:
            canvas.saveState()
            canvas.setFont(REGULAR, 7.5)
            canvas.setFillColor(SOFT)
            canvas.drawString(18 * mm, 10 * mm, foot)
            canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(canvas.getPageNumber()))
            canvas.restoreState()

        document.build(self.flow, onFirstPage=page, onLaterPages=page)
        return file.getvalue()


def _register() -> None:
    """The fonts, read once a process; each document embeds the glyphs that it uses."""
    with _registering:
        if REGULAR not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(REGULAR, FONTS / "NotoSansSC-Regular.ttf"))
            pdfmetrics.registerFont(TTFont(BOLD, FONTS / "NotoSansSC-Bold.ttf"))
            for module in (textsplit, paragraph):
                module.ALL_CANNOT_START += HANGING


_RULED = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
    ]
)
_TINTED = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("BACKGROUND", (0, 0), (-1, -1), SUNK),
        ("LEFTPADDING", (0, 0), (-1, -1), 8),
        ("RIGHTPADDING", (0, 0), (-1, -1), 8),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
    ]
)
