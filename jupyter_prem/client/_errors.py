"""The error tree.

::

    PremError
    ├── ConfigurationError          endpoint, key or setting: nothing was sent
    │   ├── InvalidKeyError
    │   └── SchemaError             an object that can be no schema, or no tool
    ├── RequestError                a field out of its range: nothing was sent
    ├── Interrupted                 stopped by the person who asked
    └── APIError                    the service, or the way to it
        ├── APIConnectionError      no answer began
        │   └── APITimeoutError
        ├── APIStatusError          an answer with a status that is no success
        │   ├── BadRequestError             400
        │   │   └── ContextWindowExceededError  the messages do not fit
        │   ├── AuthenticationError         401
        │   ├── PermissionDeniedError       403
        │   ├── NotFoundError               404
        │   ├── ConflictError               409
        │   ├── UnprocessableEntityError    422
        │   ├── RateLimitError              429
        │   ├── InternalServerError         5xx
        │   └── RedirectRefused             3xx
        └── ResponseError           a success that is no whole answer
            ├── APIStreamError      the service reported an error in the stream
            ├── EmptyResponse
            ├── IncompleteStream    ended with neither a finish reason nor [DONE]
            ├── LimitExceeded
            ├── MalformedStream
            ├── NotAnAPI            a web page, a proxy's login, another protocol
            ├── StreamInterrupted   the connection broke in the middle
            │   ├── IdleTimeout         the service fell silent
            │   ├── DeadlineExceeded    the answer took longer than it may in all
            │   └── ProtocolError       what came is not what HTTP says it is
            ├── StructuredOutputError   no JSON, or JSON that does not fit the schema
            └── ToolRoundsError     the model asks for more calls than it may

Names follow the official SDKs where they have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from ._response import ChatResponse

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APIStreamError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "ContextWindowExceededError",
    "DeadlineExceeded",
    "EmptyResponse",
    "IdleTimeout",
    "IncompleteStream",
    "InternalServerError",
    "Interrupted",
    "InvalidKeyError",
    "LimitExceeded",
    "MalformedStream",
    "NotAnAPI",
    "NotFoundError",
    "PermissionDeniedError",
    "PremError",
    "ProtocolError",
    "RateLimitError",
    "RedirectRefused",
    "RequestError",
    "ResponseError",
    "SchemaError",
    "StreamInterrupted",
    "StructuredOutputError",
    "ToolRoundsError",
    "UnprocessableEntityError",
]


class PremError(Exception):
    """Base of every error of this package.

    Args:
        what: One line: what happened. `where`: one line: at which host, request, file or option.
        hint: One line: what to do next.
        detail: Words quoted from elsewhere, at most 20 lines of which a page shows.
        response: What had arrived of the answer when it failed, if anything.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        hint: str = "",
        detail: str = "",
        response: ChatResponse | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.detail = detail
        self.response = response

    def __str__(self) -> str:
        return "\n".join(line for line in (self.what, self.where, self.hint, self.detail) if line)

    def __reduce__(self) -> tuple[object, ...]:
        state = {name: value for name, value in vars(self).items() if not callable(value)}
        return _restored, (type(self), self.args, state)

    @property
    def partial(self) -> str:
        """The text that had arrived when it failed; empty if none had."""
        return self.response.text if self.response is not None else ""


class ConfigurationError(PremError):
    """An endpoint, key or setting that cannot work; nothing was sent."""


class InvalidKeyError(ConfigurationError):
    """An API key that no header can carry; the text shows none of it.

    IPython is given its lines, because a verbose traceback would show the frames that read the key.
    """

    def _render_traceback_(self) -> list[str]:
        return f"{type(self).__name__}: {self}".split("\n")


class SchemaError(ConfigurationError):
    """An object that can be no schema of an answer, or no tool; nothing was sent."""


class RequestError(PremError, ValueError):
    """A field of a request that the API does not take; nothing was sent.

    Args:
        field: Name of the field on the wire.
        value: The refused value.
        reason: What the field takes, such as "must be between 0 and 2".
    """

    def __init__(self, field: str, value: object, reason: str) -> None:
        shown = repr(value)
        if len(shown) > 60:  # noqa: PLR2004 - an error line stays a line
            shown = f"{shown[:57]}..."
        super().__init__(f"{field} is {shown}: {reason}.")
        self.field = field
        self.value = value
        self.reason = reason


class Interrupted(PremError):
    """The person who asked stopped the answer; what had arrived is kept."""


class APIError(PremError):
    """The service, or the way to it, failed."""


class APIConnectionError(APIError):
    """No answer began: name not found, connection refused, TLS failed.

    Args:
        again: Whether to ask again may help, and cannot be billed twice.
        dropped: Whether there was a connection: one that had waited may have been closed meanwhile.
        what: See PremError, as for the other arguments.
    """

    def __init__(
        self,
        what: str,
        *,
        again: bool = False,
        dropped: bool = False,
        where: str = "",
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(what, where=where, hint=hint, detail=detail)
        self.again = again
        self.dropped = dropped


class APITimeoutError(APIConnectionError):
    """The service stayed silent for longer than the timeout."""


class APIStatusError(APIError):
    """The service answered with a status that is no success.

    Args:
        status_code: HTTP status.
        request_id: The service's own id of the request, where it sent one.
        code: What the service calls it, where it says so.
        retry_after: Seconds after which to ask again, where the service said so.
        should_retry: Whether to ask again, where the service said so.
        what: See PremError, as for the other arguments.
    """

    fixed_hint: ClassVar[str] = ""

    def __init__(
        self,
        what: str,
        *,
        status_code: int,
        request_id: str = "",
        code: str = "",
        retry_after: float | None = None,
        should_retry: bool | None = None,
        where: str = "",
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(what, where=where, hint=hint or self.fixed_hint, detail=detail)
        self.code = code
        self.status_code = status_code
        self.request_id = request_id
        self.retry_after = retry_after
        self.should_retry = should_retry


class BadRequestError(APIStatusError):
    """400."""


class ContextWindowExceededError(BadRequestError):
    """The messages do not fit into the model's context window; 400 as a rule, 413, 422 or 500 of some."""

    fixed_hint = "Send fewer exchanges (--window N), or start afresh (--new, %prem reset); nothing is lost."


class AuthenticationError(APIStatusError):
    """401."""

    fixed_hint = "Give the key to %prem login, or set PREMAI_API_KEY where the kernel starts, and ask again."


class PermissionDeniedError(APIStatusError):
    """403."""

    fixed_hint = "The key is valid but not allowed to do this; check its project and the model's access."


class NotFoundError(APIStatusError):
    """404."""

    fixed_hint = "%prem models lists the models of this service; %prem status shows its address."


class ConflictError(APIStatusError):
    """409."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429."""

    fixed_hint = "Wait a moment and ask again, or check the plan's limits."


class InternalServerError(APIStatusError):
    """5xx."""

    fixed_hint = "The service failed; ask again in a moment."


class RedirectRefused(APIStatusError):
    """3xx: a question is never sent on to where a redirect points."""

    fixed_hint = "Set the endpoint to the final address yourself if you trust it."


class ResponseError(APIError):
    """A success that is no whole answer."""


class APIStreamError(ResponseError):
    """The service reported an error in its stream; `type` and `code` are its own, and may be empty."""

    def __init__(self, what: str, *, type: str = "", code: str = "", detail: str = "") -> None:  # noqa: A002 - the field's name
        super().__init__(what, detail=detail)
        self.type = type
        self.code = code


class EmptyResponse(ResponseError):
    """A success without a body."""


class IncompleteStream(ResponseError):
    """The stream ended with neither a finish reason nor [DONE]."""


class LimitExceeded(ResponseError):
    """A line, an event or a body larger than any answer."""


class MalformedStream(ResponseError):
    """An event that is no JSON of the contract."""


class NotAnAPI(ResponseError):
    """A web page, a proxy's login or another protocol answered."""


class StreamInterrupted(ResponseError):
    """The connection broke in the middle of the answer."""


class IdleTimeout(StreamInterrupted):
    """The service fell silent in the middle of its answer, or sent only what keeps a connection alive."""


class DeadlineExceeded(StreamInterrupted):
    """The answer was not whole when its time was over."""


class ProtocolError(StreamInterrupted):
    """What came is not what HTTP or its headers say: another length, a damaged compression."""


class StructuredOutputError(ResponseError):
    """A whole answer that is no JSON, or that does not fit the schema it was asked for.

    Args:
        path: Where in the data it does not fit, as JSONPath; empty where it is no JSON.
        line: Line of the text, from 1.
        column: Column of the line, from 1.
        what: See PremError, as for the other arguments.
    """

    def __init__(
        self, what: str, *, path: str = "", line: int = 1, column: int = 1, hint: str = "", detail: str = ""
    ) -> None:
        super().__init__(what, hint=hint, detail=detail)
        self.path = path
        self.line = line
        self.column = column


class ToolRoundsError(ResponseError):
    """The model asks for calls after as many rounds of them as it may have; every call is answered."""


def _restored(kind: type[PremError], args: tuple[object, ...], state: dict[str, object]) -> PremError:
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error
