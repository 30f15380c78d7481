"""Asking recorded questions again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_prem.client import Options
from jupyter_prem.records import endpoint_name

from ._client import ClientPool
from ._resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from jupyter_prem.client import ChatRequest, ChatResponse
    from jupyter_prem.records import Record

__all__ = ["asking_again"]


@contextmanager
def asking_again(
    options: Options | None = None, *, endpoint: str | None = None, allow_http_hosts: Collection[str] = ()
) -> Iterator[Callable[[Record, ChatRequest], ChatResponse]]:
    """Give a function that asks whoever answered a recording, live, whatever recordings hold.

    A file may name any address: a key goes to Prem Studio and to the endpoint that is set, no further, and
    that of a login or of the keyring to none but its own host.

    Args:
        options: How it is asked.
        endpoint: The endpoint that is set; None is what the environment names.
        allow_http_hosts: Hosts to which a key may go over plain http, besides loopback.
    """
    pool = ClientPool()
    own = endpoint_name(resolve(endpoint, allow_http_hosts=allow_http_hosts).endpoint)

    def ask(record: Record, request: ChatRequest) -> ChatResponse:
        trusted = record.endpoint in {own, "prem", "embedded"}
        resolved = resolve(record.endpoint, keyless=not trusted, allow_http_hosts=allow_http_hosts)
        client = pool.get(resolved.endpoint, options or Options())
        with client.live.send(request) as stream:
            for _ in stream:
                pass
            return stream.response

    try:
        yield ask
    finally:
        pool.close()
