"""``huixin import``: data sets of others, turned into Huixin records, studied and rated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huixin.console import progress, say

app = typer.Typer(no_args_is_help=True, help="导入真实数据集 · import real data sets")


@app.callback()
def _imports() -> None:
    """导入真实数据集 · import real data sets."""


@app.command()
def cumcm(
    folder: Annotated[Path, typer.Argument(help="含 credit/ 与 nocredit/ 的目录 · folder with credit/ and nocredit/")],
    home: Annotated[Path, typer.Option(help="独立的数据目录 · its own home folder")] = Path("var/cumcm"),
) -> None:
    """中小企业发票数据（2020 年全国大学生数学建模竞赛 C 题） · SME invoices, CUMCM 2020 problem C."""
    from huixin.import_cumcm import import_cumcm
    from records.settings import Settings

    with progress("导入、研究、评级", "importing, studying, rating") as done:
        result = import_cumcm(folder, Settings(home=home), progress=done)
    say(
        f"AUC {result.auc:.3f}（95% 区间 {result.interval[0]:.3f} 至 {result.interval[1]:.3f}），"
        f"与银行评级的秩相关 {result.spearman:.2f}；已评 {result.rated} 户",
        f"AUC {result.auc:.3f} (95% interval {result.interval[0]:.3f} to {result.interval[1]:.3f}), "
        f"rank correlation with the bank's grades {result.spearman:.2f}; {result.rated} enterprises rated",
    )
    say(f"报告：{result.report}", f"report: {result.report}")
