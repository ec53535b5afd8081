"""Writes the typed part of ``huixin_client`` from the service's OpenAPI document: ``python -m huixin.client_code``."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

HEAD = '"""{}; made by ``python -m huixin.client_code``, not by hand."""\n\nfrom __future__ import annotations\n\n'
METHODS = ("get", "head", "post", "put", "patch", "delete")
CREDENTIALS = ("x-api-key", "authorization")
IDEMPOTENCY = "idempotency-key"
FORM = "application/x-www-form-urlencoded"
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
TYPE_NAMES = frozenset({"list", "dict", "str", "int", "float", "bool", "bytes"})


def client_code(document: dict[str, Any]) -> dict[str, str]:
    """By file name: the client's models and operations of an OpenAPI 3.1 ``document``, formatted."""
    made = {"models.py": _models(document), "operations.py": _operations(document)}
    return {name: _formatted(code) for name, code in made.items()}


def _models(document: dict[str, Any]) -> str:
    schemas = document.get("components", {}).get("schemas", {})
    parts = [HEAD.format("What requests and answers hold"), "from typing import Any, Literal, NotRequired, TypedDict\n"]
    aliases, classes = [], []
    for name, schema in sorted(schemas.items()):
        if schema.get("properties"):
            classes.append(_class(_identifier(name), schema))
        else:
            aliases.append(f"{_identifier(name)} = {_type(schema)}\n")
    return "\n".join([*parts, *classes, *aliases])


def _class(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    fields = {
        field: _type(kind) if field in required else f"NotRequired[{_type(kind)}]"
        for field, kind in schema["properties"].items()
    }
    said = _said(schema.get("description", ""))
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in fields):
        lines = [f"    {field}: {kind}" for field, kind in fields.items()]
        return "\n".join([f"class {name}(TypedDict):", *([f"    {said}\n"] if said else []), *lines, ""])
    return f"{name} = TypedDict({name!r}, {{" + ", ".join(f"{one!r}: {kind!r}" for one, kind in fields.items()) + "})\n"


def _operations(document: dict[str, Any]) -> str:
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                tag = (operations[method].get("tags") or ["service"])[0]
                by_tag.setdefault(tag, []).append((method, path, operations[method]))
    code = [
        HEAD.format("Every operation of the service, by resource"),
        "from typing import Any, Literal\n\nfrom huixin_client import models as _m\n"
        "from huixin_client.caller import Caller, new_key\n\n",
    ]
    for tag, found in by_tag.items():
        code.append(f"class {_class_name(tag)}:\n    def __init__(self, caller: Caller) -> None:")
        code.append("        self._caller = caller\n")
        names = Counter(_short(operation) for _, _, operation in found)
        for method, path, operation in found:
            short = _short(operation)
            name = short if names[short] == 1 else operation["operationId"]
            code.append(_method(f"{name}_" if name in TYPE_NAMES else name, method, path, operation))
    code.append("class AllOperations:\n    def __init__(self, caller: Caller) -> None:")
    code += [f"        self.{_identifier(tag)} = {_class_name(tag)}(caller)" for tag in by_tag]
    return "\n".join(code) + "\n"


def _method(name: str, method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = [one for one in operation.get("parameters", ()) if one["name"].lower() not in CREDENTIALS]
    taken, given = ["self"], [f'"{method.upper()}"', f'"{path}"']
    for one in parameters:
        if one["in"] == "path":
            taken.append(f"{_identifier(one['name'])}: {_type(one['schema'], '_m.')}")
    body = _body(operation)
    if body is not None:
        taken.append(body[0])
    named, optional = [], []
    for one in parameters:
        if one["in"] in ("query", "header"):
            kind = _type(one["schema"], "_m.")
            if one.get("required"):
                named.append(f"{_identifier(one['name'])}: {kind}")
            else:
                kind = kind if "None" in kind.split(" | ") else f"{kind} | None"
                optional.append(f"{_identifier(one['name'])}: {kind} = None")
    taken += ["*", *named, *optional] if named or optional else []
    for place, argument in (("path", "path"), ("query", "query"), ("header", "headers")):
        entries = [f'"{_sent(one)}": {_value(one)}' for one in parameters if one["in"] == place]
        if place == "header" and body is not None and body[2]:
            entries.append(f'"Content-Type": "{body[2]}"')
        if entries:
            given.append(f"{argument}={{{', '.join(entries)}}}")
    given += [body[1]] if body is not None else []
    result = _result(method, operation)
    said = _said(operation.get("summary", ""))
    call = f"self._caller.call({', '.join(given)})"
    lines = [f"    def {name}({', '.join(taken)}) -> {result}:", *([f"        {said}"] if said else [])]
    if result == "None":
        return "\n".join([*lines, f"        {call}", ""])
    return "\n".join([*lines, f"        found: {result} = {call}", "        return found", ""])


def _body(operation: dict[str, Any]) -> tuple[str, str, str | None] | None:
    """How a body is taken, how it is handed on, and its content type where httpx does not know it."""
    asked = operation.get("requestBody")
    if asked is None:
        return None
    content, optional = asked["content"], not asked.get("required", False)
    if "application/json" in content:
        kind = _type(content["application/json"].get("schema", {}), "_m.")
        return f"body: {kind} | None = None" if optional else f"body: {kind}", "json=body", None
    if FORM in content:
        return "form: dict[str, str]", "form=form", None
    return "content: bytes", "content=content", next(iter(content))


def _result(method: str, operation: dict[str, Any]) -> str:
    if method == "head":
        return "dict[str, str]"
    kinds: dict[str, None] = {}
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            for media, content in answer.get("content", {}).items():
                kinds[_type(content.get("schema", {}), "_m.") if media == "application/json" else "bytes"] = None
            if not answer.get("content"):
                kinds["None" if status in ("202", "204") else "bytes"] = None
    found = [kind for kind in kinds if kind != "None"] + [kind for kind in kinds if kind == "None"]
    return "Any" if "Any" in found or not found else " | ".join(found)


def _type(schema: Any, prefix: str = "") -> str:
    """A schema as a Python annotation; ``Any`` for what is not understood."""
    if not isinstance(schema, dict):
        return "Any"
    if "$ref" in schema:
        return prefix + _identifier(schema["$ref"].rsplit("/", 1)[1])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = list(dict.fromkeys(_type(one, prefix) for one in schema[several]))
            return "Any" if "Any" in kinds else " | ".join(kinds)
    if "const" in schema or "enum" in schema:
        return f"Literal[{', '.join(repr(one) for one in schema.get('enum', [schema.get('const')]))}]"
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}, prefix) for one in kind)
    if kind == "array":
        return f"list[{_type(schema.get('items'), prefix)}]"
    if kind == "object":
        return f"dict[str, {_type(schema.get('additionalProperties'), prefix)}]"
    return SIMPLE.get(kind or "", "Any")


def _value(parameter: dict[str, Any]) -> str:
    name = _identifier(parameter["name"])
    return f"{name} or new_key()" if parameter["name"].lower() == IDEMPOTENCY else name


def _sent(parameter: dict[str, Any]) -> str:
    name: str = parameter["name"]
    return "-".join(part.capitalize() for part in name.split("-")) if parameter["in"] == "header" else name


def _short(operation: dict[str, Any]) -> str:
    """The name of the function behind a route: FastAPI's operation id before the path."""
    return _identifier(re.split(r"_v1_|_(?=healthz|readyz|metrics|catalogue_)", operation["operationId"])[0])


def _identifier(name: str) -> str:
    made = re.sub(r"\W", "_", name)
    return f"{made}_" if keyword.iskeyword(made) else made


def _class_name(tag: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"\W|_", tag))


def _said(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()]
    first = " ".join(lines[: lines.index("")] if "" in lines else lines).replace("\\", "").replace('"""', "")
    return f'"""{first.rstrip(chr(34))}"""' if first else ""


def _formatted(code: str) -> str:
    """As ``ruff format`` writes it, where it is installed."""
    ruff = shutil.which("ruff", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if ruff is None:
        return code
    check = [ruff, "check", "--isolated", "--select=F401,I", "--fix", "--quiet", "--stdin-filename=x.py", "-"]
    style = [ruff, "format", "--isolated", "--line-length=120", "--stdin-filename=x.py", "-"]
    with tempfile.TemporaryDirectory() as folder:
        for command in (check, style):
            done = subprocess.run(command, input=code, capture_output=True, text=True, cwd=folder, check=True)  # noqa: S603
            code = done.stdout
    return code


def main() -> None:
    from records.settings import Settings
    from service.app import create_app

    with tempfile.TemporaryDirectory() as home:
        document = create_app(Settings(home=Path(home))).openapi()
    for name, code in client_code(document).items():
        (Path(__file__).parents[1] / "huixin_client" / name).write_text(code, encoding="utf-8")


if __name__ == "__main__":
    main()
