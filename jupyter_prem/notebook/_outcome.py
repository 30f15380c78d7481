"""From an outcome to what a cell saves: the bundle, its metadata, and the data that resume needs."""

from __future__ import annotations

import datetime as dt
import itertools
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jupyter_prem.conversation import SentBody, answer_place, body_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jupyter_prem.client import ChatResponse, Message
    from jupyter_prem.conversation import CallMade, Cell, Outcome, Turn
    from jupyter_prem.display import Step

__all__ = [
    "FORMAT",
    "IMPLICIT",
    "UNANSWERED",
    "beginning",
    "bundle_of_outcome",
    "bundle_of_response",
    "bundle_of_turn",
    "data_of_turn",
    "html_of_response",
    "html_of_turn",
    "metadata_of",
    "provenance_of",
]

FORMAT = 1
_QUOTED = 40  # characters of the question that a footer quotes
IMPLICIT = (
    "Answered by the embedded model, since no key and no endpoint is set. "
    "Set PREMAI_API_KEY to use Prem Studio, or --endpoint URL."
)
UNANSWERED = (
    "Answered by the embedded model, since the system's keyring did not answer. "
    "Unlock it and ask again to use Prem Studio, or run %prem login."
)


def bundle_of_outcome(outcome: Outcome, *, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the MIME bundle of a finished cell; the same outcome gives the same bytes."""
    response = outcome.response
    if response is None:
        raise ValueError("nothing arrived, so there is nothing to show")
    return bundle_of_response(
        response,
        notes=notes,
        steps=steps_of(outcome.turn, [made.seconds for made in outcome.calls]),
        earlier=outcome.responses[:-1],
        follows=outcome.place.parent,
        system=outcome.question.system,
        data=_data(outcome),
    )


def bundle_of_turn(turn: Turn, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the MIME bundle of a turn that was answered, as its cell has it."""
    if turn.response is None:
        raise ValueError("a turn that was appended by hand has no answer")
    return bundle_of_response(turn.response, steps=steps_of(turn), follows=turn.parent, data=data)


def html_of_turn(turn: Turn) -> str:
    """Return the HTML of a turn that was answered, for a page that has the stylesheet."""
    if turn.response is None:
        raise ValueError("a turn that was appended by hand has no answer")
    return html_of_response(turn.response, steps=steps_of(turn))


def html_of_response(response: ChatResponse, steps: Sequence[Step] = ()) -> str:
    """Return the HTML of a response, for a page that has the stylesheet."""
    from jupyter_prem.display import answer_html

    return answer_html(**_shown(response, steps=steps))


def steps_of(turn: Turn | None, seconds: Iterable[float | None] = ()) -> list[Step]:
    """Return what came before a turn's answer: calls with their results, and answers that did not fit.

    Args:
        turn: The turn; None where nothing was kept.
        seconds: How long each call took, in their order.
    """
    if turn is None or len(turn.messages) <= 2:  # noqa: PLR2004 - a question and its answer
        return []
    from jupyter_prem.display import Call
    from jupyter_prem.objects import ERROR

    last = answer_place(turn.messages)
    steps: list[Step] = []
    times = iter(seconds)
    for place, message in enumerate(turn.messages[1:], 1):
        if message.role == "user":
            steps.append(["Asked again:", message.content or ""])
        if message.role != "assistant":
            continue
        if message.content and place != last:
            steps.append(message.content)
        answers = itertools.takewhile(lambda told: told.role == "tool", turn.messages[place + 1 :])
        results = {told.tool_call_id: told.content or "" for told in answers}
        for call in message.tool_calls:
            result = results.get(call.id, "")
            failed = result.startswith(ERROR)
            steps.append(Call(call.name, call.arguments, result, failed, next(times, None)))
    return steps


def bundle_of_response(
    response: ChatResponse,
    *,
    notes: tuple[str, ...] = (),
    steps: Sequence[Step] = (),
    earlier: Sequence[ChatResponse] = (),
    follows: Turn | None = None,
    system: str | None = None,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the MIME bundle of a response, with what came before it, and the system message it set."""
    from jupyter_prem.display import bundle

    footer = []
    if follows is not None:
        footer.append(f"follows \u201c{beginning(follows.title)}\u201d")
    if system is not None:
        footer.append(f"system “{beginning(system)}”" if system else "no system message any more")
    return bundle(**_shown(response, notes=notes, steps=steps, earlier=earlier, footer=footer), data=data)


def _shown(
    response: ChatResponse,
    *,
    notes: Sequence[str] = (),
    steps: Sequence[Step] = (),
    earlier: Sequence[ChatResponse] = (),
    footer: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what a page shows of a response, as arguments of `display.bundle`."""
    first = [response.model] if response.model else []
    usages = [answer.usage for answer in (*earlier, response)]
    known = [usage for usage in usages if usage is not None]
    if len(known) == len(usages):
        prompt, completion = sum(u.prompt_tokens for u in known), sum(u.completion_tokens for u in known)
        several = f" in {len(usages)} requests" if earlier else ""
        first.append(f"{prompt} + {completion} tokens{several}")
    wanted = response.body.fields.get("response_format")
    return {
        "text": response.text,
        "footer": [*first, *footer],
        "notes": (*response.notes, *notes),
        "reasoning": response.reasoning,
        "refusal": response.refusal,
        "badge": _badge(response),
        "steps": steps,
        "structured": isinstance(wanted, Mapping) and wanted.get("type") == "json_schema",
    }


def beginning(text: str) -> str:
    """Return a question's first words: they name its cell alike today and on replay, its number does not."""
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else line[:_QUOTED].rsplit(" ", 1)[0] + " …"


def provenance_of(outcome: Outcome) -> dict[str, Any]:
    """Return where a response comes from: what its cell saves, and under `metadata` what varies."""
    assert outcome.response is not None  # noqa: S101 - a response asks
    metadata = metadata_of(outcome.response, outcome.place.cells, outcome.calls)["jupyter_prem"]
    return {**outcome.response.about, **_data(outcome), "metadata": metadata}


def metadata_of(
    response: ChatResponse, cells: Iterable[Cell] = (), calls: Iterable[CallMade] = ()
) -> dict[str, Any]:
    """Return what varies from run to run, for the output's metadata, which nbval skips.

    `cells` are those that the answer stands in, so that a resumed cell knows its own; `calls` the functions
    that were called, with their time in seconds.
    """
    from importlib.metadata import version

    return {
        "jupyter_prem": {
            "version": version("jupyter_prem"),
            "python": platform.python_version(),
            "replayed": response.replayed,
            "id": response.id,
            "created": response.created,
            "latency": round(response.latency, 3),
            "finished": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "cells": [cell.id for cell in cells if cell.id is not None],
            "calls": [
                {"name": made.call.name, "seconds": made.seconds and round(made.seconds, 3)} for made in calls
            ],
        }
    }


def _badge(response: ChatResponse) -> str:
    if response.interrupted:
        return "interrupted"
    reasons = {
        None: "",
        "stop": "",
        "tool_calls": "",
        "function_call": "",
        "length": "cut at the token limit",
        "content_filter": "cut by the service's content filter",
    }
    return reasons.get(response.finish_reason, response.finish_reason or "")


def _data(outcome: Outcome) -> dict[str, Any]:
    if outcome.turn is not None:
        return data_of_turn(outcome.turn, outcome.conversation)
    response, place = outcome.response, outcome.place
    answer = response.message if response is not None else None
    return _saved(
        conversation=outcome.conversation,
        parent=place.parent,
        system=place.system,
        system_given=place.system_given,
        window=place.window,
        messages=(place.message, *([answer] if answer else [])),
        fields=outcome.request.body().fields,
        response=response,
        turn=None,
        endpoint=outcome.question.endpoint,
    )


def data_of_turn(turn: Turn, conversation: str) -> dict[str, Any]:
    """Return what the cell of a turn saves."""
    sent = turn.response.body if turn.response is not None else None
    return _saved(
        conversation=conversation,
        parent=turn.parent,
        system=turn.system,
        system_given=turn.system_given,
        window=sent.window if isinstance(sent, SentBody) else None,
        messages=turn.messages,
        fields=turn.fields,
        response=turn.response,
        turn=turn.hash,
        endpoint=turn.endpoint,
    )


def _saved(
    *,
    conversation: str,
    parent: Turn | None,
    system: str,
    system_given: bool,
    window: int | None,
    messages: tuple[Message, ...],
    fields: Mapping[str, Any],
    response: ChatResponse | None,
    turn: str | None,
    endpoint: str | None,
) -> dict[str, Any]:
    """Return what a later session needs to take the turn up again: this turn's own, never a key.

    `body` is the hash of the request that the question began with.
    """
    fields = {name: value for name, value in fields.items() if name not in {"stream", "stream_options"}}
    asked = SentBody(parent, messages[:1], system, window, fields).whole()
    appended = {"appended": True} if response is None and turn is not None else {}
    return {
        "format": FORMAT,
        **appended,
        "conversation": conversation or None,
        "parent": parent.hash if parent is not None else None,
        "turn": turn,
        "body": body_hash(asked),
        "fields": fields,
        "window": window,
        **({"endpoint": endpoint} if endpoint is not None else {}),
        "system": system or None,
        "system_given": system_given,
        "messages": [message.to_dict() for message in messages],
        "model": response.model if response is not None else None,
        "finish_reason": response.finish_reason if response is not None else None,
        "interrupted": response.interrupted if response is not None else True,
        "usage": response.usage.to_dict() if response is not None and response.usage is not None else None,
        "system_fingerprint": response.system_fingerprint if response is not None else None,
    }
