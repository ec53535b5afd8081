"""``huixin consent``: subjects' authorisations, filed and withdrawn by the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from huixin.console import out, say, table
from records.words import Text

if TYPE_CHECKING:
    from service.security.consents import Consents

app = typer.Typer(no_args_is_help=True, help="主体授权书 · subjects' authorisations")
ACTOR = "command line"


@app.command()
def file(
    reference: Annotated[str, typer.Argument(help="授权书编号 · reference of the authorisation")],
    subject: Annotated[str, typer.Argument(help="主体编号 · subject id")],
    until: Annotated[str, typer.Option(help="有效期末日，如 2030-12-31 · last day")],
    document: Annotated[str, typer.Option(help="授权书存处 · where the signed form is kept")],
    purpose: Annotated[list[str], typer.Option(help="查询目的，可多次 · purpose, may be repeated")],
    client: Annotated[str | None, typer.Option(help="授权给谁，默认任何 · client id, default any")] = None,
) -> None:
    """登记一份授权 · file an authorisation."""
    from records.moment import parse_as_of
    from service.security.consents import Authorisation

    given = Authorisation(reference, subject, purpose, parse_as_of(until), document, client_id=client)
    row = _consents().file(given, ACTOR)
    say(f"已登记 {row.consent_id}", f"filed {row.consent_id}")


@app.command()
def withdraw(consent_id: Annotated[str, typer.Argument(help="授权编号 · consent id")]) -> None:
    """撤回授权，立即生效 · withdraw an authorisation, at once."""
    _consents().withdraw(consent_id, ACTOR)
    say(f"已撤回 {consent_id}", f"withdrawn: {consent_id}")


@app.command("list")
def list_consents(
    subject: Annotated[str | None, typer.Option(help="主体编号 · subject id")] = None,
    limit: Annotated[int, typer.Option(help="至多 · at most", min=1, max=10_000)] = 100,
) -> None:
    """列出授权，新的在前 · list authorisations, the newest first."""
    names = (("编号", "id"), ("授权书", "reference"), ("主体", "subject"), ("给予", "client"), ("目的", "purposes"))
    dates = (("起", "from"), ("止", "until"), ("撤回于", "withdrawn"))
    listing = table(Text("授权", "Consents"), [Text(zh, en) for zh, en in (*names, *dates)])
    for row in _consents().page(None, None, limit, subject)[0]:
        listing.add_row(
            row.consent_id,
            row.reference,
            row.subject_id,
            row.client_id or "*",
            ", ".join(row.purposes),
            f"{row.valid_from:%F}",
            f"{row.valid_until:%F}",
            f"{row.withdrawn_at or ''}",
        )
    out.print(listing)


def _consents() -> Consents:
    from records.base import RecordBase
    from records.settings import Settings
    from service.security.consents import Consents

    return Consents(RecordBase.open(Settings()))
