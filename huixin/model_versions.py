"""``huixin model compare``, ``gate``, ``promote`` and ``rollback``: versions side by side, and which one serves."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from huixin.console import out, progress, say, speak, table
from records.words import Text

if TYPE_CHECKING:
    from models.comparison import Comparison, SameRows
    from models.gate import Verdict

MARKS = {True: "[green]✓[/]", False: "[bold red]✗[/]"}
Segment = Annotated[str, typer.Argument(help="enterprise 或 farmer · segment")]
Version = Annotated[str, typer.Argument(help="版本 · version")]
Warning_ = Annotated[bool, typer.Option("--warning", help="预警模型 · the early-warning model")]
ToJson = Annotated[Path | None, typer.Option("--json", help="JSON · JSON file to write")]


def compare(
    segment: Segment,
    versions: Annotated[
        list[str] | None, typer.Argument(help="版本，默认有别名者 · versions, default those with an alias")
    ] = None,
    warning: Warning_ = False,
    same_rows: Annotated[
        bool, typer.Option("--same-rows", help="另在最新结果上同场比较前两个 · also both on the latest outcomes")
    ] = False,
    json: ToJson = None,
) -> None:
    """并排比较已登记的版本：指标、参数、权重、准入结论 · versions beside each other."""
    from models.comparison import compare_versions, on_same_rows
    from models.registry import Registry
    from records.base import RecordBase
    from records.settings import Settings

    settings = Settings()
    found = compare_versions(Registry(settings), segment, versions or (), warning=warning)
    _show_comparison(found)
    beside = None
    if same_rows and not warning and len(found.versions) > 1:
        with progress("在同一批主体上评分", "scoring the same rows"):
            first, second = (one.version for one in found.versions[:2])
            beside = on_same_rows(RecordBase.open(settings), segment, first, second)
        _show_same_rows(beside, first, second)
    if json is not None:
        from features.plain import plain

        _write(json, {**found.as_dict(), "same_rows": plain(beside)})


def gate(segment: Segment, version: Version, warning: Warning_ = False, json: ToJson = None) -> None:
    """准入关逐项检查某版本，不改变任何东西 · every check of the gate on a version; changes nothing.

    结束状态：0 通过，1 未通过 · exit status: 0 passed, 1 refused.
    """
    from models.promotion import weigh
    from records.base import RecordBase
    from records.settings import Settings

    with progress("准入检查", "asking the gate"):
        verdict = weigh(RecordBase.open(Settings()), segment, version, warning=warning)
    _show_verdict(verdict)
    if json is not None:
        _write(json, verdict.as_dict())
    if not verdict.passed:
        raise typer.Exit(1)


def promote(segment: Segment, version: Version, warning: Warning_ = False) -> None:
    """经准入关将某版本上线 · promote a version, if the gate lets it through."""
    from models.promotion import promote_version
    from records.base import RecordBase
    from records.settings import Settings

    base = RecordBase.open(Settings())
    with progress("准入检查", "asking the gate"):
        verdict = promote_version(base, segment, version, warning=warning, actor=getpass.getuser())
    _show_verdict(verdict)
    if not verdict.passed:
        raise typer.Exit(1)
    _record(base, "promote", {"segment": segment, "version": version, "warning": warning})
    say(f"{segment} 现由版本 {version} 服务", f"{segment} is now served by version {version}")


def rollback(
    segment: Annotated[str, typer.Option(help="enterprise 或 farmer · segment")],
    reason: Annotated[str, typer.Option(help="为什么 · why; kept with both versions")],
    warning: Warning_ = False,
) -> None:
    """让前一个上线版本重新服务，一步完成 · the former champion serves again, in one step."""
    from models.registry import Registry
    from records.base import RecordBase
    from records.settings import Settings

    base = RecordBase.open(Settings())
    actor = getpass.getuser()
    left, serves = Registry(base.settings).rollback(segment, actor=actor, reason=reason, warning=warning)
    _record(base, "rollback", {"segment": segment, "from": left, "to": serves, "reason": reason, "warning": warning})
    say(
        f"{segment} 已由版本 {left} 回退至 {serves}；服务在数秒内改用",
        f"{segment} went back from version {left} to {serves}; the service follows within seconds",
    )


def _show_comparison(found: Comparison) -> None:
    named = [f"v{one.version} {one.family} {', '.join(one.aliases)}".strip() for one in found.versions]
    heads = [Text(name, name) for name in named]
    listing = table(Text(f"{found.name}：指标", f"{found.name}: figures"), [Text("指标", "figure"), *heads])
    for name, values in found.metrics.items():
        listing.add_row(name, *("" if value is None else f"{value:.4f}" for value in values))
    told = [None if one is None else bool(one["passed"]) for one in found.gate]
    listing.add_row(speak(Text("准入", "gate")), *("—" if one is None else MARKS[one] for one in told))
    out.print(listing)
    if found.parameters:
        listing = table(Text("不同的参数", "Parameters that differ"), [Text("参数", "parameter"), *heads])
        for name, words in found.parameters.items():
            listing.add_row(name, *(word or "" for word in words))
        out.print(listing)
    listing = table(
        Text("平均绝对分值最大的特征", "Features that weigh most, in points"), [Text("特征", "feature"), *heads]
    )
    for code, weights in found.weights.items():
        listing.add_row(code, *("" if value is None else f"{value:.2f}" for value in weights))
    out.print(listing)


def _show_same_rows(found: SameRows, first: str, second: str) -> None:
    say(
        f"{found.as_of} 的同一批主体：AUC v{first} {found.first['auc']:.4f}，v{second} {found.second['auc']:.4f}，"
        f"差 {found.difference:+.4f}（{found.low:+.4f} 至 {found.high:+.4f}）；同等级 {found.same_grade:.1%}，"
        f"相差不超过一级 {found.within_one:.1%}",
        f"on the rows of {found.as_of}: AUC v{first} {found.first['auc']:.4f}, v{second} {found.second['auc']:.4f}, "
        f"difference {found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f}); same grade "
        f"{found.same_grade:.1%}, within one {found.within_one:.1%}",
    )


def _show_verdict(verdict: Verdict) -> None:
    columns = [
        Text("", ""),
        Text("检查", "check"),
        Text("数值", "figure"),
        Text("界限", "bounds"),
        Text("所见", "found"),
    ]
    listing = table(Text("准入检查", "The gate"), columns)
    for one in verdict.checks:
        bounds = " … ".join("" if bound is None else f"{bound:.3g}" for bound in (one.least, one.most))
        figure = "" if one.figure is None else f"{one.figure:.4g}"
        listing.add_row(MARKS[one.passed], speak(one.words), figure, bounds, speak(one.found))
    out.print(listing)
    for text in verdict.left_out:
        say(text.zh, text.en)


def _record(base: Any, action: str, payload: dict[str, Any]) -> None:
    from scoring.audit import record

    record(base.engine, getpass.getuser(), action, payload=payload)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    say(f"数据：{path}", f"data: {path}")
