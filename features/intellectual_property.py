"""Features of patents."""

from __future__ import annotations

from features.definition import ENTERPRISE
from features.measures import counted, lasting
from records.words import Text

PATENT = "intellectual_property.patent"

FEATURES = [
    counted(
        "patents_now",
        PATENT,
        ENTERPRISE,
        Text("有效专利数", "patents in force"),
        where=lasting("ended_on"),
        direction=-1,
    ),
]
