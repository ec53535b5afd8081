"""People of the key groups: their registers, yearly assessments, discipline and honours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from county.integrity import Civic, labels
from county.places import Numbers, Places
from county.process import Ints
from county.reporting import codes, days_or_none

Tables = dict[str, pa.Table]
MEASURES = ["criticism", "warning", "fine", "suspension", "revocation"]
LEVELS = ["city", "provincial", "national"]
RANKS = ["staff", "section", "division"]


@dataclass(frozen=True)
class Profession:
    """A register of a key group: who employs its members, what the entry says, and who disciplines and honours them.

    ``assessed``: item, month, field and its codes, the worst first.
    """

    register: str
    employer: str
    works_at: Callable[[Places, Ints], Numbers]
    choices: dict[str, list[str]]
    certificate: str | None = "certificate"
    named: bool = False
    discipline: str | None = None
    assessed: tuple[str, int, str, list[str]] | None = None
    honour: str | None = None


def _enterprise(places: Places, number: Ints) -> Numbers:
    return places.enterprise(number * 3 + 1)


PROFESSIONS = (
    Profession(
        "personnel.civil_servant", "body", Places.government, {"rank": RANKS}, None,
        assessed=(
            "personnel.civil_servant_assessment", 1, "result",
            ["incompetent", "basically_competent", "competent", "excellent"],
        ),
    ),
    Profession(
        "education.teacher", "school", lambda places, number: places.institution(number, "education"),
        {"level": ["primary", "junior", "senior"]}, named=True, discipline="education.teacher_discipline",
        assessed=("education.teacher_assessment", 7, "result", ["failed", "basically_passed", "passed", "excellent"]),
        honour="education.teacher_award",
    ),
    Profession(
        "health.practice_licence", "employer", lambda places, number: places.institution(number, "health"),
        {"kind": ["physician", "nurse", "pharmacist"]}, named=True, discipline="health.practice_discipline",
        assessed=("health.practice_assessment", 11, "result", ["failed", "passed"]), honour="health.staff_award",
    ),
    Profession(
        "justice.lawyer", "employer", Places.law_firm, {"kind": ["full_time", "part_time"]}, named=True,
        discipline="justice.lawyer_discipline", honour="justice.lawyer_award",
        assessed=("justice.lawyer_assessment", 5, "result", ["incompetent", "basically_competent", "competent"]),
    ),
    Profession(
        "finance.accountant", "employer", _enterprise, {"kind": ["junior", "middle", "cpa"]}, named=True,
        discipline="finance.accountant_discipline",
    ),
    Profession(
        "tax.agent", "employer", _enterprise, {"qualification": ["none", "tax_agent", "accountant"]},
        discipline="tax.agent_misconduct",
    ),
    Profession(
        "audit.auditor", "employer", _enterprise,
        {"kind": ["internal", "social"], "qualification": ["junior", "middle"]}, None,
        discipline="audit.auditor_discipline",
    ),
    Profession(
        "finance.appraiser", "employer", _enterprise, {"field": ["assets", "real_estate", "land"]},
        discipline="finance.appraiser_discipline",
    ),
    Profession(
        "quality.inspector", "employer", _enterprise, {"field": ["product", "food", "environment"]},
        discipline="quality.inspector_misconduct",
    ),
    Profession(
        "financial_regulator.senior_manager", "institution", _enterprise,
        {"role": ["director", "vice_president", "branch_head"]}, "approval",
        discipline="financial_regulator.manager_sanction",
    ),
    Profession(
        "financial_regulator.insurance_broker", "employer", _enterprise, {}, None,
        discipline="financial_regulator.broker_misconduct",
    ),
    Profession(
        "science.researcher", "institution", lambda places, number: places.institution(number, "science"),
        {"title": ["junior", "middle", "associate", "senior"]}, None, honour="science.researcher_award",
    ),
    Profession(
        "press.journalist", "employer", lambda places, number: places.institution(number, "culture"), {}, "card",
        discipline="press.journalist_discipline",
        assessed=("press.journalist_verification", 3, "result", ["failed", "pending", "passed"]),
    ),
    Profession(
        "tourism.guide", "employer", _enterprise, {"grade": ["junior", "middle", "senior"]}, "licence",
        discipline="tourism.guide_discipline",
    ),
)  # fmt: skip


def profession_records(people: Civic) -> Tables:
    """Every item of the professions of ``people``: each professional is in one, in turn."""
    places, made = people.places, {}
    member = (people.index >= places.officers) & (people.index < places.officers + places.professionals)
    for number, profession in enumerate(PROFESSIONS):
        own = np.flatnonzero(member & ((people.index - places.officers) % len(PROFESSIONS) == number))
        made[profession.register] = _register(people, profession, own)
        if profession.discipline:
            made[profession.discipline] = _discipline(people, profession.discipline, own)
        if profession.assessed:
            made[profession.assessed[0]] = _assessment(people, profession.assessed, own)
        if profession.honour:
            made[profession.honour] = _honours(people, profession.honour, own)
        if profession.register == "personnel.civil_servant":
            made |= _civil_service(people, own)
    return made


def _register(people: Civic, profession: Profession, own: Ints) -> pa.Table:
    since = people.began(own)
    left, gone = people.ended(since, 400, 9000)
    index = people.index[own]
    columns = {profession.employer: pa.array(profession.works_at(people.places, index))}
    if profession.certificate:
        columns[profession.certificate] = labels("合成证", index)
    if profession.named:
        columns["name"] = labels("合成人", index, 6)
    for name, choices in profession.choices.items():
        columns[name] = codes(people.rng.integers(0, len(choices), len(own)), choices)
    return people.report(profession.register, own, since, {**columns, "ended_on": days_or_none(left, gone)})


def _discipline(people: Civic, code: str, own: Ints) -> pa.Table:
    subject, when, day = people.events(-5.4, 1.2, own)
    worse = np.clip(people.rng.poisson(np.exp(-0.2 - 0.4 * people.integrity[subject, when])), 0, len(MEASURES) - 1)
    matters = ["未按规定办理业务", "材料失实", "违反职业规范"]
    columns = {
        "document": labels("合成处字", np.arange(len(subject))),
        "measure": codes(worse, MEASURES),
        "matter": codes(people.rng.integers(0, 3, len(subject)), matters),
    }
    return people.report(code, subject, day, columns)


def _assessment(people: Civic, assessed: tuple[str, int, str, list[str]], own: Ints) -> pa.Table:
    code, month, field, grades = assessed
    subject, when = people.periods((month,), own)
    edges = np.linspace(-2.2, 1.0, len(grades) - 1) if len(grades) > 2 else np.array([-2.0])
    result = people.grade(subject, when, tuple(edges.tolist()))
    return people.report(
        code, subject, people.ends[when], {"year": people.years(when), field: codes(result, grades)}, delay_days=12
    )


def _honours(people: Civic, code: str, own: Ints) -> pa.Table:
    subject, _, day = people.events(-5.6, -1.0, own)
    columns = {
        "level": codes(people.rng.choice(3, len(subject), p=[0.8, 0.17, 0.03]), LEVELS),
        "award": codes(people.rng.integers(0, 2, len(subject)), ["年度先进个人", "优秀从业者"]),
    }
    return people.report(code, subject, day, columns)


def _civil_service(people: Civic, own: Ints) -> Tables:
    """Sanctions and honours of civil servants, which have words of their own."""
    sanctioned, _, day = people.events(-6.2, 1.2, own)
    lifted, over = people.ended(day, 180, 720)
    sanctions = ["warning", "demerit", "serious_demerit", "demotion"]
    honoured, _, honoured_on = people.events(-5.6, -1.0, own)
    return {
        "personnel.civil_servant_discipline": people.report(
            "personnel.civil_servant_discipline",
            sanctioned,
            day,
            {
                "sanction": codes(people.rng.choice(4, len(sanctioned), p=[0.5, 0.3, 0.15, 0.05]), sanctions),
                "lifted_on": days_or_none(lifted, over),
            },
        ),
        "personnel.civil_servant_award": people.report(
            "personnel.civil_servant_award",
            honoured,
            honoured_on,
            {
                "award": codes(
                    people.rng.choice(3, len(honoured), p=[0.7, 0.25, 0.05]), ["commendation", "third", "second"]
                )
            },
        ),
    }
