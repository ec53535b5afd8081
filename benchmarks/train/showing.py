"""The figures of a retraining as tables."""

from __future__ import annotations

from typing import Any

from huixin.console import out, say, table
from records.words import Text

STAGES = {
    "tuning": Text("搜索参数", "search for settings"),
    "boosted": Text("提升树模型（含交叉验证与校准）", "boosted model, cross-validated, calibrated"),
    "scorecard": Text("评分卡（含校准）", "scorecard, calibrated"),
    "warning": Text("预警模型", "early-warning model"),
    "background": Text("准入所需背景", "what the gate needs around"),
    "reports": Text("验证报告与页面", "validation reports and pages"),
    "registration": Text("登记与准入", "registration and gate"),
}


def show(figures: dict[str, Any]) -> None:
    title = Text(
        f"重新训练：{figures['subjects']:,} 个主体 × {figures['features']} 个特征",
        f"Retraining: {figures['subjects']:,} subjects x {figures['features']} features",
    )
    shown = table(title, [Text("步骤", "stage"), Text("秒", "s"), Text("处理器秒", "processor s")])
    for stage, one in figures["stages"].items():
        words = STAGES[stage]
        shown.add_row(f"{words.zh} · {words.en}", f"{one['seconds']:.1f}", f"{one['processor_s']:.1f}")
    shown.add_row("合计 · in all", f"{figures['seconds']:.1f}", f"{figures['processor_s']:.1f}")
    out.print(shown)
    say(
        f"内存峰值 {figures['peak_rss_mb']:,} MB；目标 {figures['goal_s']:.0f} 秒",
        f"peak memory {figures['peak_rss_mb']:,} MB; goal {figures['goal_s']:.0f} s",
    )
    for family, one in figures["models"].items():
        say(*(f"{family}: AUC {one['auc']:.4f}, {one['alias']}",) * 2)
    for no in figures["refusals"]:
        say(*(no,) * 2)
    if "scorecard" in figures:
        ours, theirs = figures["scorecard"]["huixin"], figures["scorecard"]["optbinning"]
        say(
            f"评分卡拟合：{ours['seconds']:.1f} 秒，AUC {ours['auc']:.4f}；"
            f"optbinning {theirs['seconds']:.1f} 秒，AUC {theirs['auc']:.4f}",
            f"scorecard fitted in {ours['seconds']:.1f} s, AUC {ours['auc']:.4f}; "
            f"optbinning {theirs['seconds']:.1f} s, AUC {theirs['auc']:.4f}",
        )
    say(*(", ".join(f"{name} {value}" for name, value in figures["machine"].items()),) * 2)
