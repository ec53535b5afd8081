"""Small drawings of features in plain SVG: distributions, coverage and information by year, a sample against another.

There are hundreds on a page, so they are drawn here and not by scripts. Each stands beside its figures in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from features.distribution import Distribution
from features.drift import BinShares
from features.profile import Profile, Year

WIDTH, HEIGHT, GAP = 300, 74, 1.0
SMALL_WIDTH, SMALL_HEIGHT = 132, 44
LEAST_SEEN = 0.8


def spread(profile: Profile) -> Markup:
    """The distribution at the last as-of: missing values, the value that many share, then bars of the others."""
    shown = profile.distribution
    missing = 1 - profile.present
    apart = [("missing", missing)] if missing > 0 else []
    if shown and shown.spike:
        apart.append(("spike", shown.spike.share))
    heights = [bar.share for bar in shown.bars] if shown else []
    tallest = max([*heights, *(share for _, share in apart), 1e-9])
    column = 18
    bars = [_bar(at * (column + 6), column, share / tallest, HEIGHT, name) for at, (name, share) in enumerate(apart)]
    left = len(apart) * (column + 6) + (6 if apart else 0)
    step = (WIDTH - left) / max(1, len(heights))
    bars += [_bar(left + at * step, step - GAP, height / tallest, HEIGHT, "some") for at, height in enumerate(heights)]
    if shown:
        bars += _marks(shown, left, step)
    return _svg(WIDTH, HEIGHT, bars, "spread")


def spread_bounds(profile: Profile) -> tuple[float, float] | None:
    """What the left and the right end of the bars stand for."""
    shown = profile.distribution
    return (shown.bars[0].low, shown.bars[-1].high) if shown else None


def coverage(years: Sequence[Year]) -> Markup:
    """By year: the share of subjects with a value, of which those with zero."""
    step = SMALL_WIDTH / max(1, len(years))
    bars = []
    for at, year in enumerate(years):
        bars.append(_bar(at * step, step - 3, 1.0, SMALL_HEIGHT, "frame"))
        bars.append(_bar(at * step, step - 3, year.present, SMALL_HEIGHT, "some"))
        bars.append(_bar(at * step, step - 3, year.zero, SMALL_HEIGHT, "zero"))
    return _svg(SMALL_WIDTH, SMALL_HEIGHT, bars, "small")


def information(years: Sequence[Year]) -> Markup:
    """By year: the information value, pale where it is not above what chance gives, whose bound is a line."""
    step = SMALL_WIDTH / max(1, len(years))
    known = [year.information for year in years if year.information]
    top = max([0.1, *(max(one.value, one.chance) for one in known)])
    bars = []
    for at, year in enumerate(years):
        one = year.information
        if one is None:
            continue
        name = "some" if one.value > one.chance and not one.few else "pale"
        bars.append(_bar(at * step, step - 3, one.value / top, SMALL_HEIGHT, name))
        y = SMALL_HEIGHT * (1 - one.chance / top)
        bars.append(f'<path class="bound" d="M{at * step:.1f} {y:.1f}h{step - 3:.1f}"/>')
    return _svg(SMALL_WIDTH, SMALL_HEIGHT, bars, "small")


def two_samples(bins: Sequence[BinShares]) -> Markup:
    """Each bin's share in the reference (grey) and now (coloured), in the order of the table beside."""
    tallest = max([1e-9, *(max(one.shares.reference, one.shares.current) for one in bins)])
    step = SMALL_WIDTH / max(1, len(bins))
    wide = min(9.0, (step - 2) / 2)
    bars = []
    for at, one in enumerate(bins):
        left = at * step + (step - 2 * wide) / 2
        bars.append(_bar(left, wide, one.shares.reference / tallest, SMALL_HEIGHT, "before"))
        name = "missing" if one.kind == "missing" else "spike" if one.kind == "value" else "some"
        bars.append(_bar(left + wide, wide, one.shares.current / tallest, SMALL_HEIGHT, name))
    return _svg(SMALL_WIDTH, SMALL_HEIGHT, bars, "small")


def _marks(shown: Distribution, left: float, step: float) -> Iterable[str]:
    """A line where the median lies, if the bars reach it."""
    median = shown.quantiles[2]
    for at, bar in enumerate(shown.bars):
        if bar.low <= median <= bar.high:
            part = (median - bar.low) / (bar.high - bar.low) if bar.high > bar.low else 0.5
            yield f'<path class="median" d="M{left + (at + part) * step - GAP / 2:.1f} 0V{HEIGHT}"/>'
            return


def _bar(x: float, width: float, part: float, height: int, name: str) -> str:
    """A bar from the ground; what is not quite nothing stays visible."""
    tall = max(LEAST_SEEN, part * (height - 1)) if part > 0 else 0.0
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{height - tall:.1f}" width="{max(width, 0.5):.1f}" height="{tall:.1f}"/>'
    )


def _svg(width: int, height: int, drawn: Iterable[str], name: str) -> Markup:
    inside = "".join(drawn)
    return Markup(  # noqa: S704  (numbers and names of this file only)
        f'<svg class="drawn {name}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false">{inside}<path class="ground" d="M0 {height - 0.5}H{width}"/></svg>'
    )
