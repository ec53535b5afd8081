"""The ``huixin`` program. Commands import what they need when they run, so that ``--help`` answers at once."""

from __future__ import annotations

import sys

import typer

from huixin import (
    assess,
    backup,
    bench,
    catalogue,
    clients,
    consent,
    demo,
    exchange,
    features,
    file,
    identity,
    import_,
    ingest,
    model,
    record,
    score,
    serve,
    settings,
    storage,
    train,
    watch,
)
from huixin.console import report_error
from records.errors import HuixinError

app = typer.Typer(
    name="huixin",
    help="惠信：能自我解释的评级、来得早的预警 · ratings that explain themselves, warnings that come early",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.add_typer(catalogue.app, name="catalogue")
app.command("ingest")(ingest.ingest)
app.command("batches")(ingest.batches)
app.add_typer(exchange.app, name="exchange")
app.add_typer(features.app, name="features")
app.command("train")(train.train)
app.add_typer(model.app, name="model")
app.command("score")(score.score)
app.command("file")(file.file)
app.add_typer(watch.app, name="watch")
app.command("replay")(score.replay)
app.command("serve")(serve.serve)
app.add_typer(clients.app, name="client")
app.add_typer(consent.app, name="consent")
app.command("verify-audit")(serve.verify_audit)
app.add_typer(serve.audit, name="audit")
app.add_typer(import_.app, name="import")
app.command("assess")(assess.assess)
app.add_typer(record.app, name="record")
app.add_typer(record.subject_app, name="subject")
app.add_typer(identity.app, name="identity")
app.command("compact")(storage.compact)
app.command("sweep")(storage.sweep)
app.command("migrate")(storage.migrate)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("settings")(settings.settings)
app.command("bench")(bench.bench)


def main() -> None:
    """Run the program; an error that the user can mend ends with its text and exit status 2."""
    try:
        app()
    except HuixinError as error:
        report_error(error)
        sys.exit(2)
    except ValueError:  # what pydantic raises where a setting is wrong
        _report_bad_settings()
        raise


def _report_bad_settings() -> None:
    """End with every wrong setting named, where settings are wrong at all."""
    from records.settings_check import checked_settings

    try:
        checked_settings()
    except HuixinError as error:
        report_error(error)
        sys.exit(2)


if __name__ == "__main__":
    main()
