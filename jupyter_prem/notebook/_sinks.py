"""Where a cell's answer is drawn: a live page, a page drawn once, or a terminal."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

from jupyter_prem.display import IPythonPage, LiveHtml, OnceHtml, TerminalText, bundle, plain, unlinked

from ._outcome import bundle_of_outcome, metadata_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_prem.client import Delta
    from jupyter_prem.conversation import Conversation, Outcome, Question, Sink

    from ._state import Answerer, Notebook

__all__ = ["choose_sink", "draw", "draw_dry_run", "draw_table", "is_live"]


_ANY_MODEL = "(the only model of the service, which is asked for it when the question is sent)"


def is_live(shell: InteractiveShell, live: str) -> bool:
    """Whether someone watches the page: a front end that runs cells for a person sends the cell's id.

    nbclient, nbval and papermill send none (measured with nbclient 0.11, JupyterLab 4.6).
    """
    from IPython.core.displaypub import CapturingDisplayPublisher

    if isinstance(shell.display_pub, CapturingDisplayPublisher) or not hasattr(shell, "kernel"):
        return False
    if live != "auto":
        return live == "always"
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    return bool(parent.get("metadata", {}).get("cellId"))


def choose_sink(shell: InteractiveShell, live: str, *, implicit: bool) -> Sink:
    """Return the sink for the cell that runs now.

    Args:
        shell: Whose page.
        live: The trait.
        implicit: Whether the page is to say that nobody named who answers.
    """
    painter: LiveHtml | OnceHtml | TerminalText
    if not hasattr(shell, "kernel"):
        painter = TerminalText(sys.stdout)
    elif is_live(shell, live):
        painter = LiveHtml(IPythonPage(), alone=_alone(shell))
    else:
        painter = OnceHtml(IPythonPage())
    return _CellSink(painter, implicit=implicit)


def _alone(shell: InteractiveShell) -> bool:
    """Whether the cell holds nothing but the question, so that its whole output is the answer's."""
    code: str = shell.get_parent().get("content", {}).get("code", "")
    return code.lstrip().startswith(("%%chat", "%%prem"))


class _CellSink:
    """Hands a turn's deltas to a painter, and its outcome as the one bundle the cell saves."""

    def __init__(self, painter: LiveHtml | OnceHtml | TerminalText, *, implicit: bool) -> None:
        self._painter = painter
        self._implicit = implicit

    def status(self, text: str, fraction: float | None = None) -> None:
        self._painter.status(text or "Waiting for the answer …", fraction)

    def delta(self, delta: Delta) -> None:
        if delta.index:
            return
        if delta.text:
            self._painter.feed(delta.text)
        elif delta.reasoning:
            self._painter.status("Thinking …", None)

    def finish(self, outcome: Outcome) -> None:
        if outcome.response is None:
            self._painter.close()
            return
        metadata = metadata_of(outcome.response)
        try:
            data = bundle_of_outcome(outcome, implicit=self._implicit)
        except KeyboardInterrupt:
            # A long answer takes seconds to draw. Interrupted there, it is shown as text.
            self._painter.finish({"text/plain": unlinked(plain(outcome.response.text))}, metadata)
            raise
        self._painter.finish(data, metadata)


def draw(shell: InteractiveShell, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Draw a bundle once."""
    if hasattr(shell, "kernel"):
        OnceHtml(IPythonPage()).finish(data, metadata)
    else:
        TerminalText(sys.stdout).finish(data, metadata)


def draw_table(shell: InteractiveShell, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Draw a table; its first column is ours, the others hold text from anywhere."""
    lines = [header, ["---"] * len(header)]
    lines += [[str(name), *(_cell(str(value)) for value in rest)] for name, *rest in rows]
    draw(shell, bundle("\n".join(f"| {' | '.join(line)} |" for line in lines)), {})


def draw_dry_run(
    shell: InteractiveShell,
    notebook: Notebook,
    conversation: Conversation,
    answerer: Answerer,
    question: Question,
) -> None:
    """Draw the request that would be sent; nothing is sent, started or changed."""
    client = answerer.client
    known = client.known_model or question.fields.get("model") or notebook.settings().fields.get("model")
    if known is None:
        question = dataclasses.replace(question, fields={**question.fields, "model": _ANY_MODEL})
    request = notebook.prepare(conversation, client, question)
    body = json.dumps(client.body_of(request), ensure_ascii=False, indent=2)
    fixed = getattr(client.endpoint, "fixed", None)
    target = fixed.url("chat/completions") if fixed is not None else "the embedded model, on this machine"
    key = "Authorization: Bearer (the key)\n" if fixed is not None and fixed.api_key is not None else ""
    fence = "`" * max(3, body.count("`") and 1 + max(len(run) for run in _runs(body)))
    draw(
        shell,
        bundle(f"POST {target}\n\n{fence}http\n{key}Content-Type: application/json\n\n{body}\n{fence}"),
        {},
    )


def _runs(text: str) -> list[str]:
    import re

    return re.findall("`+", text)


def _cell(text: str) -> str:
    """Return `text` as a cell of a Markdown table that shows it as it is."""
    clean = " ".join(text.replace("|", "¦").split()).replace("`", "'")
    return f"`{clean}`" if clean else "-"
