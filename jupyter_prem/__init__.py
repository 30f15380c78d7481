"""Chat with Prem Studio, or any endpoint of the same contract, from a notebook.

`%load_ext jupyter_prem` gives `%%chat`; `Client`, `AsyncClient` ask from Python; `ChatPanel` is the widget.
Importing this package does nothing else: each name is imported when it is first used.

PYTEST_DONT_REWRITE: its plugin asserts nothing, and may be imported before pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .backends import AsyncClient, Client, EmbeddedError, MissingExtraError, WeightsError
    from .client import (
        APIConnectionError,
        APIError,
        APIStatusError,
        APIStreamError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ChatResponse,
        ConfigurationError,
        ConflictError,
        ContextWindowExceededError,
        IncompleteStream,
        InternalServerError,
        Interrupted,
        Message,
        NotFoundError,
        PermissionDeniedError,
        PremError,
        RateLimitError,
        RequestError,
        SchemaError,
        StreamInterrupted,
        StructuredOutputError,
        ToolRoundsError,
        UnprocessableEntityError,
        Usage,
    )
    from .conversation import (
        Conversation,
        ConversationBusyError,
        ConversationError,
        ConversationFileError,
        TemplateError,
    )
    from .experiments import PlanError, Runs, RunsError, SweepInterrupted, sweep
    from .panel import ChatPanel
    from .records import CassetteError, MissingRecordingError, record

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APIStreamError",
    "APITimeoutError",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "CassetteError",
    "ChatPanel",
    "ChatResponse",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "ContextWindowExceededError",
    "Conversation",
    "ConversationBusyError",
    "ConversationError",
    "ConversationFileError",
    "EmbeddedError",
    "IncompleteStream",
    "InternalServerError",
    "Interrupted",
    "Message",
    "MissingExtraError",
    "MissingRecordingError",
    "NotFoundError",
    "PermissionDeniedError",
    "PlanError",
    "PremError",
    "RateLimitError",
    "RequestError",
    "Runs",
    "RunsError",
    "SchemaError",
    "StreamInterrupted",
    "StructuredOutputError",
    "SweepInterrupted",
    "TemplateError",
    "ToolRoundsError",
    "UnprocessableEntityError",
    "Usage",
    "WeightsError",
    "record",
    "sweep",
]

_ROOMS = {
    "AsyncClient": "backends",
    "CassetteError": "records",
    "ChatPanel": "panel",
    "Client": "backends",
    "Conversation": "conversation",
    "ConversationBusyError": "conversation",
    "ConversationError": "conversation",
    "ConversationFileError": "conversation",
    "EmbeddedError": "backends",
    "MissingExtraError": "backends",
    "MissingRecordingError": "records",
    "PlanError": "experiments",
    "Runs": "experiments",
    "RunsError": "experiments",
    "SweepInterrupted": "experiments",
    "TemplateError": "conversation",
    "WeightsError": "backends",
    "record": "records",
    "sweep": "experiments",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_ROOMS.get(name, 'client')}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; `%load_ext jupyter_prem` calls it."""
    from .notebook import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics back; `%unload_ext jupyter_prem` calls it."""
    from .notebook import unload

    unload(shell)
