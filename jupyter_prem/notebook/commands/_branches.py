"""The subcommands that look after conversations."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_prem.client import PremError
from jupyter_prem.notebook._draw import draw_lines, draw_table, say
from jupyter_prem.notebook._identity import current_cell
from jupyter_prem.notebook._outcome import beginning

if TYPE_CHECKING:
    from jupyter_prem import ChatPanel
    from jupyter_prem.client import ChatResponse
    from jupyter_prem.conversation import Conversation, Turn
    from jupyter_prem.notebook._magics import PremMagics

__all__ = [
    "continue_",
    "conversations",
    "export",
    "fork",
    "history",
    "panel",
    "redo",
    "regenerate",
    "reset",
    "resume",
    "switch",
    "undo",
]


def history(magics: PremMagics) -> None:
    """Draw the current conversation as a tree."""
    from ._history import history_lines

    draw_lines(magics.shell, history_lines(magics.notebook.conversation()))


def conversations(magics: PremMagics) -> None:
    """Draw a table of all conversations."""
    notebook = magics.notebook
    notebook.conversation()
    rows = [
        (
            "→" if name == notebook.current else "",
            name,
            len(conversation),
            len(conversation.all_turns) - len(conversation),
            beginning(conversation.head.title) if conversation.head is not None else "",
        )
        for name, conversation in list(notebook.conversations.items())  # panels begin some too
    ]
    draw_table(magics.shell, ("", "conversation", "exchanges", "off the branch", "last question"), rows)


def switch(magics: PremMagics, name: str) -> None:
    """Make `name` the current conversation."""
    _check_name(name)
    begun = name not in magics.notebook.conversations
    conversation = magics.notebook.switch(name)
    say(magics.shell, f"Now in {'the new conversation ' if begun else ''}{_where(conversation)}")


def fork(magics: PremMagics, name: str, turn: str | None = None) -> None:
    """Go on in a new conversation, from here or from a turn named by the beginning of its hash."""
    _check_name(name)
    notebook = magics.notebook
    conversation = notebook.conversation()
    at = _turn(conversation, turn) if turn is not None else None
    cell = current_cell(magics.shell)
    made_here = cell is not None and cell.id is not None and notebook.forks.get(name) == cell.id
    if made_here or (name in notebook.resumed and name in notebook.conversations):
        # The cell that made it is run again, perhaps after a restart: it begins anew; undo takes that back.
        other = notebook.conversation(name)
        other.add(conversation.all_turns)
        other.go(at if at is not None else conversation.head)
    else:
        other = conversation.fork(name, at=at)
    notebook.resumed.discard(name)
    notebook.forks[name] = cell.id if cell is not None else None
    notebook.switch(other.name)
    back = "" if other is conversation else f" %prem switch {shlex.quote(conversation.name)} goes back."
    say(magics.shell, f"Now in {_where(other)}{back}")


def undo(magics: PremMagics) -> None:
    """Put the head back."""
    conversation = magics.notebook.conversation()
    conversation.undo()
    magics.notebook.bind_conversation(conversation)
    say(magics.shell, f"Back in {_where(conversation)} %prem redo takes this back.")


def redo(magics: PremMagics) -> None:
    """Take an undo back."""
    conversation = magics.notebook.conversation()
    conversation.redo()
    magics.notebook.bind_conversation(conversation)
    say(magics.shell, f"Again in {_where(conversation)}")


def reset(magics: PremMagics) -> None:
    """Start afresh."""
    conversation = magics.notebook.conversation()
    conversation.reset()
    magics.notebook.bind_conversation(conversation)
    say(magics.shell, f"The conversation {conversation.name!r} starts afresh. %prem undo takes this back.")


def regenerate(magics: PremMagics, line: str) -> ChatResponse | None:
    """Ask the last question again."""
    return magics.ask_again("regenerate", line)


def continue_(magics: PremMagics, line: str) -> ChatResponse | None:
    """Go on with a cut answer."""
    return magics.ask_again("continue", line)


def resume(magics: PremMagics, file: str | None = None) -> None:
    """Take saved conversations up again."""
    from jupyter_prem.notebook._identity import named_notebook, notebook_path

    from ._resume import resume_file

    path = Path(file).expanduser() if file else notebook_path(magics.shell)
    if path is None:
        named = named_notebook(magics.shell)
        raise PremError(
            f"This front end calls this notebook {named!r}, and there is no such file."
            if named
            else "This front end does not say which notebook this is.",
            hint="Name the notebook: %prem resume FILE.ipynb",
        )
    draw_lines(magics.shell, resume_file(magics.notebook, path))


def export(magics: PremMagics, file: str) -> None:
    """Save the current conversation."""
    conversation = magics.notebook.conversation()
    path = Path(file).expanduser()
    if path.suffix == ".ipynb":
        from ._export import export_notebook

        export_notebook(conversation, path)
    else:
        conversation.save(path)
    say(magics.shell, f"Saved {_count(conversation)} of {conversation.name!r} to {path}.")


def panel(magics: PremMagics, name: str | None = None) -> ChatPanel:
    """Return the panel, which the cell shows as its result."""
    import jupyter_prem  # the panel stands above this room

    if name is not None:
        _check_name(name)
    shown = jupyter_prem.ChatPanel(name)
    magics.notebook.bind_conversation(shown.conversation)
    return shown


def _check_name(name: str) -> None:
    if not name.strip():
        raise PremError("A conversation needs a name.", hint="%prem conversations shows those there are.")


def _turn(conversation: Conversation, beginning_of_hash: str) -> Turn:
    found = [turn for turn in conversation.all_turns if turn.hash.startswith(beginning_of_hash.lower())]
    if not found or len({turn.hash for turn in found}) > 1:
        how_many = "no turn" if not found else "several turns"
        raise PremError(
            f"{beginning_of_hash!r} begins the hash of {how_many} of {conversation.name!r}.",
            hint="%prem history shows them; so does chat_conversation.all_turns.",
        )
    return found[-1]


def _where(conversation: Conversation) -> str:
    if conversation.head is None:
        return f"{conversation.name!r}, which is empty."
    return f"{conversation.name!r}, {_count(conversation)}, after “{beginning(conversation.head.title)}”."


def _count(conversation: Conversation) -> str:
    return f"{len(conversation)} exchange{'' if len(conversation) == 1 else 's'}"
