"""A reply to a running loop, as it arrives."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol, Self

from jupyter_prem.client._body import Gathered
from jupyter_prem.client._errors import IdleTimeout
from jupyter_prem.client._unpack import unpacker

from ._faults import meant, translate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    import httpx

    from jupyter_prem.client._address import Address
    from jupyter_prem.client._timeouts import Pace

    from ._rooms import Room, Sender

__all__ = ["AsyncReply", "HttpxResponse", "Response"]


class Response(Protocol):
    """What a transport hands out once the headers are there; an iterator of the body's bytes."""

    status_code: int

    @property
    def raw(self) -> Iterable[tuple[bytes, bytes]]:
        """The headers, each a name and a value."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    def unread(self) -> bytes:
        """Return what of the body had arrived before a fault, and was not handed out."""
        ...

    async def aclose(self) -> None:
        """Free the connection; close it unless the body was read to its end."""
        ...


class HttpxResponse:
    """A response of httpx's, with the bytes as they came."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._body: AsyncIterator[bytes] | None = None
        self.status_code = response.status_code
        self.raw = response.headers.raw

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._body is None:
            self._body = aiter(self._response.stream)  # type: ignore[arg-type]  # it has two kinds
        return await anext(self._body)

    def unread(self) -> bytes:
        """Return nothing: httpx hands out all that arrives."""
        return b""

    async def aclose(self) -> None:
        close = getattr(self._body, "aclose", None)  # an iterator that is no generator has none
        try:
            if close is not None:
                await close()
        finally:
            await self._response.aclose()


class AsyncReply:
    """A reply whose headers are there and whose body is still to come.

    A context manager: leaving it frees the connection, and closes it unless the body was read to its end.
    """

    def __init__(
        self,
        response: Response,
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
            name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.raw
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
        try:
            while (chunk := await self._next()) is not None:
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
        if failure is not None:
            if unpacks is None and (rest := self._response.unread()):
                yield rest
            raise self.pace.fault() if isinstance(failure, IdleTimeout) else failure

    async def _next(self) -> bytes | None:
        left = self.pace.begin()
        try:
            # aiohttp's own limit does not hold where a connection ends in the middle of what is no chunk.
            return await self._room.clock.within(left, anext(self._response))
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
