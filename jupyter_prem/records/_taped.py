"""A backend that wraps any other: answers come from recordings, or are recorded."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import Interrupted, PremError

from ._errors import CassetteError
from ._locks import claim
from ._matcher import Matcher
from ._modes import Mode
from ._numbers import Asker
from ._question import Recording

if TYPE_CHECKING:
    from jupyter_prem.client import Backend, Cancel, ChatRequest, ChatResponse, ChatStream, Status

    from ._cuts import Arrival
    from ._question import KeyedRequest
    from ._tape import Tape

__all__ = ["Taped"]


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
        matcher: Which recordings are whose.
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
        self.matcher = Matcher(tape, endpoint, model=model, likely=likely, implied=implied)
        self._tape = tape
        self._backend = backend
        self._asker = asker or Asker()
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
        return self.matcher.stand_in

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that a request goes out with."""
        return self._backend.body_of(request) if self._backend is not None else request.to_body()

    def send(
        self,
        request: ChatRequest,
        *,
        cancel: Cancel | None = None,
        status: Status | None = None,
    ) -> ChatStream:
        """Return the answer on its way, from the recordings or from the backend.

        Raises:
            MissingRecordingError: There is no recording, and the mode asks nobody.
            CassetteError: The recordings cannot be read.
            APIError: No answer began.
            Interrupted: `cancel` was called meanwhile.
        """
        self._tape.load()
        question = self.matcher.question(request, self._asker)
        try:
            record = self.matcher.recorded(question)
            if record is not None:
                self._tape.adopt(record)
                return self.matcher.replayed(record, question, cancel)
            if self._backend is None or not self._tape.asks:
                raise self.matcher.missing(question)
            if question.open_model:
                self.matcher.release(question)
                question = self.matcher.named(question, self._backend.default_model(cancel))
            return self._asked(question, self._backend, cancel, status)
        except BaseException:
            self.matcher.release(question)
            raise

    def _asked(
        self,
        question: KeyedRequest,
        backend: Backend,
        cancel: Cancel | None,
        status: Status | None,
    ) -> ChatStream:
        """Ask live, unless another process is asking the same, whose answer is taken then."""
        tape, matcher = self._tape, self.matcher
        with ExitStack() as held:
            if tape.mode is not Mode.ALL:
                with suppress(OSError):  # without a folder for locks, two processes may ask the same
                    held.enter_context(claim(tape.cassette.path, question.name, cancel))
                tape.load()
                record = matcher.recorded(question)
                if record is not None:
                    return matcher.replayed(record, question, cancel)
            tape.check_writable()
            question, about = matcher.sent(question)
            stream = backend.send(question.request, cancel=cancel, status=status)
            stream.about |= about
            stream.watch(Recording(self._keep, matcher.release, question, held.pop_all()))
            return stream

    def _keep(self, question: KeyedRequest, response: ChatResponse, arrival: Arrival) -> None:
        record = self.matcher.record_of(question, response, arrival)
        try:
            self._tape.cassette.add(record)
        except BaseException as error:
            self.matcher.release(question)
            if isinstance(error, CassetteError):
                error.response = response
                if not self._strict:
                    self.failure = error
                    return
            raise
        self._tape.used.add((record.key, record.n))
