"""A key that must turn up nowhere, and the search for it in all that a kernel produces."""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from kernels import Kernel, Ran
from loopback import Reply, Request, Service

# Of no provider's shape, so that it is hidden for what it is; its middle differs from form to form.
CANARY = 'kVq8xT1mR6wB3jN7/+"\\&%<cH5pY2dF9gLsAe4'
HEAD, MIDDLE, TAIL = CANARY[:8], CANARY[13:25], CANARY[-8:]


def _after(before: bytes) -> Callable[[str], str]:
    """Return base64 of a key that stands after other bytes, without what those have a part in."""

    def encode(text: str) -> str:
        encoded = base64.b64encode(before + text.encode()).decode()
        return encoded[-(-len(before) * 8 // 6) : (len(before) + len(text)) * 8 // 6]

    return encode


FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "url": lambda text: quote(text, safe=""),
    "url_lower": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "url_path": quote,
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json_twice": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "json_slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json_codes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "html": html.escape,
    "repr": lambda text: repr(text)[1:-1],
    "base64": _after(b""),
    "base64_after_1": _after(b"x"),
    "base64_after_2": _after(b"x:"),
    "base64_url": lambda text: _after(b"")(text).replace("+", "-").replace("/", "_"),
    "hex": lambda text: text.encode().hex(),
    "utf16": lambda text: text.encode("utf-16-le").decode(),
    "utf16_big": lambda text: text.encode("utf-16-be").decode(),
    "utf16_repr": "\\x00".join,
    "utf16_json": "\\u0000".join,
    "reversed": lambda text: text[::-1],
}
NEEDLES = {
    f"{form} {part}": write(text).encode()
    for form, write in FORMS.items()
    for part, text in (("head", HEAD), ("middle", MIDDLE), ("tail", TAIL))
}


def hits(data: bytes) -> list[str]:
    """Return the forms in which the key, or 8 characters of its ends, are in the data."""
    return sorted(name for name, needle in NEEDLES.items() if needle in data)


def as_bytes(value: Any) -> bytes:
    """Return all that a message, or what a cell left, says, a text a line."""
    return b"\n".join(_texts(dataclasses.asdict(value) if isinstance(value, Ran) else value))


def _texts(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes | memoryview):
        yield bytes(value)
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _texts(part))
    else:
        yield str(value).encode("utf-8", "surrogatepass")


class Mine:
    """A kernel that was given the canary by `%prem login`, its service, and a folder for all it writes."""

    def __init__(self, **env: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mine"))
        self.service = Service()
        self.said: list[bytes] = []
        self.ran: list[Ran] = []
        (self.folder / "work").mkdir()
        environ = {
            "IPYTHONDIR": str(self.folder / "ipython"),
            "PREM_ENDPOINT": self.service.url,
            **dict.fromkeys(("CI", "PYTEST_CURRENT_TEST", "PREMAI_API_KEY")),
            **env,
        }
        with (self.folder / "kernel.log").open("wb") as log:
            self.kernel = Kernel(environ, cwd=str(self.folder / "work"), log=log)
        self.kernel.watchers.append(lambda message: self.said.append(as_bytes(message)))

    def log_in(self) -> None:
        self.kernel.run("%load_ext jupyter_prem\nimport os, sys, json, logging")
        ran, _ = self.kernel.typed("%prem login", CANARY)
        assert ran.status == "ok", ran.error

    def run(self, *cells: str, typed: tuple[str, ...] = ()) -> Ran:
        """Run cells and return what the last left."""
        ran = Ran("ok")
        for code in cells:
            ran = self.kernel.typed(code, *typed)[0] if typed else self.kernel.run(code)
            self.said.append(as_bytes(ran))
        return ran

    def interrupted(self, code: str, *, stop: bool) -> Ran:
        """Run a cell whose question is not answered, stop it once it waits, and return what it left."""
        asked, never = threading.Event(), threading.Event()

        def hold(_: Request) -> Reply:
            asked.set()
            return Reply([never])

        self.service.script = hold
        msg_id = self.kernel.start(code)
        assert asked.wait(20)
        if stop:
            self.kernel.interrupt()
        ran = self.kernel.finish(msg_id)
        never.set()
        self.said.append(as_bytes(ran))
        return ran

    def found(self) -> list[str]:
        """Return in what forms the key is in what was said since the last look."""
        said, self.said = self.said, []
        return hits(b"\n".join(said))

    def files(self) -> dict[str, list[str]]:
        """Return the files that hold the key, and in what forms."""
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        found = {str(path.relative_to(self.folder)): hits(path.read_bytes()) for path in paths}
        return {name: forms for name, forms in found.items() if forms}

    def stop(self) -> None:
        self.kernel.stop()
        self.service.stop()
