"""Server-sent events once more, on purpose: written from the standard's grammar, to hold the decoder against.

WHATWG HTML, section 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream". The whole stream
is decoded and matched against the grammar at once, where the decoder takes bytes as they come. It departs from
the standard where the decoder says that it does: data that the stream ends in the middle of is an event, and
one whose data is empty is none.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"(?P<text>[^\r\n]*)(?:\r\n|\r|\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"(?P<name>[^:]+)(?::[ ]?(?P<value>.*))?", re.DOTALL)


def events(stream: bytes) -> list[tuple[str, str]]:
    """Return the type and the data of each event of a whole stream."""
    text = stream.decode("utf-8", "replace")
    text = text[1:] if text[:1] == "\ufeff" else text
    lines = [match["text"] for match in _LINE.finditer(text)]
    found = []
    block: list[str] = []
    for line in [*lines, ""]:
        if line:
            block.append(line)
            continue
        event = _event(block)
        block = []
        if event is not None:
            found.append(event)
    return found


def _event(block: list[str]) -> tuple[str, str] | None:
    fields = [match for line in block if (match := _FIELD.fullmatch(line))]
    data = "".join(f"{match['value'] or ''}\n" for match in fields if match["name"] == "data")
    kinds = [match["value"] or "" for match in fields if match["name"] == "event"]
    if data in {"", "\n"}:
        return None
    return (kinds[-1] if kinds else "") or "message", data[:-1]
