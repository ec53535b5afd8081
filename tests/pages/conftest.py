"""Made-up content that looks like a run's, and a browser to look at the pages with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from features.pipeline import Evidence
from models.grades import GRADE_WORDS, GRADES, MasterScale, clipped, pd_of, unclipped_score
from models.validation import calibration, grade_table, ks_curve, roc
from records.moment import add_months, end_of_day, month_end
from records.words import Text
from scoring.rating import Rating, Warned
from scoring.reasons import Reason
from scoring.signals import Signal
from service.pages.content import (
    CumcmReport,
    Curve,
    DemoReport,
    Figure,
    FirstSignal,
    GradeRow,
    RatedRow,
    SegmentSection,
    WarningTimeline,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAST = date(2025, 12, 31)
MADE_AT = datetime(2026, 1, 5, 3, 20)

Build = Callable[..., Rating]

REASONS = (
    (Text("近12个月平均逾期申报天数", "average days late in filing, 12 months"), Text("1.9 天", "1.9 days")),
    (Text("近36个月客户数", "customers, 36 months"), Text("7", "7")),
    (Text("距最近一次逾期的天数", "days since the last late payment"), Text("31 天", "31 days")),
    (Text("近3个月平均电费逾期天数", "average days late with the power bill, 3 months"), Text("2.3 天", "2.3 days")),
    (Text("近3个月已缴税额占应纳税额", "tax paid over tax due, 3 months"), Text("64.8%", "64.8%")),
    (Text("近3个月社保实缴占应缴", "social insurance paid over due, 3 months"), Text("65.1%", "65.1%")),
    (Text("最近村级信用评定分", "latest village credit mark"), Text("未参加村级评定", "not assessed by the village")),
    (Text("近12个月月均申报销售额", "average monthly declared revenue, 12 months"), Text("8.6 万元", "CNY 86,214")),
)


@pytest.fixture(scope="session")
def made_rating() -> Build:
    """Builds a rating whose reasons add up; ``log_odds`` of default and any field may be given."""

    def build(segment: str = "enterprise", log_odds: float = -2.8, reasons: int = 30, **more: object) -> Rating:
        rng = np.random.default_rng(7)
        base, free = 603.8467, float(unclipped_score(np.array([log_odds]))[0])
        raw = rng.normal(0, 1, reasons) * 6 * np.exp(-np.arange(reasons) / 6)
        points = raw + (free - base - raw.sum()) / reasons if reasons else raw
        score = float(clipped(np.array([free]))[0])
        made = [_reason(i, float(points[i])) for i in range(reasons)]
        probability = float(pd_of(np.array([log_odds]))[0])
        fields: dict[str, object] = {
            "score_id": "s-9e5823def74135a3e3577e55",
            "subject_id": "2e27355ba70b53d6bbe484395661fabc",
            "subject_kind": segment,
            "masked": "91**************0P" if segment == "enterprise" else "11**************79",
            "as_of": end_of_day(LAST),
            "scored_at": MADE_AT,
            "segment": segment,
            "model_name": f"huixin-{segment}",
            "model_version": "3",
            "model_family": "boosted",
            "pd": probability,
            "score": score,
            "grade": MasterScale().grades(np.array([probability]))[0],
            "base_points": base if reasons else free,
            "clip_points": score - free,
            "reasons": tuple(sorted(made, key=lambda one: -abs(one.points))),
            "signals": _signals(),
            "distress": {3: 0.042, 6: 0.0803, 12: 0.1631},
            "confidence": "high",
            "notes": (),
            "in_default": False,
            "features": {},
        }
        return Rating(**(fields | more))  # type: ignore[arg-type]

    return build


@pytest.fixture(scope="session")
def demo_content(made_rating: Build) -> DemoReport:
    """What the demo of a county of 20,000 could have made."""
    sections = (
        _section("enterprise", Text("企业", "enterprises"), 1),
        _section("farmer", Text("农户", "farmers"), 2),
    )
    note = Text("资料有限：模型所看重信息中仅 52% 有记录", "thin file: only 52% of what the model weighs is on record")
    thin = made_rating("farmer", -4.4, 16, signals=(), confidence="medium", notes=(note,))
    return DemoReport(
        generated_at=MADE_AT,
        synthetic=True,
        subjects=20_000,
        records=3_463_981,
        months=36,
        seconds=312.4,
        segments=sections,
        timeline=_timeline(),
        warnings=tuple(_warned(position) for position in range(9)),
        reports=(made_rating(), thin),
        curl='curl -s http://127.0.0.1:8000/v1/scores -H "X-API-Key: $(cat var/demo/api-key)" -H \'Content-Type: '
        'application/json\' -d \'{"subject":"2e27355ba70b53d6bbe484395661fabc","as_of":"2025-12-31"}\'',
        outputs=((Text("全部评分", "All scores"), "var/demo/scores"),),
    )


@pytest.fixture(scope="session")
def cumcm_content() -> CumcmReport:
    """What the study of 425 enterprises could have found."""
    rng = np.random.default_rng(5)
    outcome, pds = _outcomes(rng, 123, -1.4)
    line = roc(outcome, pds)
    scale, everyone = MasterScale(), _outcomes(rng, 425, -2.2)[1]
    return CumcmReport(
        generated_at=MADE_AT,
        as_of=date(2020, 2, 29),
        enterprises=123,
        defaults=27,
        invoices=1_087_776,
        auc=0.923,
        standard_error=0.01,
        interval=(0.858, 0.979),
        spearman=0.65,
        kendall=0.53,
        method=Text(
            "方法：受约束的逻辑回归，再掺入单调浅树。", "Method: a constrained logistic regression with trees."
        ),
        baselines=((Text("逻辑回归（标准化）", "logistic regression (scaled)"), 0.9, 0.01),),
        roc=Curve(Text("惠信", "Huixin"), tuple(line["false_positive"]), tuple(line["true_positive"])),
        scores_by_bank_grade={
            grade: tuple(rng.normal(640 - 45 * position, 38, 30).tolist()) for position, grade in enumerate("ABCD")
        },
        grades=_grade_rows(everyone, None, scale),
        features=tuple((words, 12.6 - 1.3 * i, ("PD↑", "PD↓", "—")[i % 3]) for i, (words, _) in enumerate(REASONS)),
        rows=tuple(_rated(number, float(pd), scale) for number, pd in enumerate(everyone)),
        notes=(Text("样本违约率 22%，远高于一般贷款组合。", "The default rate of 22% is far above the usual."),),
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; installed where it is missing."""
    from playwright.sync_api import sync_playwright

    if shutil.which("chromium") is None:
        subprocess.run([ROOT / "scripts" / "install-browser"], check=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=FLAGS)
        yield opened
        opened.close()


def _reason(number: int, points: float) -> Reason:
    words, value = REASONS[number % len(REASONS)]
    again = number // len(REASONS)
    if again:
        words = Text(f"{words.zh}（其{again + 1}）", f"{words.en} ({again + 1})")
    return Reason(f"feature_{number}", words, float(number), value, points, _evidence(number % 5))


def _evidence(count: int) -> tuple[Evidence, ...]:
    return tuple(
        Evidence("tax.filing", f"syn-tax_filing-e0-{55910 - n}", month_end(add_months(LAST, -n))) for n in range(count)
    )


def _signals() -> tuple[Signal, ...]:
    kinds = (
        ("orange", Text("有未缴清的欠税", "unpaid tax arrears"), Text("欠税余额：2.1 万元", "arrears: CNY 21,300")),
        ("yellow", Text("近3个月未足额缴税", "tax not fully paid, 3 months"), Text("已缴占比：64.8%", "paid: 64.8%")),
        ("blue", Text("近12个月受到行政处罚", "a penalty in 12 months"), Text("次数：1", "penalties: 1")),
    )
    return tuple(
        Signal(f"rule.{severity}", severity, LAST - timedelta(days=40 * n), words, detail, _evidence(n))  # type: ignore[arg-type]
        for n, (severity, words, detail) in enumerate(kinds, start=1)
    )


def _warned(position: int) -> Warned:
    signal = _signals()[position % 3]
    segment, masked = ("enterprise", "91**************4X") if position % 2 else ("farmer", "11**************16")
    return Warned(f"{position:032x}", masked, segment, signal, 1 + position, {3: 0.3, 6: 0.8, 12: 0.9})


def _outcomes(rng: np.random.Generator, rows: int, middle: float) -> tuple[np.ndarray, np.ndarray]:
    log_odds = rng.normal(middle, 1.6, rows)
    return (rng.random(rows) < pd_of(log_odds)).astype(float), pd_of(log_odds + rng.normal(0, 0.5, rows))


def _section(segment: str, name: Text, seed: int) -> SegmentSection:
    rng = np.random.default_rng(seed)
    outcome, pds = _outcomes(rng, 5_000, -4.2)
    noisy = pd_of(np.log(pds / (1 - pds)) + rng.normal(0, 0.8, len(pds)))
    curves = []
    for words, found in ((Text("惠信提升模型", "Huixin boosted model"), pds), (Text("评分卡", "scorecard"), noisy)):
        line = roc(outcome, found)
        named = Text(f"{words.zh} 0.827", f"{words.en} 0.827")
        curves.append(Curve(named, tuple(line["false_positive"]), tuple(line["true_positive"])))
    lines = ks_curve(outcome, pds)
    x = tuple(lines["pd"].tolist())
    return SegmentSection(
        segment=segment,
        name=name,
        as_of=LAST,
        grades=_grade_rows(pds, outcome, MasterScale()),
        validated_as_of=date(2024, 12, 31),
        columns=(Text("提升模型", "boosted"), Text("评分卡", "scorecard"), Text("真实 PD", "true PD")),
        figures=(
            Figure(Text("AUC", "AUC"), ("0.827", "0.824", "0.866")),
            Figure(Text("AUC 95% 自助区间", "AUC, 95% bootstrap interval"), ("0.799–0.851", "", "")),
            Figure(Text("占可达基尼的份额", "share of the attainable Gini"), ("0.893", "0.886", "1.000")),
            Figure(Text("校准误差 ECE", "calibration error (ECE)"), ("0.0070", "0.0074", "0.0054")),
        ),
        roc=tuple(curves),
        ks_bad=Curve(Text("违约户", "defaulters"), x, tuple(lines["bad"].tolist())),
        ks_good=Curve(Text("未违约户", "others"), x, tuple(lines["good"].tolist())),
        calibration=tuple(calibration(outcome, pds)),
    )


def _grade_rows(pds: np.ndarray, outcome: np.ndarray | None, scale: MasterScale) -> tuple[GradeRow, ...]:
    judged = grade_table(pds * 0 if outcome is None else outcome, pds, scale)
    known = outcome is not None
    return tuple(
        GradeRow(
            grade=grade,
            words=GRADE_WORDS[grade],
            pd_from=scale.range(grade)[0],
            pd_to=scale.range(grade)[1],
            subjects=row["rows"],
            mean_pd=row["mean_pd"],
            observed=row["observed"] if known else None,
            low=row["low"] if known and row["rows"] else None,
            high=row["high"] if known and row["rows"] else None,
        )
        for grade, row in zip(GRADES, judged, strict=True)
    )


def _timeline() -> WarningTimeline:
    months = tuple(month_end(add_months(LAST, -n)) for n in reversed(range(24)))
    slide = [max(0.0, (n - 8) / 15) for n in range(24)]
    first = (
        (1, "orange", Text("有未缴清的欠税", "unpaid tax arrears")),
        (1, "yellow", Text("近3个月未足额缴税", "tax not fully paid, 3 months")),
        (5, "blue", Text("近12个月受到行政处罚", "a penalty in 12 months")),
        (11, "orange", Text("贷款逾期30天以上", "loan 30 days past due or more")),
        (12, "red", Text("贷款逾期60天以上", "loan 60 days past due or more")),
        (15, "yellow", Text("近12个月一半以上账户月逾期", "late in over half of the account-months, 12 months")),
        (17, "blue", Text("近3个月电费平均逾期7天以上", "power bills over 7 days late, 3 months")),
        (17, "orange", Text("环境信用评价为红牌", "red card in the environmental rating")),
    )
    return WarningTimeline(
        masked="91**************38",
        subject_id="6cbc9fb7b03a0123456789abcdef0123",
        months=months,
        score=tuple(617 - 110 * part for part in slide),
        distress_6m=tuple(0.02 + 0.7 * part for part in slide),
        revenue=tuple(None if n > 20 else 260_000 * (1.1 - part) for n, part in enumerate(slide)),
        days_past_due=tuple(0.0 if n < 8 else float((n - 8) * 12) for n in range(24)),
        signals=tuple(FirstSignal(months[n], severity, words) for n, severity, words in first),
        default_month=months[18],
        warned_month=months[13],
        defaulted=238,
        warned_before=171,
        median_lead_months=5.0,
        budget=0.05,
        electricity=tuple(8_000 * (1.05 - part) for part in slide),
    )


def _rated(number: int, pd: float, scale: MasterScale) -> RatedRow:
    known = number < 123
    return RatedRow(
        code=f"E{number + 1}",
        with_record=known,
        pd=pd,
        score=float(clipped(unclipped_score(np.array([np.log(pd / (1 - pd))])))[0]),
        grade=scale.grades(np.array([pd]))[0],
        bank_grade="ABCD"[number % 4] if known else None,
        defaulted=number % 5 == 0 if known else None,
        reasons=tuple(Text(f"{words.zh}：{value.zh}", f"{words.en}: {value.en}") for words, value in REASONS[:3]),
    )


@pytest.fixture
def faults() -> list[str]:
    """What the console complained of, and what was asked of other hosts."""
    return []


@pytest.fixture
def opened(browser: Browser, faults: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens a page that lies in a file; at ``place``, ``width`` pixels wide."""
    made = []

    def open_page(path: Path, place: str = "zh", width: int = 1280, scripts: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        made.append(context)
        page = context.new_page()
        page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith(("file:", "data:")) else faults.append(one.url))
        page.goto(f"{path.as_uri()}#{place}")
        return page

    yield open_page
    for context in made:
        context.close()
