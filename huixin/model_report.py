"""``huixin model report``: how good a registered rating model is on the latest outcomes, as a page and as data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from huixin.console import out, progress, say, speak, table
from records.words import Language, Text

if TYPE_CHECKING:
    from models.validation.report import ValidationReport

STYLES = {"bad": "bold red", "look": "dark_orange", "good": "green"}


def report(
    segment: Annotated[str, typer.Argument(help="enterprise 或 farmer · segment")],
    version: Annotated[str | None, typer.Option(help="版本，默认在用者 · version, default the champion")] = None,
    to: Annotated[
        Path | None, typer.Option(help="网页，默认 HUIXIN_HOME/models/主体类别-版本.html · the page to write")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="另写 JSON · JSON file beside the page")] = None,
    card: Annotated[Path | None, typer.Option(help="另写 Markdown 模型卡（中英） · model card, zh and en")] = None,
) -> None:
    """验证报告：区分、校准、等级回测、分组、公平、稳定、对照、模型卡 · the validation report of a rating model."""
    from models.validation.card import model_card
    from models.validation.registered import report_on
    from records.base import RecordBase
    from records.settings import Settings
    from service.pages.render import validation_page

    settings = Settings()
    with progress("验证模型", "validating the model", 1) as done:
        found, chosen = report_on(RecordBase.open(settings), segment, version)
        done(1)
    _show(found)
    page = to or settings.home / "models" / f"{segment}-{chosen}.html"
    _write(page, validation_page(found, chosen).encode())
    say(f"网页：{page}", f"page: {page}")
    if json is not None:
        _write(json, orjson.dumps(found.as_dict(), option=orjson.OPT_INDENT_2))
        say(f"数据：{json}", f"data: {json}")
    if card is not None:
        languages: tuple[Language, ...] = ("zh", "en")
        _write(card, "\n".join(model_card(found).markdown(language) for language in languages).encode())
        say(f"模型卡：{card}", f"model card: {card}")


def _show(found: ValidationReport) -> None:
    from models.validation.findings import findings

    listing = table(
        Text("指标", "Figures"), [Text("指标", "figure"), Text("值", "value"), Text("95% 区间", "95% interval")]
    )
    for one in found.figures:
        listing.add_row(speak(one.words), f"{one.value:.4f}", f"{one.interval.low:.4f} – {one.interval.high:.4f}")
    out.print(listing)
    for finding in findings(found):
        out.print(f"[{STYLES[finding.weight]}]●[/] ", end="")
        out.print(speak(finding.words), markup=False, soft_wrap=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
