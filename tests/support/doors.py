"""The three doors to a conversation: Python, the magics and the panel; each test of a behaviour runs through all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kernels import Kernel

DOORS = ("api", "magic", "panel")


@dataclass
class Told:
    """How a question ended: the error's name, or nothing; and what `chat_response` or its like holds."""

    error: str = ""
    text: str = ""


class Door:
    """One door into a kernel's conversation `default`; the same words, whoever asks."""

    def __init__(self, kind: str, kernel: Kernel) -> None:
        self.kind = kind
        self.kernel = kernel
        self.kernel.run("%prem switch default\nchat = chat_conversation")
        if kind == "panel":
            self.kernel.run("from jupyter_prem import ChatPanel\nimport time\npanel = ChatPanel()")

    def ask(self, text: str) -> Told:
        if self.kind == "panel":
            return self._through_panel(f"panel.ask({text!r})")
        return self._told(
            self.kernel.run(f"%%chat\n{text}" if self.kind == "magic" else f"_ = chat.ask({text!r})")
        )

    def do(self, what: str) -> Told:
        """undo, redo or regenerate."""
        if self.kind == "panel":
            return self._through_panel(f"panel.{what}()")
        return self._told(self.kernel.run(f"%prem {what}" if self.kind == "magic" else f"_ = chat.{what}()"))

    def start(self, text: str) -> Any:
        """Begin to ask; `stop` ends it."""
        if self.kind == "panel":
            self.kernel.run(f"panel.ask({text!r})")
            return None
        return self.kernel.start(f"%%chat\n{text}" if self.kind == "magic" else f"_ = chat.ask({text!r})")

    def stop(self, started: Any) -> Told:
        if self.kind == "panel":
            return self._through_panel("panel.stop()")
        self.kernel.interrupt()
        return self._told(self.kernel.finish(started))

    def said(self) -> list[str]:
        """Return the conversation's messages."""
        return json.loads(
            self.kernel.run("import json; print(json.dumps([m.content for m in chat.messages]))").text
        )

    def value(self, expression: str) -> Any:
        return self.kernel.value(expression)

    def _through_panel(self, code: str) -> Told:
        ran = self.kernel.run(code)
        assert ran.status == "ok", ran.error
        assert self.value("panel.wait(20)") == "True"
        return Told(self.kernel.run("print(type(panel.error).__name__ if panel.error else '')").text.strip())

    @staticmethod
    def _told(ran: Any) -> Told:
        return Told(ran.ename)
