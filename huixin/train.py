"""``huixin train``: retrain the models of a segment, validate them out of time, let the gate decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from huixin.console import out, progress, say, speak, step, table
from records.words import Text

if TYPE_CHECKING:
    from models.tuning import Tuned
    from models.widening import Widen
    from records.base import RecordBase

SEGMENTS = {"enterprise": Text("企业", "enterprises"), "farmer": Text("农户", "farmers")}

DECISIONS_ALONE = Text("须与 --rejects 同用", "goes with --rejects")


def train(
    segment: Annotated[
        str | None, typer.Option(help="enterprise 或 farmer，默认两者 · one segment, default both")
    ] = None,
    seed: Annotated[int, typer.Option(help="随机种子 · seed")] = 20260101,
    rejects: Annotated[
        Literal["reweight", "parcel"] | None,
        typer.Option(help="拒绝推断：按获准概率加权，或推断被拒者结果 · reject inference, default none"),
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(
            help="平台审批结果文件，默认 bank.credit_application · a platform's decisions (CSV, Parquet)",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    tune: Annotated[
        float,
        typer.Option(help="搜索提升树参数的分钟数，默认不搜索 · minutes of search for settings, default none", min=0.0),
    ] = 0.0,
) -> None:
    """训练、验证、登记模型，由准入关决定是否上线 · train, validate, register; the gate decides on promotion."""
    from huixin.county_base import is_synthetic
    from records.base import RecordBase
    from records.settings import Settings

    if decisions is not None and rejects is None:
        raise typer.BadParameter(speak(DECISIONS_ALONE), param_hint="--decisions")
    base = RecordBase.open(Settings())
    widen = None
    if rejects is not None:
        from models.widening import refused_too

        widen = refused_too(base, rejects, decisions, seed=seed)
    for one in [segment] if segment else list(SEGMENTS):
        train_segment(base, one, seed, synthetic=is_synthetic(base), widen=widen, tune=tune)


def train_segment(
    base: RecordBase,
    segment: str,
    seed: int,
    *,
    synthetic: bool = False,
    widen: Widen | None = None,
    tune: float = 0.0,
) -> None:
    """Train one segment of ``base`` and print what came out.

    ``widen`` adds inferred rows to learn from; ``tune``: minutes of search for settings of the boosted model.
    """
    from models.training import train as train_models
    from service.pages.render import validation_page

    words = SEGMENTS.get(segment, Text(segment, segment))
    step(f"训练{words.zh}模型", f"training the models of {words.en}")
    with progress("训练与验证", "training and validating", total=100) as done:
        result = train_models(
            base,
            segment,
            seed=seed,
            synthetic=synthetic,
            progress=done,
            page=validation_page,
            widen=widen,
            tune_minutes=tune,
        )
    listing = table(
        Text(f"时间外验证（{words.zh}）", f"Out-of-time validation ({words.en})"),
        [
            Text("模型", "model"),
            Text("版本", "version"),
            Text("AUC", "AUC"),
            Text("KS", "KS"),
            Text("上线", "promoted"),
        ],
    )
    for model in result.models:
        listing.add_row(
            model.family, model.version, f"{model.metrics['auc']:.4f}", f"{model.metrics['ks']:.4f}", model.alias or ""
        )
    out.print(listing)
    for note in result.models[0].bundle.inferred:
        say(note.zh, note.en)
    if result.tuned is not None:
        _say_tuned(result.tuned)
    for verdict in result.refusals:
        say(f"未上线：{verdict.zh}", f"not promoted: {verdict.en}")


def _say_tuned(tuned: Tuned) -> None:
    trials = len(tuned.trials)
    if tuned.changed:
        zh = f"参数搜索 {trials} 次：改用新参数，对数损失减少 {tuned.gain:.5f}（标准误 {tuned.error:.5f}）"
        en = f"{trials} trials: other settings, log-loss less by {tuned.gain:.5f} (standard error {tuned.error:.5f})"
    else:
        zh, en = (
            f"参数搜索 {trials} 次：没有确实更好的，沿用常规参数",
            f"{trials} trials: none surely better; usual settings",
        )
    say(zh, en)
