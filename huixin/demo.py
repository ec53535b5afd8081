"""``huixin demo``: the whole job on a synthetic county, ending with a report and a question to the service."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huixin.console import out, progress, say, step
from huixin.train import SEGMENTS, train_segment

if TYPE_CHECKING:
    from records.base import RecordBase

DEMO_CLIENT = "demo-bank"


def demo(
    subjects: Annotated[int, typer.Option(help="主体数 · subjects", min=500)] = 20_000,
    months: Annotated[int, typer.Option(help="历史月数 · months of history", min=30)] = 60,
    seed: Annotated[int, typer.Option(help="随机种子 · seed")] = 20260101,
) -> None:
    """在合成县上跑完整个流程，生成报告 · run the whole job on a synthetic county and write a report."""
    from county.plan import CountyPlan
    from huixin.county_base import fill, refuse_mixture
    from huixin.demo_files import write_files
    from huixin.demo_report import curl_line, write_report
    from records.base import RecordBase
    from records.settings import Settings

    started = time.perf_counter()
    plan = CountyPlan(subjects=subjects, months=months, seed=seed)
    base = RecordBase.open(Settings())
    refuse_mixture(base, plan)
    folder = base.settings.home / "demo"
    step("生成合成县并收录其记录", "making a synthetic county and taking in its records")
    with progress("主体", "subjects", total=plan.subjects) as done:
        fill(base, plan, folder / "truth.parquet", done)
    _say_records(base)
    for segment in SEGMENTS:
        train_segment(base, segment, seed, synthetic=True)
    as_of = plan.month_ends[-1]
    step("为全部主体评分", "scoring every subject")
    _score_everyone(base, as_of, folder)
    step("撰写报告并向服务提同样的问题", "writing the report and asking the service the same question")
    key = _demo_key(base, folder)
    files = write_files(base, folder, as_of)
    report = write_report(base, plan, folder, started, curl_line(base, folder), files)
    _ask_service(base, report.asked, key)
    say(f"报告：{report.path.resolve()}", f"report: {report.path.resolve()}")
    say("启动服务：make serve，然后执行：", "start the service with make serve, then run:")
    out.print(report.curl, markup=False, soft_wrap=True)
    took = time.perf_counter() - started
    say(f"用时 {took:.0f} 秒。全部数据均为合成数据。", f"took {took:.0f} s. All data are synthetic.")


def _say_records(base: RecordBase) -> None:
    batches = base.batches()
    kept, refused = sum(one.rows_accepted for one in batches), sum(one.rows_rejected for one in batches)
    say(
        f"收 {kept:,} 条记录，拒 {refused:,} 条；{len(batches)} 个批次：{base.settings.records_folder}",
        f"{kept:,} records accepted, {refused:,} refused; {len(batches)} batches: {base.settings.records_folder}",
    )


def _score_everyone(base: RecordBase, as_of: date, folder: Path) -> None:
    from records.moment import end_of_day
    from scoring.batch import score_all

    for segment in SEGMENTS:
        with progress(f"评分 {segment}", f"scoring {segment}") as done:
            made = score_all(base, segment, end_of_day(as_of), folder / "scores" / f"{segment}.parquet", progress=done)
        say(
            f"{made.subjects:,} 户，理由合计与评分最大差 {made.largest_gap:.1e}：{made.path}",
            f"{made.subjects:,} subjects, reasons add up within {made.largest_gap:.1e}: {made.path}",
        )


def _demo_key(base: RecordBase, folder: Path) -> str:
    """The key of the demo's client, made once and kept where only the user can read it."""
    from service.security import Clients

    path = folder / "api-key"
    clients = Clients(base.engine)
    if path.exists():
        return path.read_text().strip()
    for client in clients.list():
        if client.name.startswith(DEMO_CLIENT) and client.revoked_at is None:
            clients.revoke(client.client_id)
    key = clients.add(f"{DEMO_CLIENT}-{time.time_ns():x}", "bank")
    path.touch(mode=0o600)
    path.write_text(key)
    return key


def _ask_service(base: RecordBase, asked: dict[str, str], key: str) -> None:
    """Ask a real server, started for this question, and check that it gives the score of the report."""
    from huixin.serving import asked_server

    answer = asked_server(base.settings, asked, key)
    grade, score, default, reasons = answer["grade"], answer["score"], answer["pd"], len(answer["reasons"])
    say(
        f"服务答复：{grade}，{score:.1f} 分，PD {default:.2%}，理由 {reasons} 项",
        f"the service answers: {grade}, {score:.1f} points, PD {default:.2%}, {reasons} reasons",
    )
