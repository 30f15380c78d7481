"""Asking recorded questions again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_prem.client import DEFAULT_TIMEOUT

from ._client import ClientPool
from ._resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_prem.client import ChatRequest, ChatResponse
    from jupyter_prem.records import Record

__all__ = ["asking_again"]


@contextmanager
def asking_again(timeout: float = DEFAULT_TIMEOUT) -> Iterator[Callable[[Record, ChatRequest], ChatResponse]]:
    """Give a function that asks whoever answered a recording, live, whatever recordings hold.

    Args:
        timeout: Seconds of silence after which a service counts as lost.
    """
    pool = ClientPool()

    def ask(record: Record, request: ChatRequest) -> ChatResponse:
        client = pool.get(resolve(record.endpoint).endpoint, timeout=timeout, stream_usage="auto")
        with client.send(request) as stream:
            for _ in stream:
                pass
            return stream.response

    try:
        yield ask
    finally:
        pool.close()
