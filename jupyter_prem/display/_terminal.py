"""Answers in a terminal: plain text as it arrives, its escape sequences disarmed."""

import re
from collections.abc import Mapping
from typing import TextIO

from ._frame import one_line
from ._plain import plain, terminal_text
from ._steps import Call, call_line

_MAX_HELD = 4_096
_BEGUN = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*$"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*\x1b?$|\x1b[ -/]*$"
)


class TerminalText:
    """The methods of :class:`LiveHtml` over a text stream.

    Args:
        stream: Where to write, ``sys.stdout`` for one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held = ""
        self._open = False
        self._fed: list[str] = []
        self._shown: list[str] = []

    def status(self, text: str, fraction: float | None = None) -> None:
        """Write nothing: a line that changes needs the very sequences that are taken out.

        Args:
            text: What would be shown.
            fraction: How much is done.
        """

    def feed(self, text_delta: str) -> None:
        """Write what is certain of the text so far.

        Args:
            text_delta: More of the answer; an escape sequence may be cut anywhere.
        """
        self._fed.append(text_delta)
        text = self._held + text_delta
        cut = _certain(text)
        self._held = text[cut:]
        self._write(text[:cut])

    def step(self, step: Call | str) -> None:
        """Write a call with its result, or a note, on a line of its own.

        Args:
            step: A call, or a note.
        """
        if isinstance(step, Call) and step.result is None:
            return
        self._let_go()
        self.close()
        line = call_line(step) if isinstance(step, Call) else one_line(step)
        self._write(line)
        self.close()
        self._shown += [plain("".join(self._fed)), line]
        self._fed.clear()

    def tick(self) -> None:
        """Write nothing: there is no frame to catch up."""

    def finish(self, bundle: Mapping[str, object], metadata: Mapping[str, object] | None = None) -> None:
        """Write what was held back, or the whole answer if nothing was fed.

        Args:
            bundle: What :func:`bundle` made; its ``text/plain`` is used.
            metadata: Not shown.
        """
        del metadata
        self._let_go()
        # What the bundle adds to the answer, its notices and its badge, has not been fed.
        text = str(bundle.get("text/plain", ""))
        for part in [*self._shown, plain("".join(self._fed))]:
            if not text.lstrip("\n").startswith(part.strip("\n")):
                break
            text = text.lstrip("\n").removeprefix(part.strip("\n")) if part else text
        else:
            self._write((text if self._open else text.lstrip("\n")).rstrip())
        self.close()

    def close(self) -> None:
        """End the line."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _let_go(self) -> None:
        """Write what was held back."""
        held, self._held = self._held, ""
        self._write(held)

    def _write(self, text: str) -> None:
        if shown := terminal_text(text):
            self._stream.write(shown)
            self._stream.flush()
            self._open = True


def _certain(text: str) -> int:
    """How much of a text can be written before more of it is known."""
    begun = _BEGUN.search(text, max(0, len(text) - _MAX_HELD))
    if begun:
        return begun.start()
    if text.endswith("\r") or "\ud800" <= text[-1:] <= "\udbff":
        return len(text) - 1
    return len(text)
