"""The command line as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from records.base import RecordBase
from records.settings import Settings

PROGRAM = str(Path(sys.executable).with_name("huixin"))


def run(*words: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = os.environ | {"HUIXIN_HOME": str(home), "COLUMNS": "200", **environment}
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, env=settings, timeout=300)


def test_help_answers_at_once_without_heavy_imports(tmp_path: Path) -> None:
    assert "demo" in run("--help", home=tmp_path).stdout
    heavy = "{'mlflow', 'lightgbm', 'optbinning', 'polars', 'duckdb'}"
    script = f"import sys, huixin.cli; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "[]"


def test_ingest_says_what_was_kept_and_what_was_not(tmp_path: Path) -> None:
    import numpy as np

    from county.numbers import enterprise_numbers

    number = enterprise_numbers(np.arange(1))[0]
    batch = tmp_path / "a.csv"
    batch.write_text(f"record_id,subject_number,occurred_on,amount\na,{number},2025-01-02,5\nb,{number},2025-01-02,x\n")
    found = run("ingest", "tax.arrears", str(batch), home=tmp_path / "h")
    assert found.returncode == 1
    assert "1 rows accepted, 1 rejected" in found.stdout
    assert str(number) not in found.stdout + found.stderr
    assert "tax.arrears" in run("batches", home=tmp_path / "h").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ingest", "no.item", "README.md"), "unknown-item"),
        (("ingest", "tax.arrears", "absent.csv"), "bad-batch"),
        (("score", "0" * 32), "unknown-subject"),
        (("score", "0" * 32, "--as-of", "someday"), "bad-moment"),
        (("train", "--segment", "enterprise"), "too-little-to-learn"),
        (("score", "--all"), "model-not-trained"),
        (("bench", "nothing"), "unknown-benchmark"),
        (("client", "add", "x", "--role", "king"), "bad-client"),
        (("replay", "s-none"), "unknown-score"),
        (("import", "cumcm", "nowhere"), "没有"),
        (("features", "refresh", "--segment", "nobody"), "institution"),
    ],
)
def test_errors_are_one_clear_statement_in_both_languages(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    found = run(*words, home=tmp_path / "h")
    assert found.returncode == 2
    assert says in found.stderr + found.stdout
    assert "Traceback" not in found.stderr
    assert "·" in found.stderr + found.stdout


def test_scoring_replaying_and_verifying_a_trained_base(trained_settings: Settings, trained_base: RecordBase) -> None:
    subject = str(trained_base.subjects("enterprise")["subject_id"][7].as_py())
    home = trained_settings.home
    rating = orjson.loads(run("score", subject, "--as-of", "2025-12-31", "--json", home=home).stdout)
    assert rating["subject_id"] == subject
    assert run("replay", rating["score_id"], home=home).returncode == 0
    assert run("verify-audit", home=home).returncode == 0
    told = run("score", subject, "--as-of", "2025-12-31", home=home, HUIXIN_LANGUAGE="en").stdout
    assert rating["grade"] in told
    assert "confidence" in told
    assert "champion" in run("model", "list", home=home).stdout
    assert "loan_dpd_now" in run("features", "list", home=home).stdout
    assert "tax.filing" in run("catalogue", "list", home=home).stdout


def test_synthetic_and_real_records_do_not_mix(trained_settings: Settings, tmp_path: Path) -> None:
    import numpy as np

    from county.numbers import enterprise_numbers

    number = enterprise_numbers(np.arange(1))[0]
    batch = tmp_path / "a.csv"
    batch.write_text(f"record_id,subject_number,occurred_on,amount\na,{number},2025-01-02,5\n")
    assert run("ingest", "tax.arrears", str(batch), home=tmp_path / "h").returncode == 0
    refused = run("demo", "--subjects", "500", home=tmp_path / "h")
    assert refused.returncode == 2
    assert "base-holds-other-records" in refused.stderr
    refused = run("ingest", "tax.arrears", str(batch), home=trained_settings.home)
    assert refused.returncode == 2
    assert "base-holds-other-records" in refused.stderr
