"""``huixin exchange`` as an operator and a source use it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from huixin.cli import app
from records.exchange.errors import BadReceipt
from tests.sending import usage


def test_watch_receipts_and_verification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIXIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HUIXIN_LANGUAGE", "en")
    folder, runner = tmp_path / "in", CliRunner()
    (folder / "power").mkdir(parents=True)
    (folder / "power" / "power.usage.csv").write_bytes(usage("a", 5))
    watch = ["exchange", "watch", str(folder), "--once", "--settle", "0.1"]
    done = runner.invoke(app, watch)
    assert (done.exit_code, "5 rows accepted" in done.output) == (0, True), done.output
    (folder / "power" / "power.usage.csv").write_bytes(usage("b", 5, bad=(2,)))
    done = runner.invoke(app, watch)
    assert (done.exit_code, "4 rows accepted, 1 rejected" in done.output) == (1, True), done.output
    receipt = folder / "power" / "receipts" / "power.usage.csv.receipt.json"
    keys = tmp_path / "keys.json"
    keys.write_text(runner.invoke(app, ["exchange", "key"]).output)
    verify = ["exchange", "verify", str(receipt), "--key", str(keys)]
    assert "nothing was changed" in runner.invoke(app, verify).output
    changed = orjson.loads(receipt.read_bytes())
    changed["receipt"]["rows_accepted"] = 6
    receipt.write_bytes(orjson.dumps(changed))
    assert isinstance(runner.invoke(app, verify).exception, BadReceipt)


def test_a_client_of_an_agency_belongs_to_a_source_of_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIXIN_HOME", str(tmp_path / "home"))
    runner = CliRunner()
    assert runner.invoke(app, ["client", "add", "power", "--role", "agency", "--source", "power"]).exit_code == 0
    assert "power" in runner.invoke(app, ["client", "list"]).output
    for arguments in (["x", "--role", "agency", "--source", "nobody"], ["y", "--role", "bank", "--source", "power"]):
        assert runner.invoke(app, ["client", "add", *arguments]).exit_code != 0
