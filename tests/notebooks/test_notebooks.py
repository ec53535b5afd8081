"""The notebooks run from end to end on the trained county, draw, and leave the registry as they found it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from models.registry import Registry
from records.settings import Settings
from tests.copying import copied

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = ("analyst_retrains", "regulator_reviews", "bank_backtests")


@pytest.fixture(scope="module")
def home(trained_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained county's own copy: notebooks rate, register and promote."""
    return copied(trained_settings, tmp_path_factory.mktemp("notebooks") / "home").home


def test_every_notebook_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_draws(home: Path, name: str, monkeypatch: Any) -> None:
    for variable, value in {"HUIXIN_HOME": str(home), "HUIXIN_SEGMENT": "farmer", "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    registry = Registry(Settings(home=home))
    serving = registry.champion_version("farmer")
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells), "notebooks are committed without outputs"
    NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    pictures = [one for one in outputs if "image/png" in one.get("data", {})]
    assert len(pictures) >= 3
    assert not [one for one in outputs if "Glyph" in str(one.get("text", ""))], "a label could not be drawn"
    assert registry.champion_version("farmer") == serving
