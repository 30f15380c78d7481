"""What magics draw that is no answer: tables, lines, and the request of a dry run."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

from jupyter_prem.display import IPythonPage, OnceHtml, TerminalText, bundle, drawing, fenced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.client import ChatRequest, Endpoint
    from jupyter_prem.conversation import Conversation, Question

    from ._state import Answerer, Notebook

__all__ = ["as_cell", "draw", "draw_dry_run", "draw_lines", "draw_table", "say"]

_ANY_MODEL = "(the only model of the service, which is asked for it when the question is sent)"


def draw(shell: InteractiveShell, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Draw a bundle once."""
    if hasattr(shell, "kernel"):
        OnceHtml(IPythonPage()).finish(data, metadata)
    else:
        TerminalText(sys.stdout).finish(data, metadata)


def draw_table(
    shell: InteractiveShell, header: Sequence[str], rows: Sequence[Sequence[Any]], *, ours: bool = False
) -> None:
    """Draw a table; the first column is our Markdown; so are the others if `ours`, else text."""
    shown = str if ours else as_cell
    lines = [header, ["---"] * len(header)]
    lines += [[str(name), *(shown(str(value)) for value in rest)] for name, *rest in rows]
    draw(shell, bundle("\n".join(f"| {' | '.join(line)} |" for line in lines)), {})


def draw_lines(shell: InteractiveShell, lines: Sequence[str]) -> None:
    """Draw lines of text as they are, in a fixed-width face."""
    draw(shell, drawing(lines), {})


def say(shell: InteractiveShell, *lines: str) -> None:
    """Draw short notices, a line each."""
    draw(shell, bundle("", notes=lines), {})


def draw_dry_run(
    shell: InteractiveShell,
    notebook: Notebook,
    conversation: Conversation,
    answerer: Answerer,
    question: Question,
) -> None:
    """Draw the request that would be sent; nothing is sent, started or changed."""
    client = answerer.client
    endpoint, request = _addressed(notebook, conversation, answerer, question)
    body = json.dumps(client.body_of(request), ensure_ascii=False, indent=2)
    fixed = getattr(endpoint, "fixed", None)
    target = fixed.url("chat/completions") if fixed is not None else "the embedded model, on this machine"
    keyed = fixed is not None and (fixed.api_key is not None or endpoint.name == "prem")
    key = "Authorization: Bearer (the key)\n" if keyed else ""
    sent = fenced(f"{key}Content-Type: application/json\n\n{body}", "http")
    draw(shell, bundle(f"POST {target}\n\n{sent}"), {})


def _addressed(
    notebook: Notebook, conversation: Conversation, answerer: Answerer, question: Question
) -> tuple[Endpoint, ChatRequest]:
    """Return whom a question would go to, and its request; in a replay those of the recorded run."""
    client, tape = answerer.client, answerer.tape
    if tape is None or tape.asks:
        known = client.known_model or question.fields.get("model") or notebook.settings().fields.get("model")
        if known is None and question.kind == "ask":
            question = dataclasses.replace(question, fields={**question.fields, "model": _ANY_MODEL})
        return client.endpoint, notebook.prepare(conversation, client, question)
    from jupyter_prem.backends import resolve
    from jupyter_prem.records import UNKNOWN, StandIn

    tape.load()
    taped = client.taped(tape, notebook.recordings.asker(), answerer.chosen)
    prepared = notebook.prepare(conversation, taped, question)
    name, request = taped.matcher.as_recorded(prepared)
    if isinstance(prepared.model, StandIn) and name != "embedded" and not tape.used:
        request = dataclasses.replace(request, model=_ANY_MODEL)  # the recorded run did not know it yet
    if name == UNKNOWN:
        return client.endpoint, request
    return resolve(name, allow_http_hosts=notebook.settings().allow_http_hosts).endpoint, request


def as_cell(text: str) -> str:
    """Return `text` as a cell of a Markdown table that shows it as it is."""
    clean = " ".join(text.replace("|", "¦").split()).replace("`", "'")
    return f"`{clean}`" if clean else "-"
