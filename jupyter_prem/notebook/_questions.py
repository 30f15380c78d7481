"""What a saved notebook asks, beside what its recordings hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from jupyter_prem.client import PremError
from jupyter_prem.conversation import body_hash
from jupyter_prem.records import ENDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from jupyter_prem.records import Record

__all__ = ["Questions"]


@dataclass(slots=True)
class Questions:
    """The questions whose answers a notebook's saved outputs hold.

    Attributes:
        asked: Hash of each request, and what it asks in words.
    """

    asked: dict[str, str] = field(default_factory=dict)

    @classmethod
    def beside(cls, cassette: Path) -> Self | None:
        """Return those of the notebook that a cassette belongs to; None where none can be read."""
        from .commands._saved import saved_data

        notebook = cassette.with_name(cassette.name.removesuffix(ENDING) + ".ipynb")
        if not cassette.name.endswith(ENDING) or not notebook.is_file():
            return None
        try:
            saved = saved_data(notebook)
        except PremError:
            return None
        found = cls()
        for data in saved:
            body, interrupted = data.get("body"), data.get("interrupted") or data.get("appended")
            if isinstance(body, str) and not interrupted:
                found.asked[body] = _title(data.get("messages"))
        return found if found.asked else None

    def used(self, records: Iterable[Record]) -> set[tuple[str, int]]:
        """Return which recordings the notebook asks for, those of later rounds of an exchange as well.

        Only of those that a cell saved can it be told; panels and Python may ask for the others.
        """
        listed = [(record, list(_beginnings(record))) for record in records]
        first = {hashes[-1] for record, hashes in listed if hashes and body_hash(record.body) in self.asked}
        return {
            (record.key, record.n)
            for record, hashes in listed
            if not record.shown or not first.isdisjoint(hashes)
        }

    def missing(self, records: Iterable[Record]) -> list[str]:
        """Return, in words, the questions without a recording."""
        known = {body_hash(record.body) for record in records}
        return [title for body, title in self.asked.items() if body not in known]


def _beginnings(record: Record) -> Iterator[str]:
    """Yield what stands for each beginning of the messages, the whole last."""
    messages = record.body.get("messages")
    before = ""
    for message in messages if isinstance(messages, list) else []:
        before = body_hash([before, message])
        yield before


def _title(messages: object) -> str:
    first = messages[0] if isinstance(messages, list) and messages else None
    text = first.get("content") if isinstance(first, dict) else None
    return text if isinstance(text, str) else ""
