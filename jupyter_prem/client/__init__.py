"""The service, and nothing of Jupyter: requests, replies, the wire and its errors.

`BaseClient` and `AsyncBaseClient` are the doors; importing this package does not import httpx.
"""

from ._accumulator import Accumulator, response_of
from ._address import PREM_STUDIO, Address, Endpoint, FixedEndpoint, check_base_url, is_loopback
from ._async_client import AsyncBaseClient
from ._backend import AsyncBackend, Backend
from ._cancel import Cancel
from ._client import BaseClient
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
    SchemaError,
    StreamInterrupted,
    StructuredOutputError,
    ToolRoundsError,
    UnprocessableEntityError,
)
from ._fields import FIELDS, NUMBER_RANGES, check_field
from ._keys import Key, scrub
from ._request import UNSET, Body, ChatRequest, Message, Messages, ToolCall, Unset, as_messages
from ._response import ChatResponse, Choice, Delta, Model, Usage
from ._service import DEFAULT_TIMEOUT, StreamUsage
from ._sse import Event, EventDecoder
from ._stream import AsyncChatStream, AsyncSource, ChatStream, Source, Watcher
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
    "AsyncBackend",
    "AsyncBaseClient",
    "AsyncChatStream",
    "AsyncSource",
    "AuthenticationError",
    "Backend",
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
    "SchemaError",
    "Source",
    "StreamInterrupted",
    "StreamUsage",
    "StructuredOutputError",
    "ToolCall",
    "ToolRoundsError",
    "UnprocessableEntityError",
    "Unset",
    "Usage",
    "Watcher",
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
