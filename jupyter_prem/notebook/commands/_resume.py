"""Taking conversations up again from a saved notebook: what its outputs say, held as text.

Nothing in the file runs. An answer is taken if its data is whole, says what its hash says, and all it
follows is there too; everything else is named and left out. System messages are shown in full.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Message, PremError, response_of
from jupyter_prem.conversation import Cell, Conversation, SentBody, Turn, body_hash, branch
from jupyter_prem.display import MIME
from jupyter_prem.notebook._outcome import FORMAT

from ._history import history_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_prem.notebook._state import Notebook

__all__ = ["ResumeError", "resume_file"]


class ResumeError(PremError):
    """A file from which no conversation can be taken up; those of the kernel are as they were."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """One answer that a notebook holds."""

    cell: Cell
    place: int
    conversation: str
    parent: str | None
    hash: str
    system: str
    messages: tuple[Message, ...]
    fields: dict[str, Any]
    data: dict[str, Any]
    about: dict[str, Any]
    edited: bool


@dataclass(slots=True)
class _Found:
    """What a notebook's outputs amount to."""

    saved: list[_Saved] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def resume_file(notebook: Notebook, path: Path) -> list[str]:
    """Take up the conversations that a notebook, or an export, holds; return what to show.

    Raises:
        ResumeError: There is no such file, it is no notebook, or it holds no answer that can be taken.
        ConversationFileError: An export cannot be read.
    """
    if path.suffix in {".json", ".md"}:
        loaded = Conversation.load(path, host=notebook)
        notebook.adopt(loaded, None)
        notebook.switch(loaded.name)
        return [f"Taken up from {path.name}.", "", *_system_lines(loaded), *history_lines(loaded)]
    found = _Found()
    for place, cell in enumerate(_cells(path), 1):
        _read_cell(cell, place, found)
    turns = _link(found)
    if not turns:
        raise ResumeError(
            f"{path.name} holds no answer that can be taken up.",
            where=f"in {path.parent}",
            hint="Save the notebook first; the outputs of its %%chat cells hold the conversation.",
            detail="\n".join(found.left),
        )
    lines = [f"Taken up from {path.name}, saved {_saved_at(path)}."]
    lines += [f"  left out: {line}" for line in found.left]
    for name, (head, members) in _heads(found, turns).items():
        conversation = notebook.conversation(name)
        conversation.add(members)
        conversation.go(head)
        notebook.changed(conversation)
        lines += ["", *_system_lines(conversation), *history_lines(conversation)]
    notebook.bind_conversation(notebook.conversation())
    return lines


def _cells(path: Path) -> list[Any]:
    hint = "Name the notebook: %prem resume FILE.ipynb"
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ResumeError(
            f"{path.name} cannot be read: {reason}.", where=f"in {path.parent}", hint=hint
        ) from None
    except (ValueError, RecursionError):
        raise ResumeError(
            f"{path.name} is no notebook: it is no JSON.", where=f"in {path.parent}", hint=hint
        ) from None
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise ResumeError(
            f"{path.name} is no notebook of format 4: it has no cells.", where=f"in {path.parent}", hint=hint
        )
    return cells


def _read_cell(cell: Any, place: int, found: _Found) -> None:
    if not isinstance(cell, dict) or not isinstance(cell.get("outputs"), list):
        return
    number, cell_id = cell.get("execution_count"), cell.get("id")
    here = Cell(
        cell_id if isinstance(cell_id, str) else None,
        "",
        number if isinstance(number, int) and not isinstance(number, bool) else None,
    )
    for output in cell["outputs"]:
        data = output.get("data") if isinstance(output, dict) else None
        if not isinstance(data, dict) or MIME not in data:
            continue
        metadata = output.get("metadata")
        about = metadata.get("jupyter_prem") if isinstance(metadata, dict) else None
        try:
            saved = _read(
                data[MIME], here, place, _text(cell.get("source")), about if isinstance(about, dict) else {}
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            found.left.append(f"cell {place}: its data is damaged")
        except ResumeError as error:
            found.left.append(f"cell {place}: {error.what}")
        else:
            found.saved += [saved] if saved is not None else []


def _read(data: Any, cell: Cell, place: int, source: str, about: dict[str, Any]) -> _Saved | None:
    """Return the answer that an output's data describes; None of one that no conversation holds."""
    if data["format"] != FORMAT:
        raise ResumeError("it was saved by another version of jupyter_prem")
    if data["conversation"] is None or data["turn"] is None:
        return None
    messages = tuple(Message.from_dict(item) for item in data["messages"])
    system = data["system"] or ""
    texts = (data["conversation"], data["turn"], system, data["parent"] or "")
    if not all(isinstance(text, str) for text in texts) or not isinstance(data["fields"], dict):
        raise TypeError("no data of ours")
    roles = [message.role for message in messages]
    if roles[:1] != ["user"] or roles[1:] == [] or "system" in roles:
        raise TypeError("no question and its answer")
    said = {
        "parent": data["parent"],
        "system": system,
        "messages": [message.to_dict() for message in messages],
    }
    if body_hash(said) != data["turn"]:
        raise ResumeError("it was changed by hand since it was answered")
    edited = _is_edited(source, messages[0].content or "")
    return _Saved(
        cell,
        place,
        data["conversation"],
        data["parent"],
        data["turn"],
        system,
        messages,
        data["fields"],
        data,
        about,
        edited,
    )


def _is_edited(source: str, question: str) -> bool:
    """Whether a `%%chat` cell asks for something else now; a template tells only when it is expanded."""
    first, _, body = source.lstrip().partition("\n")
    if not first.startswith(("%%chat", "%%prem")) or ("{{" in body and "--raw" not in first):
        return False
    return body.strip() != question.strip()


def _link(found: _Found) -> dict[str, Turn]:
    """Return the turns by hash: those whose whole past is in the notebook."""
    by_hash: dict[str, _Saved] = {}
    for saved in found.saved:
        first = by_hash.setdefault(saved.hash, saved)
        if first is not saved:
            found.left.append(f"cell {saved.place}: a copy of the answer of cell {first.place}")
        elif saved.edited:
            found.left.append(
                f"the new text of cell {saved.place}, edited since it was asked; its answer is taken"
            )
    turns: dict[str, Turn] = {}
    for saved in by_hash.values():
        path: list[_Saved] = []
        step: _Saved | None = saved
        while step is not None and step.hash not in turns:
            path.append(step)
            step = by_hash.get(step.parent) if step.parent is not None else None
        root = path[-1].parent if path else None
        if path and root is not None and root not in turns:
            found.left.append(
                f"cell {saved.place}: it follows an answer that is not in the notebook any more"
            )
            continue
        for item in reversed(path):
            turns[item.hash] = _turn(item, turns.get(item.parent or ""))
    return turns


def _turn(saved: _Saved, parent: Turn | None) -> Turn:
    data, about = saved.data, saved.about
    latency = about.get("latency")
    completion = {
        "id": about.get("id"),
        "created": about.get("created"),
        "model": data.get("model"),
        "system_fingerprint": data.get("system_fingerprint"),
        "usage": data.get("usage"),
        "choices": [{"finish_reason": data.get("finish_reason"), "message": saved.messages[-1].to_dict()}],
    }
    seconds = float(latency) if isinstance(latency, int | float) else 0.0
    response = response_of(completion, latency=seconds, interrupted=data.get("interrupted") is True)
    body = SentBody(parent, saved.messages[0], saved.system, None, saved.fields)
    return Turn(
        saved.messages,
        dataclasses.replace(response, body=body),
        parent,
        saved.system,
        system_given=bool(saved.system),
        fields=saved.fields,
        cells=(saved.cell,),
    )


def _heads(found: _Found, turns: dict[str, Turn]) -> dict[str, tuple[Turn, list[Turn]]]:
    """Return each conversation's head and turns.

    The head is a turn that nothing of the notebook follows; of several the one finished last, and of
    those the last on the page.
    """
    members: dict[str, list[_Saved]] = {}
    for saved in found.saved:
        if saved.hash in turns:
            members.setdefault(saved.conversation, []).append(saved)
    heads = {}
    for name, group in members.items():
        followed = {saved.parent for saved in group}
        leaves = [saved for saved in group if saved.hash not in followed]
        last = max(leaves, key=lambda saved: (_text(saved.about.get("finished")), saved.place))
        every = {turn: None for saved in group for turn in branch(turns[saved.hash])}
        heads[name] = (turns[last.hash], list(every))
    return heads


def _system_lines(conversation: Conversation) -> Iterator[str]:
    """Yield every system message of the conversation in full: no saved one acts unseen."""
    shown: set[str] = set()
    for turn in conversation.all_turns:
        if turn.system and turn.system not in shown:
            shown.add(turn.system)
            yield "system message taken from the file:"
            yield from (f"  │ {line}" for line in turn.system.splitlines())
            yield ""


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else ""


def _saved_at(path: Path) -> str:
    return dt.datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M:%S")
