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

from ._base import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    ConfigurationError,
    Interrupted,
    InvalidKeyError,
    PremError,
    RequestError,
    SchemaError,
)
from ._response import (
    APIStreamError,
    DeadlineExceeded,
    EmptyResponse,
    IdleTimeout,
    IncompleteStream,
    LimitExceeded,
    MalformedStream,
    NotAnAPI,
    ProtocolError,
    ResponseError,
    StreamInterrupted,
    StructuredOutputError,
    ToolRoundsError,
)
from ._status import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RedirectRefused,
    UnprocessableEntityError,
)

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
