"""What a saved notebook keeps of a panel: the transcript, as an output beside the widget."""

from __future__ import annotations

import contextlib
import html
import re
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from jupyter_prem.display import frame, inert_markdown, plain, timer
from jupyter_prem.notebook._outcome import bundle_of_turn, html_of_turn

from ._turns import question_of_turn

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.conversation import Conversation, Turn

__all__ = ["Transcript"]

_STYLE = (
    "<style>.jupyter-prem .pm-asked{font-weight:600;margin:1.4em 0 0.5em}"
    ".pm-transcript .jupyter-prem{max-width:none}</style>"
)
_MOST = 300_000  # characters, in all its forms; what is older is left out
_SOON = 0.3  # seconds after a change at least
_PACE = 100_000  # characters a second: a long transcript is sent again less often

Forms = tuple[str, str, str]
"""HTML, Markdown and plain text."""


class Transcript:
    """The output that holds what was said in a panel, once it was used.

    It is published with the parent of the cell that shows the panel, so it lands there whoever runs.

    Args:
        shell: Whose page.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._id = f"jupyter-prem-{uuid.uuid4().hex}"
        self._parents: list[dict[str, Any]] = []  # of cells that show the panel
        self._holding = 0  # how many of them hold the output
        self._conversations: list[Conversation] = []
        self._known: dict[Turn, Forms] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._next = 0.0

    def shown_in_this_cell(self) -> None:
        """Note that the cell that runs now shows the panel."""
        parent: dict[str, Any] = getattr(self._shell, "get_parent", dict)() or {}
        message = parent.get("header", {}).get("msg_id")
        known = [other["header"]["msg_id"] for other in self._parents]
        if hasattr(self._shell, "kernel") and message and message not in known:
            self._parents.append(parent)
            self.changed()

    def moved(self, conversation: Conversation, *, used: bool) -> None:
        """Take note that a conversation changed; what the panel was used for is kept from then on."""
        if used and conversation not in self._conversations:
            self._conversations.append(conversation)
        if conversation in self._conversations:
            self.changed()

    def changed(self) -> None:
        """Bring the output up to date, soon."""
        with self._lock:
            if self._timer is None and self._parents and self._conversations:
                wait = max(_SOON, self._next - time.monotonic())
                self._timer = timer(wait, self._publish)

    def _publish(self) -> None:
        with self._lock:
            self._timer = None
            data = self._bundle()
            self._next = time.monotonic() + sum(map(len, data.values())) / _PACE
            fresh = self._parents[self._holding :]
            with contextlib.suppress(Exception):  # a kernel that shuts down
                if self._holding:
                    self._send("update_display_data", data, self._parents[-1])
                for parent in fresh:
                    self._send("display_data", data, parent)
                self._holding = len(self._parents)

    def _send(self, kind: str, data: dict[str, str], parent: dict[str, Any]) -> None:
        publisher: Any = self._shell.display_pub
        content = {"data": data, "metadata": {}, "transient": {"display_id": self._id}}
        publisher.session.send(publisher.pub_socket, kind, content, parent=parent, ident=publisher.topic)

    def _bundle(self) -> dict[str, str]:
        parts: list[Forms] = []
        known: dict[Turn, Forms] = {}
        room = _MOST
        for conversation in reversed(self._conversations):
            turns: list[Forms] = []
            left = 0
            for turn in reversed(conversation.turns):
                if room <= 0:
                    left += 1
                    continue
                known[turn] = forms = self._known.get(turn) or _forms(turn)
                turns.append(forms)
                room -= sum(map(len, forms))
            heads = [_note(f"Conversation “{conversation.name}”")] if len(self._conversations) > 1 else []
            if left:
                heads.append(_note(f"The first {left} exchanges are left out here: %prem export keeps all."))
            parts = [*heads, *reversed(turns), *parts]
        self._known = known
        return {
            "text/html": frame(
                _STYLE + "\n".join(part[0] for part in parts), style=True, state="pm-transcript"
            ),
            "text/markdown": "\n\n".join(part[1] for part in parts),
            "text/plain": "\n\n".join(part[2] for part in parts),
        }


def _forms(turn: Turn) -> Forms:
    role = turn.messages[0].role if turn.messages else "system"
    who = {"user": "You", "system": "System"}.get(role, role)
    asked = plain(question_of_turn(turn))
    shown = f'<div class="pm-asked">{_escaped(asked)}</div>'
    markdown = f"**{who}:** {inert_markdown(asked)}"
    text = f"{who}: {asked}"
    if turn.response is not None:
        answer: dict[str, Any] = bundle_of_turn(turn)
        shown += html_of_turn(turn)
        markdown += f"\n\n**{_model(turn)}:**\n\n{answer.get('text/markdown', '')}"
        text += f"\n\n{_model(turn, text=True)}: {answer['text/plain']}"
    return shown, markdown, text


def _model(turn: Turn, *, text: bool = False) -> str:
    model = turn.response.model if turn.response is not None else ""
    name = " ".join(plain(model).split())[:100] or "Answer"
    return name if text else inert_markdown(re.sub(r"([\\`*_#\[\]<>~|$])", r"\\\1", name))


def _note(text: str) -> Forms:
    shown = plain(text)
    return f'<div class="pm-note">{_escaped(shown)}</div>', f"*{inert_markdown(shown)}*", f"[{shown}]"


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
