"""How one request of a plan is asked: by this process, with its functions, or by a worker elsewhere."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from jupyter_prem.client import PremError
from jupyter_prem.conversation import Conversation
from jupyter_prem.records import Asker, StandIn, alone_with

from ._plan import UNNAMED

if TYPE_CHECKING:
    from jupyter_prem.backends import AsyncClient, Client
    from jupyter_prem.client import AsyncBackend, AsyncChatStream, ChatRequest, ChatResponse
    from jupyter_prem.records import AsyncTaped, Tape

    from ._host import Host
    from ._plan import Point

__all__ = ["Asking"]


class Asking:
    """Asks requests from a running loop.

    Args:
        client: Who is asked.
        tape: The recordings that hold; None for none.
        where: Takes note of each answer.
        backend: Who asks in the client's place, if anybody.
        plan: What tells the plan from others.
        own: Whether the client is closed at the end.
    """

    def __init__(
        self,
        client: AsyncClient,
        tape: Tape | None,
        where: Host,
        *,
        backend: AsyncBackend | None,
        plan: str,
        own: bool,
    ) -> None:
        self._plan = plan
        self._held = AsyncExitStack()
        self._client, self._tape, self._where, self._own = client, tape, where, own
        self._backend = backend or client.once
        self._threads: Client | None = None
        self._all: AsyncTaped | None = None
        self._model: asyncio.Task[str] | None = None

    @property
    def max_retries(self) -> int:
        """How often a request that failed is asked again."""
        return self._client.options.max_retries

    async def ask(self, point: Point) -> tuple[ChatResponse, asyncio.Future[None] | None]:
        """Return the answer to a request, and what is done when it is on the disk; None where it is.

        Raises:
            PremError: There is none, or it does not fit its schema.
        """
        request = await self._named(point.request)
        taped = None if self._tape is None else self._taped(self._tape, point)
        try:
            response = await self._asked(request, point, taped or self._backend)
        except PremError as error:
            point.labels["model"] = self._model_of(error.response, request)
            raise
        point.labels["model"] = self._model_of(response, request)
        self._where.note(request, response)
        return response, taped.kept if taped is not None else None

    async def _asked(self, request: ChatRequest, point: Point, backend: AsyncBackend) -> ChatResponse:
        if point.functions:
            self._threads = self._threads or self._client.in_threads()
            return await asyncio.to_thread(self._with_functions, self._threads, point, request)
        try:
            return await self._answer(await backend.send(request), point)
        except PremError as error:
            if error.response is not None:  # what was used for it counts all the same
                self._where.note(request, error.response)
            raise

    @staticmethod
    async def _answer(stream: AsyncChatStream, point: Point) -> ChatResponse:
        if point.schema is not None:
            stream.check_with(point.schema.parse_answer)
        async with stream:
            async for _ in stream:
                pass
        return stream.response

    async def __aenter__(self) -> Self:
        if self._tape is not None:
            await self._held.enter_async_context(alone_with(self._tape, f"plan {self._plan}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()
        if self._threads is not None:
            self._threads.close()
        if self._own:
            await self._client.aclose()

    def _taped(self, tape: Tape, point: Point) -> AsyncTaped:
        if self._all is None:
            self._all = self._client.taped(tape, Asker(), self._backend, alone=True)
        return self._all.of(Asker(number=point.number))

    async def _named(self, request: ChatRequest) -> ChatRequest:
        """Return a request with its model; all that wait ask the service for its only one together."""
        if request.model != UNNAMED:
            return request
        if self._model is None or _failed(self._model):
            first = self._backend if self._tape is None else self._client.taped(self._tape, Asker())
            self._model = asyncio.ensure_future(first.default_model())
        return dataclasses.replace(request, model=await asyncio.shield(self._model))

    def _model_of(self, response: ChatResponse | None, request: ChatRequest) -> str:
        """Return which model was asked: of a replay the recorded one."""
        asked = response.body.fields.get("model", request.model) if response is not None else request.model
        return (self._client.known_model or UNNAMED) if isinstance(asked, StandIn) else str(asked)

    def _with_functions(self, client: Client, point: Point, request: ChatRequest) -> ChatResponse:
        """Ask, call what the answer asks for, and ask on, as a conversation does."""
        backend: Any = client.live
        if self._tape is not None:
            backend = client.taped(self._tape, Asker(number=point.number), client.chosen, strict=True)
        conversation = Conversation(client=backend)
        *before, last = request.messages
        for message in before:
            conversation.append(
                message.role,
                message.content,
                name=message.name,
                tool_calls=message.tool_calls,
                tool_call_id=message.tool_call_id,
            )
        fields = dict(request.body().fields)
        return conversation.ask(last.content or "", name=last.name, **{**fields, **point.functions})


def _failed(task: asyncio.Task[str]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
