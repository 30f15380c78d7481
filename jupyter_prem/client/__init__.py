"""The service, and nothing of Jupyter: requests, replies, the wire and its errors.

`BaseClient` is the door; importing this package does not import httpx.
"""

from ._accumulator import Accumulator, response_of
from ._address import PREM_STUDIO, Address, Endpoint, FixedEndpoint, check_base_url, is_loopback
from ._cancel import Cancel
from ._client import DEFAULT_TIMEOUT, BaseClient, StreamUsage
from ._decode import quoted
from ._errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APIStreamError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ContextWindowExceededError,
    EmptyResponse,
    IncompleteStream,
    InternalServerError,
    Interrupted,
    InvalidKeyError,
    LimitExceeded,
    MalformedStream,
    NotAnAPI,
    NotFoundError,
    PermissionDeniedError,
    PremError,
    RateLimitError,
    RedirectRefused,
    RequestError,
    ResponseError,
    StreamInterrupted,
    UnprocessableEntityError,
)
from ._fields import FIELDS, NUMBER_RANGES, check_field
from ._keys import Key, scrub
from ._request import UNSET, Body, ChatRequest, Message, Messages, ToolCall, Unset, as_messages
from ._response import ChatResponse, Choice, Delta, Model, Usage
from ._sse import Event, EventDecoder
from ._stream import ChatStream
from ._text import whole, whole_json

__all__ = [
    "DEFAULT_TIMEOUT",
    "FIELDS",
    "NUMBER_RANGES",
    "PREM_STUDIO",
    "UNSET",
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APIStreamError",
    "APITimeoutError",
    "Accumulator",
    "Address",
    "AuthenticationError",
    "BadRequestError",
    "BaseClient",
    "Body",
    "Cancel",
    "ChatRequest",
    "ChatResponse",
    "ChatStream",
    "Choice",
    "ConfigurationError",
    "ConflictError",
    "ContextWindowExceededError",
    "Delta",
    "EmptyResponse",
    "Endpoint",
    "Event",
    "EventDecoder",
    "FixedEndpoint",
    "IncompleteStream",
    "InternalServerError",
    "Interrupted",
    "InvalidKeyError",
    "Key",
    "LimitExceeded",
    "MalformedStream",
    "Message",
    "Messages",
    "Model",
    "NotAnAPI",
    "NotFoundError",
    "PermissionDeniedError",
    "PremError",
    "RateLimitError",
    "RedirectRefused",
    "RequestError",
    "ResponseError",
    "StreamInterrupted",
    "StreamUsage",
    "ToolCall",
    "UnprocessableEntityError",
    "Unset",
    "Usage",
    "as_messages",
    "check_base_url",
    "check_field",
    "is_loopback",
    "quoted",
    "response_of",
    "scrub",
    "whole",
    "whole_json",
]
