"""Asking from the workers of an executor: JSON goes out and JSON comes back, and never a key."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import os
import time
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any

from jupyter_prem import client as errors
from jupyter_prem.client import AsyncChatStream, ChatRequest, ConfigurationError, PremError, Timeouts

from ._errors import PlanError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from concurrent.futures import Executor

    from jupyter_prem.backends import AsyncClient, Client
    from jupyter_prem.client import Accumulator, AsyncBackend, Delta, Status

    from ._plan import Plan

__all__ = ["WorkerError", "WorkersLost", "ask_one", "check_functions", "executor_backend"]

_TOLD = (
    "what",
    "where",
    "hint",
    "detail",
    "status_code",
    "request_id",
    "retry_after",
    "should_retry",
    "again",
    "dropped",
    "type",
    "code",
    "field",
    "value",
    "reason",
)


def check_functions(plan: Plan) -> None:
    """Refuse functions, which live in this process.

    Raises:
        PlanError: The plan has some.
    """
    if plan.has_functions:
        raise PlanError(
            "Functions are called in this process, not by the workers of an executor.",
            hint="Leave executor= out, or tools=.",
        )


def executor_backend(executor: Executor, client: AsyncClient) -> AsyncBackend:
    """Return who has the workers of an executor ask the endpoint of a client."""
    return _Workers(executor, client)


def ask_one(task: str) -> str:
    """Ask one request, in a worker; the key is that of the worker's own environment.

    Args:
        task: JSON: `endpoint`, `keyed` (whether a key is needed), `allow_http_hosts` (as a client has them),
            `timeout` and the request's `body`.

    Returns:
        JSON: the `answer` as the API has it, its `notes` and `latency`; or the `error`, by name and parts.
    """
    asked = json.loads(task)
    try:
        allowed = tuple(asked.get("allow_http_hosts", ()))
        client = _client(asked["endpoint"], Timeouts.of(asked["timeout"]), allowed, os.getpid())
        fixed = getattr(client.endpoint, "fixed", None)
        if asked["keyed"] and (fixed is None or fixed.api_key is None):
            raise ConfigurationError(
                "A worker has no key; nothing was sent.",
                where=f"on {os.uname().nodename if hasattr(os, 'uname') else 'a worker'}",
                hint="Set PREMAI_API_KEY in the environment of the workers.",
            )
        with client.live.send(ChatRequest.from_body(asked["body"])) as stream:
            for _ in stream:
                pass
            response = stream.response
    except PremError as error:
        parts = {name: getattr(error, name) for name in _TOLD if hasattr(error, name)}
        return json.dumps({"error": type(error).__name__, "parts": parts}, default=repr)
    told = {"answer": response.to_dict(), "notes": response.notes, "latency": response.latency}
    return json.dumps(told)


@functools.lru_cache(maxsize=8)
def _client(endpoint: str, timeouts: Timeouts, allowed: tuple[str, ...], _pid: int) -> Client:
    from jupyter_prem.backends import Client

    # Who gave the task asks again.
    return Client(endpoint, timeout=timeouts, max_retries=0, allow_http_hosts=allowed)


class _Workers:
    def __init__(self, executor: Executor, client: AsyncClient) -> None:
        self._executor, self._client = executor, client
        self._lost = False
        fixed = getattr(client.endpoint, "fixed", None)
        self._endpoint = client.endpoint.name if fixed is None else fixed.base_url
        self._keyed = fixed is not None and fixed.api_key is not None

    async def default_model(self) -> str:
        return await self._client.live.default_model()

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        return request.to_body()

    async def send(
        self,
        request: ChatRequest,
        *,
        status: Status | None = None,  # noqa: ARG002 - the workers fetch what they need
    ) -> AsyncChatStream:
        task = {
            "endpoint": self._endpoint,
            "keyed": self._keyed,
            "allow_http_hosts": self._client.allow_http_hosts,
            "timeout": dataclasses.asdict(self._client.options.timeouts),
            "body": request.to_body(),
        }
        try:
            told = json.loads(await self._told(json.dumps(task)))
        except BrokenExecutor as error:
            self._lost = True
            raise WorkersLost(
                "The executor's workers are gone.",
                hint="Begin again: what is recorded is not asked again.",
                detail=str(error),
            ) from None
        except PremError:
            raise
        except Exception as error:  # noqa: BLE001 - any executor's own
            raise WorkerError(f"A worker failed: {type(error).__name__}.", detail=str(error)) from None
        if "error" in told:
            raise _error(told["error"], told["parts"])
        about = {"endpoint": self._client.endpoint.name}
        started = time.perf_counter() - told["latency"]
        return AsyncChatStream(_Told(told), request.body(), started, about=about)

    async def _told(self, task: str) -> str:
        future = self._executor.submit(ask_one, task)
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            # A pool that breaks gives each task its error, and fails at one that has ended.
            if not self._lost:
                future.cancel()
            raise


class WorkerError(PremError):
    """A worker that failed beside the request."""


class WorkersLost(PremError):
    """An executor that can do no more."""


class _Told:
    """The source of an answer that a worker brought."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    async def deltas(self, answer: Accumulator) -> AsyncGenerator[Delta]:
        for delta in answer.add(self._told["answer"]):
            yield delta
        answer.notes[:] = self._told["notes"]
        answer.done = True

    def placed(self, error: PremError) -> PremError:
        return error

    async def aclose(self) -> None:
        """There is nothing to close."""


def _error(name: str, parts: dict[str, Any]) -> PremError:
    """Return a worker's error as one of this process."""
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, PremError)):
        kind = PremError
    error = kind.__new__(kind)
    PremError.__init__(error, parts.pop("what", name))
    for part, value in parts.items():
        setattr(error, part, value)
    return error
