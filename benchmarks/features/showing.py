"""The figures of the feature benchmark, as tables for the eye."""

from __future__ import annotations

from typing import Any

from huixin.console import out, say, table
from records.words import Text


def show(figures: dict[str, Any]) -> None:
    """What was compared, times and peaks of every job, the keys with their meaning, and the machine."""
    subjects, rows, megabytes = (f"{figures[key]:,}" for key in ("subjects", "records", "records_mb"))
    features, rounds = figures["features"], figures["rounds"]
    say(
        f"比较：{subjects} 个主体、{rows} 条记录（Parquet {megabytes} MB）、{features} 个特征，各方结果逐位相同；"
        f"轮流运行 {rounds} 轮，取中位数",
        f"compared: {subjects} subjects, {rows} records ({megabytes} MB of Parquet), {features} features, the same "
        f"numbers by all; {rounds} rounds of turns, medians",
    )
    heads = [
        Text("任务 × 时点数", "job × as-ofs"),
        Text("秒", "s"),
        Text("处理器秒", "processor s"),
        Text("峰值 MB", "peak MB"),
    ]
    times = table(Text("用时", "Times"), heads)
    for name, seconds in figures["seconds"].items():
        processor, peak = figures["processor_s"][name], figures["job_peak_mb"][name]
        times.add_row(name, f"{seconds:.2f}", f"{processor:.2f}", f"{peak:,.0f}")
    for size, seconds in figures["growth_seconds"].items():
        times.add_row(f"huixin × 1 ({int(size):,})", f"{seconds:.2f}", "", f"{figures['peak_rss_mb'][size]:,.0f}")
    out.print(times)
    keys = table(Text("指标", "Figures"), [Text("键", "key"), Text("值", "value"), Text("含义", "meaning")])
    for key, meaning in figures["meaning"].items():
        keys.add_row(key, _value(figures[key]), meaning)
    out.print(keys)
    for key, why in figures["why_null"].items():
        say(f"{key} 无值：{why}", f"{key} has no value: {why}")
    say(*(", ".join(f"{name} {value}" for name, value in figures["machine"].items()),) * 2)


def _value(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, dict):
        return ", ".join(f"{int(size):,}: {one:,.0f}" for size, one in value.items())
    return f"{value:.3g}"
