"""``huixin model monitor`` and ``shadow``: how the model that serves is doing, and what a challenger would say."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
import typer
from rich.markup import escape

from huixin.console import out, progress, say, speak, table
from records.words import Text

if TYPE_CHECKING:
    from models.monitoring import ModelHealth
    from models.shadow_report import ShadowReport
    from models.warning_monitoring import WarningHealth

STYLES = {"red": "bold red", "yellow": "dark_orange", "green": "green"}
Segment = Annotated[str, typer.Argument(help="enterprise 或 farmer · segment")]


def monitor(
    segment: Segment,
    as_of: Annotated[
        str | None, typer.Option(help="监测日，默认最近报送月末 · day, default the last month reported")
    ] = None,
    every: Annotated[int, typer.Option(help="评级日间隔月数 · months between cohorts", min=1, max=12)] = 3,
    to: Annotated[
        Path | None, typer.Option(help="网页，默认 HUIXIN_HOME/models/主体类别[-warning].html · the page to write")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="JSON，默认与网页并列 · JSON file, beside the page")
    ] = None,
    alarm: Annotated[
        Literal["yellow", "red", "never"],
        typer.Option(help="达到何级以状态 1 结束 · from which level on to end with status 1"),
    ] = "red",
    warning: Annotated[bool, typer.Option(help="改为监测预警模型 · the early-warning model instead")] = False,
) -> None:
    """监测上线模型：漂移、随结果到期的校准、预计表现 · drift, maturing calibration, expected performance.

    结束状态：0 未达 --alarm；1 达到；2 无法监测 · exit status: 0 below --alarm, 1 reached it, 2 nothing to monitor.
    """
    from models.model_alarms import ALARM_LEVELS
    from models.monitoring import monitor_model
    from models.warning_monitoring import WarningHealth, monitor_warning
    from records.base import RecordBase
    from records.moment import parse_as_of, shanghai_day
    from records.settings import Settings
    from scoring.monitored import keep
    from service.pages.model_page import model_page, warning_page

    settings = Settings()
    day = shanghai_day(parse_as_of(as_of)) if as_of else None
    watch = monitor_warning if warning else monitor_model
    base = RecordBase.open(settings)
    with progress("监测模型", "monitoring the model", 100) as done:
        found = watch(base, segment, day, every=every, progress=done)
    keep(base.engine, found, getpass.getuser())
    _show_health(found)
    page = to or settings.home / "models" / (f"{segment}-warning.html" if warning else f"{segment}.html")
    told = warning_page(found) if isinstance(found, WarningHealth) else model_page(found)
    _write(page, told.encode())
    _write(json or page.with_suffix(".json"), orjson.dumps(found.as_dict(), option=orjson.OPT_INDENT_2))
    say(f"网页：{page}", f"page: {page}")
    if alarm != "never" and ALARM_LEVELS.index(found.level) >= ALARM_LEVELS.index(alarm):
        raise typer.Exit(1)


def shadow(
    segment: Segment,
    version: Annotated[str | None, typer.Option(help="版本，默认挑战者 · version, default the challenger")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="改为比较该日全部主体 · compare every subject of that day instead")
    ] = None,
    every: Annotated[int, typer.Option(min=0, help="每隔多少秒再来一次，0 为只一次 · again after so many seconds")] = 0,
    json: Annotated[Path | None, typer.Option("--json", help="JSON · JSON file to write")] = None,
) -> None:
    """挑战者影子评分，只留存不示人 · the challenger rates what the champion rated; kept aside."""
    from models.shadow import beside, shadow_ratings, shadowed
    from models.shadow_report import shadow_report
    from records.base import RecordBase
    from records.moment import parse_as_of, shanghai_day
    from records.settings import Settings

    base = RecordBase.open(Settings())
    while True:
        rows = None
        if as_of is not None:
            rows = beside(base, segment, shanghai_day(parse_as_of(as_of)), version)
        else:
            done = shadow_ratings(base, segment, version)
            say(
                f"影子评分 {done.scored} 次，共存 {done.kept} 次：{done.folder}",
                f"{done.scored} ratings scored in the shadow, {done.kept} kept in all: {done.folder}",
            )
            if done.kept:
                rows = shadowed(base, segment, version)
        if rows is not None and rows.height:
            report = shadow_report(base, segment, rows)
            _show_shadow(report)
            if json is not None:
                _write(json, orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2))
        if not every:
            return
        time.sleep(every)


def _show_health(found: ModelHealth | WarningHealth) -> None:
    from models.model_alarms import ALARM_WORDS

    title = Text(f"{found.model} v{found.version}，{found.as_of}", f"{found.model} v{found.version}, {found.as_of}")
    listing = table(title, [Text("级别", "level"), Text("所查", "what"), Text("所见", "found")])
    for one in found.alarms:
        level = f"[{STYLES[one.level]}]{speak(ALARM_WORDS[one.level])}[/]"
        listing.add_row(level, speak(one.words), escape(speak(one.found)))
    out.print(listing)
    for one in found.alarms:
        if one.level != "green":
            out.print(f"[{STYLES[one.level]}]●[/] {escape(speak(one.advice))}", soft_wrap=True)


def _show_shadow(found: ShadowReport) -> None:
    say(
        f"{found.rows} 行：排序相关 {found.rank_correlation:.3f}，平均分 {found.mean_scores[0]:.1f} / "
        f"{found.mean_scores[1]:.1f}，同等级 {found.same_grade:.1%}，相差不超过一级 {found.within_one:.1%}；"
        f"仅现用模型看好 {found.only_champion:.1%}，仅挑战者看好 {found.only_challenger:.1%}",
        f"{found.rows} rows: rank correlation {found.rank_correlation:.3f}, mean scores {found.mean_scores[0]:.1f} / "
        f"{found.mean_scores[1]:.1f}, same grade {found.same_grade:.1%}, within one {found.within_one:.1%}; "
        f"favoured by the champion alone {found.only_champion:.1%}, by the challenger alone "
        f"{found.only_challenger:.1%}",
    )
    if found.matured is not None:
        one = found.matured
        say(
            f"结果已到期 {one.rows} 行、违约 {one.defaults}：AUC {one.champion_auc:.3f} / {one.challenger_auc:.3f}"
            f"（差的 95% 区间 {one.low:+.3f} 至 {one.high:+.3f}）",
            f"outcomes complete for {one.rows} rows, {one.defaults} defaults: AUC {one.champion_auc:.3f} / "
            f"{one.challenger_auc:.3f} (95% interval of the difference {one.low:+.3f} to {one.high:+.3f})",
        )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
