"""The kernel's child: the engine and its endpoint, on a loopback port that only the kernel knows the key of.

Run as `python -m jupyter_prem.backends._child`. One JSON line comes in on stdin (`weights`, `expected`,
`key`, `parent`), one goes out on stdout (`port`, or `error`); from then on stdout and stderr lead nowhere.
It ends when stdin does or when its parent is another process than it was, so also when the kernel is killed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_prem.client import PremError

__all__ = ["main"]

_PARENT_POLL_S = 1.0


def main() -> None:
    """Serve until the parent is gone; never returns."""
    # The notebook's interrupt goes to a whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        try:
            settings = json.loads(sys.stdin.buffer.readline())
            _end_with(settings["parent"])
            print(json.dumps({"port": _serve(settings)}), file=out)
        except Exception as error:  # noqa: BLE001 - the kernel tells it; ending otherwise can hang in the engine
            words = str(error) if isinstance(error, PremError) else f"{type(error).__name__}: {error}"
            print(json.dumps({"error": words}), file=out, flush=True)
            os._exit(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    threading.Event().wait()


def _serve(settings: dict[str, Any]) -> int:
    """Load the engine and serve it; return the port."""
    from ._asgi import create_app, serve_in_thread
    from ._engine import Engine

    listener = socket.create_server(("127.0.0.1", 0))
    engine = Engine(Path(settings["weights"]), expected=settings["expected"])
    server = serve_in_thread(create_app(engine, key=settings["key"]), listener)
    threading.Thread(target=_end_after, args=(server,), daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def _end_with(parent: int) -> None:
    """End this process when its stdin ends, or when `parent` is no longer its parent."""
    threading.Thread(target=_end_at_eof, daemon=True).start()
    # A fork of the kernel can hold the pipe open for longer than the kernel lives.
    if hasattr(os, "getppid") and sys.platform != "win32":
        threading.Thread(target=_end_at_orphaning, args=(parent,), daemon=True).start()


def _end_at_eof() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


def _end_at_orphaning(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_S)
    os._exit(0)


def _end_after(server: threading.Thread) -> None:
    server.join()
    os._exit(1)


if __name__ == "__main__":
    main()
