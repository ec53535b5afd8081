"""Who carries on whose file: changes of code, mergers, persons registered twice, as of any moment."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

SUCCESSION_SCHEMA = pa.schema(
    {
        "subject_id": pa.string(),
        "member_id": pa.string(),
        "since": pa.timestamp("us"),
        "until": pa.timestamp("us"),
    }
)
FOR_EVER = datetime.max
Edges = dict[str, list[tuple[str, datetime, datetime]]]


def closure(steps: pa.Table) -> pa.Table:
    """From each reported step to all whose file a subject carries on, at any remove (``SUCCESSION_SCHEMA``).

    ``since`` and ``until`` (UTC, null: without end) bound the moments at which the base knew of every step of the way.
    Stretches of the same pair are disjoint, so that no record counts twice; circles lead nowhere.
    """
    edges: Edges = {}
    for row in steps.to_pylist():
        if row["subject_id"] != row["member_id"]:
            edges.setdefault(row["subject_id"], []).append((row["member_id"], row["since"], row["until"] or FOR_EVER))
    found = []
    for subject in sorted(edges):
        for member, stretches in sorted(_members(subject, edges).items()):
            found += [
                {"subject_id": subject, "member_id": member, "since": since, "until": until}
                for since, until in _disjoint(stretches)
            ]
    for row in found:
        row["until"] = None if row["until"] == FOR_EVER else row["until"]
    return pa.Table.from_pylist(found, SUCCESSION_SCHEMA)


def _members(subject: str, edges: Edges) -> dict[str, list[tuple[datetime, datetime]]]:
    reached: dict[str, list[tuple[datetime, datetime]]] = {}
    ways = [(subject, frozenset({subject}), datetime.min, FOR_EVER)]
    while ways:
        at, passed, since, until = ways.pop()
        for member, begins, ends in edges.get(at, []):
            begins, ends = max(since, begins), min(until, ends)
            if member in passed or begins >= ends:
                continue
            reached.setdefault(member, []).append((begins, ends))
            ways.append((member, passed | {member}, begins, ends))
    return reached


def _disjoint(stretches: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for since, until in sorted(stretches):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged
