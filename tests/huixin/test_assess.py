"""``huixin assess`` and ``huixin catalogue`` as typed; scores of the synthetic county look sane."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from records.assessment import Assessment, assess
from records.base import RecordBase
from records.settings import Settings
from tests.records.assessment.sample import declare, month_row, sender

PROGRAM = str(Path(sys.executable).with_name("huixin"))


def run(*words: str, home: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    settings = os.environ | {"HUIXIN_HOME": str(home), "HUIXIN_CATALOGUE_FOLDER": str(folder), "COLUMNS": "100"}
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, env=settings, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return declare(tmp_path_factory.mktemp("own") / "catalogue")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    made = tmp_path_factory.mktemp("assessed")
    base = RecordBase.open(Settings(home=made, catalogue_folder=folder))
    send = sender(base, made / "door")
    send("alpha.month", *(month_row(n, "2025-03-31", "2025-04-02") for n in range(3)), history=True)
    return made


@pytest.fixture(scope="module")
def county(trained_base: RecordBase) -> Assessment:
    return assess(trained_base, "2025-11", months=6, as_of="2026-01-20")


def test_the_assessment_is_shown_and_written(home: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    words = ("assess", "--month", "2025-03", "--as-of", "2025-06-30", "--out", str(out))
    found = run(*words, home=home, folder=folder)
    assert found.returncode == 0, found.stderr
    assert "Alpha office" in found.stdout
    assert "2 periods in a row missing" in found.stdout
    files = {path.name for path in out.iterdir()}
    assert files == {f"{name}.csv" for name in ("sources", "items", "alerts", "contradictions")} | {
        "assessment.html",
        "assessment.json",
    }


def test_a_source_or_month_that_is_not_there_is_refused(home: Path, folder: Path) -> None:
    assert run("assess", "--source", "nobody", home=home, folder=folder).returncode == 2
    wrong = run("assess", "--month", "2025-13", home=home, folder=folder)
    assert wrong.returncode == 2
    assert "bad-month" in wrong.stderr


def test_the_catalogue_is_checked_with_the_installations_own_files(home: Path, folder: Path, tmp_path: Path) -> None:
    sound = run("catalogue", "check", home=home, folder=folder)
    assert sound.returncode == 0
    assert "key groups: 16 of 16" in sound.stdout
    assert "alpha.month" in run("catalogue", "list", "--source", "alpha", home=home, folder=folder).stdout
    page = tmp_path / "catalogue.html"
    assert run("catalogue", "page", "--out", str(page), home=home, folder=folder).returncode == 0
    assert "alpha.month" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('code = "tax"\nzh = "x"\nen = "x"\nitems = []', "tax is declared in tax.toml"),
        ('code = "x"\nzh = "x"\nen = "x"\nitems = ["y"]', "items.0"),
        ('code = "x"\nzh = "x"', "en: Field required"),
        ("code = ", "x.toml"),
    ],
)
def test_a_broken_catalogue_is_named_with_its_file_and_reason(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    found = run("catalogue", "check", home=tmp_path / "home", folder=tmp_path)
    assert found.returncode == 2
    assert "x.toml" in found.stderr
    assert says in found.stderr.replace("\n", " ")


def test_the_countys_sources_have_sane_points(county: Assessment) -> None:
    points = {one.source: one.points for one in county.ranking if one.points is not None}
    assert {"tax", "bank", "power", "social_insurance", "market", "court"} <= set(points)
    assert all(85 < points[source] <= 100 for source in ("tax", "bank", "power", "social_insurance", "market"))
    periodic = {"tax.filing", "tax.invoice", "loan.account_month", "power.usage", "social_insurance.contribution"}
    assert not [one for one in county.alerts if one.item in periodic and one.code == "silent"]


def test_the_countys_measures_follow_how_it_was_made(county: Assessment) -> None:
    filing = next(row for row in county.items if row.item == "tax.filing")
    assert filing.history == filing.records
    assert filing.expected is not None
    assert filing.reported is not None
    assert 0.9 < filing.reported / filing.expected <= 1
    assert 0 < filing.faulty < 0.03 * filing.records
    assert 0.75 < (filing.measures["timeliness"] or 0) < 1
    assert filing.duplicates == 0
