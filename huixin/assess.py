"""``huixin assess``: how sources report, in one month and up to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from huixin.console import out, progress, say, speak, step
from records.words import Text

if TYPE_CHECKING:
    from records.assessment import Assessment
    from records.catalogue import Catalogue

SHOWN = 20
STYLES = {"red": "bold red", "orange": "dark_orange", "yellow": "yellow", "blue": "blue"}
SEVERITY_WORDS = {
    "red": Text("红", "red"),
    "orange": Text("橙", "orange"),
    "yellow": Text("黄", "yellow"),
    "blue": Text("蓝", "blue"),
}
SHORT = {
    "completeness": Text("完整", "comp"),
    "accuracy": Text("准确", "accu"),
    "timeliness": Text("及时", "time"),
    "consistency": Text("一致", "cons"),
    "repair": Text("整改", "mend"),
}


def assess(
    month: Annotated[
        str | None, typer.Option(help="月份，如 2025-10，默认上一整月 · month, default the last whole one")
    ] = None,
    months: Annotated[int, typer.Option(help="趋势的月数 · months of the trend")] = 12,
    source: Annotated[str | None, typer.Option(help="只看一个来源，如 tax · one source only")] = None,
    as_of: Annotated[str | None, typer.Option(help="截至时点，默认现在 · as-of, default now")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="考核办法 TOML，默认 HUIXIN_HOME/assessment.toml · scheme, a TOML file")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="报告文件夹，默认 HUIXIN_HOME/assessment/月份 · folder of the report")
    ] = None,
) -> None:
    """报送考核：完整、准确、及时、一致、整改 · submission assessment by source, item and month."""
    from records.assessment import Scheme, known_source
    from records.assessment import assess as assessed
    from records.assessment.export import write_files
    from records.base import RecordBase
    from records.settings import Settings
    from service.pages.render import assessment_page

    settings = Settings()
    scheme = Scheme.load(weights) if weights else Scheme.of(settings)
    base = RecordBase.open(settings)
    if source is not None:
        known_source(base.catalogue, source)
    with progress("考核各目录项", "assessing items", len(base.catalogue.items)) as done:
        found = assessed(base, month, months=months, as_of=as_of, scheme=scheme, progress=done)
    if source is not None:
        found = found.of_source(source)
    _show(found, base.catalogue)
    target = folder or settings.home / "assessment" / f"{found.month:%Y-%m}" / (source or "")
    written = write_files(found, target)
    page = target / "assessment.html"
    page.write_text(assessment_page(found, base.catalogue), encoding="utf-8")
    say(f"报告：{page}", f"report: {page}")
    say(f"数据：{', '.join(one.name for one in written)}", f"data: {', '.join(one.name for one in written)}")


def _show(found: Assessment, catalogue: Catalogue) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from records.assessment import GRADE_WORDS, MEASURES

    names = {code: one.words for code, one in catalogue.sources.items()}
    month = f"{found.month:%Y-%m}"
    title = speak(Text(f"报送考核 {month}（指标以 % 计）", f"Submission assessment {month} (measures in %)"))
    ranking = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    ranking.add_column("#", justify="right", no_wrap=True)
    ranking.add_column(_head(Text("来源", "source")), overflow="fold", min_width=16)
    for words in (Text("得分", "points"), Text("变化", "change"), *SHORT.values(), Text("被拒", "refused")):
        ranking.add_column(_head(words), justify="right", no_wrap=True)
    for one in found.ranking:
        grade = f"\n[dim]{speak(GRADE_WORDS[one.grade])}[/]" if one.grade else ""
        ranking.add_row(
            str(one.rank or "—"),
            f"{escape(speak(names[one.source]))}{grade}",
            "—" if one.points is None else f"{one.points:.1f}",
            "—" if one.change is None else f"{one.change:+.1f}",
            *("—" if (share := one.measures[name]) is None else f"{100 * share:.0f}" for name in MEASURES),
            f"{one.rejected:,}",
        )
    out.print(ranking)
    _show_alerts(found, names)


def _head(words: Text) -> str:
    return speak(words).replace(" · ", "\n")


def _show_alerts(found: Assessment, names: dict[str, Text]) -> None:
    if not found.alerts:
        say("没有预警", "no alerts")
        return
    step("预警", "alerts")
    for one in found.alerts[:SHOWN]:
        where = one.item or speak(names[one.source])
        out.print(f"[{STYLES[one.severity]}]{speak(SEVERITY_WORDS[one.severity])}[/] {one.since} {escape(where)}")
        out.print(f"  {speak(one.words)}", markup=False, soft_wrap=True)
    if len(found.alerts) > SHOWN:
        more = len(found.alerts) - SHOWN
        say(f"另有 {more} 条，见 alerts.csv", f"{more} more in alerts.csv")
