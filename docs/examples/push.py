"""Push one file, going on where it broke off. Needs nothing but Python.

HUIXIN_KEY=hx_... python push.py https://huixin.example tax.filing 2025-10 filings.csv

Run again after any break, with the same arguments: what is there already is not sent again, what was taken is not
taken twice. Exit status: 0 all rows taken, 1 some rows refused (their file is fetched), 2 the batch was refused.
"""

from __future__ import annotations

import json
import os
import sys
import time
from base64 import b64encode
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ENDINGS = ("csv.gz", "jsonl.gz", "csv", "jsonl", "parquet", "xlsx")
BREAKS_MOST = 50


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body; waits and asks again where the server is busy or the line breaks."""
    told = {name.replace("_", "-"): value for name, value in headers.items()} | {"X-API-Key": os.environ["HUIXIN_KEY"]}
    for attempt in range(BREAKS_MOST):
        try:
            with urlopen(Request(url, body, told, method=method), timeout=120) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            found = error.read()
            if error.code not in (408, 429, 502, 503, 504, 507):
                return error.code, found
            time.sleep(float(error.headers.get("Retry-After", 5)))
        except (OSError, HTTPException):
            if method == "PATCH":
                return 0, b""
            time.sleep(min(2**attempt, 30))
    sys.exit("the server does not answer")


def upload(server: str, item: str, batch_key: str, path: Path) -> dict[str, Any]:
    """Declare the file and send what is missing of it; returns the upload."""
    total = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    declared = {
        "item": item,
        "batch_key": batch_key,
        "ending": next(ending for ending in ENDINGS if path.name.endswith(f".{ending}")),
        "size": path.stat().st_size,
        "sha256": total.hexdigest(),
    }
    status, body = ask(f"{server}/v1/uploads", "POST", json.dumps(declared).encode(), Content_Type="application/json")
    found = told(status, body)
    breaks = 0
    with path.open("rb") as file:
        while found["state"] == "receiving" and breaks < BREAKS_MOST:
            file.seek(found["offset"])
            send(server, found, file.read(found["chunk_bytes_most"]))
            present = told(*ask(f"{server}/v1/uploads/{found['upload_id']}"))
            breaks = 0 if present["offset"] > found["offset"] else breaks + 1
            found = present
    return found


def send(server: str, found: dict[str, Any], chunk: bytes) -> None:
    """One chunk. Whatever comes of it, the offset that is asked afterwards is true."""
    ask(
        f"{server}/v1/uploads/{found['upload_id']}",
        "PATCH",
        chunk,
        Content_Type="application/offset+octet-stream",
        Upload_Offset=str(found["offset"]),
        Content_Digest=f"sha-256=:{b64encode(sha256(chunk).digest()).decode()}:",
    )


def told(status: int, body: bytes) -> dict[str, Any]:
    """The JSON of an answer; ends the program with the problem where it is one."""
    found: dict[str, Any] = json.loads(body)
    if status >= 400:
        print(found["title"], found["detail"], sep=": ", file=sys.stderr)
        sys.exit(2)
    return found


def main(server: str, item: str, batch_key: str, name: str) -> int:
    path = Path(name)
    found = upload(server, item, batch_key, path)
    root = f"{server}/v1/uploads/{found['upload_id']}"
    while (answer := ask(f"{root}/receipt?wait=30"))[0] == 202:
        pass
    receipt = told(*answer)["receipt"]
    path.with_suffix(".receipt.json").write_bytes(answer[1])
    print(f"{receipt['rows_accepted']} rows taken, {receipt['rows_rejected']} refused, batch {receipt['batch_id']}")
    if receipt["rejects"]:
        path.with_suffix(".rejects.csv").write_bytes(ask(f"{root}/rejects")[1])
        print(f"correct and send under a new key: {path.with_suffix('.rejects.csv')}")
    return 1 if receipt["rows_rejected"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
