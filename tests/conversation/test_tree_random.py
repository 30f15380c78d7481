"""Conversations as trees: random sequences of everything against a small model."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from scripted import Scripted, put, said

from jupyter_prem.client import Interrupted, StreamInterrupted
from jupyter_prem.conversation import (
    CONTINUE,
    Conversation,
    ConversationError,
)


@dataclass
class Model:
    """What a conversation should be: a path of texts, where it was, and every path ever."""

    head: tuple = ()
    past: list = field(default_factory=list)
    future: list = field(default_factory=list)
    ever: list = field(default_factory=list)

    def move(self, path):
        if path is not self.head:
            self.past.append(self.head)
            self.future.clear()
            self.head = path

    def commit(self, base, entry):
        path = (*base, entry)
        self.ever.append(path)
        self.move(path)

    def base(self, cell, run):
        for place, (_, cells, _) in enumerate(self.head):
            if any(name == cell and ran != run for name, ran in cells.items()):
                return self.head[:place]
        return self.head


def step(rng, chat, backend, model, runs):  # noqa: C901 - a table of what can happen
    """Do one random thing to both."""
    act = rng.choice(
        ["ask"] * 6 + ["undo", "undo", "redo", "reset", "regenerate", "continue", "append", "fork"]
    )
    backend.end = rng.choice(
        ["stop"] * 6 + ["length", StreamInterrupted("x"), Interrupted("Stopped."), Interrupted("empty")]
    )
    kept = isinstance(backend.end, str) or (
        isinstance(backend.end, Interrupted) and backend.end.what != "empty"
    )
    cut = backend.end != "stop"
    if act == "ask" or act in {"regenerate", "continue"}:
        cell = rng.choice([None, "a", "b", "c", "d"])
        if cell is not None and (cell not in runs or rng.random() < 0.7):
            runs[cell] = runs.get(cell, 0) + 1
        run = str(runs.get(cell, ""))
        base, cells = model.base(cell, run) if cell else model.head, {cell: run} if cell else {}
        new, once = (rng.random() < 0.1, rng.random() < 0.1) if act == "ask" else (False, False)
        question, kind = f"q{backend.count}", {"kind": act} if act != "ask" else {}
        if act == "regenerate":
            last = (base != model.head and model.head[: len(base) + 1]) or model.head
            if not last or last[-1][0][1] is None:
                with pytest.raises(ConversationError):
                    put(chat, backend, run=run, cell=cell, **kind)
                return
            base, question, cells = last[:-1], last[-1][0][0], {**last[-1][1], **cells}
        elif act == "continue":
            if not base or not base[-1][2]:
                with pytest.raises(ConversationError):
                    put(chat, backend, run=run, cell=cell, **kind)
                return
            question = CONTINUE
        outcome = put(chat, backend, question, run, cell, new=new, once=once, **kind)
        assert (outcome.turn is not None) == kept
        if kept and not once:
            model.commit(() if new else base, ((question, f"a{backend.count}"), cells, cut))
    elif act in {"undo", "redo"}:
        source, target = (model.past, model.future) if act == "undo" else (model.future, model.past)
        if not source:
            with pytest.raises(ConversationError):
                getattr(chat, act)()
            return
        getattr(chat, act)()
        target.append(model.head)
        model.head = source.pop()
    elif act == "reset":
        chat.reset()
        model.move(() if model.head else model.head)
    elif act == "append":
        chat.append("user", f"h{len(model.ever)}")
        model.commit(model.head, ((f"h{len(model.ever)}", None), {}, False))
    else:
        before = said(chat)
        other = chat.fork()
        assert said(other) == before
        put(other, backend, "elsewhere")
        assert said(chat) == before


def texts(path):
    return [text for entry in path for text in entry[0] if text is not None]


@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_random_sequences_lose_nothing(part):
    for seed in range(part * 2_500, (part + 1) * 2_500):
        rng = random.Random(seed)  # noqa: S311 - a seeded sample
        backend = Scripted()
        chat, model, runs = Conversation(client=backend), Model(), {}
        for _ in range(rng.randrange(1, 16)):
            step(rng, chat, backend, model, runs)
            assert said(chat) == texts(model.head), seed
        ever = [[m.content for t in path_of(turn) for m in t.messages] for turn in chat.all_turns]
        assert ever == [texts(path) for path in model.ever], seed
        assert len(chat.positions[0]) == len(model.past)


def path_of(turn):
    path = []
    while turn is not None:
        path.insert(0, turn)
        turn = turn.parent
    return path
