"""Rules are refused with what is accepted instead; alerts are raised once, rest, and grow old."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.dictionary import features_for
from features.pipeline import Evidence
from models.bundle import Bundle
from models.hazard import HORIZONS, fit_hazard
from records.moment import add_months, month_end
from records.words import Text
from scoring.alerts import Alert, Terms, alert_history, declared_terms
from scoring.rating import Serving
from scoring.signals import AlarmReason, BadRules, Explained, Severity, Signal, alarm_reasons, fired, rules, signals

MODEL = '[model]\ncode="m"\nhorizon=6\nzh="预计"\nen="expected"\nlevels=[["red", 0.3]]\n'
TERMS = {"tax.arrears": Terms(cool_down_months=3, expires_months=6)}


def file_of(tmp_path: Path, rule: str, model: str = MODEL) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(f"{rule}\n{model}", encoding="utf-8")
    return path


def rule(**changed: str) -> str:
    fields = {
        "code": '"tax.own"',
        "segments": '["enterprise"]',
        "severity": '"red"',
        "zh": '"欠税"',
        "en": '"arrears"',
        "when": '[["tax_arrears_open", ">", 0]]',
    } | changed
    return "[[rules]]\n" + "\n".join(f"{name} = {value}" for name, value in fields.items() if value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"severity": '"purple"'},
            r"own.toml: rule tax.own: severity: 'purple': red, orange, yellow, blue is accepted",
        ),
        ({"segments": '["bank"]'}, r"segments: 'bank': a list of enterprise, farmer"),
        ({"when": '[["tax_arrears_open", "=", 0]]'}, r"when: '=': .*one of \">=\""),
        ({"when": '[["tax_arrears_opne", ">", 0]]'}, r"tax_arrears_opne is no feature .* enterprise.*tax_arrears_open"),
        ({"segments": '["farmer"]'}, r"tax_arrears_open is no feature of the models of farmer"),
        ({"when": '[["loan_dpd_now", ">", 9], ["loan_dpd_now", "<", 9]]'}, "contradict each other"),
        ({"when": '[["loan_dpd_now", ">", nan]]'}, "finite"),
        ({"when": "[]"}, r"when: \[\]: "),
        ({"cool_down_months": "-1"}, "cool_down_months: -1: a whole number of months, 0 to 60"),
        ({"expires_months": "0"}, "1 to 60"),
        ({"colour": '"red"'}, "unknown key colour; accepted: code, segments"),
        ({"en": ""}, "en is missing"),
        ({"code": '"Tax Own"'}, "lower-case"),
        ({"code": ""}, "rule number 1: code is missing"),
    ],
)
def test_a_bad_rule_is_refused_with_what_is_accepted(changed: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadRules, match=said) as refused:
        rules(file_of(tmp_path, rule(**changed)))
    assert "own.toml" in refused.value.text.zh


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[rules]\n", "own.toml: cannot be read: .*line 1"),
        (rule(), "rules.* and one .model. are accepted, not rules"),
        (f"{rule()}\n{rule()}\n{MODEL}", "rule tax.own: declared 2 times"),
        (f"{rule()}\n{MODEL.replace('=6', '=5')}", "horizon = 5: one of 3, 6, 12"),
        (f"{rule()}\n{MODEL.replace('0.3', '30')}", "levels: 30: .*between 0 and 1"),
        (rule() + "\n" + MODEL.replace('[["red", 0.3]]', '[["blue", 0.1], ["red", 0.3]]'), "the gravest first"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_accepted(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadRules, match=said):
        rules(path)


def test_the_declared_rules_cover_what_officers_watch() -> None:
    declared, _ = rules()
    kinds = {one.code.split(".")[0] for one in declared}
    assert {"loan", "court", "tax", "social", "power", "penalty", "guarantee", "owner", "sector", "village"} <= kinds
    for one in declared:
        for segment in one.segments:
            nothing = {feature.code: math.nan for feature in features_for(segment)}
            assert not one.fires(nothing)
            met = nothing | {code: _meeting(how, limit) for code, how, limit in reversed(one.when)}
            assert one.code in [fired_rule.code for fired_rule in fired(segment, met)], one.code


def _meeting(how: str, limit: float) -> float:
    return limit + {">=": 0, ">": 1, "<=": 0, "<": -1e-9}[how]


def evidence(day: date) -> Evidence:
    return Evidence("tax.arrears", f"r-{day}", day)


def test_the_models_alarm_says_why_and_shows_the_records() -> None:
    features = {"tax_arrears_open": 52_000.0, "loan_dpd_now": math.nan, "firm_age_years": 12.0}
    shares = {"tax_arrears_open": 1.2, "loan_dpd_now": 0.0, "firm_age_years": -0.4}
    behind = {"tax_arrears_open": (evidence(date(2025, 5, 3)),)}
    reasons = alarm_reasons(features, shares, behind)
    made = signals("enterprise", {}, {6: 0.2}, {}, date(2025, 6, 30), Explained(reasons, 0.1))
    assert [(one.code, one.severity) for one in made] == [("model.distress", "orange")]
    alarm = made[0]
    assert [one.feature for one in alarm.reasons] == ["tax_arrears_open", "firm_age_years"]
    assert alarm.reasons[0].times == pytest.approx(3.32, abs=0.01)
    assert alarm.evidence == behind["tax_arrears_open"]
    assert alarm.since == date(2025, 5, 3)
    assert "the odds times 3.3" in alarm.detail.en
    assert "5.2 万元" in alarm.detail.zh


def seen(day: date, severity: Severity = "orange", *days: date) -> tuple[date, list[Signal]]:
    words = Text("欠税", "arrears")
    records = tuple(evidence(one) for one in days)
    return day, [Signal("tax.arrears", severity, day, words, words, records)]


def ends(count: int) -> list[date]:
    return [month_end(add_months(date(2025, 1, 1), n)) for n in range(count)]


def states(history: list[tuple[date, tuple[Alert, ...]]]) -> list[str]:
    return [found[0].state if found else "-" for _, found in history]


def test_an_alert_is_raised_once_and_rests_after_it_ended() -> None:
    days = ends(8)
    flickering = [True, True, False, True, False, False, True, True]
    observed = [seen(day) if on else (day, []) for day, on in zip(days, flickering, strict=True)]
    found = alert_history(observed, TERMS)
    assert states(found) == ["new", "continuing", "ended", "cool_down", "ended", "-", "new", "continuing"]
    assert [alert.raised for _, alerts in found for alert in alerts] == [True, True, False, False, False, True, True]
    assert found[1][1][0].since == days[0]
    assert found[7][1][0].since == days[6]


def test_an_alert_that_grows_graver_is_raised_again_at_once() -> None:
    days = ends(4)
    observed = [seen(days[0]), seen(days[1], "red"), (days[2], []), seen(days[3], "red")]
    assert states(alert_history(observed, TERMS)) == ["new", "new", "ended", "cool_down"]
    graver_in_its_rest = [seen(days[0]), (days[1], []), seen(days[2], "red")]
    assert states(alert_history(graver_in_its_rest, TERMS)) == ["new", "ended", "new"]


def test_an_alert_without_new_evidence_expires_and_new_evidence_raises_it_again() -> None:
    days = ends(9)
    old, later = date(2025, 1, 10), date(2025, 8, 20)
    observed = [seen(day, "orange", old, *([later] if day > later else [])) for day in days]
    expected = ["new", *["continuing"] * 5, "expired", "new", "continuing"]
    assert states(alert_history(observed, TERMS)) == expected


def test_what_is_declared_holds_where_nothing_else_is_said() -> None:
    terms = declared_terms()
    assert terms["model.distress"].expires_months == 6
    assert terms["court.dishonest"].cool_down_months == 0
    days = ends(3)
    assert states(alert_history([seen(days[0]), (days[1], []), seen(days[2])])) == ["new", "ended", "cool_down"]
    with pytest.raises(ValueError, match="must rise"):
        alert_history([seen(days[1]), seen(days[0])])


def test_reasons_without_a_share_are_left_out() -> None:
    found = alarm_reasons({"firm_age_years": 3.0}, {"firm_age_years": 0.0}, {})
    assert found == ()
    assert isinstance(alarm_reasons({"firm_age_years": 3.0}, {"firm_age_years": 0.1}, {})[0], AlarmReason)


def test_the_alarm_of_a_served_model_is_explained_to_the_last_digit() -> None:
    codes = ("tax_arrears_open", "loan_dpd_mean_6m", "firm_age_years")
    rng = np.random.default_rng(1)
    X = rng.normal(size=(4_000, 3))
    odds = 0.02 * np.arange(1, 13) * np.exp(X @ [1.0, 0.8, -0.5])[:, None]
    within, drawn = odds / (1 + odds), rng.random((4_000, 1))
    months = np.where(drawn[:, 0] < within[:, -1], 1.0 + (within < drawn).sum(axis=1), np.nan)
    hazard = fit_hazard(X, months, np.full(4_000, 12.0), np.arange(4_000), (1, 1, -1), max_trees=20)
    rating = Bundle(segment="enterprise", family="scorecard", codes=codes, explainer=hazard)
    warning = Bundle(segment="enterprise", family="warning", codes=codes, explainer=hazard)
    serving = Serving(rating, "1", warning, "1")
    weak = dict(zip(codes, (2.0, 2.0, -1.0), strict=True))
    behind = {"tax_arrears_open": (evidence(date(2025, 5, 3)),)}
    why = serving.why(weak, behind)
    assert why is not None
    ahead = dict(zip(HORIZONS, warning.distress(np.array([list(weak.values())]))[0].tolist(), strict=True))
    alarm = signals("enterprise", {}, ahead, {}, date(2025, 6, 30), why)[0]
    assert alarm.base_odds is not None
    told = alarm.base_odds * math.prod(one.times for one in alarm.reasons)
    assert told / (1 + told) == pytest.approx(ahead[6], abs=1e-12)
    assert alarm.evidence == behind["tax_arrears_open"]
    assert serving.why(dict.fromkeys(codes, 0.0) | {"firm_age_years": 4.0}, {}) is None
