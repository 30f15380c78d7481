"""Replies that are no answer: statuses and bodies, each to its named error in the service's own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from ._decode import Reader, names_of, parse_json, quoted, words_of
from ._errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContextWindowExceededError,
    EmptyResponse,
    InternalServerError,
    MalformedStream,
    NotAnAPI,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RedirectRefused,
    ResponseError,
    UnprocessableEntityError,
)
from ._keys import scrub
from ._page import is_page, page_words
from ._retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._address import Address

__all__ = [
    "ERROR_LIMIT",
    "ERROR_WITHIN",
    "Head",
    "json_body",
    "names_context_window",
    "status_error",
    "succeeded",
]

_PROXY, _TOO_LARGE = 407, 413
ERROR_LIMIT: Final = 100_000
"""Bytes of an error's body that are read."""

ERROR_WITHIN: Final = 5.0
"""Seconds for which the rest of an error's body is waited for."""

_BY_STATUS: Final[dict[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}

# How OpenAI, vLLM, llama.cpp, TGI, Mistral, Anthropic's and Google's gateways say it.
_FULL = re.compile(
    r"context_length_exceeded|exceed_context_size|context[ _-](?:length|window|size)"
    r"|maximum (?:prompt|input|sequence|context) length|reduce the length of the (?:messages|prompt|input)"
    r"|(?:prompt|input|request|messages?) (?:is|are) too long|too many (?:input |prompt )?tokens"
    r"|input token count"
    r"|inputs? ?`? ?tokens? \+ `?max_new_tokens",
    re.IGNORECASE,
)


class Head(Protocol):
    """What a reply says before its body; names of headers are looked up in lower case."""

    @property
    def status_code(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""
        ...


def names_context_window(words: str) -> bool:
    """Whether a service's words say that the messages do not fit into the model's context window."""
    return bool(_FULL.search(words))


def json_body(data: bytes, reply: Head, address: Address, reader: Reader | None = None) -> Any:
    """Return what a body's JSON says.

    Raises:
        EmptyResponse: There is none.
        NotAnAPI: It is something else than JSON.
        ProtocolError: It is cut off.
        MalformedStream: It is damaged JSON.
    """
    if not data.strip():
        raise EmptyResponse("The service answered with nothing.", where=f"at {address.host}")
    try:
        return (reader or Reader()).parse(data)
    except MalformedStream as error:
        raise _no_json(data, reply, address, error) from None


def _no_json(data: bytes, reply: Head, address: Address, error: MalformedStream) -> ResponseError:
    where = f"at {address.host}"
    text = data[:ERROR_LIMIT].decode("utf-8", "replace")
    words = quoted(scrub(page_words(text) if is_page(text) else text, address.api_key))
    if data.lstrip()[:1] == b"{":
        if data.rstrip()[-1:] != b"}":
            return ProtocolError("The service's answer is cut off in the middle.", where=where, detail=words)
        return MalformedStream(error.what.replace("an event", "an answer"), where=where, detail=words)
    page = "html" in reply.headers.get("content-type", "") or is_page(text)
    return NotAnAPI(
        "A web page answered, not the API." if page else "The service's answer is no JSON.",
        where=where,
        hint="Check the address (%prem status); a proxy may want a login first.",
        detail=words,
    )


def succeeded(status: int) -> bool:
    """Whether a status is a success (RFC 9110 section 15)."""
    return 200 <= status < 300  # noqa: PLR2004 - the section's classes


def status_error(reply: Head, body: bytes, address: Address, size: int = 0) -> APIStatusError:
    """Return the named error of a status that is no success, in the service's own words.

    Args:
        reply: What has the status.
        body: What came of its body.
        address: Who answered.
        size: How many bytes it was sent.
    """
    status = reply.status_code
    data = body[:ERROR_LIMIT]
    request_id = quoted(scrub(reply.headers.get("x-request-id", ""), address.api_key))
    where = f"at {address.host}" + (f", request {request_id}" if request_id else "")
    said: Any = None
    try:
        said = parse_json(data) if data.strip() else ""
        words = words_of(said)
    except MalformedStream:
        words = data.decode("utf-8", "replace")
        words = page_words(words) if is_page(words) else words
    kind_named, code = names_of(said)
    detail = quoted(scrub(words, address.api_key))
    what = f"The service answered {status}."
    kind = _kind(status, f"{words} {data[:2000].decode('utf-8', 'replace')}")
    if kind is RedirectRefused:
        target = quoted(scrub(reply.headers.get("location", "elsewhere"), address.api_key))
        what, detail = f"The service answered {status} and points to {target}; no question is sent on.", ""
    if kind is ContextWindowExceededError:
        what = (
            f"The conversation does not fit into the model's context window; the service answered {status}."
        )
    if status == _TOO_LARGE and kind is APIStatusError:
        what = f"The service answered {status}: the question of {size:,} bytes is too large for it."
    hint = ""
    if status == _PROXY:
        what = "The proxy wants a login first; it answered 407."
        hint = "Set HTTPS_PROXY to http://user:password@host:port, or name the host in NO_PROXY."
    return kind(
        what,
        status_code=status,
        request_id=request_id,
        code=quoted(scrub(code or kind_named, address.api_key)),
        retry_after=retry_after(reply.headers),
        should_retry={"true": True, "false": False}.get(reply.headers.get("x-should-retry", "").lower()),
        where=where,
        hint=hint,
        detail=detail,
    )


def _kind(status: int, words: str) -> type[APIStatusError]:
    if status < 400:  # noqa: PLR2004 - RFC 9110 section 15
        return RedirectRefused
    if status in {400, 413, 422, 500} and names_context_window(words):
        return ContextWindowExceededError
    if status >= 500:  # noqa: PLR2004 - RFC 9110 section 15
        return InternalServerError
    return _BY_STATUS.get(status, APIStatusError)
