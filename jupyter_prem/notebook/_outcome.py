"""From an outcome to what a cell saves: the bundle, its metadata, and the data that resume needs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Body
from jupyter_prem.conversation import SentBody, body_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_prem.client import ChatResponse, Message
    from jupyter_prem.conversation import Cell, Outcome, Turn

__all__ = ["IMPLICIT", "beginning", "bundle_of_outcome", "bundle_of_response", "data_of_turn", "metadata_of"]

FORMAT = 1
_QUOTED = 40  # characters of the question that a footer quotes
IMPLICIT = (
    "Answered by the embedded model, since no key and no endpoint is set. "
    "Set PREMAI_API_KEY to use Prem Studio, or --endpoint URL."
)


def bundle_of_outcome(outcome: Outcome, *, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the MIME bundle of a finished cell; the same outcome gives the same bytes."""
    response = outcome.response
    if response is None:
        raise ValueError("nothing arrived, so there is nothing to show")
    return bundle_of_response(
        response,
        notes=notes,
        follows=outcome.place.parent,
        system=outcome.question.system,
        data=_data(outcome),
    )


def bundle_of_response(
    response: ChatResponse,
    *,
    notes: tuple[str, ...] = (),
    follows: Turn | None = None,
    system: str | None = None,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the MIME bundle of a response, with the turn it follows and the system message it set."""
    from jupyter_prem.display import bundle

    footer = [response.model] if response.model else []
    if response.usage is not None:
        footer.append(f"{response.usage.prompt_tokens} + {response.usage.completion_tokens} tokens")
    if follows is not None:
        footer.append(f"follows \u201c{beginning(follows.title)}\u201d")
    if system is not None:
        footer.append(f"system “{beginning(system)}”" if system else "no system message any more")
    return bundle(
        response.text,
        footer=footer,
        notes=(*response.notes, *notes),
        reasoning=response.reasoning,
        refusal=response.refusal,
        badge=_badge(response),
        data=data,
    )


def beginning(text: str) -> str:
    """Return a question's first words: they name its cell alike today and on replay, its number does not."""
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else line[:_QUOTED].rsplit(" ", 1)[0] + " …"


def metadata_of(response: ChatResponse, cells: Iterable[Cell] = ()) -> dict[str, Any]:
    """Return what varies from run to run, for the output's metadata, which nbval skips.

    `cells` are those that the answer stands in, so that a resumed cell knows its own.
    """
    from importlib.metadata import version

    return {
        "jupyter_prem": {
            "version": version("jupyter_prem"),
            "id": response.id,
            "created": response.created,
            "latency": round(response.latency, 3),
            "finished": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "cells": [cell.id for cell in cells if cell.id is not None],
        }
    }


def _badge(response: ChatResponse) -> str:
    if response.interrupted:
        return "interrupted"
    reasons = {
        None: "",
        "stop": "",
        "length": "cut at the token limit",
        "content_filter": "cut by the service's content filter",
    }
    return reasons.get(response.finish_reason, response.finish_reason or "")


def _data(outcome: Outcome) -> dict[str, Any]:
    response, turn = outcome.response, outcome.turn
    answer = response.message if response is not None else None
    question = outcome.request.messages[-1]
    return _saved(
        conversation=outcome.conversation,
        parent=outcome.place.parent,
        system=outcome.place.system,
        system_given=outcome.place.system_given,
        window=outcome.place.window,
        messages=turn.messages if turn is not None else (question, *([answer] if answer else [])),
        body=outcome.request.body(),
        response=response,
        turn=turn.hash if turn is not None else None,
    )


def data_of_turn(turn: Turn, conversation: str) -> dict[str, Any]:
    """Return what the cell of a turn would have saved."""
    sent = turn.response.body if turn.response is not None else None
    body = sent.whole() if isinstance(sent, SentBody) else Body((), {})
    body = Body(
        body.messages, {name: value for name, value in body.fields.items() if name != "stream_options"}
    )
    return _saved(
        conversation=conversation,
        parent=turn.parent,
        system=turn.system,
        system_given=turn.system_given,
        window=sent.window if isinstance(sent, SentBody) else None,
        messages=turn.messages,
        body=body,
        response=turn.response,
        turn=turn.hash,
    )


def _saved(
    *,
    conversation: str,
    parent: Turn | None,
    system: str,
    system_given: bool,
    window: int | None,
    messages: tuple[Message, ...],
    body: Body,
    response: ChatResponse | None,
    turn: str | None,
) -> dict[str, Any]:
    """Return what a later session needs to take the turn up again: this turn's own, never a key."""
    fields = {name: value for name, value in body.fields.items() if name != "stream"}
    appended = {"appended": True} if response is None and turn is not None else {}
    return {
        "format": FORMAT,
        **appended,
        "conversation": conversation or None,
        "parent": parent.hash if parent is not None else None,
        "turn": turn,
        "body": body_hash(Body(body.messages, fields)),
        "fields": fields,
        "window": window,
        "system": system or None,
        "system_given": system_given,
        "messages": [message.to_dict() for message in messages],
        "model": response.model if response is not None else None,
        "finish_reason": response.finish_reason if response is not None else None,
        "interrupted": response.interrupted if response is not None else True,
        "usage": response.usage.to_dict() if response is not None and response.usage is not None else None,
        "system_fingerprint": response.system_fingerprint if response is not None else None,
    }
