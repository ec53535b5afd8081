"""Scores that are asked for together: each what it would be alone, all on disk and audited before they are answered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from features.online import OnlineFeatures
from features.pipeline import FeaturePipeline
from records.base import RecordBase
from records.errors import HuixinError, NotAllowed, NotAuthenticated, UnknownSubject
from records.settings import Settings
from records.words import Text
from scoring import groups as grouping
from scoring.aside import Aside
from scoring.audit import verify
from scoring.groups import Asked, ScoreGroups
from scoring.rating import Rater
from service.security import Clients
from tests.apart import apart
from tests.copying import copied

CLIENT = "groups"


@pytest.fixture(scope="module")
def trained_base(trained_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    """A copy of the trained county: prepared features stand only as long as nobody brings records."""
    return RecordBase.open(copied(trained_settings, tmp_path_factory.mktemp("groups") / "home"))


@pytest.fixture(scope="module")
def client_id(trained_base: RecordBase) -> str:
    Clients(trained_base.engine).add(CLIENT, "bank")
    return next(one.client_id for one in Clients(trained_base.engine).list() if one.name == CLIENT)


@pytest.fixture(scope="module")
def scores(trained_base: RecordBase) -> ScoreGroups:
    for segment in ("enterprise", "farmer"):
        OnlineFeatures(trained_base, segment).refresh()
    return ScoreGroups(Rater(trained_base))


@pytest.fixture(scope="module")
def ids(trained_base: RecordBase) -> list[str]:
    listed = [trained_base.subjects(kind)["subject_id"].to_pylist()[:6] for kind in ("enterprise", "farmer")]
    return [*listed[0], *listed[1]]


def ask(scores: ScoreGroups, *asked: Asked) -> list[Any]:
    """The answers to questions that come at once, or what stood in their way."""

    async def together() -> list[Any]:
        return await asyncio.gather(*(scores.score(one) for one in asked), return_exceptions=True)

    return [one if isinstance(one, BaseException) else orjson.loads(one) for one in apart(asyncio.run, together())]


def question(subject: str, client_id: str, **more: Any) -> Asked:
    return Asked(subject, client_id, "review", lambda kind: None, **more)


def test_the_prepared_answer_is_the_rating(scores: ScoreGroups, ids: list[str], client_id: str) -> None:
    ask(scores, *(question(one, client_id) for one in ids))
    with pytest.MonkeyPatch.context() as patched:
        for name in ("build", "evidence_of_many"):
            patched.delattr(FeaturePipeline, name)
        answers = ask(scores, *(question(one, client_id) for one in ids))
        english = ask(scores, question(ids[0], client_id, language="en"))[0]
        brief = ask(scores, *(question(one, client_id, reasons=3) for one in ids))
    assert isinstance(english["reasons"][0]["words"], str)
    for answer, short in zip(answers, brief, strict=True):
        rating = orjson.loads(
            orjson.dumps(scores.rater.rate(answer["subject_id"], answer["as_of"].replace("Z", "+00:00")).as_dict())
        )
        assert {**rating, "score_id": "", "scored_at": ""} == {**answer, "score_id": "", "scored_at": ""}
        assert [one["feature"] for one in short["reasons"]] == [one["feature"] for one in answer["reasons"][:3]]
        told = sum(one["points"] for one in short["reasons"]) + short["other_points"]
        assert short["base_points"] + told + short["clip_points"] == pytest.approx(short["score"], abs=1e-6)
        assert scores.rater.replay(short["score_id"]).equal
        assert scores.rater.stored(answer["score_id"]) == answer
    assert verify(scores.rater.base.engine).sound


def test_one_question_s_trouble_is_nobody_else_s(scores: ScoreGroups, ids: list[str], client_id: str) -> None:
    def forbidden(kind: str) -> None:
        raise NotAllowed(Text("否", "no"))

    found = ask(
        scores,
        question(ids[0], client_id),
        question("0" * 32, client_id),
        Asked(ids[0], client_id, "review", forbidden),
        question(ids[1], "c-nobody"),
        question(ids[0], client_id, as_of="2999-01-01"),
        question(ids[6], client_id, as_of="2025-06-30"),
    )
    kinds = [type(one) for one in found]
    assert kinds[1:4] == [UnknownSubject, NotAllowed, NotAuthenticated]
    assert isinstance(found[4], HuixinError)
    assert (found[0]["subject_id"], found[5]["as_of"][:10]) == (ids[0], "2025-06-30")


def test_whoever_was_not_looked_at_today_is_read_from_the_records_together(
    scores: ScoreGroups, ids: list[str], client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    read = FeaturePipeline.evidence_of_many

    def counted(self: FeaturePipeline, asked: Any, *more: Any) -> Any:
        passes.append(len(asked))
        if any(subject == ids[2] for subject, _ in asked):
            raise ZeroDivisionError
        return read(self, asked, *more)

    monkeypatch.setattr(FeaturePipeline, "evidence_of_many", counted)
    found = ask(scores, *(question(one, client_id, as_of="2025-03-31") for one in [*ids, ids[0]]))
    assert isinstance(found.pop(2), ZeroDivisionError)
    assert [one["subject_id"] for one in found] == [*ids[:2], *ids[3:], ids[0]]
    assert max(passes) > 1
    once = len(passes)
    monkeypatch.setattr(FeaturePipeline, "evidence_of_many", read)
    for answer in (found[0], found[-1]):
        rating = orjson.loads(orjson.dumps(scores.rater.rate(ids[0], "2025-03-31").as_dict()))
        assert {**rating, "score_id": "", "scored_at": ""} == {**answer, "score_id": "", "scored_at": ""}
    assert once <= len(ids) + 2


def test_what_cannot_be_stored_is_not_answered(
    scores: ScoreGroups, ids: list[str], client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored() -> int:
        with scores.rater.base.engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM scores")) or 0)

    def full(*_: Any) -> int:
        raise OperationalError("insert", None, Exception("disk is full"))

    before = stored()
    with monkeypatch.context() as patched:
        patched.setattr(grouping, "store", full)
        found = ask(scores, *(question(one, client_id) for one in ids[:3]))
        assert [type(one) for one in found] == [OperationalError] * 3
    with monkeypatch.context() as patched:  # rated, but something goes wrong before they are handed on
        patched.setattr(Aside, "add", full)
        found = ask(scores, *(question(one, client_id) for one in ids[:3]))
    assert [type(one) for one in found] == [OperationalError] * 3
    assert stored() == before
    assert ask(scores, question(ids[0], client_id))[0]["subject_id"] == ids[0]


def test_many_workers_make_one_chain(trained_base: RecordBase, ids: list[str], client_id: str, tmp_path: Path) -> None:
    async def by_three() -> list[bytes]:
        workers = [ScoreGroups(Rater(trained_base)) for _ in range(3)]
        some = [one.score(question(ids[at % 6], client_id)) for at in range(20) for one in workers]
        return await asyncio.gather(*some)

    assert len({orjson.loads(one)["score_id"] for one in apart(asyncio.run, by_three())}) == 60
    assert verify(trained_base.engine).sound
