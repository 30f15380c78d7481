"""Taking conversations up again from a saved notebook: what its outputs say, held as text.

Nothing in the file runs. An answer is taken if its data is whole, says what its hashes say, and all it
follows is there too; everything else is named and left out. System messages are shown in full.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import PremError, response_of
from jupyter_prem.conversation import Conversation, SentBody, Turn, answer_place, body_hash, branch

from ._history import history_lines
from ._saved import ResumeError, read_notebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from jupyter_prem.notebook._state import Notebook

    from ._saved import Found, Saved

__all__ = ["ResumeError", "resume_file"]


def resume_file(notebook: Notebook, path: Path) -> list[str]:
    """Take up the conversations that a notebook, or an export, holds; return what to show.

    Raises:
        ResumeError: There is no such file, it is no notebook, or it holds no answer that can be taken.
        ConversationFileError: An export cannot be read.
        ConversationBusyError: One of the conversations is answering a question.
    """
    if path.suffix in {".json", ".md"}:
        loaded = Conversation.load(path, host=notebook)
        notebook.adopt(loaded, None)
        notebook.switch(loaded.name)
        notebook.read_endpoints.update(_endpoints(loaded.all_turns))
        return [f"Taken up from {path.name}.", "", *_told(notebook, loaded), *history_lines(loaded)]
    found = read_notebook(path)
    known = [turn for chat in list(notebook.conversations.values()) for turn in chat.all_turns]
    turns = _link(found, known)
    if not turns:
        raise ResumeError(
            f"{path.name} holds no answer that can be taken up.",
            where=f"in {path.parent}",
            hint="Save the notebook first; the outputs of its %%chat cells hold the conversation.",
            detail="\n".join(found.left),
        )
    heads = _heads(turns)
    for name in heads:
        with notebook.known(name).one_turn():
            """Nothing is taken up while one of them is busy."""
    lines = [f"Taken up from {path.name}, saved {_saved_at(path)}."]
    lines += [f"  left out: {line}" for line in found.left]
    for name, (head, members) in heads.items():
        conversation = notebook.conversation(name)
        conversation.add(turn for turn in members if turn not in conversation)
        conversation.go(head)
        notebook.read_endpoints.update(_endpoints(members))
        notebook.resumed.add(name)
        notebook.changed(conversation)
        lines += ["", *_told(notebook, conversation), *history_lines(conversation)]
    if notebook.known().head is None:
        notebook.switch(list(heads)[-1])
        lines += ["", f"The cells that name no conversation go on in {notebook.current!r}."]
    notebook.bind_conversation(notebook.conversation())
    return lines


def _link(found: Found, known: Iterable[Turn]) -> dict[Saved, Turn]:
    """Return the turn of each answer whose whole past is in the notebook: the `known` one, if it is there."""
    kept = _without_copies(found)
    by_hash: dict[str, list[Saved]] = {}
    for saved in kept:
        by_hash.setdefault(saved.hash, []).append(saved)
    here: dict[str, list[Turn]] = {}
    for other in known:
        here.setdefault(other.hash, []).append(other)
    turns: dict[Saved, Turn] = {}
    broken: set[Saved] = set()
    for saved in kept:
        path: list[Saved] = []
        step: Saved | None = saved
        while step is not None and step not in turns and step not in broken:
            path.append(step)
            step = _parent(step, by_hash)
        for item in reversed(path):
            parent = _parent(item, by_hash)
            reason = _left_out(item, parent, turns)
            turn: Turn | None = None if reason else _turn(item, turns[parent] if parent is not None else None)
            if turn is None or not _said_so(item, turn):
                found.left.append(f"cell {item.place}: {reason or 'its request was changed by hand'}")
                broken.add(item)
                continue
            same = (other for other in here.get(turn.hash, []) if _is_same(other, turn))
            turns[item] = next(same, turn)
    return turns


def _without_copies(found: Found) -> list[Saved]:
    first: dict[str, Saved] = {}
    for saved in found.saved:
        if first.setdefault(saved.copy_key, saved) is not saved:
            original = first[saved.copy_key].place
            found.left.append(f"cell {saved.place}: a copy of the answer of cell {original}")
        elif saved.edited:
            found.left.append(
                f"the new text of cell {saved.place}, edited since it was asked; its answer is taken"
            )
    return list(first.values())


def _parent(saved: Saved, by_hash: dict[str, list[Saved]]) -> Saved | None:
    """Return the answer that one follows.

    Of several that say the same it is one of its own conversation, and the last of those finished before.
    """
    alike = by_hash.get(saved.parent or "", [])
    alike = [other for other in alike if other.conversation == saved.conversation] or alike
    before = [other for other in alike if other.finished <= saved.finished] or alike
    return max(before, key=lambda other: (other.finished, other.place), default=None)


def _left_out(saved: Saved, parent: Saved | None, turns: dict[Saved, Turn]) -> str:
    if saved.parent is not None and (parent is None or parent not in turns):
        return "it follows an answer that is not in the notebook any more"
    return ""


def _said_so(saved: Saved, turn: Turn) -> bool:
    """Whether the request that the turn was asked with has the hash that was saved with it."""
    if turn.response is None:
        return True
    asked = SentBody(turn.parent, saved.messages[:1], saved.system, saved.window, saved.fields)
    return body_hash(asked.whole()) == saved.data.get("body")


def _is_same(known: Turn, turn: Turn) -> bool:
    """Whether a turn of this kernel is the one that was saved."""
    one, other = known.response, turn.response
    if known.parent is not turn.parent or (one is None) != (other is None):
        return False
    return (
        one is None
        or other is None
        or (one.id, one.created, one.model) == (other.id, other.created, other.model)
    )


def _turn(saved: Saved, parent: Turn | None) -> Turn:
    response = None
    if not saved.appended:
        data, about, place = saved.data, saved.about, answer_place(saved.messages)
        completion = {
            "id": about.get("id"),
            "created": about.get("created"),
            "model": data.get("model"),
            "system_fingerprint": data.get("system_fingerprint"),
            "usage": data.get("usage"),
            "choices": [
                {"finish_reason": data.get("finish_reason"), "message": saved.messages[place].to_dict()}
            ],
        }
        response = response_of(
            completion, latency=_seconds(about), interrupted=data.get("interrupted") is True
        )
        body = SentBody(parent, saved.messages[:place], saved.system, saved.window, saved.fields)
        response = dataclasses.replace(response, body=body)
    return Turn(
        saved.messages,
        response,
        parent,
        saved.system,
        system_given=saved.system_given,
        fields=saved.fields,
        cells=saved.cells,
        endpoint=saved.endpoint,
    )


def _seconds(about: dict[str, Any]) -> float:
    latency = about.get("latency")
    try:
        seconds = float(latency) if isinstance(latency, int | float) else 0.0
    except OverflowError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _heads(turns: dict[Saved, Turn]) -> dict[str, tuple[Turn, list[Turn]]]:
    """Return each conversation's head and turns, the conversation that was last asked in last.

    The head is a turn that nothing of the notebook follows; of several the one finished last, and of
    those the last on the page.
    """
    members: dict[str, list[Saved]] = {}
    for saved in turns:
        members.setdefault(saved.conversation, []).append(saved)
    heads = {}
    ends = {}
    for name, group in members.items():
        followed = {turns[saved].parent for saved in group}
        leaves = [saved for saved in group if turns[saved] not in followed]
        last = max(leaves, key=lambda saved: (saved.finished, saved.place))
        every = {turn: None for saved in group for turn in branch(turns[saved])}
        heads[name], ends[name] = (turns[last], list(every)), (last.finished, last.place)
    return {name: heads[name] for name in sorted(heads, key=lambda name: ends[name])}


def _endpoints(turns: Iterable[Turn]) -> dict[str, None]:
    return {turn.endpoint: None for turn in turns if turn.endpoint is not None}


def _told(notebook: Notebook, conversation: Conversation) -> Iterator[str]:
    """Yield every system message of the conversation in full, and each endpoint: none acts unseen."""
    for endpoint in _endpoints(conversation.all_turns):
        keyless = True  # what is no address, asking tells
        with contextlib.suppress(PremError):
            keyless = not notebook.trusts(endpoint)
        yield f"asked at {endpoint!r}{', and again without a key unless --endpoint names it' * keyless}"
    shown: set[str] = set()
    for turn in conversation.all_turns:
        if turn.system and turn.system not in shown:
            shown.add(turn.system)
            yield "system message taken from the file:"
            yield from (f"  │ {line}" for line in turn.system.splitlines())
            yield ""


def _saved_at(path: Path) -> str:
    return dt.datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M:%S")
