"""A conversation from Python: ask in it, branch it, keep it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jupyter_prem.client import ChatResponse, Interrupted, Message, RequestError, ToolCall
from jupyter_prem.objects import wired

from ._host import Alone, ConversationStream
from ._question import MAX_TOOL_ROUNDS, Question
from ._session import ask
from ._tree import ConversationError, Tree
from ._turn import Turn

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from jupyter_prem.client import Backend, Delta, StructuredOutputError
    from jupyter_prem.objects import Tool

    from ._host import Host
    from ._watch import CallMade, Outcome

__all__ = ["Conversation"]


class Conversation(Tree):
    """What was said so far, for whoever asks next.

    Every turn is kept: asking again, `undo` and `reset` move the head, and lose nothing.

    Args:
        name: What it is called.
        client: Who answers; None is `jupyter_prem.Client()`, made when it is first needed.
        host: The notebook it belongs to.
    """

    def __init__(
        self, name: str = "default", client: Backend | None = None, *, host: Host | None = None
    ) -> None:
        super().__init__(name)
        self._host: Host = host or Alone(client)

    def ask(
        self,
        prompt: str,
        *,
        system: str | None = None,
        name: str | None = None,
        window: int | None = None,
        once: bool = False,
        retries: int = 0,
        max_tool_rounds: int = MAX_TOOL_ROUNDS,
        confirm: Callable[[Tool, str], str] | None = None,
        endpoint: str | None = None,
        **fields: Any,
    ) -> ChatResponse:
        """Ask, wait for the answer, and keep both.

        Args:
            prompt: The question.
            system: A new system message, from this turn on.
            name: Name of the speaker.
            window: Send only so many of the exchanges before.
            once: Neither read nor extend the conversation.
            retries: How often an answer that does not fit `response_format` is asked for again.
            max_tool_rounds: How many answers may ask for calls of `tools`.
            confirm: Called with a tool and its arguments, as JSON, before each call; a text that is not empty
                says why it may not be made.
            endpoint: Who answers this question, and those that ask it again.
            fields: Request fields of the API, such as `model`, `temperature`, `seed`. `response_format` may
                be a pydantic model, a dataclass, a TypedDict or a JSON Schema: then `.parsed` is the answer,
                checked. `tools` may hold functions, sync or async: the model may call them, and is told what
                they return.

        Raises:
            ConversationBusyError: Another question is being answered.
            RequestError: A field is out of its range; nothing was sent.
            SchemaError: An object can be no schema or tool; nothing was sent.
            StructuredOutputError: The answer does not fit; it is kept, and the error carries it.
            ToolRoundsError: The model asks for more calls than it may; the exchange is kept.
            APIError: The service, or the way to it, failed; the error carries what had arrived.
            KeyboardInterrupt: As it came; what had arrived is kept in the conversation.
        """
        return self._asked(
            _question(
                prompt,
                fields,
                system=system,
                name=name,
                window=window,
                once=once,
                retries=retries,
                max_tool_rounds=max_tool_rounds,
                confirm=confirm,
                endpoint=endpoint,
            )
        )

    def regenerate(self, **fields: Any) -> ChatResponse:
        """Ask the last question again, of whom and with the fields that it was, but for those given.

        The old answer stays beside. Functions that it could call are named again, with `tools`.

        Raises: As `ask`; ConversationError if there is no answer yet.
        """
        return self._asked(_question("", fields, kind="regenerate"))

    def continue_(self, **fields: Any) -> ChatResponse:
        """Ask for the rest of an answer that was cut at the token limit or stopped.

        Raises: As `ask`; ConversationError if the last answer was not cut.
        """
        return self._asked(_question("", fields, kind="continue"))

    def stream(
        self,
        prompt: str,
        *,
        system: str | None = None,
        name: str | None = None,
        window: int | None = None,
        once: bool = False,
        endpoint: str | None = None,
        **fields: Any,
    ) -> ConversationStream:
        """Return a context manager that yields the answer's deltas as they arrive; arguments as for `ask`.

        Functions are called between two deltas, so a stream of an answer that calls some goes on after them.
        """
        question = _question(
            prompt, fields, system=system, name=name, window=window, once=once, endpoint=endpoint
        )
        return ConversationStream(self, self._host, question)

    def append(
        self,
        role: str,
        content: str | None,
        *,
        name: str | None = None,
        tool_calls: Sequence[ToolCall | Mapping[str, Any]] = (),
        tool_call_id: str | None = None,
    ) -> None:
        """Add a message by hand; nothing is sent. A system message can only be the first.

        Tool calls are `ToolCall`s, or dicts of the API's shape.

        Raises:
            RequestError: The message is not of the API's shape, or a system message comes late.
            ConversationBusyError: A question is being answered.
        """
        message = Message.from_dict(
            {"role": role, "content": content, "name": name, "tool_call_id": tool_call_id}
            | {"tool_calls": [c.to_dict() if isinstance(c, ToolCall) else c for c in tool_calls]}
        )
        with self.one_turn():
            head = self.head
            if message.role == "system":
                if head is not None:
                    raise RequestError("messages", "a late system message", "only the first may be one")
                turn = Turn((), None, None, message.content or "", system_given=True)
            else:
                system, given = (head.system, head.system_given) if head is not None else ("", False)
                turn = Turn((message,), None, head, system, system_given=given)
            self.commit(turn)
        self._moved()

    def _moved(self) -> None:
        self._host.changed(self)

    def fork(self, name: str | None = None, at: Turn | None = None) -> Conversation:
        """Return a conversation of its own that goes on from here, or from the turn `at`.

        Args:
            name: What it is called; None finds a name.
            at: One of `all_turns`.

        Raises:
            ConversationError: The name is taken, or `at` is a turn of another conversation.
        """
        if at is not None and at not in self._turns:
            raise ConversationError(f"The conversation {self.name!r} has no such turn.")
        other = Conversation(name or f"{self.name}-fork", host=self._host)
        with self.one_turn():
            self._copy_to(other, at if at is not None else self.head)
        self._host.adopt(other, name)
        return other

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the conversation to a file, whole or not at all.

        `.json` holds every turn, those off the branch as well; `.md` the branch as people read it. `load`
        reads both. A file that no conversation was saved to is not overwritten.

        Raises:
            ConversationFileError: The file's name ends in neither, or it cannot be written.
        """
        from ._files import save

        with self.one_turn():
            save(self, Path(path))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], client: Backend | None = None, *, host: Host | None = None
    ) -> Self:
        """Return the conversation that `save` wrote to a file; nothing in it is run or sent.

        Raises:
            ConversationFileError: There is no such file, or it holds no conversation.
        """
        from ._files import load

        conversation = cls(client=client, host=host)
        load(conversation, Path(path))
        return conversation

    def to_frame(self) -> pd.DataFrame:
        """Return the branch as a pandas DataFrame: one row a message, the system message first.

        Columns: turn (1 for the first; 0 for the system message), role, content, name, and of answers
        model, finish_reason, interrupted, prompt_tokens, completion_tokens, total_tokens, latency (seconds).

        Raises:
            ConversationError: pandas is not installed.
        """
        from ._frame import to_frame

        return to_frame(self)

    def _asked(self, question: Question) -> ChatResponse:
        question = self._host.completed(question)
        question = dataclasses.replace(question, endpoint=self._host.endpoint_of(self, question))
        try:
            outcome = ask(
                self,
                self._host.backend(question),
                question,
                sink=_Nowhere(),
                allow=self._host.allow,
                note=self._host.note,
            )
        finally:
            self._host.changed(self)
        if isinstance(outcome.error, Interrupted):
            raise KeyboardInterrupt
        if outcome.error is not None:
            raise outcome.error
        if outcome.response is None:
            raise RuntimeError("an answer without an error has a response")
        return outcome.response


_OF_QUESTION = ("retries", "max_tool_rounds", "confirm", "endpoint")


def _question(prompt: str, fields: dict[str, Any], **more: Any) -> Question:
    """Return a question whose fields may hold types and functions."""
    more |= {name: fields.pop(name) for name in _OF_QUESTION if name in fields}
    wire = wired(fields)
    return Question(prompt, wire.fields, schema=wire.schema, tools=wire.tools, **more)


class _Nowhere:
    """A sink for callers who wait for the whole."""

    def status(self, text: str, fraction: float | None = None) -> None:
        pass

    def delta(self, delta: Delta) -> None:
        pass

    def call(self, made: CallMade) -> None:
        pass

    def again(self, error: StructuredOutputError) -> None:
        pass

    def finish(self, outcome: Outcome) -> None:
        pass
