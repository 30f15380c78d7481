"""A chat without its widget: what is asked next to what ends."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from loopback import answer

from jupyter_prem.notebook import Notebook, Settings
from jupyter_prem.panel._asking import Asked
from jupyter_prem.panel._chat import Chat


class Watcher:
    """Does something once, when it is told that nothing is on its way any more."""

    def __init__(self):
        self.chat = None
        self.idle = None

    def changed(self):
        if self.idle is not None and self.chat.talk.asking is None:
            idle, self.idle = self.idle, None
            idle()

    def frame(self, *_):
        pass

    def moved(self, *_):
        pass

    def restored(self, *_):
        pass


@pytest.fixture
def chat(service, monkeypatch):
    monkeypatch.setenv("PREM_ENDPOINT", service.url)
    notebook = Notebook(Settings, lambda _: None, lambda: None)
    watcher = Watcher()
    watcher.chat = Chat(SimpleNamespace(notebook=notebook, names=dict, shell=None), None, watcher)
    yield watcher.chat
    notebook._pool.close()


def test_a_question_that_is_asked_as_soon_as_the_last_has_ended_is_on_its_way(chat, service):
    begun, *rest = answer("second")
    more = threading.Event()
    chat.watcher.idle = lambda: (service.say(begun, more, *rest), chat.ask(Asked("again")))
    chat.ask(Asked("hi"))
    first = chat.talk.asking
    assert first.ended.wait(20)
    assert first.outcome.response.text == "You said: hi"
    second = chat.talk.asking
    assert second not in {None, first}
    assert not chat.ask(Asked("a third"))
    assert chat.talk.draft == "a third"
    more.set()
    assert chat.wait(20)
    assert second.outcome.response.text == "second"
    assert chat.talk.asking is None
