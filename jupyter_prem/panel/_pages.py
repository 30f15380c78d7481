"""What a panel tells the pages that show it: its state after each change, and answers on their way.

Each state says which one it follows, so a page that missed one asks for the whole. A list of turns goes out
as what is kept of the last list and what is added; what a turn says goes out once, or when it is asked for.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Interrupted, PremError
from jupyter_prem.conversation import branch
from jupyter_prem.display import error_text, plain

from ._frames import common
from ._settings import described
from ._turns import LONGEST, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_prem.conversation import Conversation

    from ._asking import Asking
    from ._chat import Chat
    from ._turns import Item

__all__ = ["Pages"]

_FRESH = 3  # turns at the end of what is added, whose text goes with it
_FIRST = 20  # turns at the end, whose text goes with the whole
_BATCH = 60_000  # characters of turns in one message


class Pages:
    """The pages that show one panel.

    Attributes:
        turns: The numbers of the turns.
        number: The number of the last state.

    Args:
        chat: What is shown.
        send: Called with each message, and with binary parts.
    """

    def __init__(self, chat: Chat, send: Callable[..., None]) -> None:
        self.turns = Turns()
        self._chat = chat
        self._send = send
        self._views: dict[str, None] = {}
        self.number = 0
        self._items: list[Item] = []
        self._of: Conversation | None = None
        self._controls: list[dict[str, Any]] = []

    def join(self, view: str) -> None:
        """Take a view in, and tell it everything."""
        with self._chat.lock:
            self._chat.controls.check(self._chat.magics.names())
            self.publish()
            self._views[view] = None
            self._send({**self.whole(), "view": view})

    def __contains__(self, view: object) -> bool:
        return view in self._views

    def leave(self, view: str) -> None:
        """Forget a view."""
        self._views.pop(view, None)

    def publish(self) -> None:
        """Tell every view what changed."""
        with self._chat.lock:
            conversation = self._chat.conversation
            items = self.turns.branch(conversation)
            moved = conversation is not self._of
            keep = 0 if moved else common(self._items, items)
            state: dict[str, Any] = {}
            if self._views:
                state = self._state() | {"number": self.number + 1, "base": self.number}
                state |= {"keep": keep, "add": items[keep:], "html": self._html(items[keep:][-_FRESH:])}
            # What failed until here has said nothing: the next state follows the last that was said.
            self.number += 1
            self._items, self._of = items, conversation
            if not self._views:
                return
            if state["controls"] == self._controls:
                del state["controls"]
            else:
                self._controls = state["controls"]
            self._send(state | (self._beginning() if moved else {}))

    def frame(self, asking: Asking, change: dict[str, Any]) -> None:
        """Tell every view what changed of an answer on its way."""
        with self._chat.lock:
            if self._views and asking is self._chat.talk.asking:
                self._send({"type": "frame", "ask": asking.number, **change})

    def whole(self) -> dict[str, Any]:
        """Return the state as a page needs it that knows nothing."""
        with self._chat.lock:
            if self._of is not self._chat.conversation:
                self._items, self._of = self.turns.branch(self._chat.conversation), self._chat.conversation
            last = self._items[-_FIRST:]
            state = self._state()
            self._controls = state["controls"]
            return (
                state
                | {"base": None, "keep": 0, "add": self._items, "html": self._html(last)}
                | self._beginning()
            )

    def tell(self, view: str, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Tell one view something."""
        self._send({**message, "view": view}, buffers)

    def draft(self, conversation: Conversation, view: str) -> None:
        """Tell the others what is typed in one view."""
        with self._chat.lock:
            others = len(self._views) > 1 or view not in self._views
            if others and self._views and conversation is self._chat.conversation:
                self._send({"type": "draft", "from": view, "text": self._chat.talk.draft})

    def restore(self, conversation: Conversation, text: str) -> None:
        """Tell every view of a question that is put back before what is typed there."""
        with self._chat.lock:
            if self._views and conversation is self._chat.conversation:
                self._send({"type": "restore", "text": text})

    def keep(self, transcript: dict[str, Any]) -> None:
        """Have the pages keep the transcript in the notebook themselves."""
        with self._chat.lock:
            if self._views:
                self._send({"type": "transcript", **transcript})

    def shown(self, numbers: Iterable[object]) -> dict[int, dict[str, Any]]:
        """Return what the page shows of turns; of the first ones, where they are many or long."""
        return self.turns.shown(numbers, _BATCH)

    def _html(self, items: list[Item]) -> dict[int, dict[str, Any]]:
        return self.shown(number for number, _, _ in reversed(items))

    def _beginning(self) -> dict[str, Any]:
        """Return what a view needs that has shown nothing of this conversation."""
        talk = self._chat.talk
        frames = None
        if talk.asking is not None:
            page = talk.asking.page
            frames = {"n": page.number, "slots": list(page.slots)}
        return {"frames": frames, "draft": talk.draft}

    def _state(self) -> dict[str, Any]:
        chat, talk = self._chat, self._chat.talk
        notebook, settings = chat.notebook, chat.notebook.settings()
        past, future = chat.conversation.positions
        asking = None
        if talk.asking is not None:
            before = branch(talk.asking.follows)
            asking = {
                "id": talk.asking.number,
                "text": plain(talk.asking.text[:LONGEST]),
                "keep": common(chat.conversation.turns, before),
            }
        return {
            "type": "state",
            "number": self.number,
            "conversation": chat.conversation.name,
            "conversations": [(name, plain(name)) for name in list(notebook.conversations)],
            "asking": asking,
            "failed": self._failed(),
            "system": plain(notebook.system_of(chat.conversation)),
            "systemSet": talk.system,
            "controls": described(settings),
            "values": dict(chat.controls.values),
            "faults": {name: plain(fault) for name, fault in chat.controls.faults.items()},
            "who": self._who(),
            "undo": bool(past),
            "redo": bool(future),
            "meter": {
                "used": notebook.ledger.used,
                "unknown": notebook.ledger.unknown,
                "budget": settings.budget,
            },
        }

    def _failed(self) -> dict[str, Any] | None:
        talk = self._chat.talk
        error, asked = talk.error, talk.asked
        if error is None or isinstance(error, Interrupted) or talk.asking is not None:
            return None
        if isinstance(error, PremError):
            lines = [f"{type(error).__name__}: {error.what}", error.where, error.hint]
            text = error_text([line for line in lines if line], error.detail)
        else:
            text = error_text([f"{type(error).__name__}: {error}"])
        return {
            "error": text,
            "text": plain(asked.text[:LONGEST]) if asked is not None else "",
            "partial": talk.partial,
            "retry": asked is not None,
            "edit": asked is not None and bool(asked.text),
        }

    def _who(self) -> dict[str, Any]:
        chat = self._chat
        who: dict[str, Any] = {"model": "", "endpoint": "", "implicit": False, "unanswered": False}
        with suppress(PremError):
            answerer = chat.notebook.answerer(chat.controls.values.get("endpoint"))
            known = chat.notebook.settings().fields.get("model") or answerer.client.known_model
            who = {
                "model": plain(str(chat.controls.values.get("model") or known or "")),
                "endpoint": plain(answerer.client.endpoint.name),
                "implicit": answerer.implicit,
                "unanswered": answerer.chosen.unanswered,
            }
        return who
