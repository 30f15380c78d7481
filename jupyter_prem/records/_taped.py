"""A backend that wraps any other: answers come from recordings, or are recorded."""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_prem.client import PREM_STUDIO, ChatStream, Interrupted, PremError

from ._cuts import Arrival
from ._errors import CassetteError
from ._key import key_of
from ._locks import claim
from ._modes import Mode
from ._numbers import Asker
from ._record import Record
from ._replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_prem.client import Backend, Cancel, ChatRequest, ChatResponse, Delta, Endpoint

    from ._tape import Tape

__all__ = ["UNKNOWN", "StandIn", "Taped", "endpoint_name"]

UNKNOWN = "(whichever was recorded)"
_PORTS = {"http": 80, "https": 443}


class StandIn(str):
    """The model of a request that names none, where nobody can be asked: whichever was recorded."""

    __slots__ = ()


def endpoint_name(endpoint: Endpoint) -> str:
    """Return what recordings call an endpoint: "prem", "embedded" or its base URL; never a key.

    Addresses that mean the same have one name (RFC 3986 section 6.2).
    """
    fixed = getattr(endpoint, "fixed", None)
    if fixed is None:
        return endpoint.name
    parts = urlsplit(fixed.base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = f":{parts.port}" if parts.port not in {None, _PORTS.get(parts.scheme)} else ""
    base = f"{parts.scheme}://{host}{port}{parts.path.removesuffix('/api/v1')}"
    return "prem" if base == PREM_STUDIO else base


class Taped:
    """Answers from a tape's recordings, and records what `backend` answers, as the tape's mode says.

    Args:
        tape: The recordings.
        backend: Who answers live; None where nobody does.
        endpoint: What recordings call it; None takes whichever was recorded.
        asker: Who asks.
        model: The model of a request without one, where somebody set it.
        likely: What it likely is where nobody did.
        implied: Whether nobody named the endpoint.
        strict: Whether an answer that cannot be recorded raises, at its end, rather than being a failure.

    Attributes:
        failure: Why an answer could not be recorded; the answer itself holds.
    """

    def __init__(
        self,
        tape: Tape,
        backend: Backend | None,
        endpoint: str | None,
        *,
        asker: Asker | None = None,
        model: str | None = None,
        likely: str | None = None,
        implied: bool = False,
        strict: bool = False,
    ) -> None:
        self.failure: PremError | None = None
        self._tape = tape
        self._backend = backend
        self._endpoint = endpoint
        self._asker = asker or Asker()
        self._model, self._likely = model, likely
        self._implied = implied
        self._strict = strict

    def default_model(self, cancel: Cancel | None = None) -> str:
        """Return the model that a request without one goes to; in a replay, one that stands for it."""
        if self._backend is not None and self._tape.asks:
            try:
                return self._backend.default_model(cancel)
            except Interrupted:
                raise
            except PremError:
                if self._tape.mode is Mode.ALL:
                    raise  # else the question may be recorded, though the service is away
        return self._model or StandIn(self._likely or "the recorded model")

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        return self._backend.body_of(request) if self._backend is not None else request.to_body()

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ChatStream:
        """Return the answer on its way, from the recordings or from the backend.

        Raises:
            MissingRecordingError: There is no recording, and the mode asks nobody.
            CassetteError: The recordings cannot be read.
            APIError: No answer began.
            Interrupted: `cancel` was called meanwhile.
        """
        self._tape.load()
        question = self._question(request)
        try:
            record = self._recorded(question)
            if record is None:
                return self._asked(question, cancel, progress)
        except BaseException:
            self._give_back(question)
            raise
        return self._replayed(record, question, cancel)

    def _question(self, request: ChatRequest) -> _Question:
        endpoint, request = self.as_recorded(request)
        body = request.to_body()
        key = key_of(endpoint, body)
        return _Question(endpoint, request, body, key, self._tape.numbers.take(key, self._asker))

    def _give_back(self, question: _Question) -> None:
        recorded = self._tape.find(question.key, question.number) is not None
        self._tape.numbers.give_back(question.key, self._asker, question.number, recorded=recorded)

    def _asked(
        self, question: _Question, cancel: Cancel | None, progress: Callable[[int, int], None] | None
    ) -> ChatStream:
        """Ask live, unless another process is asking the same, whose answer is taken then."""
        tape, backend = self._tape, self._backend
        if backend is None or not tape.asks:
            raise tape.missing(question.endpoint, question.body, question.number, self._asker)
        with ExitStack() as held:
            if tape.mode is not Mode.ALL:
                with suppress(OSError):  # without a folder for locks, two processes may ask the same
                    held.enter_context(claim(tape.cassette.path, f"{question.key} {question.number}", cancel))
                tape.load()
                record = self._recorded(question)
                if record is not None:
                    return self._replayed(record, question, cancel)
            tape.check_writable()
            body = json.loads(json.dumps(question.body))  # whoever asked may go on to change its parts
            question = dataclasses.replace(question, body=body)
            stream = backend.send(question.request, cancel=cancel, progress=progress)
            stream.about |= self._about(
                question.endpoint, question.key, question.number, implied=self._implied
            )
            stream.watch(_Recording(self._keep, self._give_back, question, held.pop_all()))
            return stream

    def _recorded(self, question: _Question) -> Record | None:
        if self._tape.mode is Mode.ALL:
            return None
        exact = self._tape.asks or self._asker.number is not None
        return self._tape.find(question.key, question.number, exact=exact)

    def as_recorded(self, request: ChatRequest) -> tuple[str, ChatRequest]:
        """Return whom a request goes to, and the request with its model; see `StandIn`."""
        open_model = isinstance(request.model, StandIn)
        if self._endpoint is not None and not open_model:
            return self._endpoint, request
        first: tuple[str, ChatRequest] | None = None
        for endpoint, model in sorted(self._tape.pairs(), key=lambda pair: pair[1] != request.model):
            fits = self._endpoint in {None, endpoint} and (open_model or model == request.model)
            if not fits:
                continue
            candidate = dataclasses.replace(request, model=model) if open_model else request
            if self._tape.knows(key_of(endpoint, candidate.to_body())):
                return endpoint, candidate
            first = first or (endpoint, candidate)
        if self._backend is not None and self._tape.asks and open_model:
            request = dataclasses.replace(request, model=self._backend.default_model())
        elif first is not None:
            return first
        return self._endpoint or UNKNOWN, request

    def _replayed(self, record: Record, question: _Question, cancel: Cancel | None) -> ChatStream:
        self._tape.used.add((record.key, record.n))
        source = Replay(record, pace=self._tape.pace, cancel=cancel)
        about = self._about(record.endpoint, record.key, record.n, implied=record.implied)
        stream = ChatStream(source, question.request.body(), time.perf_counter(), replayed=True, about=about)
        stream.watch(_Replaying(self._give_back, question))
        return stream

    @staticmethod
    def _about(endpoint: str, key: str, number: int, *, implied: bool) -> dict[str, Any]:
        return {"endpoint": endpoint, "implied": implied, "recording": key, "number": number}

    def _keep(self, question: _Question, response: ChatResponse, arrival: Arrival) -> None:
        record = Record.of(
            question.endpoint,
            question.body,
            response,
            arrival,
            n=question.number,
            implied=self._implied,
            shown=self._asker.shown,
            key=question.key,
        )
        try:
            self._tape.cassette.add(record)
        except BaseException as error:
            self._give_back(question)
            if isinstance(error, CassetteError):
                error.response = response
                if not self._strict:
                    self.failure = error
                    return
            raise
        self._tape.used.add((record.key, record.n))


@dataclass(frozen=True, slots=True)
class _Question:
    """A request as recordings know it."""

    endpoint: str
    request: ChatRequest
    body: dict[str, Any]
    key: str
    number: int


class _Replaying:
    """What is told of a replay: left early, it leaves its number to the next, as a live answer does."""

    def __init__(self, give_back: Callable[[_Question], None], question: _Question) -> None:
        self._give_back = give_back
        self._question = question
        self._open = True

    def delta(self, delta: Delta) -> None:
        """It is recorded already."""

    def end(self, response: ChatResponse) -> None:  # noqa: ARG002 - it is recorded already
        """It was read to its end."""
        self._open = False

    def close(self) -> None:
        """Nothing more is read."""
        if self._open:
            self._open = False
            self._give_back(self._question)


class _Recording:
    """What is told of an answer on its way, and has it kept at its end."""

    def __init__(
        self,
        keep: Callable[[_Question, ChatResponse, Arrival], None],
        give_back: Callable[[_Question], None],
        question: _Question,
        held: ExitStack,
    ) -> None:
        self._keep = keep
        self._give_back = give_back
        self._question = question
        self._held = held
        self._arrival = Arrival()
        self._last = time.perf_counter()
        self._open = True

    def delta(self, delta: Delta) -> None:
        """Take note of a delta."""
        now = time.perf_counter()
        self._arrival.add(delta, now - self._last)
        self._last = now

    def end(self, response: ChatResponse) -> None:
        """Keep the whole answer."""
        whole = not self._question.body.get("stream")
        arrival = Arrival(ms=[sum(self._arrival.ms)]) if whole else self._arrival
        with self._held:
            self._open = False
            self._keep(self._question, response, arrival)

    def close(self) -> None:
        """Let others ask, if there is no whole answer."""
        if self._open:
            self._open = False
            with self._held:
                self._give_back(self._question)
