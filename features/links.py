"""Who is linked with whom and since when, from what the records say; and the records about those at the other end."""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa

from features.definition import Link
from records.catalogue import Catalogue, Item

FOREVER = "9999-12-31 00:00:00"
INSTANT = "timestamp(6)"
SHANGHAI_HOURS = 8


def record_table(item: str) -> Any:
    """The records of ``item`` as the base shows them, as an unbound Ibis table."""
    declared = Catalogue.load().item(item)
    schema = declared.arrow_schema.append(pa.field("superseded_at", pa.timestamp("us")))
    return ibis.table(ibis.Schema.from_pyarrow(schema.append(pa.field("expires_on", pa.date32()))), name=declared.table)


def linked_records(item: str, link: Link, asking: Any = None) -> Any:
    """The records of ``item`` about those whom ``link`` reaches, with exactly the columns of the item's own.

    ``subject_id`` is the subject that is linked with them. ``recorded_at`` and ``superseded_at`` bound the instants at
    which both the record and the link can be seen, so that one rule of visibility holds for both; of one subject no
    record is seen twice at any instant. ``asking``: a table with the column subject_id of those who are asked for
    (default: everybody).
    """
    records, pairs = record_table(item), linked(link, asking)
    joined = pairs.join(records, pairs.other_id == records.subject_id, rname="{name}_of_record")
    seen_until = ibis.least(joined.superseded_at.fill_null(_forever()), joined.seen_until)
    joined = joined.mutate(
        recorded_at=ibis.greatest(joined.recorded_at, joined.seen_from).cast(INSTANT),
        superseded_at=seen_until.nullif(_forever()).cast(INSTANT),
    )
    lasting = joined.superseded_at.isnull() | (joined.superseded_at > joined.recorded_at)
    return joined.filter(lasting).select(records.columns)


def linked(link: Link, asking: Any = None) -> Any:
    """Columns subject_id, other_id, seen_from, seen_until (UTC): disjoint stretches of as-ofs at which they are linked.

    ``seen_until`` is 9999-12-31 where no end is known.
    """
    pairs = _pairs(link, asking)
    if link.then is None:
        return pairs
    middle = pairs.select(subject_id=pairs.other_id).distinct() if asking is not None else None
    further = linked(link.then, middle).view()  # the second step may be the first one again
    joined = pairs.join(further, pairs.other_id == further.subject_id, rname="{name}_further")
    joined = joined.select(
        subject_id=joined.subject_id,
        other_id=joined.other_id_further,
        seen_from=ibis.greatest(joined.seen_from, joined.seen_from_further),
        seen_until=ibis.least(joined.seen_until, joined.seen_until_further),
    )
    return _disjoint(joined)


def _pairs(link: Link, asking: Any) -> Any:
    """The first step of ``link`` alone."""
    item = Catalogue.load().item(link.item)
    until = end_of(link, item)
    if until is None and item.frequency == "on change":
        return _of_the_latest(link, asking)
    records = record_table(link.item)
    records = records.filter(records[link.field].notnull())
    if asking is not None:
        records = records.semi_join(asking, records[_own(link)] == asking.subject_id)
    if link.where is not None:
        records = records.filter(link.where(records))
    ends = _midnight(records[until]).fill_null(_forever()) if until else _forever()
    return _disjoint(
        records.select(
            subject_id=records[_own(link)],
            other_id=records[_others(link)],
            seen_from=_seen_from(records),
            seen_until=ibis.least(_seen_until(records), ends),
        )
    )


def _of_the_latest(link: Link, asking: Any) -> Any:
    """Pairs that the latest record of each subject names: at every moment that which happened last of those visible."""
    records = record_table(link.item)
    if asking is not None:
        named = records.semi_join(asking, records[_own(link)] == asking.subject_id)
        records = records.semi_join(named.select("subject_id").distinct(), "subject_id") if link.reverse else named
    links = records[link.field].notnull() & (link.where(records) if link.where else ibis.literal(True))
    stretches = records.select(
        owner=records.subject_id,
        named=records[link.field],
        links=links,
        occurred_on=records.occurred_on,
        record_id=records.record_id,
        seen_from=_seen_from(records),
        seen_until=_seen_until(records),
    )
    stretches = stretches.filter(stretches.seen_from < stretches.seen_until)
    turns = stretches.select(owner=stretches.owner, at=stretches.seen_from).union(
        stretches.select(owner=stretches.owner, at=stretches.seen_until), distinct=True
    )
    following = ibis.window(group_by="owner", order_by="at")
    turns = turns.mutate(following=turns["at"].lead().over(following).fill_null(_forever()))
    seen = turns.join(
        stretches,
        [
            turns.owner == stretches.owner,
            stretches.seen_from <= turns["at"],
            stretches.seen_until > turns["at"],
        ],
        rname="{name}_of_record",
    )
    newest = ibis.window(group_by=["owner", "at"], order_by=[ibis.desc("occurred_on"), ibis.desc("record_id")])
    seen = seen.mutate(place=ibis.row_number().over(newest))
    seen = seen.filter((seen.place == 0) & seen.links)
    own, other = (seen.named, seen.owner) if link.reverse else (seen.owner, seen.named)
    pairs = _disjoint(seen.select(subject_id=own, other_id=other, seen_from=seen["at"], seen_until=seen.following))
    return pairs if asking is None else pairs.semi_join(asking, "subject_id")


def end_of(link: Link, item: Item) -> str | None:
    """The date field with the day from which the link does not last any more."""
    declared = item.link.until if item.link and item.link.other == link.field else None
    return link.until or declared


def _own(link: Link) -> str:
    return link.field if link.reverse else "subject_id"


def _others(link: Link) -> str:
    return "subject_id" if link.reverse else link.field


def _disjoint(pairs: Any) -> Any:
    """Stretches of the same pair that overlap or touch become one; who is linked with itself is left out."""
    pairs = pairs.filter((pairs.subject_id != pairs.other_id) & (pairs.seen_from < pairs.seen_until))
    pair, order = ["subject_id", "other_id"], ["seen_from", "seen_until"]
    so_far = ibis.window(group_by=pair, order_by=order, preceding=None, following=0)
    in_order = ibis.window(group_by=pair, order_by=order)
    pairs = pairs.mutate(reach=pairs.seen_until.max().over(so_far))
    pairs = pairs.mutate(reached=pairs.reach.lag().over(in_order))
    pairs = pairs.mutate(begins=(pairs.reached.isnull() | (pairs.seen_from > pairs.reached)).cast("int64"))
    pairs = pairs.mutate(stretch=pairs.begins.sum().over(so_far))
    return (
        pairs.group_by([*pair, "stretch"])
        .aggregate(seen_from=pairs.seen_from.min(), seen_until=pairs.seen_until.max())
        .select(*pair, "seen_from", "seen_until")
    )


def _seen_from(records: Any) -> Any:
    """The first as-of that may see the record: it was recorded, and had happened on the as-of's day."""
    return ibis.greatest(records.recorded_at, _midnight(records.occurred_on)).cast(INSTANT)


def _seen_until(records: Any) -> Any:
    """The first as-of that may no longer see it."""
    expires = _midnight(records.expires_on).fill_null(_forever())
    return ibis.least(records.superseded_at.fill_null(_forever()), expires).cast(INSTANT)


def _midnight(day: Any) -> Any:
    """The instant at which a day begins in Asia/Shanghai."""
    return (day.cast(INSTANT) - ibis.interval(hours=SHANGHAI_HOURS)).cast(INSTANT)


def _forever() -> Any:
    return ibis.literal(FOREVER).cast(INSTANT)
