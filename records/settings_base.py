"""Where settings come from: the environment, then files (``HUIXIN_SECRETS_FOLDER``), then their defaults."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsError

SECRETS_FOLDER = "HUIXIN_SECRETS_FOLDER"


class FromEnvironment(BaseSettings):
    """Settings that may also be given as files, one each, named like the variable (``huixin_database_url``).

    Container engines and Kubernetes mount secrets so; unlike a variable, a file is not inherited by child processes.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = secrets_folder()
        if folder is None:
            return init_settings, env_settings
        if not folder.is_dir():  # going on with defaults would open another, empty base
            raise SettingsError(f"{SECRETS_FOLDER}: there is no such folder")
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=folder)


def secrets_folder() -> Path | None:
    """The folder of ``HUIXIN_SECRETS_FOLDER``, whether it is there or not."""
    named = os.environ.get(SECRETS_FOLDER)
    return Path(named) if named else None
