"""What an as-of shows never changes: whatever is corrected, hidden, compacted, rekeyed or carried on afterwards.

A model of the rule, written a second time in Python, says what each as-of must show; the base is asked through files
that are compacted and keys that are rotated in between.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from records.base import RecordBase
from records.compaction import compact
from records.lifecycle import BadLifecycle, RecordLife
from records.moment import now, shanghai_day
from records.rotation import rotate
from records.settings import Settings
from records.visibility import Action
from tests.records.life import FIRMS, ORDER, arrears, send, shown

TICK = timedelta(microseconds=1)
LOADED = datetime(2019, 1, 1)


@dataclass
class Fact:
    """A record as the model knows it."""

    record_id: str
    firm: int
    recorded_at: datetime
    cleared_on: date | None
    superseded_at: datetime | None = None
    hidden: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def seen(self, moment: datetime) -> bool:
        expires = None
        if self.cleared_on is not None:
            expires = self.cleared_on.replace(year=self.cleared_on.year + 5)
        return (
            self.recorded_at <= moment
            and (self.superseded_at is None or moment < self.superseded_at)
            and (expires is None or shanghai_day(moment) < expires)
            and not any(since <= moment and (until is None or moment < until) for since, until in self.hidden)
        )


class LifeOfABase(RuleBasedStateMachine):
    """Random lives of a small base; after each step, every moment asked before is asked again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.settings = Settings(home=self.folder / "home")
        self.base = RecordBase.open(self.settings)
        self.facts: list[Fact] = []
        self.successions: list[tuple[int, int, datetime]] = []
        self.moments: list[datetime] = [LOADED, datetime(2021, 6, 1), datetime(2023, 12, 31)]
        self.subjects: dict[int, str] = {}

    @initialize()
    def history(self) -> None:
        rows = []
        for number, (firm, cleared) in enumerate([(0, "2018-05-01"), (1, "2020-02-01"), (2, ""), (0, "")]):
            row = arrears(f"h{number}", firm, occurred_on="2017-06-01", recorded_at=LOADED.isoformat())
            rows.append(row | ({"cleared_on": cleared} if cleared else {}))
            day = date.fromisoformat(cleared) if cleared else None
            self.facts.append(Fact(f"h{number}", firm, LOADED, day))
        send(self.base, self.folder / "door", "tax.arrears", *rows, history=True)
        self.check()

    @rule(firm=st.integers(0, 3), cleared=st.sampled_from([None, date(2019, 3, 1), date(2024, 3, 5)]))
    def report(self, firm: int, cleared: date | None) -> None:
        name = f"r{len(self.facts)}"
        row = arrears(name, firm) | ({"cleared_on": str(cleared)} if cleared else {})
        receipt = send(self.base, self.folder / "door", "tax.arrears", row)
        self.facts.append(Fact(name, firm, receipt.accepted_at, cleared))
        self.check(receipt.accepted_at)

    @rule(number=st.integers(0, 100))
    def correct(self, number: int) -> None:
        old = self.facts[number % len(self.facts)]
        name = f"c{len(self.facts)}"
        row = arrears(name, old.firm, amount="7", supersedes=old.record_id)
        receipt = send(self.base, self.folder / "door", "tax.arrears", row)
        old.superseded_at = min(old.superseded_at or receipt.accepted_at, receipt.accepted_at)
        self.facts.append(Fact(name, old.firm, receipt.accepted_at, None))
        self.check(receipt.accepted_at)

    @rule(number=st.integers(0, 100), action=st.sampled_from(["withdraw", "repair", "seal", "restore", "dispute"]))
    def befall(self, number: int, action: Action) -> None:
        fact = self.facts[number % len(self.facts)]
        try:
            (made,) = RecordLife(self.base).apply(action, "tax.arrears", [fact.record_id], ORDER)
        except BadLifecycle:
            return self.check()
        if action == "restore":
            fact.hidden[-1] = (fact.hidden[-1][0], made.recorded_at)
        elif action != "dispute":
            fact.hidden.append((made.recorded_at, None))
        return self.check(made.recorded_at)

    @rule(successor=st.integers(0, 3), former=st.integers(0, 3), kind=st.sampled_from(["merge", "recode", "split"]))
    def carry_on(self, successor: int, former: int, kind: str) -> None:
        row = {"record_id": f"s{len(self.moments)}", "subject_number": FIRMS[successor], "kind": kind}
        row |= {"occurred_on": "2024-06-01", "predecessor": FIRMS[former]}
        receipt = send(self.base, self.folder / "door", "market.succession", row)
        if kind != "split":
            self.successions.append((successor, former, receipt.accepted_at))
        self.check(receipt.accepted_at)

    @rule()
    def compact(self) -> None:
        compact(self.base)
        self.check()

    @precondition(lambda self: len(self.base.known.ring.keys) < 3)
    @rule()
    def rotate(self) -> None:
        rotate(self.settings)
        self.base.engine.dispose()
        self.base = RecordBase.open(self.settings)
        self.check()

    def check(self, moment: datetime | None = None) -> None:
        """The base shows what the model says, at every moment asked so far and around the new one."""
        self.moments += [moment - TICK, moment] if moment else [now()]
        connection = self.base.connection(("tax.arrears",))
        for asked in self.moments:
            assert shown(self.base, as_of=asked, connection=connection) == self.expected(asked), asked

    def expected(self, moment: datetime) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for firm in range(4):
            carried = self.carried(firm, moment)
            records = sorted(one.record_id for one in self.facts if one.firm in carried and one.seen(moment))
            if records:
                found[self.subject(firm)] = records
        return dict(sorted(found.items()))

    def carried(self, firm: int, moment: datetime) -> set[int]:
        """The firm and all whose file it carries on, by steps that the base knew of."""
        reached = {firm}
        while more := {old for new, old, since in self.successions if new in reached and since <= moment} - reached:
            reached |= more
        return reached

    def subject(self, firm: int) -> str:
        """The firm's id, which stays what it was at first."""
        if firm not in self.subjects:
            self.subjects[firm] = self.base.identity.subject_id("uscc", FIRMS[firm])
        return self.subjects[firm]

    def teardown(self) -> None:
        self.base.engine.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)


TestAnswersNeverChange = LifeOfABase.TestCase
TestAnswersNeverChange.settings = settings(
    max_examples=6, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_one_long_life_on_postgresql(engine: str, request: pytest.FixtureRequest) -> None:
    """The same steps, in one fixed order, with the operations in PostgreSQL."""
    from records.database import migrate, open_engine

    url = request.getfixturevalue("postgres")
    started = open_engine(url)
    migrate(started, "base")
    started.dispose()
    life = LifeOfABase.__new__(LifeOfABase)
    RuleBasedStateMachine.__init__(life)
    life.folder = Path(tempfile.mkdtemp())
    life.settings = Settings(home=life.folder / "home", database_url=url)
    life.base = RecordBase.open(life.settings)
    life.facts, life.successions, life.subjects = [], [], {}
    life.moments = [LOADED, datetime(2021, 6, 1)]
    try:
        life.history()
        life.report(1, None)
        life.correct(2)
        life.befall(1, "repair")
        life.compact()
        life.carry_on(2, 0, "merge")
        life.rotate()
        life.report(0, date(2024, 3, 5))
        life.befall(1, "restore")
        life.carry_on(3, 2, "recode")
        life.compact()
        life.befall(0, "seal")
    finally:
        life.teardown()
        started = open_engine(url)
        migrate(started, "base")
        started.dispose()
