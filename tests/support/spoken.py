"""A text said in the way that a request asks for: chat completions or responses, streamed or whole."""

from __future__ import annotations

import json
from typing import Any

from loopback import DONE, USAGE, Reply, Request, as_json, chunk, completion, event

COUNTS = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}


def prompt_of(request: Request) -> str:
    """Return the last thing said in a question."""
    return said_in(request)[-1]


def said_in(request: Request) -> list[str]:
    """Return what each message of a question says."""
    body = request.body
    given = body["messages"] if "messages" in body else body["input"]
    messages = [{"content": given}] if isinstance(given, str) else given
    return [_text(message.get("content") or "") for message in messages]


def streams(request: Request) -> bool:
    return bool(request.body.get("stream"))


def events(request: Request, texts: list[str]) -> list[bytes]:
    """Return the events of a stream, one delta for each text, and those that end it."""
    if request.path.endswith("/responses"):
        return _responses(texts)
    said = [event(chunk(text)) for text in texts]
    counted = (request.body.get("stream_options") or {}).get("include_usage")
    usage = [event({**chunk(), "choices": [], "usage": USAGE})] if counted else []
    return [*said, event(chunk(finish_reason="stop")), *usage, DONE]


def whole(request: Request, text: str) -> dict[str, Any]:
    """Return the body of an answer that is not streamed."""
    return _response(text) if request.path.endswith("/responses") else completion(text)


def said(request: Request, *texts: str) -> Reply:
    """Return the answer, in a delta for each text where a stream is asked for."""
    if streams(request):
        return Reply(events(request, list(texts)))
    return as_json(whole(request, "".join(texts)))


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _responses(texts: list[str]) -> list[bytes]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": _response("") | {"status": "in_progress", "output": []}}),
        *(("response.output_text.delta", {**place, "delta": text, "logprobs": []}) for text in texts),
        ("response.completed", {"response": _response("".join(texts))}),
    ]
    return [
        f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': number, **more})}\n\n".encode()
        for number, (kind, more) in enumerate(kinds)
    ]


def _response(text: str) -> dict[str, Any]:
    said = {"type": "output_text", "text": text, "annotations": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [said],
    }
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "loopback-1",
        "status": "completed",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {**COUNTS, **details},
    }
