"""`jupyter prem serve`: the embedded model for any client of this machine."""

from __future__ import annotations

import errno
import os
import signal
import socket
from typing import TYPE_CHECKING

from jupyter_prem.backends._errors import require_extra
from jupyter_prem.client import PremError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Never

__all__ = ["serve"]

_HOST = "127.0.0.1"


def serve(port: int, model: Path | None, weights: Callable[[], Path]) -> Never:
    """Serve until interrupted, then end this process with status 0.

    Raises:
        PremError: The port is taken, or the model cannot be loaded.
    """
    require_extra()
    from jupyter_prem.backends._asgi import create_app, serve_in_thread
    from jupyter_prem.backends._engine import Engine
    from jupyter_prem.backends._weights import check_gguf

    listener = _listen(port)
    engine = Engine(check_gguf(model, source="--model names") if model is not None else weights())
    server = serve_in_thread(create_app(engine), listener)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    root = f"http://{_HOST}:{listener.getsockname()[1]}"
    status = 0
    try:
        print(  # noqa: T201 - what the command is for
            f"Serving {engine.model_id} at {root} (Ctrl-C ends it)",
            f'  premai:       PremAI(base_url="{root}", api_key="any")',
            f'  openai:       OpenAI(base_url="{root}/api/v1", api_key="any")',
            f"  jupyter_prem: %%chat --endpoint {root}",
            sep="\n",
            flush=True,
        )
        server.join()
        status = 1
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)  # noqa: T201 - the last word
    finally:
        # The interpreter's own end can hang in the engine.
        os._exit(status)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use" if taken else f"cannot be opened: {error.strerror}"
        raise PremError(
            f"Port {port} on {_HOST} {reason}.", hint="Choose another: jupyter prem serve --port N"
        ) from None
