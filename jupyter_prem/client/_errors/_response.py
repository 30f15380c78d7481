"""A success that is no whole answer."""

from __future__ import annotations

from ._base import APIError

__all__ = [
    "APIStreamError",
    "DeadlineExceeded",
    "EmptyResponse",
    "IdleTimeout",
    "IncompleteStream",
    "LimitExceeded",
    "MalformedStream",
    "NotAnAPI",
    "ProtocolError",
    "ResponseError",
    "StreamInterrupted",
    "StructuredOutputError",
    "ToolRoundsError",
]


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
