"""What the doors of one notebook share, where two of them come at once; and Tab's list of models."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from jupyter_prem import ConversationError, conversation
from jupyter_prem.notebook import Models, Notebook, Settings, _completion, option_values


@pytest.fixture
def notebook():
    return Notebook(Settings, lambda _: None, lambda: None)


def test_two_doors_that_begin_a_conversation_at_once_go_on_in_one(notebook, monkeypatch):
    both, found = threading.Barrier(2, timeout=20), []
    really = conversation.Conversation

    def begun(*args, **named):
        both.wait()
        return really(*args, **named)

    monkeypatch.setattr(conversation, "Conversation", begun)
    doors = [threading.Thread(target=lambda: found.append(notebook.conversation("new"))) for _ in range(2)]
    for door in doors:
        door.start()
    for door in doors:
        door.join()
    assert found[0] is found[1] is notebook.conversations["new"]


def test_a_name_that_is_taken_is_refused_or_numbered(notebook):
    first = notebook.conversation("chat")
    forks = [first.fork() for _ in range(3)]
    assert [fork.name for fork in forks] == ["chat-fork", "chat-fork-2", "chat-fork-3"]
    with pytest.raises(ConversationError, match="There is a conversation 'chat-fork' already"):
        first.fork("chat-fork")
    assert list(notebook.conversations.values()) == [first, *forks]


def test_a_machine_that_has_just_started_has_models_too(monkeypatch):
    client = SimpleNamespace(
        endpoint=SimpleNamespace(name="a", fixed=True), models=lambda: [SimpleNamespace(id="m")]
    )
    answerer = SimpleNamespace(replays=False, client=client)
    magics = SimpleNamespace(notebook=SimpleNamespace(answerer=lambda: answerer))
    monkeypatch.setattr(_completion.time, "monotonic", lambda: 5.0)
    assert list(Models(magics)) == ["m"]


def test_variables_that_a_cell_makes_meanwhile_keep_no_names_from_a_panel():
    class Namespace(dict):
        """One that grows while it is walked, unless it is copied at once."""

        def items(self):
            for place, item in enumerate(super().items()):
                self[f"new_{place}"] = place
                yield item

    shell = SimpleNamespace(user_ns=Namespace(city="Rome", _hidden=1), user_ns_hidden={})
    assert option_values("--output", SimpleNamespace(shell=shell), []) == ["city"]
