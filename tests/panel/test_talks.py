"""What the panels of one notebook share, while threads of theirs tell and others are made."""

from __future__ import annotations

import gc
import threading
from weakref import WeakSet

from jupyter_prem.notebook import Notebook, Settings
from jupyter_prem.panel._talks import Talks


class Chat:
    pass


def test_a_panel_that_is_made_while_others_are_told_ends_no_answer():
    talks, chats, told = Talks(), [Chat(), Chat()], []

    def slip_in():
        if talks.lock.acquire(blocking=False):  # as any thread may that makes a panel
            talks.join(chats[-1])
            talks.lock.release()

    class Chats(WeakSet):
        def __iter__(self):
            for chat in super().__iter__():
                other = threading.Thread(target=slip_in)
                other.start()
                other.join()
                yield chat

    talks._chats = Chats(chats)
    chats.append(Chat())
    talks.tell(told.append)
    assert len(told) == 2
    talks.join(chats[-1])
    talks.tell(told.append)
    assert len(told) == 5


class Listener:
    def __init__(self, notebook, others=()):
        self.heard = 0
        self.others = others
        self.notebook = notebook

    def hear(self, _):
        self.heard += 1
        for other in self.others:
            self.notebook.listen(other.hear)
        self.others = ()


def test_who_listens_hears_and_who_is_gone_is_forgotten():
    notebook = Notebook(Settings, lambda _: None, lambda: None)
    late = Listener(notebook)
    first = Listener(notebook, [late])
    gone = Listener(notebook)
    for listener in (first, gone):
        notebook.listen(listener.hear)
    del gone, listener
    gc.collect()
    notebook.changed(None)
    notebook.changed(None)
    assert (first.heard, late.heard) == (2, 1)
    assert len(notebook._listeners) == 2
