"""A receiver of webhooks for trying them out: verifies each delivery, appends what is genuine to a file.

HUIXIN_WEBHOOK_SECRET=whsec_... python3 receiver.py PORT FILE
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from webhook import genuine


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        ok = genuine(os.environ["HUIXIN_WEBHOOK_SECRET"], self.headers.get("Huixin-Signature", ""), body)
        if ok:
            with Path(sys.argv[2]).open("ab") as file:
                file.write(body + b"\n")
        self.send_response(204 if ok else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
