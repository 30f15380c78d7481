"""The endpoint of the contract over one engine: `jupyter prem serve` and the kernel's child are this."""

from __future__ import annotations

import hmac
import json
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from jupyter_prem.client import ChatRequest, RequestError

from ._answer import Answer, Slot
from ._engine import SEED_MAXIMUM
from ._tools import check_choice

if TYPE_CHECKING:
    import socket

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._engine import Engine

__all__ = ["BODY_LIMIT", "create_app", "serve_in_thread"]

BODY_LIMIT: Final = 8 << 20
"""Largest request body in bytes; the model's whole context is about 32 kB."""

_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def create_app(engine: Engine, *, key: str | None = None) -> ASGIApp:
    """Return the endpoint: `POST /api/v1/chat/completions` and `GET /api/v1/models`.

    Args:
        engine: Who answers, one request at a time.
        key: What a client must send as a bearer token; None takes any, or none.
    """
    slot = Slot(engine)

    async def completions(request: Request) -> Response:
        body = _checked(_parsed(await _read(request)))
        if not engine.knows(body["model"]):
            raise _Refusal(
                404,
                f"The model {body['model']!r} is not here; there is {engine.model_id}.",
                param="model",
                code="model_not_found",
            )
        return Answer(slot, body)

    async def models(_: Request) -> Response:
        entry = {"id": engine.model_id, "created": engine.created, "object": "model", "owned_by": "embedded"}
        return JSONResponse({"object": "list", "data": [entry]})

    app = Starlette(
        routes=[
            Route("/api/v1/chat/completions", completions, methods=["POST"]),
            Route("/api/v1/models", models, methods=["GET"]),
        ],
        exception_handlers={_Refusal: _refused, HTTPException: _http_error, Exception: _failed},
    )
    return _Guard(app, key)


def serve_in_thread(app: ASGIApp, listener: socket.socket) -> threading.Thread:
    """Serve `app` on a listening socket in a daemon thread, silently; return the thread.

    Signals stay the caller's; the process is to end with `os._exit`.
    """
    config = uvicorn.Config(
        app, http="h11", loop="asyncio", ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="jupyter_prem serve", daemon=True)
    thread.start()
    return thread


class _Refusal(Exception):
    """A request that is answered with an error body."""

    def __init__(self, status: int, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param

    def response(self) -> JSONResponse:
        kind = "authentication_error" if self.status == 401 else "invalid_request_error"  # noqa: PLR2004 - HTTP
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return JSONResponse({"error": error}, self.status)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, _Refusal)  # noqa: S101 - how Starlette types its handlers
    return error.response()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    message = f"{request.method} {request.url.path}: {error.detail}."
    return _Refusal(error.status_code, message, code="unknown_path").response()


async def _failed(_: Request, error: Exception) -> Response:
    message = f"The embedded model's server failed: {type(error).__name__}: {error}"
    body = {"message": message, "type": "server_error", "param": None, "code": "server_error"}
    return JSONResponse({"error": body}, 500)


async def _read(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise _Refusal(413, f"The body is larger than {BODY_LIMIT >> 20} MB.", code="body_too_large")
        parts.append(part)
    return b"".join(parts)


def _parsed(data: bytes) -> Any:
    """Return the JSON of a body.

    Raises:
        _Refusal: It is no JSON of RFC 8259 in UTF-8.
    """
    try:
        return json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _Refusal(400, f"The body is no JSON: {reason}.", code="invalid_json") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _checked(body: Any) -> dict[str, Any]:
    """Return the contract's fields of a body; others are ignored.

    `max_tokens`, which OpenAI's older clients send, counts as `max_completion_tokens`.

    Raises:
        _Refusal: A field is missing, of another type, or out of its range.
    """
    if isinstance(body, dict) and "max_tokens" in body:
        body = {"max_completion_tokens": body["max_tokens"], **body}
    try:
        fields = ChatRequest.from_body(body, ignore_unknown=True).to_body()
        seed = fields.get("seed", 0)
        if not 0 <= seed <= SEED_MAXIMUM:
            raise RequestError(
                "seed", seed, f"must be between 0 and {SEED_MAXIMUM} here; any other means another or none"
            )
        _check_text(fields)
        check_choice(fields)
    except RequestError as error:
        message = str(error).removesuffix(".")
        raise _Refusal(422, message, param=error.field, code="invalid_value") from None
    return fields


def _check_text(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise RequestError(name, value, "holds half of a surrogate pair, which is no text") from None


class _Guard:
    """Lets in who asks for this machine, from no foreign web page, and with the key.

    The host is checked against DNS rebinding, the origin because a page may post without being asked.
    """

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._bearer = None if key is None else f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        await (self._app if refusal is None else refusal.response())(scope, receive, send)

    def _refusal(self, headers: Headers) -> _Refusal | None:
        if _hostname(f"//{headers.get('host', '')}") not in _LOCAL:
            return _Refusal(400, "The Host header names another machine than this.", code="invalid_host")
        origin = headers.get("origin")
        if origin is not None and _hostname(origin) not in _LOCAL:
            return _Refusal(403, f"The web page {origin} may not ask here.", code="invalid_origin")
        sent = headers.get("authorization", "").encode()
        if self._bearer is not None and not hmac.compare_digest(sent, self._bearer):
            return _Refusal(401, "The API key is missing or wrong.", code="invalid_api_key")
        return None


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
