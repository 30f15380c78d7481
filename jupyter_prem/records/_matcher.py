"""Which recording is a question's, and what is recorded of an answer: nothing here asks or writes."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_prem.client import PREM_STUDIO, AsyncChatStream, ChatStream

from ._key import counted, key_of
from ._modes import Mode
from ._question import KeyedRequest, Replaying
from ._record import Record
from ._replay import AsyncReplay, Replay

if TYPE_CHECKING:
    from jupyter_prem.client import Cancel, ChatRequest, ChatResponse, Endpoint

    from ._cuts import Arrival
    from ._errors import MissingRecordingError
    from ._numbers import Asker
    from ._tape import Tape

__all__ = ["UNKNOWN", "Matcher", "StandIn", "endpoint_name"]

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


class Matcher:
    """Finds the recordings of questions to one endpoint, and makes those of its answers.

    Args:
        tape: The recordings.
        endpoint: What recordings call whoever answers; None takes whichever was recorded.
        model: The model of a request without one, where somebody set it.
        likely: What it likely is where nobody did.
        implied: Whether nobody named the endpoint.
    """

    def __init__(
        self,
        tape: Tape,
        endpoint: str | None,
        *,
        model: str | None = None,
        likely: str | None = None,
        implied: bool = False,
    ) -> None:
        self.tape = tape
        self._endpoint = endpoint
        self._model, self._likely = model, likely
        self._implied = implied

    @property
    def stand_in(self) -> str:
        """The model of a request that names none, where nobody is asked which there is."""
        return self._model or StandIn(self._likely or "the recorded model")

    def as_recorded(self, request: ChatRequest) -> tuple[str, ChatRequest]:
        """Return whom a request goes to, and the request with its model, unless neither is recorded."""
        open_model = isinstance(request.model, StandIn)
        if self._endpoint is not None and not open_model:
            return self._endpoint, request
        first: tuple[str, ChatRequest] | None = None
        for endpoint, model in sorted(self.tape.pairs(), key=lambda pair: pair[1] != request.model):
            fits = self._endpoint in {None, endpoint} and (open_model or model == request.model)
            if not fits:
                continue
            candidate = dataclasses.replace(request, model=model) if open_model else request
            if self.tape.knows(key_of(endpoint, candidate.to_body())):
                return endpoint, candidate
            first = first or (endpoint, candidate)
        if first is not None and not self.tape.asks:
            return first
        return self._endpoint or UNKNOWN, request

    def question(self, request: ChatRequest, asker: Asker) -> KeyedRequest:
        """Return a request as recordings know it; `release` it if it gets no answer."""
        endpoint, request = self.as_recorded(request)
        body = request.to_body()
        key = key_of(endpoint, body)
        number = self.tape.numbers.take(key, asker)
        return KeyedRequest(endpoint, request, body, key, number, asker, isinstance(request.model, StandIn))

    def named(self, question: KeyedRequest, model: str) -> KeyedRequest:
        """Return a question whose model was open, with the one that it goes to."""
        return self.question(dataclasses.replace(question.request, model=model), question.asker)

    def missing(self, question: KeyedRequest) -> MissingRecordingError:
        """Return the error of a question that has no recording."""
        return self.tape.missing(question.endpoint, question.body, question.number, question.asker)

    def release(self, question: KeyedRequest) -> None:
        """Leave a question's number to the next, since it has no answer."""
        recorded = self.tape.has(question.key, question.number)
        self.tape.numbers.give_back(question.key, question.asker, question.number, recorded=recorded)

    def recorded(self, question: KeyedRequest) -> Record | None:
        """Return the recording that answers a question, as last read; None where it is to be asked."""
        if self.tape.mode is Mode.ALL:
            return None
        exact = self.tape.asks or question.asker.number is not None
        return self.tape.find(question.key, question.number, counted(question.body), exact=exact)

    def replayed(self, record: Record, question: KeyedRequest, cancel: Cancel | None = None) -> ChatStream:
        """Return a recorded answer on its way."""
        self.tape.used.add((record.key, record.n))
        source = Replay(record, pace=self.tape.pace, cancel=cancel)
        about = _about(record.endpoint, record.key, record.n, implied=record.implied)
        body, took = question.request.body(), record.arrival.seconds
        stream = ChatStream(source, body, time.perf_counter(), replayed=True, latency=took, about=about)
        stream.watch(Replaying(self.release, question))
        return stream

    def async_replayed(self, question: KeyedRequest) -> AsyncChatStream | None:
        """Return a recorded answer on its way to a running loop; None where there is none."""
        record = self.recorded(question)
        if record is None:
            return None
        self.tape.adopt(record)
        self.tape.used.add((record.key, record.n))
        about = _about(record.endpoint, record.key, record.n, implied=record.implied)
        source = AsyncReplay(record, pace=self.tape.pace)
        body, took = question.request.body(), record.arrival.seconds
        stream = AsyncChatStream(source, body, time.perf_counter(), replayed=True, latency=took, about=about)
        stream.watch(Replaying(self.release, question))
        return stream

    def sent(self, question: KeyedRequest, *, whole: bool = True) -> tuple[KeyedRequest, dict[str, Any]]:
        """Return the question as it is sent, and what is known of it.

        Args:
            question: The question.
            whole: Whether whoever asked may change the parts of its body meanwhile.
        """
        if whole:
            question = dataclasses.replace(question, body=json.loads(json.dumps(question.body)))
        about = _about(question.endpoint, question.key, question.number, implied=self._implied)
        return question, about

    def record_of(self, question: KeyedRequest, response: ChatResponse, arrival: Arrival) -> Record:
        """Return the record of an answer."""
        return Record.of(
            question.endpoint,
            question.body,
            response,
            arrival,
            n=question.number,
            implied=self._implied,
            shown=question.asker.shown,
            key=question.key,
        )


def _about(endpoint: str, key: str, number: int, *, implied: bool) -> dict[str, Any]:
    return {"endpoint": endpoint, "implied": implied, "recording": key, "number": number}
