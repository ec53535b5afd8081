"""Credit reports over REST: what they say, in which forms, to whom; and that nothing in them outlives the law."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import AuditRow
from records.settings import Settings
from scoring.stored import as_given
from service.app import create_app
from service.security import Clients
from tests.consents import consent
from tests.copying import copied


@pytest.fixture(scope="module")
def base(trained_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    """A copy of the trained county: what befalls its records stays here."""
    home = tmp_path_factory.mktemp("reports") / "home"
    return RecordBase.open(copied(trained_settings, home))


@pytest.fixture(scope="module")
def http(base: RecordBase) -> Iterator[TestClient]:
    with TestClient(create_app(base.settings), raise_server_exceptions=False) as http:
        yield http


@pytest.fixture(scope="module")
def keys(base: RecordBase) -> dict[str, str]:
    clients = Clients(base.engine)
    roles = (("bank", None), ("platform", None), ("agency", "tax"), ("analyst", None), ("regulator", None))
    others = (str(base.subjects(kind)["subject_id"][0].as_py()) for kind in ("farmer", "institution"))
    consent(base, "SQ-1", *(subject for subject, _ in _enterprises(base)), *others)
    made = {role: clients.add(f"{role} of reports", role, source) for role, source in roles}
    return {**made, "other bank": clients.add("other bank of reports", "bank")}


@pytest.fixture(scope="module")
def arrears(base: RecordBase) -> tuple[str, str]:
    """An enterprise that no other test looked at, and the id of a tax arrears of its."""
    with Session(base.engine) as session:
        seen = set(session.scalars(select(AuditRow.subject_id).where(AuditRow.action != "consent.file")))
    return next(one for one in _enterprises(base) if one[0] not in seen)


def _enterprises(base: RecordBase) -> list[tuple[str, str]]:
    """Enterprises with a tax arrears that was not cleared, and its id."""
    rows = base.connection(("tax.arrears",)).con.execute(
        "SELECT subject_id, any_value(record_id) FROM tax_arrears WHERE cleared_on IS NULL "
        "GROUP BY 1 HAVING count(*) = 1 ORDER BY 1 LIMIT 50"
    )
    return [row for row in rows.fetchall() if base.subject(row[0]).kind == "enterprise"]


def order(http: TestClient, key: str, subject: str, **asked: Any) -> httpx.Response:
    body = {"subject": subject, "purpose": "loan_application", "authorisation": "SQ-1", **asked}
    return http.post("/v1/reports", json=body, headers={"X-API-Key": key, "Accept-Language": "en"})


def fetch(http: TestClient, key: str, report_id: str, accept: str = "*/*", **query: Any) -> httpx.Response:
    return http.get(f"/v1/reports/{report_id}", params=query, headers={"X-API-Key": key, "Accept": accept})


def test_a_report_says_it_all_and_the_same_in_each_form(
    http: TestClient, keys: dict[str, str], arrears: tuple[str, str]
) -> None:
    subject, record = arrears
    before = order(http, keys["other bank"], subject, as_of="2025-06-30").json()
    said = {"subject": subject, "item": "tax.arrears", "record_id": record, "reason": "已缴清", "authorisation": "W-1"}
    http.post("/v1/objections", json=said, headers={"X-API-Key": keys["bank"]})
    made = order(http, keys["bank"], subject, format="pdf").json()
    found = fetch(http, keys["bank"], made["report_id"], format="json", language="en").json()
    rating = found["rating"]
    assert rating["score_id"] == made["score_id"]
    assert abs(sum(one["points"] for one in rating["reasons"]) + rating["base_points"] - rating["score"]) < 1e-6
    assert [one["as_of"] for one in found["grades"]][1:] == ["2025-06-30"]
    assert found["objections"][0]["reason"] == "已缴清"
    assert found["file"]["disputes"][0]["record_id"] == record
    assert {one["role"] for one in found["looks"]} == {"bank"}
    assert found["looks"][0]["who"] is None
    assert "20 days" in found["statements"]["how_to_object"]
    page = fetch(http, keys["bank"], made["report_id"], "text/html;q=0.9, application/json;q=0.1", language="en")
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="en">' in page.text
    pdf = fetch(http, keys["bank"], made["report_id"])
    assert pdf.headers["content-type"] == "application/pdf"
    told = _text(pdf.content)
    score = f"{rating['score']:.1f}"
    for form in (page.text, told):
        assert score in form
        assert record in form
        assert rating["masked"] in form
    assert "信用报告" in told
    assert "已缴清" in told
    assert "Who looked" in _text(fetch(http, keys["bank"], made["report_id"], language="en").content)
    assert before["report_id"] != made["report_id"]


def test_a_report_is_its_buyers_and_the_regulators(
    http: TestClient, keys: dict[str, str], arrears: tuple[str, str], base: RecordBase
) -> None:
    made = order(http, keys["bank"], arrears[0]).json()["report_id"]
    assert fetch(http, keys["other bank"], made).status_code == 404
    assert fetch(http, keys["agency"], made).status_code == 403
    seen = fetch(http, keys["regulator"], made).json()
    assert all(one["who"] for one in seen["looks"])
    assert order(http, keys["analyst"], arrears[0]).status_code == 403
    with Session(base.engine) as session:
        last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).one()
    assert last.action == "report.refused"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"as_of": "2099-01-01"}, 422),
        ({"as_of": "yesterday"}, 422),
        ({"subject": "0" * 32}, 404),
        ({"purpose": "curiosity"}, 422),
        ({"format": "docx"}, 422),
    ],
)
def test_a_bad_order_is_refused(
    http: TestClient, keys: dict[str, str], arrears: tuple[str, str], asked: dict[str, Any], status: int
) -> None:
    answer = order(http, keys["bank"], **({"subject": arrears[0]} | asked))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_persons_report_needs_authorisation_and_one_not_rated_is_told_so(
    http: TestClient, keys: dict[str, str], base: RecordBase
) -> None:
    farmer = str(base.subjects("farmer")["subject_id"][0].as_py())
    assert order(http, keys["bank"], farmer, authorisation=None).status_code == 403
    body = str(base.subjects("institution")["subject_id"][0].as_py())
    made = order(http, keys["platform"], body, language="en").json()
    assert made["score_id"] is None
    assert fetch(http, keys["platform"], made["report_id"]).json()["unrated"] == "This kind of subject is not rated."
    assert fetch(http, keys["platform"], made["report_id"], format="pdf").content.startswith(b"%PDF")


def test_what_was_upheld_counts_no_longer_and_what_was_given_before_replays(
    http: TestClient, keys: dict[str, str], base: RecordBase, arrears: tuple[str, str]
) -> None:
    def score(subject: str) -> dict[str, Any]:
        asked = {"subject": subject, "purpose": "review"}
        answer: dict[str, Any] = http.post("/v1/scores", json=asked, headers={"X-API-Key": keys["bank"]}).json()
        return answer

    others = ((score(subject), subject, record) for subject, record in _enterprises(base) if subject != arrears[0])
    before, subject, record = next(one for one in others if one[2] in str(one[0]["reasons"]))
    said = {"subject": subject, "item": "tax.arrears", "record_id": record, "reason": "误报", "authorisation": "W-1"}
    made = http.post("/v1/objections", json=said, headers={"X-API-Key": keys["bank"]}).json()
    answer = {"outcome": "upheld", "remedy": "withdrawal", "reason": "误报"}
    path = f"/v1/objections/{made['objection_id']}/answer"
    assert http.post(path, json=answer, headers={"X-API-Key": keys["agency"]}).status_code == 200
    after = score(subject)
    assert record not in str(after["reasons"])
    again = http.post(f"/v1/scores/{before['score_id']}/replay", headers={"X-API-Key": keys["regulator"]}).json()
    assert (again["equal"], again["score"]) == (True, before["score"])


def test_a_stored_rating_is_read_back_as_it_was_given(base: RecordBase, arrears: tuple[str, str]) -> None:
    from scoring.rating import Rater

    rater = Rater(base)
    given = rater.rate(arrears[0])
    again = as_given(rater.stored(given.score_id))
    assert again.as_dict() == given.as_dict()
    assert (again.as_of, again.reasons, again.signals) == (given.as_of, given.reasons, given.signals)


def test_every_character_of_the_catalogue_has_a_glyph() -> None:
    from fontTools.ttLib import TTFont

    from records.catalogue import Catalogue
    from service.pages.pdf_sheet import FONTS

    spoken = set(str(Catalogue.load().items) + "测试䶮𬭬−—…“”①㎡")
    glyphs = set(TTFont(FONTS / "NotoSansSC-Regular.ttf").getBestCmap())
    assert {one for one in spoken if one.isprintable() and ord(one) not in glyphs} == set()


def _text(content: bytes) -> str:
    """What a PDF says, without line breaks."""
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    said = "".join(page.get_textpage().get_text_bounded() for page in document)
    return re.sub(r"[\r\n\ufffe]+", "", said)
