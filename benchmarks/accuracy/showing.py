"""The accuracy figures as tables: a data set a table, the best of each figure in bold."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

FIGURES = {"auc": max, "ks": max, "brier": min, "ece": min, "seconds": min}


def show(figures: dict[str, Any]) -> None:
    console = Console()
    for name, by_model in figures["datasets"].items():
        rows, events, columns = (figures[key][name] for key in ("rows", "events", "columns"))
        table = Table(title=f"{name}: {rows:,} rows, {events:,} events, {columns} columns", title_justify="left")
        table.add_column("model")
        for figure in FIGURES:
            table.add_column(figure, justify="right")
        for model, found in by_model.items():
            table.add_row(model, *(_cell(figure, found[figure], by_model) for figure in FIGURES))
        console.print(table)
    ranks = Table(title="mean rank (1 is best)", title_justify="left")
    for head in ("model", "AUC", "Brier"):
        ranks.add_column(head)
    by_auc = figures["mean_rank"]["auc"]
    for model in sorted(by_auc, key=lambda one: by_auc[one]):
        ranks.add_row(model, f"{by_auc[model]:.2f}", f"{figures['mean_rank']['brier'][model]:.2f}")
    console.print(ranks)
    for name, why in figures["failed"].items():
        console.print(f"{name}: {why}", markup=False)
    console.print(figures["machine"])


def _cell(figure: str, value: float | None, by_model: dict[str, dict[str, float | None]]) -> str:
    if value is None:
        return "-"
    known = [found[figure] for found in by_model.values() if found[figure] is not None]
    text = f"{value:.1f}" if figure == "seconds" else f"{value:.4f}"
    return f"[bold]{text}[/]" if value == FIGURES[figure](known) else text  # type: ignore[type-var]
