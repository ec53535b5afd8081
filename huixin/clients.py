"""``huixin client``: who holds a key to the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from huixin.console import out, say, table
from records.words import Text

if TYPE_CHECKING:
    from service.security import Clients

app = typer.Typer(no_args_is_help=True, help="服务的调用方与密钥 · clients of the service and their keys")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="名称 · name")],
    role: Annotated[str, typer.Option(help="platform, bank, agency, analyst, regulator, subject, public")],
    source: Annotated[
        str | None, typer.Option(help="agency 所报来源，如 tax · the source that an agency reports as")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="subject 角色是谁 · whose, for the role subject: id")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="限于这些动作 · only these actions")] = None,
    certificate: Annotated[
        str | None, typer.Option(help="须出示的证书，SHA-256 base64url · the certificate that it must show")
    ] = None,
    per_second: Annotated[float | None, typer.Option(help="每秒次数 · requests a second")] = None,
    per_day: Annotated[int | None, typer.Option(help="每日次数 · requests a day")] = None,
) -> None:
    """新增调用方，密钥只显示这一次 · add a client; its key is shown this once."""
    from records.base import RecordBase
    from records.settings import Settings
    from service.security import BadClient, Bounds, Clients, check_source

    base = RecordBase.open(Settings())
    check_source(base.catalogue, source)
    if role == "subject" and subject is None:
        raise BadClient(Text("subject 角色须给出 --subject", "give --subject for the role subject"))
    subject_id = None if subject is None else base.resolve(subject)
    clients = Clients(base.engine)
    key = clients.add(name, role, source, Bounds(subject_id, scope or None, certificate, per_second, per_day))
    client_id = clients.authenticate(key).client_id
    say(f"调用方编号 {client_id}", f"client id {client_id}")
    say("请妥善保存，此密钥不再显示：", "keep it, it is not shown again:")
    out.print(key, markup=False)


@app.command("list")
def list_clients() -> None:
    """列出调用方 · list clients."""
    listing = table(
        Text("调用方", "Clients"),
        [
            Text("编号", "id"),
            Text("名称", "name"),
            Text("角色", "role"),
            Text("来源", "source"),
            Text("新增于", "added"),
            Text("吊销于", "revoked"),
        ],
    )
    for client in _clients().list():
        listing.add_row(
            client.client_id,
            client.name,
            client.role,
            client.source or "",
            f"{client.created_at}",
            f"{client.revoked_at or ''}",
        )
    out.print(listing)


@app.command()
def revoke(client_id: Annotated[str, typer.Argument(help="调用方编号 · client id")]) -> None:
    """吊销密钥，立即生效 · revoke a client's key, at once."""
    _clients().revoke(client_id)
    say(f"已吊销 {client_id}", f"revoked {client_id}")


@app.command()
def rotate(
    client_id: Annotated[str, typer.Argument(help="调用方编号 · client id")],
    grace_hours: Annotated[
        float,
        typer.Option(help="旧密钥还能用多久；0 则令牌也作废 · how long the old key opens; 0 voids tokens too"),
    ] = 168,
) -> None:
    """更换密钥，新密钥只显示这一次 · replace a client's key; the new one is shown this once."""
    from datetime import timedelta

    key = _clients().rotate(client_id, timedelta(hours=grace_hours))
    say("请妥善保存，此密钥不再显示：", "keep it, it is not shown again:")
    out.print(key, markup=False)


@app.command("rotate-token-key")
def rotate_token_key() -> None:
    """更换签发令牌的密钥，已发令牌到期前仍有效 · replace the key that signs tokens; those given out stay valid."""
    from records.settings import Settings
    from service.security.token_keys import TokenKeys

    kid = TokenKeys(Settings()).rotate()
    say(f"新密钥 {kid}", f"the new key is {kid}")


def _clients() -> Clients:
    from records.base import RecordBase
    from records.settings import Settings
    from service.security import Clients

    return Clients(RecordBase.open(Settings()).engine)
