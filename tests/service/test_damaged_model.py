"""A champion whose files were damaged serves on where it is loaded, and is refused by name by whoever loads it."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from models.gate import Check, Verdict
from models.registry import Registry
from records.base import RecordBase
from records.settings import Settings
from records.words import Text
from service.app import create_app


def test_a_damaged_champion_serves_on_and_is_refused_at_a_start(trained_settings: Settings, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    RecordBase.open(settings)
    registry = Registry(settings)
    made = registry.register(Registry(trained_settings).champion("enterprise")[0], {}, {}, {})
    passed = Verdict((Check("discrimination", Text("区分度", "discrimination"), True, Text("足够", "enough")),))
    registry.promote(made.name, made.version, passed)
    running = TestClient(create_app(settings))
    assert running.get("/readyz").json()["champions"]["enterprise"] == made.version

    files = list(settings.artifact_folder.rglob("explainer.npz"))
    for path in files:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert files
    assert running.get("/readyz").json()["champions"]["enterprise"] == made.version
    started = TestClient(create_app(settings)).get("/readyz")
    assert started.status_code == 503
    assert started.json()["champions"]["enterprise"] == "damaged-model"
