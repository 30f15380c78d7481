"""Who answers, as whoever asks sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._cancel import Cancel
    from ._request import ChatRequest
    from ._stream import AsyncChatStream, ChatStream

__all__ = ["AsyncBackend", "Backend"]


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
        progress: Callable[[int, int], None] | None = None,
    ) -> ChatStream:
        """Send a request and return its answer on the way."""
        ...


class AsyncBackend(Protocol):
    """Who answers a running loop."""

    async def default_model(self) -> str:
        """Return the model that a request without one goes to."""
        ...

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        ...

    async def send(
        self, request: ChatRequest, *, progress: Callable[[int, int], None] | None = None
    ) -> AsyncChatStream:
        """Send a request and return its answer on the way."""
        ...
