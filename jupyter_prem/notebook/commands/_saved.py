"""What a saved notebook holds of conversations: its outputs, checked and held as text. Nothing in it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import FIELDS, Message, PremError
from jupyter_prem.conversation import Cell, body_hash
from jupyter_prem.display import MIME
from jupyter_prem.notebook._outcome import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Found", "ResumeError", "Saved", "read_notebook", "saved_data", "text_of"]


class ResumeError(PremError):
    """A file from which no conversation can be taken up; those of the kernel are as they were."""


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """One answer, or one message appended by hand, that a notebook holds.

    Attributes:
        cells: The cells it stands in; its own is the last.
        place: Number of its cell on the page, from 1.
        conversation: Name of its conversation.
        parent: Hash of the turn it follows; None for the first.
        hash: Its own hash, which was checked.
        system: The system message in force.
        system_given: Whether a question gave it, rather than the settings.
        messages: What it added.
        fields: The request fields that were sent.
        window: How many exchanges before it went out; None for all.
        endpoint: Who was to answer, where the question named an endpoint of its own.
        appended: Whether it was appended by hand.
        data: What the output says beside that.
        about: What its metadata says.
        edited: Whether its cell asks for something else now.
    """

    cells: tuple[Cell, ...]
    place: int
    conversation: str
    parent: str | None
    hash: str
    system: str
    system_given: bool
    messages: tuple[Message, ...]
    fields: dict[str, Any]
    window: int | None
    endpoint: str | None
    appended: bool
    data: dict[str, Any]
    about: dict[str, Any]
    edited: bool

    @property
    def finished(self) -> str:
        """When it was answered, in ISO 8601; empty where the output does not say."""
        return text_of(self.about.get("finished"))

    @property
    def copy_key(self) -> str:
        """What only a copy of the same output has in common with it."""
        about = [self.about.get(name) for name in ("id", "created", "finished")]
        return json.dumps([self.conversation, self.hash, self.fields, self.data.get("model"), *about])


@dataclass(slots=True)
class Found:
    """What a notebook's outputs amount to: what can be taken, and in words what is left out."""

    saved: list[Saved] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def read_notebook(path: Path) -> Found:
    """Return what the outputs of a notebook hold.

    Raises:
        ResumeError: There is no such file, or it is no notebook.
    """
    found = Found()
    cells = _cells(path)
    here = {cell.id: cell for cell in map(_cell, cells) if cell is not None and cell.id is not None}
    for place, cell in enumerate(cells, 1):
        _read_cell(cell, place, here, found)
    return found


def saved_data(path: Path) -> list[dict[str, Any]]:
    """Return what each answer in a notebook's outputs says of itself, unchecked; of questions asked once too.

    Raises:
        ResumeError: There is no such file, or it is no notebook.
    """
    found = []
    for cell in _cells(path):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else []:
            data = output.get("data") if isinstance(output, dict) else None
            about = data.get(MIME) if isinstance(data, dict) else None
            found += [about] if isinstance(about, dict) else []
    return found


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


def _cell(cell: Any) -> Cell | None:
    if not isinstance(cell, dict):
        return None
    number, cell_id = cell.get("execution_count"), cell.get("id")
    counted = isinstance(number, int) and not isinstance(number, bool)
    return Cell(cell_id if isinstance(cell_id, str) else None, "", number if counted else None)


def _read_cell(cell: Any, place: int, here: dict[str, Cell], found: Found) -> None:
    own = _cell(cell)
    if own is None or not isinstance(cell.get("outputs"), list):
        return
    for output in cell["outputs"]:
        data = output.get("data") if isinstance(output, dict) else None
        if not isinstance(data, dict) or MIME not in data:
            continue
        metadata = output.get("metadata")
        about = metadata.get("jupyter_prem") if isinstance(metadata, dict) else None
        about = about if isinstance(about, dict) else {}
        ids: Any = about.get("cells")
        others = tuple(
            here[name]
            for name in (ids if isinstance(ids, list) else [])
            if isinstance(name, str) and name in here and name != own.id
        )
        try:
            saved = _read(data[MIME], (*others, own), place, text_of(cell.get("source")), about)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            found.left.append(f"cell {place}: its data is damaged")
        except ResumeError as error:
            found.left.append(f"cell {place}: {error.what}")
        else:
            found.saved += [saved] if saved is not None else []


def _read(data: Any, cells: tuple[Cell, ...], place: int, source: str, about: dict[str, Any]) -> Saved | None:
    """Return the answer that an output's data describes; None of one that no conversation holds."""
    if data["format"] != FORMAT:
        raise ResumeError("it was saved by another version of jupyter_prem")
    if data["conversation"] is None or data["turn"] is None:
        return None
    messages = tuple(Message.from_dict(item) for item in data["messages"])
    system, window, given = data["system"] or "", data["window"], data["system_given"]
    _check_types(data, system)
    if window is not None and (isinstance(window, bool) or not isinstance(window, int) or window < 0):
        raise TypeError("a window is a number of exchanges")
    appended = data.get("appended") is True
    roles = [message.role for message in messages]
    if "system" in roles or (len(roles) > 1 if appended else roles[:1] != ["user"] or roles[1:] == []):
        raise TypeError("no question and its answer")
    said = {
        "parent": data["parent"],
        "system": system,
        "messages": [message.to_dict() for message in messages],
    }
    if body_hash(said) != data["turn"]:
        raise ResumeError("it was changed by hand since it was answered")
    return Saved(
        cells,
        place,
        data["conversation"],
        data["parent"],
        data["turn"],
        system,
        given,
        messages,
        data["fields"],
        window,
        data.get("endpoint"),
        appended,
        data,
        about,
        not appended and _is_edited(source, messages[0].content or ""),
    )


def _check_types(data: Any, system: Any) -> None:
    texts = (data["conversation"], data["turn"], system, data["parent"] or "", data.get("endpoint") or "")
    fields = data["fields"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(fields, dict):
        raise TypeError("no data of ours")
    if not isinstance(data["system_given"], bool) or not set(fields) <= {"model", *FIELDS}:
        raise TypeError("no request of ours")


def _is_edited(source: str, question: str) -> bool:
    """Whether a `%%chat` cell asks for something else now; a template tells only when it is expanded."""
    first, _, body = source.lstrip().partition("\n")
    if not first.startswith(("%%chat", "%%prem")) or ("{{" in body and "--raw" not in first):
        return False
    return body.strip() != question.strip()


def text_of(value: Any) -> str:
    """Return a text of nbformat's, which may be a list of lines; empty for anything else."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else ""
