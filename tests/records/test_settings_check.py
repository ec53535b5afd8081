"""Wrong settings are told all at once, secrets are never shown, and files are as good as variables."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_settings import SettingsError

from records.errors import BadSettings
from records.settings import Settings
from records.settings_check import checked_settings, list_settings, unknown_variables, variables
from records.settings_words import MEANINGS

KEY = "k" * 40


def test_every_setting_has_a_meaning() -> None:
    assert variables() <= MEANINGS.keys()


def test_every_wrong_setting_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIXIN_BATCH_ROWS_MOST", "many-secret")
    monkeypatch.setenv("HUIXIN_EXCHANGE_OPEN_MOST", "0")
    monkeypatch.setenv("HUIXIN_WATCH_WEBHOOK_KEY", "too-short")
    monkeypatch.setenv("HUIXIN_IDENTITY_KEYS_FORMER", "not-json")
    monkeypatch.setenv("HUIXIN_TRACES_URL", "collector-4318")
    with pytest.raises(BadSettings) as raised:
        checked_settings()
    for words in raised.value.text:
        for name in (
            "BATCH_ROWS_MOST",
            "EXCHANGE_OPEN_MOST",
            "WATCH_WEBHOOK_KEY",
            "IDENTITY_KEYS_FORMER",
            "TRACES_URL",
        ):
            assert words.count(f"HUIXIN_{name}") == 1
        assert not any(value in words for value in ("many-secret", "too-short", "not-json", "collector-4318"))
    assert "should match" not in raised.value.text.zh


def test_values_are_listed_with_their_origin_and_secrets_masked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "huixin_database_url").write_text("postgresql://huixin:p@ss@db/huixin?sslmode=require\n")
    monkeypatch.setenv("HUIXIN_SECRETS_FOLDER", str(tmp_path))
    monkeypatch.setenv("HUIXIN_IDENTITY_KEY", KEY)
    monkeypatch.setenv("HUIXIN_HOEM", "x")
    settings = checked_settings()
    assert settings.database_url == "postgresql://huixin:p@ss@db/huixin?sslmode=require"
    listed = {one.name: one for one in list_settings(settings)}
    assert set(listed) == variables()
    found = listed["HUIXIN_DATABASE_URL"]
    assert (found.value, found.origin) == ("postgresql://huixin:********@db/huixin?sslmode=require", "file")
    assert (listed["HUIXIN_IDENTITY_KEY"].value, listed["HUIXIN_IDENTITY_KEY"].origin) == ("********", "environment")
    assert listed["HUIXIN_BATCH_ROWS_MOST"].origin == "default"
    assert unknown_variables() == ["HUIXIN_HOEM"]


def test_a_folder_of_secrets_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUIXIN_SECRETS_FOLDER", str(tmp_path / "absent"))
    with pytest.raises(BadSettings, match="HUIXIN_SECRETS_FOLDER"):
        checked_settings()
    with pytest.raises(SettingsError):  # never the defaults instead, which are another base
        Settings()
