"""A small installation with agencies of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.base import RecordBase
from records.settings import Settings
from tests.records.assessment.sample import Send, declare, sender


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return declare(tmp_path / "catalogue")


@pytest.fixture
def base(tmp_path: Path, folder: Path) -> RecordBase:
    return RecordBase.open(Settings(home=tmp_path / "home", catalogue_folder=folder))


@pytest.fixture
def send(base: RecordBase, tmp_path: Path) -> Send:
    return sender(base, tmp_path / "door")
