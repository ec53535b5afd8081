"""Features of credit commitments and of the lists for incentives and for serious dishonesty."""

from __future__ import annotations

from features.definition import Segment
from features.measures import counted, is_any, now, ones, part
from records.words import Text

COMMITMENT = "credit_centre.commitment"
SEGMENTS: tuple[Segment, ...] = ("individual", "institution", "organisation")

FEATURES = [
    part(
        "commitment_kept_share_36m",
        COMMITMENT,
        SEGMENTS,
        Text("近36个月信用承诺履行率", "share of credit commitments kept, last 36 months"),
        ones(is_any("result", "kept")),
        ones(),
        months=36,
        where=is_any("result", "kept", "partial", "broken"),
        direction=-1,
        missing=Text("无经核查的信用承诺", "no credit commitment was checked"),
    ),
    counted(
        "commitment_broken_36m",
        COMMITMENT,
        SEGMENTS,
        Text("近36个月违反信用承诺次数", "credit commitments broken, last 36 months"),
        months=36,
        where=is_any("result", "broken"),
    ),
    counted(
        "commitment_open",
        COMMITMENT,
        SEGMENTS,
        Text("到期未核查的信用承诺数", "credit commitments due and not yet checked"),
        where=lambda r: r.due_on.notnull() & (r.due_on <= r.as_of_day) & (r.result.isnull() | (r.result == "pending")),
        direction=0,
    ),
    now(
        "red_list_now",
        "credit_centre.red_list",
        SEGMENTS,
        Text("列入守信激励名单", "on a list for incentives"),
        until="removed_on",
        direction=-1,
    ),
    now(
        "black_list_now",
        "credit_centre.black_list",
        SEGMENTS,
        Text("列入严重失信主体名单", "on a list of seriously dishonest subjects"),
        until="removed_on",
        actionable=True,
    ),
]
