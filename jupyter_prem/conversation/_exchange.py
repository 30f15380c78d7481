"""One question on its way, through as many requests as it takes.

Stages of a round: `allow` is held while the request is on its way; its deltas are yielded; `note` is told of
the answer. An answer that asks for calls is followed by a round with their results, one that does not fit its
schema by a round with the error, as often as the question allows. `end` commits all of it as one turn.
"""

from __future__ import annotations

import dataclasses
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from jupyter_prem.client import (
    UNSET,
    ChatResponse,
    Interrupted,
    Message,
    PremError,
    StructuredOutputError,
    ToolCall,
    ToolRoundsError,
)
from jupyter_prem.objects import ERROR, tool_name

from ._calls import as_sent, refused_calls, with_ids
from ._interrupts import uninterrupted
from ._question import Question, place, request_at
from ._turn import Turn
from ._watch import CallMade, Outcome, Round, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_prem.client import Backend, Cancel, ChatStream, Delta, Status

    from ._tree import Tree

__all__ = ["Exchange"]

STOPPED = f"{ERROR}the call was stopped before it was done."
_NO_MORE = f"{ERROR}no more calls are allowed."


class Exchange:
    """One question on its way, for whoever holds its conversation: iterate it for deltas, then `end` it.

    Raises: As `prepare`; nothing was sent then.
    """

    def __init__(
        self,
        tree: Tree,
        backend: Backend,
        question: Question,
        *,
        watch: Watch | None = None,
        cancel: Cancel | None = None,
        status: Status | None = None,
    ) -> None:
        self.place = place(tree, question)
        self.request, self._body = request_at(self.place, backend, question, cancel)
        self._fields = self._body.fields
        self._tree = tree
        self._backend = backend
        self._question = question
        self._watch = watch or Watch()
        self._cancel = cancel
        self._status = status
        self._stream: ChatStream | None = None
        self._held: ExitStack | None = None  # while a request is on its way, or about to be
        self._said: list[Message] = [self.place.message]
        self._open: list[ToolCall] = []  # asked for, and not yet answered
        self._answers: list[ChatResponse] = []
        self._calls: list[CallMade] = []
        self._rounds = self._retries = 0

    def __iter__(self) -> Iterator[Delta]:
        while True:
            self.hold()
            self._stream = self._backend.send(self.request, cancel=self._cancel, status=self._status)
            yield from self._stream
            more = self._next(self._finish())
            if more is None:
                return
            self._ask_on(more)

    def hold(self) -> None:
        """Hold what the next request needs until it has ended, unless that is held already.

        Raises: What keeps the request from being sent.
        """
        if self._held is None:
            held = ExitStack()
            try:
                held.enter_context(self._watch.allow(self.request))
            except PremError as error:
                if self._answers:
                    error.where = "the next request was not sent"
                    if not self._question.once:
                        error.where += "; the exchange so far is kept: %prem undo takes it back"
                raise
            self._held = held

    @property
    def so_far(self) -> ChatResponse | None:
        """What has arrived: of the answer on its way, or the last one."""
        if self._stream is not None:
            return self._stream.response
        return self._answers[-1] if self._answers else None

    def close(self) -> None:
        """Stop reading; nothing is committed."""
        if self._stream is not None:
            self._stream.close()

    def end(self, error: PremError | None, bind: Callable[[Outcome], None] = lambda _: None) -> Outcome:
        """Commit what arrived, unless a fault ended it; no interrupt comes between commit and `bind`.

        A fault after a call was made, or of an answer that does not fit, keeps the exchange: what was done
        cannot be undone, and every call has its answer.
        """
        with uninterrupted():
            self.close()
            self._cut(error)
            self._let_go()
            self._answer_open(STOPPED)
            kept = len(self._said) > 1
            if isinstance(error, Interrupted) and self._answers:
                self._answers[-1] = dataclasses.replace(self._answers[-1], interrupted=True)
            response = self._answers[-1] if self._answers else None
            if isinstance(error, Interrupted):
                words = "what had arrived is kept in the conversation." if kept else "nothing had arrived."
                error = Interrupted(f"Stopped; {words}", response=response)
            turn = None
            if response is not None and (error is None or kept):
                turn = self._turn(response)
                if not self._question.once:
                    self._tree.commit(turn)
            outcome = Outcome(
                self._question,
                self.place,
                self.request,
                response,
                turn,
                self._name,
                error or getattr(self._backend, "failure", None),  # of recordings: the answer holds
                tuple(self._answers),
                tuple(self._calls),
            )
            bind(outcome)
        return outcome

    @property
    def _name(self) -> str:
        return "" if self._question.once else self._tree.name

    def _finish(self) -> ChatResponse:
        """Take the whole answer of a round."""
        with uninterrupted():
            assert self._stream is not None  # noqa: S101 - it has just been read
            response = with_ids(self._placed(self._stream.response), len(self._said))
            self._stream.close()
            self._stream = None
            self._answers.append(response)
            self._watch.note(Round(self._question, self._name, self.request, response))
            self._let_go()
            self._said.append(as_sent(response.message))
            self._open = list(response.message.tool_calls)
        return response

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _cut(self, error: PremError | None) -> None:
        """Take what had arrived of an answer that did not come to its end."""
        response = self._stream.response if self._stream is not None else None
        self._stream = None
        if response is None or not (response.choices or error is None):
            return
        response = self._placed(response)
        self._watch.note(Round(self._question, self._name, self.request, response))
        if self._answers and not response.text:
            return
        self._answers.append(response)
        if response.text and (isinstance(error, Interrupted) or len(self._said) > 1):
            # Calls of a cut answer may be cut themselves: only its text is what an API accepts.
            self._said.append(Message("assistant", response.text))

    def _placed(self, response: ChatResponse) -> ChatResponse:
        self._body = dataclasses.replace(self._body, fields=response.body.fields)
        if len(self._said) == 1:
            self._fields = self._body.fields
        notes = response.notes
        missing = self.place.left_out
        if missing:
            which = f"first {missing} exchanges" if missing > 1 else "first exchange"
            notes = (*notes, f"Sent without the {which} (--window).")
        if self.place.left_tools:
            names = ", ".join(self.place.left_tools)
            notes = (
                *notes,
                f"Asked without the functions {names}: name them again (--tools) to let them run.",
            )
        return dataclasses.replace(response, body=self._body, notes=notes)

    def _next(self, response: ChatResponse) -> list[Message] | None:
        """Return what the next request adds to this one's answer; None if this was the last."""
        if self._open:
            return self._after_calls()
        if self.place.schema is None:
            return None
        try:
            parsed = self.place.schema.parse_answer(response)
        except StructuredOutputError as error:
            if self._retries >= self._question.retries:
                raise
            self._retries += 1
            self._watch.again(error)
            again = "Answer again, with JSON that fits the schema and nothing else."
            return [Message("user", f"{error.what}\n{again}")]
        self._answers[-1] = dataclasses.replace(response, parsed=parsed)
        return None

    def _after_calls(self) -> list[Message] | None:
        described = {tool_name(tool) for tool in self.request.body().fields.get("tools") or ()}
        theirs = described - set(self._question.tools) - {""}
        if any(call.name in theirs for call in self._open):
            self._open = []  # tools that were given as dicts are called by whoever gave them
            return None
        refused = refused_calls(self.request, self._answers[-1])
        if refused:
            self._answer_open(f"{ERROR}{refused}")
            return None
        if self._rounds >= self._question.max_tool_rounds and self._question.tools:
            self._answer_open(_NO_MORE)
            raise ToolRoundsError(
                f"The model asked for more calls after {self._rounds} rounds of them.",
                hint="Allow more (--max-tool-rounds N), or ask for less; the exchange is kept.",
            )
        self._rounds += 1
        for call in list(self._open):
            self._run(call)
        return [] if self._question.tools else None

    def _run(self, call: ToolCall) -> None:
        tool = self._question.tools.get(call.name)
        self._watch.call(CallMade(call))
        started = time.perf_counter()
        if tool is None:
            names = ", ".join(self._question.tools) or "none"
            text = f"{ERROR}there is no function {call.name!r}; there are: {names}."
        else:
            refused = self._question.confirm(tool, call.arguments) if self._question.confirm else ""
            started = time.perf_counter()
            text = f"{ERROR}{refused}" if refused else tool.call(call.arguments, self._cancel)
        made = CallMade(call, text, time.perf_counter() - started)
        with uninterrupted():
            self._said.append(Message("tool", text, tool_call_id=call.id))
            self._open.remove(call)
            self._calls.append(made)
        self._watch.call(made)

    def _answer_open(self, text: str) -> None:
        for call in self._open:
            self._said.append(Message("tool", text, tool_call_id=call.id))
            self._calls.append(CallMade(call, text))
        self._open = []

    def _ask_on(self, more: list[Message]) -> None:
        """Make the next request: the one before, with what was said since."""
        self._said += more
        body = dataclasses.replace(self._body, said=tuple(self._said))
        choice = self.request.tool_choice
        if self._rounds and choice not in (UNSET, "auto", "none"):
            choice = "auto"  # the call that was forced has been made: forced again, it would never end
        self.request = dataclasses.replace(self.request, messages=tuple(body.messages()), tool_choice=choice)
        self._body = dataclasses.replace(body, fields=self.request.body().fields)

    def _turn(self, response: ChatResponse) -> Turn:
        where, said = self.place, self._said
        if said[-1].role == "user" and len(said) > 1:
            said = said[:-1]  # the request for another answer, which never came
        return Turn(
            tuple(said),
            response,
            where.parent,
            where.system,
            system_given=where.system_given,
            fields=self._fields,
            cells=where.cells,
            schema=where.schema,
            endpoint=self._question.endpoint,
        )
