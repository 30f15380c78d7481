"""What a service may do with a key that it was asked with: every error that tells it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from canary import CANARY, FORMS
from loopback import DONE, Reply, Request, answer, as_json, chunk, event


@dataclass(frozen=True)
class Echo:
    """A reply that tells the key back, and the error that comes of it."""

    reply: Callable[[Request], Reply]
    ename: str
    words: str = "[key]"


def _error(message: str, status: int = 401, **headers: str) -> Callable[[Request], Reply]:
    return lambda _: as_json({"error": {"message": message}}, status, **headers)


def _stream(*pieces: bytes, **settings: str) -> Callable[[Request], Reply]:
    return lambda _: Reply([event(chunk("par")), *pieces], **settings)


ECHOES = {
    f"error_{form}": Echo(_error(f"Incorrect key: {write(CANARY)} end"), "AuthenticationError")
    for form, write in FORMS.items()
} | {
    "masked": Echo(_error(f"Incorrect key: {CANARY[:9]}***{CANARY[-4:]}"), "AuthenticationError"),
    "end_only": Echo(_error(f"Incorrect key: ...{CANARY[-9:]}"), "AuthenticationError"),
    "bearer": Echo(_error(f"Got Authorization: Bearer {CANARY}"), "AuthenticationError"),
    "status_400": Echo(_error(CANARY, 400), "BadRequestError"),
    "status_403": Echo(_error(CANARY, 403), "PermissionDeniedError"),
    "status_404": Echo(_error(CANARY, 404), "NotFoundError"),
    "status_409": Echo(_error(CANARY, 409), "ConflictError"),
    "status_429": Echo(_error(CANARY, 429, **{"retry-after": "0"}), "RateLimitError"),
    "status_500": Echo(_error(CANARY, 500), "InternalServerError"),
    "context_window": Echo(_error(f"context_length_exceeded {CANARY}", 400), "ContextWindowExceededError"),
    "validation": Echo(
        lambda _: as_json({"detail": [{"loc": ["header", CANARY], "msg": CANARY}]}, 422),
        "UnprocessableEntityError",
    ),
    "code_and_type": Echo(
        lambda _: as_json({"error": {"message": "m", "type": CANARY, "code": CANARY}}, 401),
        "AuthenticationError",
        "",
    ),
    "unnamed_fields": Echo(lambda _: as_json({"you": {"sent": CANARY}}, 401), "AuthenticationError"),
    "request_id": Echo(_error("no", 401, **{"x-request-id": CANARY}), "AuthenticationError"),
    "redirect": Echo(
        lambda _: Reply([b""], 307, {"location": f"https://example.org/?key={CANARY}"}), "RedirectRefused"
    ),
    "text_body": Echo(
        lambda _: Reply([f"no key {CANARY}".encode()], 401, {"content-type": "text/plain"}),
        "AuthenticationError",
    ),
    "utf16_body": Echo(
        lambda _: Reply([f"no key {CANARY}".encode("utf-16")], 401, {"content-type": "text/plain"}),
        "AuthenticationError",
    ),
    "page": Echo(
        lambda _: Reply([f"<html>Login {CANARY}</html>".encode()], 200, {"content-type": "text/html"}),
        "NotAnAPI",
    ),
    "no_json": Echo(
        lambda _: Reply([f"key={CANARY}".encode()], 200, {"content-type": "application/json"}), "NotAnAPI"
    ),
    "no_completion": Echo(lambda _: as_json({"headers": CANARY}), "NotAnAPI"),
    "whole_error": Echo(lambda _: as_json({"error": {"message": CANARY}}), "APIStreamError"),
    "stream_error": Echo(
        _stream(event({"error": {"message": CANARY, "type": CANARY, "code": CANARY}})), "APIStreamError"
    ),
    "stream_error_event": Echo(_stream(f"event: error\ndata: {CANARY}\n\n".encode()), "APIStreamError"),
    "malformed_event": Echo(_stream(f"data: {{{CANARY}\n\n".encode(), DONE), "MalformedStream"),
    "event_of_a_string": Echo(_stream(event(f'["{CANARY[:16]}"]'), DONE), "MalformedStream"),
    "comment": Echo(_stream(f": {CANARY}\n\n".encode(), end="cut"), "StreamInterrupted", ""),
    "unknown_event": Echo(
        _stream(f"event: {CANARY}\nid: {CANARY}\ndata: {{}}\n\n".encode()), "IncompleteStream", ""
    ),
    "header_and_reset": Echo(
        lambda _: Reply(
            [event(chunk("par"))], 200, {"content-type": "text/event-stream", "x-key": CANARY}, end="reset"
        ),
        "StreamInterrupted",
        "",
    ),
}

ANSWERS: dict[str, Callable[[Request], Reply]] = {
    "text": lambda _: Reply(answer(f"You are {CANARY}, I know.")),
    "text_over_deltas": lambda _: Reply(answer("You are ", *CANARY, ", I know.")),
    "start_of_the_key_at_the_end": lambda _: Reply(answer("You are ", CANARY[:12])),
    "reasoning": lambda _: Reply([event(chunk(None, reasoning_content=CANARY)), *answer("hi")]),
    "refusal": lambda _: Reply([event(chunk(None, refusal=CANARY)), *answer("")]),
    "model": lambda _: Reply([event({**chunk("hi", finish_reason="stop"), "model": CANARY}), DONE]),
    "id": lambda _: Reply([event({**chunk("hi", finish_reason="stop"), "id": CANARY}), DONE]),
    "system_fingerprint": lambda _: Reply(
        [event({**chunk("hi", finish_reason="stop"), "system_fingerprint": CANARY}), DONE]
    ),
    "finish_reason": lambda _: Reply([event(chunk("hi", finish_reason=CANARY)), DONE]),
}
"""Answers that hold the key itself."""
