"""Is this request from Huixin, and fresh? The header as argument, the body on standard input, the secret by name.

HUIXIN_WEBHOOK_SECRET=whsec_... python3 webhook.py "t=1764345600,v1=..." < body.json
"""

import hashlib
import hmac
import os
import sys
import time

FRESH_SECONDS = 300


def genuine(secret: str, header: str, body: bytes) -> bool:
    """Whether ``header`` (Huixin-Signature) was made for ``body``, the bytes as they came, within five minutes."""
    fields = [part.partition("=") for part in header.split(",")]
    moments = [value for name, _, value in fields if name == "t"]
    if len(moments) != 1 or not moments[0].isdecimal() or abs(time.time() - int(moments[0])) > FRESH_SECONDS:
        return False
    expected = hmac.new(secret.encode(), moments[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(value, expected) for name, _, value in fields if name == "v1")


if __name__ == "__main__":
    ok = genuine(os.environ["HUIXIN_WEBHOOK_SECRET"], sys.argv[1], sys.stdin.buffer.read())
    print("genuine" if ok else "refuse it")
    sys.exit(0 if ok else 1)
