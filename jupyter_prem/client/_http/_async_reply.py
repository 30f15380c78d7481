"""A reply to a running loop, as it arrives."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self

from jupyter_prem.client._body import Gathered
from jupyter_prem.client._errors import IdleTimeout
from jupyter_prem.client._unpack import unpacker

from ._faults import meant, translate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import httpx

    from jupyter_prem.client._address import Address
    from jupyter_prem.client._timeouts import Pace

    from ._rooms import Room, Sender

__all__ = ["AsyncReply"]


class AsyncReply:
    """A reply whose headers are there and whose body is still to come.

    A context manager: leaving it frees the connection, and closes it unless the body was read to its end.
    """

    def __init__(
        self,
        response: httpx.Response,
        address: Address,
        room: Room,
        sender: Sender,
        pace: Pace,
    ) -> None:
        self._response = response
        self._address = address
        self._room = room
        self._sender: Sender | None = sender
        self.pace = pace
        self.status_code = response.status_code
        self.headers = {
            name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body's bytes, unpacked, as they arrive.

        Raises:
            StreamInterrupted: The connection broke, or the time was over.
            LimitExceeded: It unpacks to more than any answer.
        """
        failure: BaseException | None = None
        unpacks = unpacker(self.headers.get("content-encoding", ""))
        body = aiter(self._response.stream)  # type: ignore[arg-type]
        try:
            while (chunk := await self._next(body)) is not None:
                if unpacks is None:
                    yield chunk
                else:
                    for piece in unpacks.feed(chunk):
                        yield piece
        except Exception as error:
            sized = "content-length" in self.headers
            failure = translate(meant(error), self._address, began=True, sized=sized)
            if failure is error:
                raise
        finally:
            await _closed(body)
        if failure is not None:
            if unpacks is None and (rest := _unread(self._response)):
                yield rest
            raise self.pace.fault() if isinstance(failure, IdleTimeout) else failure

    async def _next(self, body: AsyncIterator[bytes]) -> bytes | None:
        left = self.pace.begin()
        try:
            # aiohttp's own limit does not hold where a connection ends in the middle of what is no chunk.
            return await self._room.clock.within(left, anext(body))
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise self.pace.fault() from None
        finally:
            self.pace.end()

    async def read(self) -> bytes:
        """Return the whole body.

        Raises:
            LimitExceeded: It is over 64 MiB. Otherwise as `chunks`.
        """
        body = Gathered(self._address)
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                body.add(chunk)
        return body.whole()

    async def aclose(self) -> None:
        """Free the connection."""
        if self._sender is None:
            return
        sender, self._sender = self._sender, None
        try:
            await self._response.aclose()
        except BaseException:
            await self._room.lanes.drop(sender)
            raise
        else:
            await self._room.lanes.give(sender)
        finally:
            self._room.leave()


async def _closed(body: Any) -> None:
    close = getattr(body, "aclose", None)  # an iterator that is no generator has none
    if close is not None:
        await close()


def _unread(response: httpx.Response) -> bytes:
    """Return what had arrived when the connection broke: aiohttp, which read it, hands out only its error."""
    content = getattr(getattr(response.stream, "_aiohttp_response", None), "content", None)
    return b"".join(getattr(content, "_buffer", ()))[getattr(content, "_buffer_offset", 0) :]
