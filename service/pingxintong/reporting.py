"""Decisions and outcomes into the joint base, by the door that everybody's records come through.

A decision is a record of ``bank.credit_application``, an outcome one of ``loan.account_month``: what training learns
from, with or without ``huixin train --rejects``.
"""

from __future__ import annotations

from typing import Any

import orjson

from records.database import SubjectRow
from records.exchange.hub import Exchange
from records.identity import scheme_of
from records.receipt import Receipt
from records.words import Text
from service.pingxintong.errors import BadReport
from service.pingxintong.wire import digest

CHANNEL = "pingxintong"
APPLICATIONS, ACCOUNTS = "bank.credit_application", "loan.account_month"


def report(exchange: Exchange, client_id: str, item: str, subject: SubjectRow, record: dict[str, Any]) -> Receipt:
    """``record`` (``record_id``, ``occurred_on`` and the item's fields) of ``subject`` into the base, once.

    The subject goes by its sealed token: its number is not kept, so it cannot be sent. Raises ``BadReport``, also
    where a record of this id is there and says something else.
    """
    seal = exchange.base.identity.seal(scheme_of(subject.kind), subject.subject_id, subject.masked)
    line = orjson.dumps({"subject_number": seal, "subject_kind": subject.kind, **record})
    key = f"{CHANNEL}:{record['record_id']}:{digest(record)[:16]}"
    with exchange.private.file("record.jsonl", len(line)) as path:
        path.write_bytes(line)
        receipt = exchange.append(path, item, batch_key=key, channel=CHANNEL, client_id=client_id)
    if receipt.rows_accepted != 1:
        raise BadReport(Text("记录未被收录：请核对日期与金额", "the record was not taken in: check days and amounts"))
    return receipt
