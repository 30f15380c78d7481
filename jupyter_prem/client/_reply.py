"""An answer that a service sends: from a reply's bytes to deltas, what is no answer to a named error.

The bytes are pushed, so that a thread and a running loop read the same answer in the same way.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from ._errors import APIStreamError, ContextWindowExceededError, PremError, StreamInterrupted
from ._formats import Formats
from ._keys import scrub
from ._status import names_context_window

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from ._accumulator import Accumulator
    from ._address import Address
    from ._http._async_reply import AsyncReply
    from ._http._wire import Reply
    from ._request import Body
    from ._response import Delta

__all__ = ["AsyncReplySource", "ReplySource"]

_DRAINED = 0.05  # seconds for what follows [DONE], so that the connection can be used again


class _Replied:
    """What is the same of an answer, whoever waits for it."""

    def __init__(self, address: Address, body: Body, *, strict: bool) -> None:
        self._address = address
        self._streamed = bool(body.fields.get("stream"))
        self._strict = strict

    def _formats(self, reply: Reply | AsyncReply, answer: Accumulator) -> Formats:
        return Formats(answer, reply, self._address, reply.pace, streamed=self._streamed, strict=self._strict)

    @staticmethod
    def _drained(body: Formats, reply: Reply | AsyncReply) -> bool:
        """Whether what follows does not count; it is read for a moment all the same."""
        if body.done:
            reply.pace.hurry(_DRAINED)
        return body.done

    def placed(self, error: PremError) -> PremError:
        """Return the error with the host, and without the key."""
        error.where = error.where or f"at {self._address.host}"
        if isinstance(error, APIStreamError) and names_context_window(
            f"{error.code} {error.type} {error.detail}"
        ):
            error.hint = error.hint or ContextWindowExceededError.fixed_hint
        for part in ("detail", "type", "code"):
            if hasattr(error, part):
                setattr(error, part, scrub(getattr(error, part), self._address.api_key))
        return error


class ReplySource(_Replied):
    """An answer as a service sends it."""

    def __init__(self, reply: Reply, address: Address, body: Body, *, strict: bool = False) -> None:
        super().__init__(address, body, strict=strict)
        self._reply = reply

    def deltas(self, answer: Accumulator) -> Iterator[Delta]:
        """Fill the answer, and yield what is new in it."""
        with self._reply:
            body, done = self._formats(self._reply, answer), False
            try:
                for chunk in self._reply.chunks():
                    if not done:
                        yield from body.feed(chunk)
                        done = self._drained(body, self._reply)
            except StreamInterrupted as error:
                if not done:
                    body.broke(error)
            if not done:
                yield from body.end()

    def close(self) -> None:
        """Free the connection."""
        self._reply.close()


class AsyncReplySource(_Replied):
    """An answer as a service sends it to a running loop."""

    def __init__(self, reply: AsyncReply, address: Address, body: Body, *, strict: bool = False) -> None:
        super().__init__(address, body, strict=strict)
        self._reply = reply

    async def deltas(self, answer: Accumulator) -> AsyncGenerator[Delta]:
        """Fill the answer, and yield what is new in it."""
        async with self._reply, aclosing(self._reply.chunks()) as chunks:
            body, done = self._formats(self._reply, answer), False
            try:
                async for chunk in chunks:
                    if done:
                        continue
                    for delta in body.feed(chunk):
                        yield delta
                    done = self._drained(body, self._reply)
            except StreamInterrupted as error:
                if not done:
                    body.broke(error)
            if not done:
                for delta in body.end():
                    yield delta

    async def aclose(self) -> None:
        """Free the connection."""
        await self._reply.aclose()
