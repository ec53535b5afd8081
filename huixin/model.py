"""``huixin model``: registered versions and the gate."""

from __future__ import annotations

from typing import Annotated

import typer

from huixin import model_report
from huixin.console import out, say, table
from records.words import Text

app = typer.Typer(no_args_is_help=True, help="模型登记与准入 · the model registry and the gate")
app.command("report")(model_report.report)


@app.command("list")
def list_models() -> None:
    """列出已登记的模型版本 · list registered versions."""
    from models.registry import Registry
    from records.settings import Settings

    listing = table(
        Text("已登记模型", "Registered models"),
        [
            Text("名称", "name"),
            Text("版本", "version"),
            Text("类型", "family"),
            Text("别名", "alias"),
            Text("AUC", "AUC"),
        ],
    )
    for version in Registry(Settings()).versions():
        auc = version.metrics.get("auc")
        listing.add_row(
            version.name,
            version.version,
            version.family,
            ", ".join(version.aliases),
            "" if auc is None else f"{auc:.4f}",
        )
    out.print(listing)


@app.command()
def promote(
    segment: Annotated[str, typer.Argument(help="enterprise 或 farmer · segment")],
    version: Annotated[str, typer.Argument(help="版本 · version")],
) -> None:
    """经准入关将某版本上线 · promote a version, if the gate lets it through."""
    from models.promotion import promote_version
    from records.base import RecordBase
    from records.settings import Settings

    verdict = promote_version(RecordBase.open(Settings()), segment, version)
    for reason in verdict.reasons:
        say(reason.zh, reason.en)
    if not verdict.passed:
        raise typer.Exit(1)
    say(f"{segment} 现由版本 {version} 服务", f"{segment} is now served by version {version}")
