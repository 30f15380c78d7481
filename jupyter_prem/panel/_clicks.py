"""What a page may say to its panel."""

from __future__ import annotations

import re
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError, whole
from jupyter_prem.display import error_text
from jupyter_prem.notebook import Models, option_values

from ._asking import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_prem.conversation import Conversation, Turn

    from ._chat import Chat
    from ._pages import Pages

__all__ = ["Clicks"]

_SUGGESTED = frozenset({"model", "schema", "tools", "tool-choice", "endpoint"})
_KINDS = {"md": "text/markdown", "json": "application/json", "ipynb": "application/x-ipynb+json"}


class Clicks:
    """Does what pages ask for; what is no message of ours is left alone.

    A message is `{"type": name, "view": id, "id": text, …}`; `{"type": "done", "id": text}` answers each.

    Args:
        chat: What is clicked on.
        pages: Who is told.
        met: Called with the name of each page that says hello.
    """

    def __init__(self, chat: Chat, pages: Pages, met: Callable[[str], None]) -> None:
        self._chat = chat
        self._pages = pages
        self._met = met
        self._models = Models(chat.magics)

    def hear(self, message: object) -> None:
        """Do what a message asks for."""
        if not isinstance(message, dict) or not isinstance(message.get("view"), str):
            return
        do: Callable[[Mapping[str, Any]], None] | None = getattr(self, f"_on_{message.get('type')}", None)
        if do is None:
            return
        try:
            if message["view"] not in self._pages and message["type"] not in {"hello", "bye"}:
                self._pages.join(message["view"])  # its hello may wait for a cell
            do(message)
        except PremError as error:
            self._notice(message["view"], error.what)
        except Exception as error:  # noqa: BLE001 - the page is told of it, rather than a log nobody reads
            self._notice(message["view"], f"{type(error).__name__}: {error}")
        finally:
            self._pages.tell(message["view"], {"type": "done", "id": message.get("id")})

    def _on_hello(self, said: Mapping[str, Any]) -> None:
        self._pages.join(said["view"])
        if isinstance(said.get("page"), str):
            self._met(said["page"])

    def _on_check(self, said: Mapping[str, Any]) -> None:
        if said.get("number") != self._pages.number:
            self._pages.join(said["view"])

    def _on_bye(self, said: Mapping[str, Any]) -> None:
        self._pages.leave(said["view"])

    def _on_html(self, said: Mapping[str, Any]) -> None:
        numbers = said.get("turns")
        if isinstance(numbers, list):
            self._pages.tell(said["view"], {"type": "html", "html": self._pages.shown(numbers)})

    def _on_ask(self, said: Mapping[str, Any]) -> None:
        text = said.get("text")
        if not isinstance(text, str) or not text.strip():
            return
        conversation = self._where(said)
        self._chat.talks.of(conversation).draft = ""
        self._pages.draft(conversation, said["view"])
        self._ask(said, Asked(whole(text)))

    def _on_regenerate(self, said: Mapping[str, Any]) -> None:
        turn, text = self._turn(said), said.get("text")
        if turn is not None:
            self._ask(said, Asked(whole(text) if isinstance(text, str) else "", "regenerate", turn))

    def _on_continue(self, said: Mapping[str, Any]) -> None:
        self._ask(said, Asked(kind="continue"))

    def _ask(self, said: Mapping[str, Any], asked: Asked) -> None:
        conversation = self._where(said)
        if not self._chat.ask(asked, conversation):
            waits = ": the question waits here" if asked.text else ""
            self._notice(said["view"], f"Another answer is on its way{waits}.")
        elif conversation is not self._chat.conversation:
            self._notice(said["view"], f"Asked in {conversation.name!r}, where it was typed.")

    def _on_stop(self, said: Mapping[str, Any]) -> None:
        self._chat.stop(self._where(said))

    def _on_retry(self, said: Mapping[str, Any]) -> None:
        self._chat.retry(self._where(said))

    def _on_dismiss(self, said: Mapping[str, Any]) -> None:
        self._chat.dismiss(self._where(said), keep=said.get("edit") is True)

    def _on_branch(self, said: Mapping[str, Any]) -> None:
        turn, step, conversation = self._turn(said), said.get("step"), self._where(said)
        if turn is not None and step in (-1, 1):
            with self._chat.lock:  # a turn that is committed now is told in another thread
                other = self._pages.turns.beside(conversation, turn, step)
            if other is not None:
                self._chat.do(lambda: conversation.go(other), conversation)

    def _on_fork(self, said: Mapping[str, Any]) -> None:
        turn = self._turn(said)
        if turn is not None:
            self._chat.fork(self._where(said), turn)

    def _on_move(self, said: Mapping[str, Any]) -> None:
        conversation = self._where(said)
        moves = {name: getattr(conversation, name) for name in ("undo", "redo", "reset")}
        move = moves.get(str(said.get("how")))
        if move is not None:
            self._chat.do(move, conversation)

    def _on_switch(self, said: Mapping[str, Any]) -> None:
        name = said.get("name")
        if isinstance(name, str):
            self._chat.switch(name)

    def _on_set(self, said: Mapping[str, Any]) -> None:
        if said.get("name") == "system":
            value = said.get("value")
            self._chat.talks.of(self._where(said)).system = whole(value) if isinstance(value, str) else None
        else:
            self._chat.controls.set(said.get("name"), said.get("value"))
            self._chat.controls.check(self._chat.magics.names())
        self._pages.publish()

    def _on_draft(self, said: Mapping[str, Any]) -> None:
        if isinstance(said.get("text"), str):
            conversation = self._where(said)
            self._chat.talks.of(conversation).draft = whole(said["text"])
            self._pages.draft(conversation, said["view"])

    def _on_suggest(self, said: Mapping[str, Any]) -> None:
        """Say what a control may be set to, when it is known: a service may take its time."""
        name, view = said.get("name"), said["view"]
        if isinstance(name, str) and name in _SUGGESTED:
            threading.Thread(target=self._suggest, args=(name, view), daemon=True).start()

    def _suggest(self, name: str, view: str) -> None:
        values = list(option_values(f"--{name}", self._chat.magics, self._models))
        self._pages.tell(view, {"type": "suggest", "name": name, "values": values[:1000]})

    def _on_export(self, said: Mapping[str, Any]) -> None:
        kind = said.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            return
        conversation = self._where(said)
        name = re.sub(r"[^\w.-]+", "-", conversation.name)[:100].strip(".-") or "conversation"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.{kind}"
            if kind == "ipynb":
                from jupyter_prem.notebook.commands._export import export_notebook

                export_notebook(conversation, path)
            else:
                conversation.save(path)
            data = path.read_bytes()
        about = {"type": "file", "name": path.name, "mime": _KINDS[kind], "copy": said.get("copy") is True}
        self._pages.tell(said["view"], about, [data])

    def _notice(self, view: str, text: str) -> None:
        self._pages.tell(view, {"type": "notice", "text": error_text([text])})

    def _where(self, said: Mapping[str, Any]) -> Conversation:
        """Return the conversation that the person saw; another may be shown since."""
        name = said.get("conversation")
        found = self._chat.notebook.conversations.get(name) if isinstance(name, str) else None
        return found or self._chat.conversation

    def _turn(self, said: Mapping[str, Any]) -> Turn | None:
        """Return the turn that a message names, if its conversation has it."""
        turn = self._pages.turns.turn(said.get("turn"))
        return turn if turn is not None and turn in self._where(said) else None
