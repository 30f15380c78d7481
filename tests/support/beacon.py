"""A server that hears every request of a page, and strings armed to reach it."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Runs in every frame before anything else; an armed script calls it.
WATCH = "window.hit = n => { try { (window.top.hits ||= []).push(n); } catch (e) {} };"

_SCRIPT = re.compile(r"alert\([^()]*\)|msgbox\(1\)|call alert\(\)")
_FENCE = "/fence"


class Beacon:
    """The server; `paths` are the requests it got."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        beacon = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != _FENCE:
                    beacon.paths.append(self.path)
                self.send_response(204)
                self.send_header("access-control-allow-origin", "*")
                self.end_headers()

            do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the server's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.fence = f"http://{self.host}{_FENCE}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def arm(self, text: str, number: int) -> str:
        """Point a hostile string at this server: its scripts call `hit(number)`, its addresses lead here."""
        text = _SCRIPT.sub(f"hit({number})", text)
        text = text.replace("//evil.example", f"//{self.host}/passive/{number}")
        return text.replace("evil.example", self.host)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
