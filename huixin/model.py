"""``huixin model``: registered versions and the gate."""

from __future__ import annotations

import typer

from huixin import model_report, model_versions, model_watch
from huixin.console import out, table
from records.words import Text

app = typer.Typer(no_args_is_help=True, help="模型登记与准入 · the model registry and the gate")
app.command("report")(model_report.report)
app.command("compare")(model_versions.compare)
app.command("gate")(model_versions.gate)
app.command("promote")(model_versions.promote)
app.command("rollback")(model_versions.rollback)
app.command("monitor")(model_watch.monitor)
app.command("shadow")(model_watch.shadow)


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
