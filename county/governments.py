"""What the offices see of government bodies: commitments kept or broken, breaches, openness, approvals, debt."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.bodies import Tables, body_records, money_of_the_state, staff
from county.integrity import Civic
from county.process import Floats
from county.reporting import codes, days_or_none, money, quantity

KINDS = ["department", "agency", "township", "subdistrict"]
KIND_WORDS = ["合成局", "合成办公室", "合成乡政府", "合成街道办事处"]
PROMISES = ["兑现招商引资政策", "按合同支付工程款", "拨付惠企补贴", "提供承诺的公共服务"]
TOWNSHIP = KINDS.index("township")


def government_records(governments: Civic) -> Tables:
    """Every item about government bodies."""
    persons = staff(governments)
    return {
        **_bodies(governments),
        **_promises(governments),
        **_openness(governments),
        **_evaluations(governments),
        **body_records(governments, persons),
        **money_of_the_state(governments, persons),
        **_debt(governments, persons),
    }


def name(number: int) -> str:
    return f"{KIND_WORDS[number % len(KINDS)]}{number:03d}"


def _bodies(governments: Civic) -> Tables:
    everyone, index, places = governments.everyone, governments.index, governments.places
    columns = {
        "name": pa.array([name(int(number)) for number in index], pa.string()),
        "kind": codes(index % len(KINDS), KINDS),
        "level": codes((index % len(KINDS) >= TOWNSHIP).astype(int), ["county", "township"]),
        "head": pa.array(places.heads(index * 14)),
        "established_on": pa.array(governments.ends[0] - (2000 + 37 * index), pa.date32()),
        "status": codes(np.zeros(governments.n, int), ["active"]),
    }
    code = "staffing.government_body"
    return {code: governments.report(code, everyone, governments.began(everyone), columns)}


def _promises(governments: Civic) -> Tables:
    """Commitments to enterprises and citizens, and breaches of faith that were found."""
    rng, places, index = governments.rng, governments.places, governments.index
    subject, when, day = governments.events(-1.6, 0.0)
    due = day + rng.integers(60, 500, len(day)).astype("timedelta64[D]")
    seen = governments.integrity[subject, when] + rng.normal(0, 0.7, len(subject))
    result = np.where(due > governments.ends[-1], 4, np.digitize(seen, (-1.6, -1.1, -0.6)))
    performed = due + np.where(result == 2, 90, -10)
    kind = rng.integers(0, len(PROMISES), len(subject))
    columns = {
        "commitment": pa.array([f"{PROMISES[which]}-{number}" for number, which in enumerate(kind)], pa.string()),
        "kind": codes(kind, ["investment", "contract", "subsidy", "service"]),
        "counterparty": pa.array(places.enterprise(index[subject] * 13 + when)),
        "amount": money(rng.lognormal(12.5, 1.0, len(subject))),
        "due_on": days_or_none(due, np.ones(len(due), bool)),
        "result": codes(result, ["broken", "partial", "late", "kept", "pending"]),
        "performed_on": days_or_none(performed, ((result == 2) | (result == 3)) & (performed <= governments.ends[-1])),
    }
    breached, month, breached_on = governments.events(-5.2, 1.3)
    resolved, done = governments.ended(breached_on, 60, 900)
    kinds = ["policy", "contract", "arrears", "judgment", "change"]
    return {
        "credit_centre.government_commitment": governments.report(
            "credit_centre.government_commitment", subject, day, columns
        ),
        "credit_centre.government_breach": governments.report(
            "credit_centre.government_breach",
            breached,
            breached_on,
            {
                "kind": codes(rng.integers(0, len(kinds), len(breached)), kinds),
                "counterparty": pa.array(places.enterprise(index[breached] * 17 + month)),
                "amount": money(rng.lognormal(12.5, 0.9, len(breached))),
                "resolved_on": days_or_none(resolved, done),
            },
        ),
    }


def _openness(governments: Civic) -> Tables:
    """Yearly openness reports and lists of duties, quarterly approvals."""
    rng, index = governments.rng, governments.index
    subject, when = governments.periods((1,))
    health = governments.integrity[subject, when]
    requests = rng.poisson(25, len(subject))
    names = [name(int(number)) for number in index[subject]]
    duties = rng.integers(20, 200, governments.n)
    quarter, ended = governments.periods((3, 6, 9, 12))
    decided = rng.poisson(90, len(quarter))
    return {
        "government_office.openness_report": governments.report(
            "government_office.openness_report",
            subject,
            governments.ends[when],
            {
                "year": governments.years(when),
                "name": pa.array(names, pa.string()),
                "on_time": pa.array(governments.grade(subject, when, (-1.6,)) > 0),
                "requests": pa.array(requests),
                "answered_late": pa.array(rng.binomial(requests, 1 / (1 + np.exp(3.2 + 0.9 * health)))),
                "corrected": pa.array(rng.binomial(requests, 0.02)),
            },
        ),
        "staffing.duty_list": governments.report(
            "staffing.duty_list",
            subject,
            governments.ends[when],
            {
                "year": governments.years(when, 0),
                "powers": pa.array(duties[subject]),
                "published": pa.array(governments.grade(subject, when, (-1.9,)) > 0),
            },
        ),
        "government_office.approvals": governments.report(
            "government_office.approvals",
            quarter,
            governments.ends[ended],
            {
                "period": pa.array(governments.ends[ended], pa.date32()),
                "decided": pa.array(decided),
                "late": pa.array(
                    rng.binomial(decided, 1 / (1 + np.exp(4.0 + 0.9 * governments.integrity[quarter, ended])))
                ),
                "reversed": pa.array(rng.binomial(decided, 0.004)),
            },
        ),
    }


def _evaluations(governments: Civic) -> Tables:
    """The integrity evaluation of a year, and complaints by quarter."""
    rng = governments.rng
    subject, when = governments.periods((2,))
    points = np.clip(82 + 7 * governments.integrity[subject, when] + rng.normal(0, 3, len(subject)), 0, 100)
    quarter, ended = governments.periods((3, 6, 9, 12))
    received = rng.poisson(np.exp(np.clip(0.6 - 0.6 * governments.integrity[quarter, ended], -3, 3)))
    upheld = rng.binomial(received, 0.3)
    return {
        "credit_centre.government_rating": governments.report(
            "credit_centre.government_rating",
            subject,
            governments.ends[when],
            {
                "year": governments.years(when),
                "points": quantity(points),
                "grade": codes(np.digitize(points, (60, 75, 88)), ["D", "C", "B", "A"]),
            },
        ),
        "credit_centre.government_complaint": governments.report(
            "credit_centre.government_complaint",
            quarter,
            governments.ends[ended],
            {
                "period": pa.array(governments.ends[ended], pa.date32()),
                "received": pa.array(received),
                "upheld": pa.array(upheld),
                "settled": pa.array(rng.binomial(received, 0.9)),
            },
        ),
    }


def _debt(governments: Civic, persons: Floats) -> Tables:
    """Townships and subdistricts disclose their debt each year."""
    rng = governments.rng
    indebted = np.flatnonzero(governments.index % len(KINDS) >= TOWNSHIP)
    subject, when = governments.periods((4,), indebted)
    health = governments.integrity[subject, when]
    limit = persons[subject] * 900_000
    outstanding = limit * np.clip(0.7 - 0.12 * health + rng.normal(0, 0.05, len(subject)), 0.05, 1.2)
    columns = {
        "year": governments.years(when),
        "debt_limit": money(limit),
        "outstanding": money(outstanding),
        "overdue": money(outstanding * np.clip(-0.03 * health, 0, 0.3)),
    }
    code = "finance.government_debt"
    return {code: governments.report(code, subject, governments.ends[when], columns)}
