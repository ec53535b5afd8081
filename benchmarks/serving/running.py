"""The run: one home, three services in turn, the same load on each, medians over rounds."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.machine import machine
from benchmarks.serving.load import Loaded, Plan
from benchmarks.serving.rival import Rival, rival
from huixin.console import out, say, table
from huixin.serving import free_port
from records.base import RecordBase
from records.settings import Settings
from records.words import Text

SEGMENT, TOLD = "enterprise", 10
SUBJECTS, CONNECTIONS, ROUNDS, SECONDS = 200, 64, 3, 8.0
LONE_ROWS, RIVAL_ROWS = 2_000, 100
START_SECONDS = 120


def measured(home: Path | None) -> dict[str, Any]:
    """Figures of the whole benchmark; ratios are medians over rounds in which the services take turns.

    ``ratio_vs_constant``, ``ratio_vs_plain``: answers a second against the constant answer's and the plain service's;
    ``p99_ratio``: 99th percentile at half the peak against the constant answer's at the same rate;
    ``processor_us``: what an answer costs each service, all of its threads together, under the load of the peak; unlike
    answers a second it says much the same on a machine that has other things to do. ``sync_ms``: what the disk takes to
    keep 64 KiB for good, which each commit waits for. ``in_process_p50_us``: features in hand to PD, score, grade and
    five reasons in words.
    """
    with tempfile.TemporaryDirectory() as temporary:
        base = RecordBase.open(Settings(home=home)) if home else _county(Path(temporary) / "home")
        subjects = _ready(base)
        folder = Path(temporary) / "plain"
        folder.mkdir()
        against = rival(base, SEGMENT, subjects, folder)
        figures = {**_over_http(base, subjects, against), **_in_process(base, subjects, against)}
    figures["machine"] = machine("fastapi", "uvicorn", "lightgbm", "numba", "sqlalchemy")
    _show(figures)
    return figures


def _county(home: Path) -> RecordBase:
    from county import CountyPlan
    from huixin.county_base import fill
    from models.training import train

    base = RecordBase.open(Settings(home=home))
    fill(base, CountyPlan(subjects=3_000, months=36, block=1_500, seed=8), home / "truth.parquet")
    train(base, SEGMENT, synthetic=True)
    return base


def _ready(base: RecordBase) -> list[str]:
    """Subjects whose latest features are kept."""
    from features.online import OnlineFeatures

    OnlineFeatures(base, SEGMENT).refresh()
    found: list[str] = base.subjects(SEGMENT)["subject_id"].to_pylist()
    return found[:: max(len(found) // SUBJECTS, 1)][:SUBJECTS]


def _over_http(base: RecordBase, subjects: list[str], against: Rival) -> dict[str, Any]:
    from service.security import Clients

    key = Clients(base.engine).add(f"bench-{time.time_ns():x}", "bank")
    requests = tuple(_request(subject, key) for subject in subjects)
    home = {"HUIXIN_HOME": str(base.settings.home.resolve())}
    apps = {
        "constant": ("benchmarks.serving.constant:app", {}),
        "huixin": ("service.app:create_app", home),
        "plain": ("benchmarks.serving.plain:create_app", {"PLAIN_MODEL": str(against.folder)}),
    }
    with _services(apps) as (ports, processes):
        _warm(ports["huixin"], subjects, key)
        peaks: dict[str, list[float]] = {name: [] for name in apps}
        spent: dict[str, list[float]] = {name: [] for name in apps}
        for _ in range(ROUNDS):
            for name, port in ports.items():
                before = _processor_seconds(processes[name])
                peaks[name].append(_peak(port, requests))
                seconds = _processor_seconds(processes[name]) - before
                spent[name].append(seconds / (peaks[name][-1] * SECONDS) * 1e6)
        rate = statistics.median(peaks["huixin"]) / 2
        tails: dict[str, list[Loaded]] = {"constant": [], "huixin": []}
        for _ in range(ROUNDS):
            for name, found in tails.items():
                found.append(_load(Plan(ports[name], requests, CONNECTIONS, SECONDS, rate)))
    ratios = {name: [own / other for own, other in zip(peaks["huixin"], peaks[name], strict=True)] for name in peaks}
    p99 = {name: statistics.median(one.p99_ms for one in found) for name, found in tails.items()}
    return {
        "ratio_vs_constant": statistics.median(ratios["constant"]),
        "ratio_vs_plain": statistics.median(ratios["plain"]),
        "p99_ratio": p99["huixin"] / p99["constant"],
        "per_second": {name: statistics.median(found) for name, found in peaks.items()},
        "processor_us": {name: statistics.median(found) for name, found in spent.items()},
        "sync_ms": _sync_ms(base.settings.home),
        "load_average": os.getloadavg()[0],
        "p99_ms": p99,
        "rate_of_p99": rate,
        "tails": {name: [asdict(one) for one in found] for name, found in tails.items()},
        "generator": "wrk" if shutil.which("wrk") else "own",
        "rival_auc": against.auc,
        "champion_auc": against.champion_auc,
    }


def _in_process(base: RecordBase, subjects: list[str], against: Rival) -> dict[str, Any]:
    """Microseconds from features in hand to an explained score, and those of LightGBM's own explanation."""
    from features.online import OnlineFeatures
    from scoring.groups import ScoreGroups
    from scoring.rating import Rater

    answers = ScoreGroups(Rater(base)).answers(SEGMENT)
    with base.engine.connect() as connection:
        kept = OnlineFeatures(base, SEGMENT).of_many(connection, subjects)
    rows = [] if kept is None else [row[0] for row in kept.rows.values()]
    answers.lone(rows[0], 5)
    took = []
    for number in range(LONE_ROWS):
        row = rows[number % len(rows)]
        started = time.perf_counter()
        answers.lone(row, 5)
        took.append(time.perf_counter() - started)
    theirs = []
    for number in range(RIVAL_ROWS):
        row = rows[number % len(rows)][None, :]
        started = time.perf_counter()
        against.booster.predict(row, pred_contrib=True, num_threads=1)
        theirs.append(time.perf_counter() - started)
    bundle = answers.serving.rating
    X = np.array(rows[:1])[:, [answers.codes.index(code) for code in bundle.codes]]
    kernel = []
    for _ in range(LONE_ROWS):
        started = time.perf_counter()
        bundle.explain(X)
        kernel.append(time.perf_counter() - started)
    own, other = statistics.median(took) * 1e6, statistics.median(theirs) * 1e6
    return {
        "in_process_p50_us": own,
        "in_process_p99_us": float(np.percentile(took, 99)) * 1e6,
        "in_process_kernel_us": statistics.median(kernel) * 1e6,
        "pred_contrib_p50_us": other,
        "in_process_ratio_vs_pred_contrib": other / own,
        "units": len(getattr(bundle.explainer, "units", ())),
    }


def _request(subject: str, key: str) -> str:
    body = orjson.dumps({"subject": subject, "purpose": "loan_application", "reasons": TOLD}).decode()
    return (
        f"POST /v1/scores HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


@contextmanager
def _services(apps: dict[str, tuple[str, dict[str, str]]]) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """Ports and process ids of one uvicorn worker each; only the one that is asked has anything to do."""
    ports, started = {}, []
    try:
        for name, (app, environment) in apps.items():
            ports[name] = free_port()
            factory = [] if app.endswith(":app") else ["--factory"]
            command = [sys.executable, "-m", "uvicorn", app, *factory, "--port", str(ports[name])]
            quiet = ["--log-level", "error", "--no-access-log"]
            started.append(subprocess.Popen([*command, *quiet], env=os.environ | environment))
        for port in ports.values():
            _wait(port)
        yield ports, {name: process.pid for name, process in zip(apps, started, strict=True)}
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def _wait(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _warm(port: int, subjects: list[str], key: str) -> None:
    """Ask once for every subject: evidence is read from the records at the first look of a day."""

    def ask(subject: str) -> None:
        body = orjson.dumps({"subject": subject, "purpose": "loan_application"})
        headers = {"Content-Type": "application/json", "X-API-Key": key}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/scores", body, headers)
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            answer.read()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, subjects))


def _peak(port: int, requests: tuple[str, ...]) -> float:
    """Answers a second under as much load as is taken."""
    if (wrk := shutil.which("wrk")) is None:
        return _load(Plan(port, requests, CONNECTIONS, SECONDS)).per_second
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        listed = ",".join(orjson.dumps(one).decode() for one in requests)
        script.write(f"local all={{{listed}}}\nlocal n=0\nrequest=function() n=n%#all+1 return all[n] end\n")
        script.write('done=function(s,l,r) io.write("failed ", s.errors.status, "\\n") end\n')
        script.flush()
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:g}s", "-s", script.name, f"http://127.0.0.1:{port}/"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    failed = re.search(r"failed (\d+)", told)
    if failed is None or int(failed[1]):
        raise RuntimeError(f"answers that are none: {told}")
    found = re.search(r"Requests/sec:\s*([\d.]+)", told)
    assert found is not None
    return float(found[1])


def _processor_seconds(process: int) -> float:
    """What a process has used so far, in user mode and in the system (Linux; elsewhere nothing is known)."""
    try:
        told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _sync_ms(folder: Path) -> float:
    """Milliseconds, at the median, until 64 KiB that replace others in a file are on the disk for good."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(50):
            file.seek(0)
            file.write(os.urandom(1 << 16))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e3


def _load(plan: Plan) -> Loaded:
    command = [sys.executable, "-m", "benchmarks.serving.load"]
    made = subprocess.run(command, input=orjson.dumps(asdict(plan)), capture_output=True, check=True)
    found = Loaded(**orjson.loads(made.stdout))
    if found.failures:
        raise RuntimeError(f"{found.failures} answers that are none")
    return found


def _show(figures: dict[str, Any]) -> None:
    heads = [Text("指标", "figure"), Text("测得", "measured"), Text("目标", "goal")]
    listing = table(Text("评分服务", "Serving"), heads)
    goals = {
        "ratio_vs_constant": ">= 0.4",
        "ratio_vs_plain": ">= 15",
        "p99_ratio": "<= 4",
        "in_process_p50_us": "<= 60",
        "in_process_ratio_vs_pred_contrib": ">= 40",
    }
    for name, goal in goals.items():
        listing.add_row(name, f"{figures[name]:.3g}", goal)
    out.print(listing)
    each = ", ".join(f"{name} {value:,.0f}" for name, value in figures["per_second"].items())
    say(f"每秒应答：{each}", f"answers a second: {each}")
    each = ", ".join(f"{name} {value:,.0f}" for name, value in figures["processor_us"].items())
    say(f"每次应答的处理器微秒：{each}", f"processor time of an answer, us: {each}")
