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
    role: Annotated[str, typer.Option(help="platform, bank, agency, analyst, regulator")],
    source: Annotated[
        str | None, typer.Option(help="agency 所报来源，如 tax · the source that an agency reports as")
    ] = None,
) -> None:
    """新增调用方，密钥只显示这一次 · add a client; its key is shown this once."""
    from records.base import RecordBase
    from records.settings import Settings
    from service.security import Clients, check_source

    base = RecordBase.open(Settings())
    check_source(base.catalogue, source)
    key = Clients(base.engine).add(name, role, source)
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


def _clients() -> Clients:
    from records.base import RecordBase
    from records.settings import Settings
    from service.security import Clients

    return Clients(RecordBase.open(Settings()).engine)
