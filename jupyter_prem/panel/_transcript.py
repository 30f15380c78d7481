"""What a saved notebook keeps of a panel: the transcript, as an output beside the widget."""

from __future__ import annotations

import html
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Latch
from jupyter_prem.display import frame, plain, timer, unlinked
from jupyter_prem.notebook._outcome import bundle_of_turn

from ._sender import post
from ._turns import question_of_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.conversation import Conversation, Turn

__all__ = ["Transcript"]

_STYLE = (
    "<style>.pm-transcript{max-width:56rem;overflow-wrap:anywhere;line-height:1.6;unicode-bidi:plaintext}"
    ".pm-transcript .pm-plain{white-space:pre-wrap;margin-bottom:0.8em}</style>"
)
_MOST = 200_000  # characters; what is older is left out
_SOON = 0.3  # seconds after a change at least
_PATIENCE = 10.0  # seconds that a cell waits for what is said before
_PACE = 100_000  # characters a second: a long transcript is sent again less often

Said = tuple[str, str]
"""Who said it, and what; nobody says a note."""


class Transcript:
    """The output that holds what was said in a panel, once it was used.

    It is published with the parent of the cell that shows the panel, so it lands there whoever runs.

    Args:
        shell: Whose page.
        used: The conversations that any panel of the notebook was used in: a panel that takes the place of
            another keeps them as well.
        keep: Called with the page that the outputs reach, and with the output, where there are other pages:
            JupyterLab drops what belongs to an execution of before a page was loaded.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        used: list[Conversation],
        keep: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._shell = shell
        self._keep = keep
        self._home = ""
        self._elsewhere = False
        self._used = used
        self._seen: list[Conversation] = []
        self._id = f"jupyter-prem-{uuid.uuid4().hex}"
        self._parents: list[dict[str, Any]] = []  # of cells that show the panel
        self._holding = 0  # how many of them hold the output
        self._known: dict[Turn, list[Said]] = {}
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
            self._home, self._elsewhere = "", False
            self.changed()

    def seen_on(self, page: str) -> None:
        """Note that a page shows the panel; the first is the one where its cell was run."""
        self._home = self._home or page
        if page != self._home:
            self._elsewhere = True
            self.changed()

    def show(self, conversation: Conversation) -> None:
        """Take note that the panel shows a conversation."""
        if conversation not in self._seen:
            self._seen.append(conversation)
            self.changed()

    def moved(self, conversation: Conversation, *, used: bool) -> None:
        """Take note that a conversation changed; one that a panel was used in is kept from then on."""
        if used and conversation not in self._used:
            self._used.append(conversation)
        if conversation in self._seen:
            self.changed()

    @property
    def _mark(self) -> dict[str, Any]:
        return {"jupyter_prem": {"transcript": self._id}}

    @property
    def _conversations(self) -> list[Conversation]:
        return [conversation for conversation in self._seen if conversation in self._used]

    def changed(self) -> None:
        """Bring the output up to date, soon."""
        with self._lock:
            if self._timer is None and self._parents and self._conversations:
                wait = max(_SOON, self._next - time.monotonic())
                self._timer = timer(wait, self._publish)

    def flush(self) -> None:
        """Bring the output up to date, and return when it is."""
        with self._lock:
            waiting, self._timer = self._timer, None
        if waiting is not None:
            waiting.cancel()
            self._publish()
        sent = Latch()
        post(sent.set)
        sent.wait(_PATIENCE)

    def _publish(self) -> None:
        with self._lock:
            self._timer = None
            data = self._bundle()
            self._next = time.monotonic() + sum(map(len, data.values())) / _PACE
            if self._holding:
                self._send("update_display_data", data, self._parents[-1])
            for parent in self._parents[self._holding :]:
                self._send("display_data", data, parent)
            self._holding = len(self._parents)
            if self._elsewhere:
                self._keep(self._home, {"data": data, "metadata": self._mark, "mark": self._id})

    def _send(self, kind: str, data: dict[str, str], parent: dict[str, Any]) -> None:
        publisher: Any = self._shell.display_pub
        content = {"data": data, "metadata": self._mark, "transient": {"display_id": self._id}}
        post(
            lambda: publisher.session.send(
                publisher.pub_socket, kind, content, parent=parent, ident=publisher.topic
            )
        )

    def _bundle(self) -> dict[str, str]:
        parts: list[Said] = []
        known: dict[Turn, list[Said]] = {}
        room = _MOST
        conversations = self._conversations
        for conversation in reversed(conversations):
            turns: list[Said] = []
            left = 0
            for turn in reversed(conversation.turns):
                if room <= 0:
                    left += 1
                    continue
                known[turn] = said = self._known.get(turn) or _said(turn)
                turns = [*said, *turns]
                room -= sum(len(text) for _, text in said)
            heads = [("", f"Conversation “{conversation.name}”")] if len(conversations) > 1 else []
            if left:
                heads.append(("", f"The first {left} exchanges are left out here: %prem export keeps all."))
            parts = [*heads, *turns, *parts]
        self._known = known
        body = _STYLE + "".join(map(_html, parts))
        return {
            "text/html": frame(body, style=False, state="pm-transcript"),
            "text/plain": unlinked(
                "\n\n".join(f"{who}: {text}" if who else f"[{text}]" for who, text in parts)
            ),
        }


def _said(turn: Turn) -> list[Said]:
    """Return who said what in a turn, calls of functions in one line each."""
    role = turn.messages[0].role if turn.messages else "system"
    said = [({"user": "You", "system": "System"}.get(role, role), plain(question_of_turn(turn)))]
    if turn.response is not None:
        answer = bundle_of_turn(turn)
        name = " ".join(plain(turn.response.model).split())[:100] or "Answer"
        said.append((name, str(answer["text/plain"])))
    return said


def _html(said: Said) -> str:
    who, text = (html.escape(part, quote=False) for part in said)
    if not who:
        return f'<div class="pm-note">{text}</div>'
    return f'<div class="pm-plain"><strong>{who}:</strong> {text}</div>'
