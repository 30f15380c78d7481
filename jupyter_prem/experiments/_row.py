"""One row of results, as JSON data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import response_of
from jupyter_prem.structure import unfenced

if TYPE_CHECKING:
    from jupyter_prem.client import ChatResponse, PremError

    from ._plan import Point

__all__ = ["columns_of", "failed_row", "row_of"]

_LONGEST = 500  # characters of an error


def row_of(point: Point, response: ChatResponse, error: PremError | None = None) -> dict[str, Any]:
    """Return the row of an answer; `error` says what is wrong with it, such as that it does not fit."""
    answer = response.to_dict()
    del answer["object"]
    row = {"at": point.labels, "answer": answer, "latency": response.latency}
    if point.schema is not None:
        row["parsed"] = error is None
    if response.replayed:
        row["replayed"] = True
    return row | ({"error": _words(error)} if error is not None else {})


def failed_row(point: Point, error: PremError) -> dict[str, Any]:
    """Return the row of a request without an answer."""
    return {"at": point.labels, "error": _words(error)}


def columns_of(row: dict[str, Any], parse: Any = None) -> dict[str, Any]:
    """Return the columns of the results that a row fills.

    Args:
        row: What `row_of` gave, from wherever it was kept.
        parse: Returns the value of a structured answer; None gives its JSON data.
    """
    answer = row.get("answer")
    response = response_of(answer, latency=row.get("latency", 0.0)) if answer is not None else None
    usage = response.usage if response is not None else None
    text = None if response is None else response.message.content
    parsed = None
    if text is not None and row.get("parsed"):
        parsed = parse(text) if parse is not None else json.loads(unfenced(text))
    return {
        "text": text,
        "parsed": parsed,
        "finish_reason": response.finish_reason if response is not None else None,
        "prompt_tokens": usage.prompt_tokens if usage is not None else None,
        "completion_tokens": usage.completion_tokens if usage is not None else None,
        "total_tokens": usage.total_tokens if usage is not None else None,
        "latency": row.get("latency"),
        "response_model": response.model if response is not None else None,
        "system_fingerprint": response.system_fingerprint if response is not None else None,
        "id": response.id if response is not None else None,
        "error": row.get("error"),
        "replayed": bool(row.get("replayed")),
    }


def _words(error: PremError) -> str:
    first = error.detail.splitlines()[0] if error.detail else ""
    words = f"{type(error).__name__}: {error.what}{f' {first}' if first else ''}"
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
