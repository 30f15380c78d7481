"""Who answers in this process: ten thousand sequences over sockets would test the sockets."""

from __future__ import annotations

from jupyter_prem.client import ChatRequest, Delta, Interrupted, response_of
from jupyter_prem.conversation import Cell, Question, ask


class Stream:
    """An answer of the scripted service: `end` is stop, length, or the error that cuts it."""

    def __init__(self, body, text, end, pieces=()):
        self.body, self.text, self.end, self.whole, self.pieces = body, text, end, False, pieces

    def __iter__(self):
        if isinstance(self.end, Exception):
            raise self.end
        self.whole = True
        return iter([Delta(piece) for piece in self.pieces])

    @property
    def response(self):
        reason = self.end if self.whole else None
        message = {"role": "assistant", "content": self.text}
        answer = response_of(
            {"choices": [{"message": message, "finish_reason": reason}]}, interrupted=not self.whole
        )
        object.__setattr__(answer, "body", self.body)
        return answer

    def close(self):
        pass


class Scripted:
    """A backend whose answers are a1, a2, …; `end` says how the next one ends."""

    def __init__(self):
        self.count, self.end, self.sent, self.pieces = 0, "stop", [], ()

    def default_model(self, cancel=None):  # noqa: ARG002 - the protocol's
        return "m"

    def body_of(self, request):
        return request.to_body()

    def send(self, request: ChatRequest, *, cancel=None, status=None):  # noqa: ARG002 - the protocol's
        self.count += 1
        self.sent.append(request)
        text = "" if isinstance(self.end, Interrupted) and self.end.what == "empty" else f"a{self.count}"
        return Stream(request.body(), text, self.end, self.pieces)


class Nowhere:
    def status(self, text, fraction=None):
        pass

    def delta(self, delta):
        pass

    def call(self, made):
        pass

    def again(self, error):
        pass

    def finish(self, outcome):
        pass


def said(conversation):
    return [message.content for message in conversation.messages]


def put(chat, backend, text="", run=None, cell=None, **settings):
    where = Cell(cell, run, None) if cell else None
    return ask(chat, backend, Question(text, cell=where, **settings), sink=Nowhere())
