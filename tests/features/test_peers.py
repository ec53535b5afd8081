"""Peers: where a value stands at the last month end, in the group or the wider one, and never differently later."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.checks import BadFeature, check
from features.definition import Peer
from features.dictionary import registered
from features.peers import PeerTables, Values, last_month_end
from features.pipeline import FeaturePipeline
from features.registration import SECTOR_AND_DISTRICT
from records.catalogue import Catalogue
from records.moment import add_months, end_of_day, month_end
from records.words import Text

Make = Callable[..., dict[str, Any]]
LAST = date(2025, 5, 31)
AS_OF = datetime(2025, 6, 17, 4)
PEERS = [one for one in registered().values() if one.code in ("revenue_month_12m_rank", "revenue_month_12m")]


def firms(row: Make, districts: dict[str, int], revenue: Callable[[int], int]) -> dict[str, list[dict[str, Any]]]:
    """So many firms a district, each with one tax filing a month before the last month end."""
    rows: dict[str, list[dict[str, Any]]] = {"market.registration": [], "tax.filing": []}
    names = [(f"f{number}", district) for district, many in districts.items() for number in range(many)]
    for at, (name, district) in enumerate(names):
        who = f"{district}-{name}"
        entry = {"name": who, "industry": "C", "district": district, "status": "active"}
        rows["market.registration"].append(row(date(2024, 1, 1), subject_id=who, **entry))
        filed = {"revenue": revenue(at), "tax_due": 1, "tax_paid": 1, "days_late": 0}
        rows["tax.filing"].append(row(month_end(add_months(LAST, -1)), subject_id=who, **filed))
    return rows


def ranks(
    connection: Any, subjects: list[str], as_of: datetime = AS_OF, tables: PeerTables | None = None
) -> list[float]:
    spine = pa.table({"subject_id": subjects, "as_of": pa.array([as_of] * len(subjects), pa.timestamp("us"))})
    made = FeaturePipeline(connection, "enterprise", PEERS, tables).build(spine)
    return list(made["revenue_month_12m_rank"].to_pylist())


def test_a_value_stands_at_the_share_below_it_and_half_of_those_alike(connect: Any, row: Make) -> None:
    connection = connect(firms(row, {"东": 25}, lambda at: 100 * min(at, 20)))
    found = ranks(connection, ["东-f0", "东-f12", "东-f24"])
    assert found == [0.5 / 25, 12.5 / 25, 22.5 / 25]
    assert ranks(connection, ["东-f12"]) == [found[1]]


def test_too_few_peers_are_looked_for_in_the_wider_group_and_then_given_up(connect: Any, row: Make) -> None:
    connection = connect(firms(row, {"东": 19, "西": 20}, lambda at: at))
    in_all, in_district = ranks(connection, ["东-f0", "西-f0"])
    assert in_all == 0.5 / 39
    assert in_district == 0.5 / 20
    few = connect(firms(row, {"东": 10, "西": 9}, lambda at: at))
    assert all(math.isnan(one) for one in ranks(few, ["东-f0", "西-f3", "nobody"]))


def test_what_becomes_known_after_the_month_end_moves_nobody(connect: Any, row: Make) -> None:
    rows = firms(row, {"东": 30}, lambda at: at)
    before = ranks(connect(rows), ["东-f9"])
    for number in range(10, 30):
        more = {"revenue": 0, "tax_due": 1, "tax_paid": 1, "days_late": 0, "subject_id": f"东-f{number}"}
        rows["tax.filing"].append(row(date(2025, 5, 31), recorded_at=datetime(2025, 6, 10), **more))
    assert ranks(connect(rows), ["东-f9"]) == before
    assert ranks(connect(rows), ["东-f9"], end_of_day(date(2025, 6, 30))) != before


def test_the_last_month_end_is_the_as_of_s_own_where_it_is_one() -> None:
    assert last_month_end(end_of_day(date(2025, 6, 30))) == date(2025, 6, 30)
    assert last_month_end(end_of_day(date(2025, 6, 30)) - timedelta(microseconds=1)) == date(2025, 5, 31)
    assert last_month_end(datetime(2025, 12, 31, 16)) == date(2025, 12, 31)
    assert last_month_end(datetime(2025, 12, 31, 15)) == date(2025, 11, 30)


def test_the_peers_of_a_past_month_are_kept_until_something_of_the_past_changes(
    connect: Any, row: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "peers"
    connection = connect(firms(row, {"东": 22}, lambda at: at))
    made = ranks(connection, ["东-f5"], tables=PeerTables(folder, "0x0"))
    (file,) = folder.iterdir()
    emptied = connect(firms(row, {"东": 22}, lambda at: 7))
    assert ranks(emptied, ["东-f5"], tables=PeerTables(folder, "0x0")) != made
    assert [one.name for one in folder.iterdir()] == [file.name]
    file.write_bytes(b"torn")
    assert ranks(connection, ["东-f5"], tables=PeerTables(folder, "0x0")) == made
    PeerTables(folder, "1x0")
    assert list(folder.iterdir()) == []


def test_a_month_that_has_not_ended_when_the_records_were_opened_is_not_kept(
    connect: Any, row: Make, tmp_path: Path
) -> None:
    tables = PeerTables(tmp_path / "peers", "0x0", opened_at=datetime(2025, 5, 20))
    connection = connect(firms(row, {"东": 22}, lambda at: at))
    assert ranks(connection, ["东-f5"], tables=tables) == [5.5 / 22]
    assert not (tmp_path / "peers").exists()


def test_groups_of_any_size_are_looked_up_alike() -> None:
    rng = np.random.default_rng(1)
    keys = rng.integers(0, 3, (5_000, 2)).astype(float)
    values = np.where(rng.random(5_000) < 0.1, np.nan, rng.normal(size=5_000).round(1))
    shares = Values.of(keys, values).share(keys, values)
    for at in range(0, 5_000, 97):
        peers = values[(keys == keys[at]).all(axis=1) & ~np.isnan(values)]
        wanted = np.nan if np.isnan(values[at]) else (np.mean(peers < values[at]) + np.mean(peers <= values[at])) / 2
        assert shares[at] == pytest.approx(wanted, nan_ok=True)
    large = rng.normal(size=70_000)
    thinned = Values.of(np.zeros((70_000, 1)), large)
    assert len(thinned.values) == 20_000
    assert thinned.share(np.zeros((1, 1)), np.array([np.quantile(large, 0.31)]))[0] == pytest.approx(0.31, abs=1e-4)
    assert len(Values.of(np.empty((0, 2)), np.empty(0)).share(np.zeros((1, 2)), np.zeros(1))) == 1


def test_what_is_not_measured_on_records_is_not_compared() -> None:
    declared: dict[str, Any] = {
        "code": "fresh",
        "segments": ("enterprise",),
        "words": Text("新", "new"),
        "direction": 0,
        "group": SECTOR_AND_DISTRICT,
    }
    items = Catalogue.load().items
    check(Peer(**declared, of="revenue_month_12m"), registered(), items)
    for of, says in (("guarantees_over_balance", "not measured on records"), ("nothing", "unknown input")):
        with pytest.raises(BadFeature, match=says):
            check(Peer(**declared, of=of), registered(), items)
