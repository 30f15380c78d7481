"""The widget: what pages say goes to the chat, what changes there goes to the pages."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from IPython.core.getipython import get_ipython

from jupyter_prem.client import ConfigurationError
from jupyter_prem.display import stylesheet
from jupyter_prem.notebook import find_magics, load

from ._asking import Asked
from ._chat import Chat
from ._clicks import Clicks
from ._pages import Pages
from ._route import keep_route
from ._sender import post
from ._transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.conversation import Conversation, Turn
    from jupyter_prem.notebook import PremMagics

    from ._asking import Asking
    from ._chat import Origin

__all__ = ["ChatPanel"]

_PARTS = ("dom", "code", "kept", "turns", "answer", "transcript", "settings", "composer", "menus", "panel")


def _page(name: str) -> str:
    return (resources.files(__package__) / "page" / name).read_text(encoding="utf-8")


class ChatPanel(anywidget.AnyWidget):
    """Chat beside the code: a transcript, a composer, and the conversation that `%%chat` uses.

    Questions are asked in threads of their own, so the kernel is free, and closing a view stops nothing. In
    JupyterLab from 4.4 with ipykernel from 7 the panel works while a cell runs; elsewhere a click waits for
    the cell, and the panel says so.

    Args:
        conversation: Name of the conversation; None follows the notebook's current one (`%prem switch`).

    Raises:
        ConfigurationError: There is no IPython to share a conversation with.
    """

    _esm = "\n".join(_page(f"{part}.js") for part in _PARTS)  # an ESM of anywidget's imports no sibling
    _css = stylesheet() + _page("panel.css")
    _begin = traitlets.Dict().tag(sync=True)  # what a page shows until the kernel has time for it

    def __init__(self, conversation: str | None = None, **kwargs: Any) -> None:
        magics = _magics()
        watch = _Watch(lambda: self._chat)
        self._chat = Chat(magics, conversation, watch)
        self._transcript = watch.transcript = Transcript(magics.shell, self._chat.talks.used, self._kept)
        self._pages = watch.pages = Pages(self._chat, self._say)
        self._clicks = Clicks(self._chat, self._pages, self._transcript.seen_on)
        super().__init__(_begin=self._pages.whole(), **kwargs)
        self._transcript.show(self._chat.conversation)
        keep_route(self.comm)
        self.on_msg(self._heard)
        magics.notebook.listen(self._chat.heard)

    def __repr__(self) -> str:
        return f"ChatPanel({self._chat.conversation.name!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self._transcript.shown_in_this_cell()
        return super()._repr_mimebundle_(**kwargs)

    @property
    def conversation(self) -> Conversation:
        """The conversation that is shown."""
        return self._chat.conversation

    @property
    def asking(self) -> bool:
        """Whether an answer to a question of this panel is on its way, in any conversation."""
        return self._chat.asking

    @property
    def error(self) -> BaseException | None:
        """What went wrong last in the conversation shown, an interrupt too; None after what went well."""
        return self._chat.talk.error

    def ask(self, text: str) -> None:
        """Ask, with what the controls are set to, and return at once; the answer appears in the transcript.

        What goes wrong is shown there and in `error`. While another question of this panel is on its way in
        this conversation, nothing is asked.
        """
        self._chat.ask(Asked(text))

    def regenerate(self, turn: Turn | None = None, text: str = "") -> None:
        """Ask a question again beside its answer, as `ask` does.

        Args:
            turn: One of `conversation.all_turns`; None is the last.
            text: What is asked in its place.
        """
        self._chat.ask(Asked(text, "regenerate", turn))

    def continue_(self) -> None:
        """Ask for the rest of an answer that was cut, as `ask` does."""
        self._chat.ask(Asked(kind="continue"))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every answer has arrived and the transcript holds it.

        Args:
            timeout: Seconds; None waits as long as it takes.

        Returns:
            Whether they have.
        """
        done = self._chat.wait(timeout)
        self._transcript.flush()
        return done

    def stop(self) -> None:
        """Stop the answer that is on its way in the conversation shown; what had arrived is kept."""
        self._chat.stop()

    def undo(self) -> None:
        """Put the conversation back to before its last change; what keeps it from that is in `error`.

        Raises:
            ConversationBusyError: An answer is on its way.
        """
        self._chat.do(self.conversation.undo)

    def redo(self) -> None:
        """Take the last undo back; what keeps it from that is in `error`.

        Raises:
            ConversationBusyError: An answer is on its way.
        """
        self._chat.do(self.conversation.redo)

    def switch(self, name: str) -> None:
        """Show the conversation `name`, begun if there is none.

        A panel that follows the notebook's current conversation makes it that.
        """
        self._chat.switch(name)

    def _say(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        post(lambda: self.send(message, buffers))

    def _heard(self, _: object, message: object, __: object) -> None:
        self._clicks.hear(message)

    def _kept(self, home: str, data: dict[str, Any]) -> None:
        self._pages.keep({"home": home, "model": self.model_id, **data})


class _Watch:
    """Tells a panel's pages and its transcript what is so."""

    pages: Pages
    transcript: Transcript

    def __init__(self, chat: Callable[[], Chat]) -> None:
        self._chat = chat

    def changed(self) -> None:
        self.transcript.show(self._chat().conversation)
        self.pages.publish()

    def frame(self, asking: Asking, change: dict[str, Any]) -> None:
        self.pages.frame(asking, change)

    def moved(self, conversation: Conversation, origin: Origin) -> None:
        self.transcript.moved(conversation, used=origin == "here")

    def restored(self, conversation: Conversation, text: str) -> None:
        self.pages.restore(conversation, text)


def _magics() -> PremMagics:
    shell = get_ipython()
    if shell is None:
        raise ConfigurationError(
            "ChatPanel needs a notebook.",
            hint="Use it in JupyterLab; from a script, use jupyter_prem.Client.",
        )
    load(shell)
    magics = find_magics(shell)
    if magics is None:
        raise ConfigurationError("jupyter_prem could not be loaded.", hint="Try %load_ext jupyter_prem.")
    return magics
