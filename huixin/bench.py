"""``huixin bench NAME``: the measurements, each printed with its machine and written as JSON on request."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from huixin.console import say
from records.errors import HuixinError
from records.words import Text

# Modules of benchmarks/ that support measurements and are none themselves.
SUPPORT = {"ingest_bare", "ingest_rows", "machine"}


Engine = Literal["sqlite", "postgresql", "both"]


class UnknownBenchmark(HuixinError):
    code = "unknown-benchmark"
    title = Text("没有此项测量", "Unknown benchmark")


def bench(
    name: Annotated[str, typer.Argument(help="explain, demo, cumcm, ...")],
    json: Annotated[
        Path | None, typer.Option(help="结果写入此 JSON 文件 · write the figures to this JSON file")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="真实数据目录，默认取 HUIXIN_DATA · folder of real data, default HUIXIN_DATA")
    ] = None,
    faults: Annotated[int, typer.Option(help="faults：每种数据库的故障次数 · faults an engine", min=1)] = 200,
    scores: Annotated[int, typer.Option(help="replay：评分个数 · number of scores", min=3)] = 1_000,
    flips: Annotated[int, typer.Option(help="replay：翻转次数 · bits flipped, one at a time", min=0)] = 1_000,
    engine: Annotated[Engine, typer.Option(help="faults：数据库 · database")] = "both",
    sizes: Annotated[
        str | None, typer.Option(help="batch, ingest：各次行数，逗号分隔 · numbers of rows, such as 1000000,50000000")
    ] = None,
    seed: Annotated[int, typer.Option(help="faults、replay：随机种子 · seed of what is random")] = 1,
    subjects: Annotated[int, typer.Option(help="features、train：主体数 · number of subjects", min=1)] = 200_000,
    rivals: Annotated[
        str, typer.Option(help="features：比较对象，逗号分隔 · of sql, polars, pandas, feast")
    ] = "sql,polars,pandas,feast",
    growth: Annotated[
        str, typer.Option(help="features：单独测量的主体数，逗号分隔 · sizes measured alone, subjects")
    ] = "10000,100000,1000000",
    repeats: Annotated[int, typer.Option(help="features：轮数 · rounds, of which medians are taken", min=1)] = 3,
    feast_python: Annotated[
        Path | None, typer.Option(help="features：装有 feast[duckdb] 的 Python · a Python with feast[duckdb]")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="accuracy：任意数据表 · any table")] = None,
    target: Annotated[str | None, typer.Option(help="accuracy：--csv 的目标列 · its target column")] = None,
    positive: Annotated[str | None, typer.Option(help="accuracy：违约的取值 · the value that is an event")] = None,
    models: Annotated[str | None, typer.Option(help="accuracy：模型，逗号分隔 · only these models")] = None,
    sets: Annotated[str | None, typer.Option(help="accuracy：数据集，逗号分隔 · only these data sets")] = None,
    resume: Annotated[bool, typer.Option(help="accuracy：接着中断的一次 · go on with a run that was cut off")] = False,
    tune: Annotated[float, typer.Option(help="train：搜索参数几分钟 · minutes of tuning", min=0.0)] = 0.0,
    folder: Annotated[
        Path | None, typer.Option(help="features：临时文件所在目录 · folder of the files that are made")
    ] = None,
    parts: Annotated[
        str, typer.Option(help="faults：部分，逗号分隔 · of exchange, scores, hostile")
    ] = "exchange,scores,hostile",
    requests: Annotated[int, typer.Option(help="faults：敌意请求数 · hostile requests", min=1)] = 100_000,
    home: Annotated[
        Path | None,
        typer.Option(help="serving、replay、faults：已训练的安装 · a trained installation, instead of one of its own"),
    ] = None,
) -> None:
    """测量并报告 · measure and report."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import benchmarks

    known = sorted({module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - SUPPORT)
    if name not in known:
        accepted = ", ".join(known)
        raise UnknownBenchmark(
            Text(f"没有名为“{name}”的测量；可用：{accepted}", f"no benchmark '{name}'; accepted: {accepted}")
        )
    benchmark = importlib.import_module(f"benchmarks.{name}")
    match name:
        case "accuracy":
            folds = json.with_suffix(".folds.jsonl") if json else None
            if resume and folds is None:
                raise typer.BadParameter("--resume 需要 --json · --resume needs --json")
            where = None if csv else data or _data_folder()
            figures = benchmark.run(where, csv, target, positive, models, sets, folds, resume)
        case "cumcm":
            figures = benchmark.run(data or _data_folder())
        case "faults":
            asked = tuple(part.strip() for part in parts.split(",") if part.strip())
            if unknown := sorted(set(asked) - set(benchmark.PARTS)):
                told, accepted = ", ".join(unknown), ", ".join(benchmark.PARTS)
                raise typer.BadParameter(f"没有部分 {told}；可用：{accepted} · no part {told}; accepted: {accepted}")
            figures = benchmark.run(faults, engine, seed, asked, requests, home)
        case "features":
            chosen = tuple(rival.strip() for rival in rivals.split(",") if rival.strip())
            figures = benchmark.run(subjects, chosen, _numbers(growth), repeats, feast_python, folder)
        case "train":
            figures = benchmark.run(subjects, tune=tune)
        case "batch" if sizes:
            figures = benchmark.run(_numbers(sizes))
        case "serving":
            figures = benchmark.run(home)
        case "replay":
            figures = benchmark.run(scores, flips, home, seed)
        case "ingest" if sizes:
            figures = benchmark.run(benchmark.sizes_of(sizes))
        case _:
            figures = benchmark.run()
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
        say(f"结果已写入 {json}", f"figures written to {json}")


def _numbers(text: str) -> tuple[int, ...]:
    """``10000,5_000_000`` as sizes. Raises ``typer.BadParameter``."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(re.fullmatch(r"[1-9][0-9_]*", part) for part in parts):
        raise typer.BadParameter(f"'{text}': 10000,100000")
    return tuple(int(part) for part in parts)


def _data_folder() -> Path:
    """The folder of real data sets: ``HUIXIN_DATA``."""
    folder = os.environ.get("HUIXIN_DATA")
    if not folder:
        raise UnknownBenchmark(
            Text(
                "请用 --data 或环境变量 HUIXIN_DATA 指明真实数据目录",
                "name the folder of real data by --data or HUIXIN_DATA",
            )
        )
    return Path(folder)
