"""``huixin features dictionary`` and ``drift``: what features mean and how they behave, and what has moved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import typer
from rich.markup import escape

from huixin.console import out, progress, say, speak, step
from records.words import Language, Text

if TYPE_CHECKING:
    from rich.table import Table

    from features.drift import Level
    from features.monitoring import Drift
    from features.poison import Poisoned
    from models.score_drift import ScoreDrift

SHOWN, SHOWN_FEATURES, SHOWN_POINTS = 15, 4, 5
STYLES = {"large": "bold red", "moderate": "dark_orange", "stable": "green"}
SEVERITY_STYLES = {"red": "bold red", "orange": "dark_orange", "yellow": "yellow", "blue": "blue"}
Segment = Annotated[str, typer.Option(help="主体类别，如 enterprise、individual · kind of subject")]


def dictionary(
    segment: Segment,
    to: Annotated[
        Path | None, typer.Option(help="网页，默认 HUIXIN_HOME/features/主体类别.html · the page to write")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="时点（日期），默认今天 · as-of day, default today")] = None,
    every: Annotated[
        int,
        typer.Option(help="逐年数字每几个月取一次 · months between the as-ofs of the yearly figures", min=1, max=12),
    ] = 6,
    json: Annotated[Path | None, typer.Option("--json", help="另写 JSON · JSON file beside the page")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="另写 CSV · CSV file beside the page")] = None,
) -> None:
    """特征字典网页：含义、覆盖、分布、逐年信息值 · the dictionary as a page: meaning, coverage, distribution, IV."""
    from features.documentation import document
    from records.base import RecordBase
    from records.moment import parse_as_of, shanghai_day
    from records.settings import Settings
    from service.pages.render import dictionary_page

    settings = Settings()
    day = shanghai_day(parse_as_of(as_of))
    with progress("整理特征字典", "documenting features", 3) as done:
        found = document(RecordBase.open(settings), segment, day, every=every, progress=done)
    page = to or settings.home / "features" / f"{segment}.html"
    _write(page, dictionary_page(found).encode())
    silent = {one.silence.item for one in found.poisoned if one.silence.cause != "never"}
    subjects = found.profiles.known
    say(
        f"{len(found.entries)} 个特征，{subjects} 户，截至 {day}；{len(silent)} 个目录项静默：{page}",
        f"{len(found.entries)} features, {subjects} subjects, as of {day}; {len(silent)} items silent: {page}",
    )
    if json is not None:
        _write(json, orjson.dumps(found.as_dict(), option=orjson.OPT_INDENT_2))
        say(f"数据：{json}", f"data: {json}")
    if csv is not None:
        csv.parent.mkdir(parents=True, exist_ok=True)
        found.write_csv(csv)
        say(f"数据：{csv}", f"data: {csv}")


def drift(
    segment: Segment,
    reference: Annotated[str, typer.Option(help="基准日 · reference day, such as that of the training data")],
    current: Annotated[str | None, typer.Option(help="当前日，默认今天 · current day, default today")] = None,
    to: Annotated[Path | None, typer.Option(help="网页 · page to write")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="JSON · JSON file to write")] = None,
    alarm: Annotated[
        Literal["moderate", "large", "never"],
        typer.Option(help="达到何种程度以状态 1 结束 · from which level on to end with status 1"),
    ] = "large",
) -> None:
    """输入漂移与来源静默：PSI/CSI、总体、缺失、代码 · drift of inputs and silent sources.

    结束状态：0 未达 --alarm 的程度；1 达到；2 无法比较 · exit status: 0 below the level of --alarm, 1 reached it,
    2 nothing to compare.
    """
    from features.monitoring import monitor
    from models.registry import Registry
    from models.score_drift import score_drifts
    from records.base import RecordBase
    from records.moment import parse_as_of, shanghai_day
    from records.settings import Settings

    settings = Settings()
    days = shanghai_day(parse_as_of(reference)), shanghai_day(parse_as_of(current))
    with progress("比较两个时点", "comparing two days", 4) as done:
        found = monitor(RecordBase.open(settings), segment, *days, progress=done)
    scores = score_drifts(Registry(settings), segment, *found.tables)
    _show(found, scores)
    if to is not None:
        from service.pages.render import drift_page

        _write(to, drift_page(found, scores).encode())
        say(f"网页：{to}", f"page: {to}")
    if json is not None:
        _write(json, orjson.dumps({**found.as_dict(), "scores": _plain(scores)}, option=orjson.OPT_INDENT_2))
        say(f"数据：{json}", f"data: {json}")
    if alarming(found.level, alarm):
        raise typer.Exit(1)


def alarming(level: Level, alarm: str) -> bool:
    """Whether ``level`` reaches the one from which on ``drift`` ends with status 1; ``never`` is never reached."""
    return level in {"never": (), "large": ("large",), "moderate": ("moderate", "large")}[alarm]


def _show(found: Drift, scores: tuple[ScoreDrift, ...]) -> None:
    from service.pages.feature_words import LEVEL_WORDS, never, silences

    _show_sources(found)
    _show_features(found)
    for code in [one for one in (*found.population.composition, *found.codes) if one.level != "stable"][:SHOWN]:
        gone = ", ".join([*(f"+{value}" for value in code.new), *(f"-{value}" for value in code.vanished)])
        out.print(f"[{STYLES[code.level]}]{code.item}.{code.field}[/]  PSI {code.index:.3f}  {escape(gone)}")
    silent = silences(found.poisoned)
    if silent:
        step("静默的来源", "silent sources")
    for silence, poisoned in silent:
        out.print(f"[{SEVERITY_STYLES[silence.severity]}]● {silence.item}[/]  {silence.since}")
        out.print(f"  {speak(silence.words)}", markup=False, soft_wrap=True)
        _show_poisoned(poisoned)
    if missing := never(found.poisoned):
        say(
            f"{len(missing)} 个目录项从未报送，{sum(map(len, missing.values()))} 个特征依赖其记录",
            f"{len(missing)} items were never reported; {sum(map(len, missing.values()))} features rest on them",
        )
    for score in scores:
        _show_score(score)
    subjects, words = found.population.subjects, LEVEL_WORDS[found.level]
    say(
        f"{found.reference} → {found.current}：{subjects.reference:.0f} → {subjects.current:.0f} 户；结论：{words.zh}",
        f"{found.reference} -> {found.current}: {subjects.reference:.0f} -> {subjects.current:.0f} subjects; "
        f"verdict: {words.en}",
    )


def _show_sources(found: Drift) -> None:
    from records.catalogue import Catalogue
    from service.pages.feature_words import LEVEL_WORDS

    heads = (("来源", "source"), ("程度", "level"), ("特征", "of"), ("漂移", "moved"), ("最大 PSI", "worst PSI"))
    listing = _table(Text("按来源", "By source"), (*heads, ("缺失率", "missing")))
    for one in found.sources:
        listing.add_row(
            escape(speak(Catalogue.load().sources[one.source].words)),
            f"[{STYLES[one.level]}]{LEVEL_WORDS[one.level].in_language(_language())}[/]",
            str(one.features),
            str(one.moderate + one.large),
            f"{one.worst_index:.3f}",
            f"{one.missing.reference:.1%} → {one.missing.current:.1%}",
        )
    out.print(listing)


def _show_features(found: Drift) -> None:
    from service.pages.feature_words import LEVEL_WORDS

    moved = [one for one in found.features if one.worst != "stable"]
    if not moved:
        say(f"{len(found.features)} 个特征均稳定", f"all {len(found.features)} features are stable")
        return
    heads = (("特征", "feature"), ("程度", "level"), ("PSI", "PSI"), ("偶然", "chance"), ("缺失率", "missing"))
    listing = _table(Text("漂移的特征", "Features that moved"), (*heads, ("为零", "zero")))
    for one in moved[:SHOWN]:
        listing.add_row(
            one.code,
            f"[{STYLES[one.worst]}]{LEVEL_WORDS[one.worst].in_language(_language())}[/]",
            f"{one.index:.3f}",
            f"{one.chance:.3f}",
            f"{one.missing.reference:.1%} → {one.missing.current:.1%}",
            f"{one.zero.reference:.1%} → {one.zero.current:.1%}",
        )
    out.print(listing)
    if len(moved) > SHOWN:
        say(f"另有 {len(moved) - SHOWN} 个，见网页（--to）", f"{len(moved) - SHOWN} more on the page (--to)")


def _table(title: Text, heads: tuple[tuple[str, str], ...]) -> Table:
    """A table that keeps to one line a row: names fold, figures do not."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(title=speak(title), title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, head in enumerate(heads):
        words = speak(Text(*head)).replace(" · ", "\n")
        made.add_column(words, overflow="fold", no_wrap=number > 1, justify="right" if number > 1 else "left")
    return made


def _language() -> Language:
    """The language of single words in narrow columns."""
    return "zh" if os.environ.get("HUIXIN_LANGUAGE") == "zh" else "en"


def _show_poisoned(poisoned: list[Poisoned]) -> None:
    from features.poison import READS_AS_WORDS

    for one in poisoned[:SHOWN_FEATURES]:
        words = speak(READS_AS_WORDS[one.reads_as])
        style = "red" if one.reads_as in ("good", "bad") else "dim"
        out.print(f"  {one.feature}  [{style}]{words}[/]  {one.affected:,} / {one.subjects:,}", soft_wrap=True)
    if len(poisoned) > SHOWN_FEATURES:
        more = len(poisoned) - SHOWN_FEATURES
        say(f"  另有 {more} 个特征", f"  {more} more features")


def _show_score(score: ScoreDrift) -> None:
    most = sorted(score.points.items(), key=lambda pair: -abs(pair[1]))[:SHOWN_POINTS]
    listed = ", ".join(f"{code} {points:+.2f}" for code, points in most)
    say(
        f"评分 {score.model} v{score.version}（{score.family}）：PSI {score.index:.3f}，"
        f"平均分 {score.mean.reference:.1f} → {score.mean.current:.1f}；{listed}",
        f"scores of {score.model} v{score.version} ({score.family}): PSI {score.index:.3f}, "
        f"mean {score.mean.reference:.1f} -> {score.mean.current:.1f}; {listed}",
    )


def _plain(scores: tuple[ScoreDrift, ...]) -> Any:
    from features.plain import plain

    return plain(scores)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
