"""How the notebooks draw: Chinese first where a Chinese font is installed, English alone where none is."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib import font_manager

FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Noto Sans CJK JP",
)
BLUE, ORANGE, GREY, GREEN, RED = "#3b6ea8", "#d1762a", "#9aa3ad", "#3f8f5f", "#b8403a"


def chinese_font() -> str | None:
    """An installed font that has Chinese characters, or None; fonts that matplotlib's cache does not know are added."""
    for path in font_manager.findSystemFonts():
        if any(mark in path for mark in ("SansCJK", "NotoSansSC", "SourceHanSans", "wqy", "simhei", "msyh", "PingFang")):
            font_manager.fontManager.addfont(path)
    installed = {one.name for one in font_manager.fontManager.ttflist}
    return next((name for name in FONTS if name in installed), None)


def words(zh: str, en: str) -> str:
    """A label in both languages, in English alone where Chinese cannot be drawn."""
    return f"{zh}  {en}" if CHINESE else en


CHINESE = chinese_font()
mpl.rcParams.update(
    {
        "font.sans-serif": [*([CHINESE] if CHINESE else []), "DejaVu Sans"],
        "font.family": "sans-serif",
        "axes.unicode_minus": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11,
        "axes.labelsize": 9.5,
        "figure.figsize": (8.2, 3.6),
        "figure.dpi": 90,
        "legend.frameon": False,
    }
)
