"""Every setting at a glance: its value, where that comes from, and everything that is wrong, told at once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsError

from records.errors import BadSettings
from records.settings import Settings
from records.settings_base import SECRETS_FOLDER, secrets_folder
from records.settings_words import MEANINGS, OTHERS, READ_BY_OTHERS
from records.words import Text

IN_CHINESE = {
    "int_parsing": "须为整数",
    "float_parsing": "须为数字",
    "bool_parsing": "须为 true 或 false",
    "greater_than_equal": "须不小于 {ge}",
    "greater_than": "须大于 {gt}",
    "less_than_equal": "须不大于 {le}",
    "literal_error": "须为 {expected} 之一",
    "too_short": "至少 {min_length} 个字符",
    "string_pattern_mismatch": "须符合 {pattern}",
    "value_error": "格式不对",
}
Origin = Literal["environment", "file", "default"]
MASK = "********"
PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/\s]*@")  # greedy: a password may hold an @ itself
SECRET_QUERY = re.compile(r"(?i)\b(password|passwd|token|secret|sslpassword)=[^&\s]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it stands: its variable, what it means, its value with secrets masked, and where that is from."""

    name: str
    meaning: Text
    value: str
    origin: Origin
    default: str


def checked_settings() -> Settings:
    """The settings of the environment. Raises ``BadSettings`` that names every wrong one, and never its value."""
    faults = list(_faults())
    if faults:
        raise BadSettings(Text("；".join(one.zh for one in faults), "; ".join(one.en for one in faults)))
    return Settings()


def list_settings(settings: Settings) -> list[Setting]:
    """All settings, group by group, as they stand in ``settings``."""
    return [
        Setting(
            name,
            MEANINGS.get(name, Text("", "")),
            _shown(getattr(values, field)),
            _origin(name),
            _shown(about.get_default(call_default_factory=True)),
        )
        for group, values in _groups(settings)
        for field, about in group.model_fields.items()
        if not _is_group(about)
        for name in (variable(group, field),)
    ]


def variable(group: type[BaseSettings], field: str) -> str:
    """The environment variable of a field."""
    return f"{group.model_config.get('env_prefix', '')}{field}".upper()


def variables() -> set[str]:
    """The variables of all settings."""
    return {
        variable(group, field)
        for group in groups()
        for field, about in group.model_fields.items()
        if not _is_group(about)
    }


def groups() -> list[type[BaseSettings]]:
    """``Settings`` and the groups within."""
    return [Settings, *(found for about in Settings.model_fields.values() if (found := _group_of(about)))]


def unknown_variables() -> list[str]:
    """Variables that look like Huixin's and mean nothing: misspelt, say."""
    known = variables() | OTHERS.keys() | {variable(Settings, field) for field in Settings.model_fields}
    return sorted(
        name
        for name in os.environ
        if name.startswith("HUIXIN_") and name not in known and not READ_BY_OTHERS.match(name)
    )


def _faults() -> Iterator[Text]:
    folder = secrets_folder()
    if folder is not None and not folder.is_dir():
        yield Text(f"{SECRETS_FOLDER}：文件夹不存在", f"{SECRETS_FOLDER}: there is no such folder")
        return
    for group in groups():
        yield from _faults_of(group)


def _faults_of(group: type[BaseSettings]) -> Iterator[Text]:
    within: dict[str, Any] = {
        field: kind.model_construct() for field, about in group.model_fields.items() if (kind := _group_of(about))
    }
    try:
        group(**within)  # the groups within are asked for themselves
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            name = variable(group, str(one["loc"][0]) if one["loc"] else "")
            meaning = MEANINGS.get(name, Text("", ""))
            known = IN_CHINESE.get(one["type"], one["msg"]).format(**one.get("ctx", {}))
            yield Text(f"{name}（{meaning.zh}）不可用：{known}", f"{name} ({meaning.en}) cannot be used: {one['msg']}")
    except SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        name = variable(group, found[1] if found else "")
        yield Text(f"{name} 须为 JSON", f"{name} must be JSON")


def _groups(settings: Settings) -> Iterator[tuple[type[BaseSettings], BaseSettings]]:
    yield Settings, settings
    for field, about in Settings.model_fields.items():
        if (group := _group_of(about)) is not None:
            yield group, getattr(settings, field)


def _group_of(about: FieldInfo) -> type[BaseSettings] | None:
    kind = about.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseSettings) else None


def _is_group(about: FieldInfo) -> bool:
    return _group_of(about) is not None


def _origin(name: str) -> Origin:
    if any(one.upper() == name for one in os.environ):
        return "environment"
    folder = secrets_folder()
    if folder is not None and folder.is_dir() and any(one.name.upper() == name for one in folder.iterdir()):
        return "file"
    return "default"


def _shown(value: Any) -> str:
    """``value`` in words, without what is secret in it."""
    if value is None or value == ():
        return ""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return SECRET_QUERY.sub(rf"\1={MASK}", PASSWORD.sub(rf"\1:{MASK}@", str(value)))
