"""Who may ask what: tokens and keys, roles on every route, consents, four eyes, limits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from sqlalchemy import text, update

from records.access_settings import AccessSettings
from records.base import RecordBase
from records.database import writing
from records.database_access import ApprovalRow, ConsentRow
from records.moment import now
from records.settings import Settings
from scoring.audit import verify
from service.app import create_app
from service.security import BadClient, Bounds, Client, Clients
from service.security.token_keys import TokenKeys
from tests.consents import consent
from tests.records.life import FIRMS, arrears, send

CERTIFICATE = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
MODELS = "/v1/models"


@pytest.fixture
def http(base: RecordBase) -> Iterator[TestClient]:
    with TestClient(create_app(base.settings), raise_server_exceptions=False) as client:
        yield client
    assert verify(base.engine).sound


@pytest.fixture
def clients(base: RecordBase) -> Clients:
    return Clients(base.engine)


def of(clients: Clients, key: str) -> Client:
    return clients.authenticate(key)


def token(http: TestClient, clients: Clients, key: str, **form: str) -> httpx.Response:
    asked = {"grant_type": "client_credentials", "client_id": of(clients, key).client_id, "client_secret": key}
    return http.post("/v1/oauth/token", data=asked | form)


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}", "Accept-Language": "en"}


def test_a_token_opens_what_its_scope_names_and_no_more(http: TestClient, clients: Clients) -> None:
    key = clients.add("bank", "bank")
    given = token(http, clients, key, scope="list").json()
    assert (given["token_type"], given["expires_in"], given["scope"]) == ("Bearer", 600, "list")
    headers = bearer(given["access_token"])
    assert http.get(MODELS, headers=headers).status_code == 200
    refused = http.get("/v1/scores/s-1", headers=headers)
    assert (refused.status_code, "scope" in refused.json()["detail"]) == (403, True)
    wider = token(http, clients, key, scope="list replay")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")
    both = http.get(MODELS, headers=headers | {"X-API-Key": key})
    assert both.status_code == 401


def test_credentials_come_by_basic_or_in_the_form_but_once(http: TestClient, clients: Clients) -> None:
    key = clients.add("bank", "bank")
    client_id, grant = of(clients, key).client_id, {"grant_type": "client_credentials"}
    assert http.post("/v1/oauth/token", data=grant, auth=(client_id, key)).status_code == 200
    for form, auth, error in (
        (grant | {"client_secret": key}, (client_id, key), "invalid_client"),
        (grant, (client_id, key[:-1] + "?"), "invalid_client"),
        (grant, ("c-000000000000", key), "invalid_client"),
        (grant | {"client_id": client_id}, None, "invalid_client"),
        ({"grant_type": "password"}, (client_id, key), "unsupported_grant_type"),
        (grant | {"scope": ["list", "score"]}, (client_id, key), "invalid_request"),
    ):
        answer = http.post("/v1/oauth/token", data=form, auth=auth)
        assert (answer.json()["error"], key in answer.text) == (error, False), form
        assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert http.post("/v1/oauth/token", json=grant, auth=(client_id, key)).json()["error"] == "invalid_request"


Forge = Callable[[dict[str, Any], TokenKeys], str]


def _signed(keys: TokenKeys, claims: dict[str, Any], **header: Any) -> str:
    key = keys.signing()
    return jwt.encode(claims, key.private, "EdDSA", {"kid": key.kid, "typ": "at+jwt"} | header)


def _by_hand(keys: TokenKeys, claims: dict[str, Any], algorithm: str, secret: bytes | None, **more: Any) -> str:
    """A token signed as no library would: without a key, or by HMAC with the public key as the secret."""
    header = {"alg": algorithm, "kid": keys.signing().kid, "typ": "at+jwt"} | more
    parts = [base64.urlsafe_b64encode(orjson.dumps(one)).rstrip(b"=") for one in (header, claims)]
    signed = b"" if secret is None else hmac.digest(secret, b".".join(parts), hashlib.sha256)
    return b".".join([*parts, base64.urlsafe_b64encode(signed).rstrip(b"=")]).decode()


FORGERIES: dict[str, Forge] = {
    "no algorithm": lambda claims, keys: _by_hand(keys, claims, "none", None),
    "HMAC with the raw public key": lambda claims, keys: _by_hand(
        keys, claims, "HS256", keys.signing().public.public_bytes_raw()
    ),
    "HMAC with the public key's PEM": lambda claims, keys: _by_hand(
        keys,
        claims,
        "HS256",
        keys.signing().public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ),
    "RSA by name": lambda claims, keys: _by_hand(keys, claims, "RS256", b"x"),
    "another's key": lambda claims, keys: _signed(TokenKeys(Settings(home=Path("/nonexistent"), access=OTHER)), claims),
    "another's key under our name": lambda claims, keys: _signed(
        TokenKeys(Settings(access=OTHER)), claims, kid=keys.signing().kid
    ),
    "another's key that comes along": lambda claims, keys: _signed(
        FOREIGN, claims, jwk=orjson.loads(jwt.algorithms.OKPAlgorithm.to_jwk(FOREIGN.signing().public))
    ),
    "a key from elsewhere": lambda claims, keys: _signed(
        FOREIGN, claims, kid="elsewhere", jku="http://127.0.0.1:9/keys.json", x5u="http://127.0.0.1:9/chain.pem"
    ),
    "a file as the key": lambda claims, keys: _by_hand(keys, claims, "HS256", b"", kid="../../../../dev/null"),
    "a query as the key": lambda claims, keys: _by_hand(keys, claims, "HS256", b"", kid="' UNION SELECT '' --"),
    "no text as the key": lambda claims, keys: _by_hand(keys, claims, "EdDSA", b"", kid=["a", {"b": None}]),
    "a changed claim": lambda claims, keys: _changed(_signed(keys, claims)),
    "expired": lambda claims, keys: _signed(keys, claims | {"exp": time.time() - 10}),
    "not yet": lambda claims, keys: _signed(keys, claims | {"nbf": time.time() + 60}),
    "another audience": lambda claims, keys: _signed(keys, claims | {"aud": "else"}),
    "another issuer": lambda claims, keys: _signed(keys, claims | {"iss": "else"}),
    "no id": lambda claims, keys: _signed(keys, {k: v for k, v in claims.items() if k != "jti"}),
    "no end": lambda claims, keys: _signed(keys, {k: v for k, v in claims.items() if k != "exp"}),
    "another kind of token": lambda claims, keys: _signed(keys, claims, typ="JWT"),
    "an unknown client": lambda claims, keys: _signed(keys, claims | {"sub": "c-000000000000"}),
    "no text": lambda claims, keys: "Bearer",
    "too long": lambda claims, keys: _signed(keys, claims | {"x": "x" * 5000}),
}
OTHER = AccessSettings(token_key="ab" * 32)
FOREIGN = TokenKeys(Settings(access=OTHER))


def _changed(value: str) -> str:
    head, body, signed = value.split(".")
    claims = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["scope"] += " replay"
    return f"{head}.{base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip('=')}.{signed}"


def test_forged_expired_and_foreign_tokens_are_refused(http: TestClient, clients: Clients, base: RecordBase) -> None:
    good = token(http, clients, clients.add("bank", "bank")).json()["access_token"]
    claims, keys = jwt.decode(good, options={"verify_signature": False}), TokenKeys(base.settings)
    assert http.get(MODELS, headers=bearer(_signed(keys, claims))).status_code == 200
    for what, forge in FORGERIES.items():
        answer = http.get(MODELS, headers=bearer(forge(claims, keys)))
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_revoked_or_rotated_without_grace_tokens_and_keys_end_at_once(http: TestClient, clients: Clients) -> None:
    key = clients.add("bank", "bank")
    client_id, headers = of(clients, key).client_id, bearer(token(http, clients, key).json()["access_token"])
    second = clients.rotate(client_id, timedelta(days=1))
    for one in (key, second):
        assert http.get(MODELS, headers={"X-API-Key": one}).status_code == 200
    assert http.get(MODELS, headers=headers).status_code == 200
    third = clients.rotate(client_id, timedelta(0))
    assert [http.get(MODELS, headers={"X-API-Key": one}).status_code for one in (key, second, third)] == [401, 401, 200]
    assert http.get(MODELS, headers=headers).status_code == 401
    headers = bearer(token(http, clients, third).json()["access_token"])
    assert http.get(MODELS, headers=headers).status_code == 200
    clients.revoke(client_id)
    assert http.get(MODELS, headers=headers).status_code == 401
    with pytest.raises(BadClient):
        clients.rotate(client_id)


def test_tokens_of_the_former_key_stay_valid_until_they_end(
    http: TestClient, clients: Clients, base: RecordBase
) -> None:
    key = clients.add("bank", "bank")
    former, keys = bearer(token(http, clients, key).json()["access_token"]), TokenKeys(base.settings)
    new = keys.rotate()
    later = token(http, clients, key).json()["access_token"]
    assert jwt.get_unverified_header(later)["kid"] == new
    assert [http.get(MODELS, headers=one).status_code for one in (former, bearer(later))] == [200, 200]
    assert keys.path.stat().st_mode & 0o077 == 0
    long_ago = (now() - timedelta(hours=1)).isoformat()
    present, retired = keys.path.read_text().splitlines()
    keys.path.write_text(f"{present}\n{retired.split()[0]} {long_ago}\n")
    assert [http.get(MODELS, headers=one).status_code for one in (former, bearer(later))] == [401, 200]


def test_certificates_count_only_from_a_trusted_proxy(base: RecordBase, clients: Clients) -> None:
    key = clients.add("bank", "bank", bounds=Bounds(certificate=CERTIFICATE))
    form = {"grant_type": "client_credentials", "client_id": of(clients, key).client_id, "client_secret": key}
    shown = {"X-Client-Certificate-SHA256": bytes(range(32)).hex()}
    access = AccessSettings(trusted_proxies=["10.0.0.0/8"])
    app = create_app(base.settings.model_copy(update={"access": access}))
    proxy, stranger = (TestClient(app, client=(address, 1)) for address in ("10.1.2.3", "192.0.2.1"))
    assert stranger.post("/v1/oauth/token", data=form, headers=shown).status_code == 401
    assert proxy.post("/v1/oauth/token", data=form).status_code == 401
    headers = bearer(proxy.post("/v1/oauth/token", data=form, headers=shown).json()["access_token"])
    assert proxy.get(MODELS, headers=headers | shown).status_code == 200
    assert proxy.get(MODELS, headers=headers).status_code == 401
    assert proxy.get(MODELS, headers=headers | {"X-Client-Certificate-SHA256": "0" * 64}).status_code == 401
    assert stranger.get(MODELS, headers=headers | shown).status_code == 401
    assert proxy.get(MODELS, headers={"X-API-Key": key} | shown).status_code == 200


@pytest.fixture
def firm(base: RecordBase, tmp_path: Path) -> str:
    send(base, tmp_path / "door", "tax.arrears", arrears("one"))
    return base.resolve(FIRMS[0])


def test_a_subject_authorises_withdraws_and_sees_who_looked(
    http: TestClient, clients: Clients, base: RecordBase, firm: str
) -> None:
    mine = {"X-API-Key": clients.add("firm", "subject", bounds=Bounds(subject_id=firm)), "Accept-Language": "en"}
    bank = {"X-API-Key": clients.add("bank", "bank"), "Accept-Language": "en"}
    other = {"X-API-Key": clients.add("other bank", "bank"), "Accept-Language": "en"}
    body = {
        "reference": "SQ-7",
        "subject": firm,
        "purposes": ["review"],
        "valid_until": "2040-01-01T00:00:00+08:00",
        "document": "DA-7",
    }
    body["valid_until"] = f"{(now() + timedelta(days=9)).isoformat()}Z"

    def look(headers: dict[str, str], purpose: str = "review", reference: str = "SQ-7") -> tuple[int, str]:
        asked = {"purpose": purpose, "authorisation": reference}
        answer = http.get(f"/v1/subjects/{firm}/file", params=asked, headers=headers)
        return answer.status_code, answer.json().get("detail", "")

    assert "no authorisation of this reference" in look(bank)[1]
    filed = http.post("/v1/consents", json=body, headers=mine)
    assert filed.status_code == 201, filed.text
    assert look(bank)[0] == look(other)[0] == 200
    assert "does not cover the purpose" in look(bank, "loan_application")[1]
    assert http.post("/v1/consents", json=body, headers=mine).status_code == 422
    assert http.post("/v1/consents", json=body | {"reference": "SQ-8"}, headers=bank).status_code == 201
    assert look(bank, reference="SQ-8")[0] == 200
    assert "another client" in look(other, reference="SQ-8")[1]
    path = f"/v1/consents/{filed.json()['consent_id']}/withdrawal"
    assert http.post(path, headers=other).status_code == 404
    assert http.post(path, headers=mine).json()["withdrawn_at"] is not None
    assert look(bank)[0] == 403
    assert "has withdrawn" in look(bank)[1]
    looked = http.get("/v1/looks", params={"limit": 2}, headers=mine).json()
    rest = http.get("/v1/looks", params={"cursor": looked["next"]}, headers=mine).json()
    told = [(one["who"], one["action"]) for one in looked["looks"] + rest["looks"]]
    assert ("bank", "file") in told
    assert ("other bank", "file") in told
    assert rest["next"] is None
    assert http.get(f"/v1/subjects/{firm}/file", params={"purpose": "review"}, headers=mine).status_code == 200
    foreign = http.post("/v1/consents", json=body | {"subject": FIRMS[1], "reference": "SQ-9"}, headers=mine)
    assert foreign.status_code in (403, 404)
    assert http.get("/v1/consents", headers=other).json()["consents"] == []
    with writing(base.engine) as session:
        session.execute(update(ConsentRow).values(valid_until=now() - timedelta(seconds=1)))
    assert "has expired" in look(bank, reference="SQ-8")[1]


def test_a_consent_of_another_subject_covers_nobody_else(
    http: TestClient, clients: Clients, base: RecordBase, tmp_path: Path
) -> None:
    send(base, tmp_path / "door", "tax.arrears", arrears("one"), arrears("two", firm=1))
    consent(base, "SQ-1", FIRMS[1])
    asked = {"purpose": "review", "authorisation": "SQ-1"}
    headers = {"X-API-Key": clients.add("bank", "bank"), "Accept-Language": "en"}
    answer = http.get(f"/v1/subjects/{base.resolve(FIRMS[0])}/file", params=asked, headers=headers)
    assert (answer.status_code, "another subject's" in answer.json()["detail"]) == (403, True)


def test_a_promotion_is_proposed_by_one_and_approved_by_another(
    http: TestClient, clients: Clients, base: RecordBase
) -> None:
    analyst, regulator, bank = ({"X-API-Key": clients.add(role, role)} for role in ("analyst", "regulator", "bank"))
    body, why = {"segment": "enterprise", "version": "2", "reason": "better"}, {"reason": "checked"}
    assert http.post("/v1/approvals/promotions", json=body, headers=bank).status_code == 403

    def proposed() -> str:
        return (
            f"/v1/approvals/{http.post('/v1/approvals/promotions', json=body, headers=analyst).json()['approval_id']}"
        )

    first, second, third = proposed(), proposed(), proposed()
    assert http.post(f"{first}/approval", json=why, headers=analyst).status_code == 403
    assert http.post(f"{first}/approval", json=why, headers=regulator).json()["state"] == "approved"
    assert http.post(f"{first}/rejection", json=why, headers=regulator).status_code == 409
    assert http.post(f"{second}/rejection", json=why, headers=analyst).json()["state"] == "rejected"
    with writing(base.engine) as session:
        session.execute(update(ApprovalRow).where(ApprovalRow.state == "open").values(expires_at=now()))
    late = http.post(f"{third}/approval", json=why, headers=regulator)
    assert (late.status_code, late.json()["type"]) == (409, "urn:huixin:problem:approval-closed")
    page = http.get("/v1/approvals", params={"limit": 2}, headers=regulator).json()
    rest = http.get("/v1/approvals", params={"cursor": page["next"]}, headers=analyst).json()
    assert [one["state"] for one in page["approvals"] + rest["approvals"]] == ["expired", "rejected", "approved"]


def test_no_hand_does_both_even_where_one_client_may(base: RecordBase, clients: Clients) -> None:
    from service import approvals
    from service.desk.errors import SameHand

    one = of(clients, clients.add("regulator", "regulator"))
    with writing(base.engine) as session:
        made = approvals.propose(session, "promotion", {"version": "1"}, replace(one, role="analyst"))
        with pytest.raises(SameHand):
            approvals.approve(session, made.approval_id, one)


def test_a_client_that_asks_too_much_is_told_when_to_come_back(http: TestClient, clients: Clients) -> None:
    slow = {"X-API-Key": clients.add("slow", "bank", bounds=Bounds(per_second=0.5))}
    first, second = http.get(MODELS, headers=slow), http.get(MODELS, headers=slow)
    assert (first.status_code, second.status_code) == (200, 429)
    assert first.headers["ratelimit"] == '"burst";r=0;t=2'
    assert 1 <= int(second.headers["retry-after"]) <= 2
    assert second.headers["content-type"] == "application/problem+json"
    few = {"X-API-Key": clients.add("few", "bank", bounds=Bounds(per_day=3))}
    answers = [http.get(MODELS, headers=few) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 86_400


def test_a_request_id_is_taken_over_unless_it_could_be_an_identity_number(http: TestClient) -> None:
    for given, kept in (
        ("6f1b1d5e-4a0c-4a57-9d5e-0123456789ab", True),
        ("order-77.3", True),
        ("110101199003074514", False),
        ("91310000MA1FL0000X", False),
        ("x" * 200, False),
    ):
        answer = http.get(MODELS, headers={"X-Request-Id": given})
        assert (answer.headers["x-request-id"] == given) is kept
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_clients_are_bounded_only_by_what_their_role_has(clients: Clients) -> None:
    for role, bounds in (
        ("bank", Bounds(scopes=["replay"])),
        ("bank", Bounds(subject_id="0" * 32)),
        ("subject", Bounds(subject_id="0" * 32)),
        ("bank", Bounds(certificate="short")),
        ("bank", Bounds(per_second=0)),
    ):
        with pytest.raises(BadClient):
            clients.add("x", role, bounds=bounds)
    assert of(clients, clients.add("x", "bank", bounds=Bounds(scopes=["score"]))).scopes == {"score"}


def test_a_reference_is_no_place_for_an_identity_number(http: TestClient, clients: Clients, base: RecordBase) -> None:
    key = {"X-API-Key": clients.add("careless", "bank"), "Accept-Language": "en"}
    subject = "8856ff13f5bbf23995ee8daee4057af2"
    number = "110101199003074514"
    asked = {"subject": subject, "purpose": "review", "authorisation": f"SQ {number}"}
    query = {"purpose": "review", "authorisation": number}
    for answer in (
        http.post("/v1/scores", json=asked, headers=key),
        http.post(
            "/v1/scores/batch",
            json={"subjects": [{"subject": subject, "authorisation": number}], "purpose": "review"},
            headers=key,
        ),
        http.get(f"/v1/subjects/{subject}/grades", params=query, headers=key),
        http.get(f"/v1/subjects/{subject}/warnings", params=query, headers=key),
    ):
        assert answer.status_code == 422
        assert number not in answer.text
    assert "identity_number" in answer.text
    with base.engine.connect() as connection:
        assert not connection.scalar(text("SELECT count(*) FROM audit WHERE payload LIKE :it"), {"it": f"%{number}%"})


def test_a_path_is_not_sent_back(http: TestClient) -> None:
    answer = http.get("/v1/watch-lists/110101199003074514/", follow_redirects=False)
    assert (answer.status_code, "location" in answer.headers) == (404, False)
