"""Who answers, as whoever asks sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ._cancel import Cancel
    from ._request import ChatRequest
    from ._stream import AsyncChatStream, ChatStream

__all__ = ["AsyncBackend", "Backend", "Status"]

Status = Callable[[str, "float | None"], None]
"""Called with what is waited for, and how much of it is done; with nothing once it is the answer itself."""


class Backend(Protocol):
    """Who answers: a service, or recordings of one."""

    def default_model(self, cancel: Cancel | None = None) -> str:
        """Return the model that a request without one goes to."""
        ...

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        ...

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        status: Status | None = None,
    ) -> ChatStream:
        """Send a request and return its answer on the way; `status` is told what is waited for."""
        ...


class AsyncBackend(Protocol):
    """Who answers a running loop."""

    async def default_model(self) -> str:
        """Return the model that a request without one goes to."""
        ...

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        ...

    async def send(self, request: ChatRequest, *, status: Status | None = None) -> AsyncChatStream:
        """Send a request and return its answer on the way; `status` is told what is waited for."""
        ...
