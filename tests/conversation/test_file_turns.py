"""Turns in files: which others they name, and those that say nothing."""

from __future__ import annotations

import json

import pytest
from scripted import Scripted

from jupyter_prem.client import ToolCall
from jupyter_prem.conversation import Conversation, ConversationFileError


def about(turn):
    return (
        turn.hash,
        turn.parent and turn.parent.hash,
        turn.system_given,
        turn.response and turn.response.text,
    )


@pytest.mark.parametrize("place", [-1, True, 1.0, "0", 2])
def test_a_place_that_is_none_is_an_error(tmp_path, place):
    chat = Conversation(client=Scripted())
    chat.ask("a")
    chat.ask("b", window=1)
    chat.save(tmp_path / "chat.json")
    for key in ("parent", "window"):
        data = json.loads((tmp_path / "chat.json").read_text())
        data["turns"][1][key] = place
        (tmp_path / "broken.json").write_text(json.dumps(data))
        if (key, place) == ("window", 2):
            continue
        with pytest.raises(ConversationFileError, match="holds no conversation"):
            Conversation.load(tmp_path / "broken.json")


@pytest.mark.parametrize("ending", [".json", ".md"])
def test_turns_that_say_nothing_come_back(tmp_path, ending):
    chat = Conversation(client=Scripted())
    chat.append("system", "be brief")
    chat.save(tmp_path / f"chat{ending}")
    assert [about(turn) for turn in Conversation.load(tmp_path / f"chat{ending}").turns] == [about(chat.head)]
    chat.ask("a")
    chat.save(tmp_path / f"chat{ending}")
    again = Conversation.load(tmp_path / f"chat{ending}")
    assert [about(turn) for turn in again.turns] == [about(turn) for turn in chat.turns]


def test_a_reason_is_the_systems_own_words(tmp_path):
    with pytest.raises(ConversationFileError) as caught:
        Conversation.load(tmp_path / "chat.json")
    assert caught.value.what == "'chat.json' cannot be read: No such file or directory."


def test_what_is_nested_too_deeply_says_so(tmp_path):
    (tmp_path / "chat.json").write_text("[" * 100_000)
    with pytest.raises(ConversationFileError) as caught:
        Conversation.load(tmp_path / "chat.json")
    assert caught.value.what == "'chat.json' holds no conversation: it is nested too deeply."


def test_markdown_is_as_people_read_it(tmp_path):
    chat = Conversation("two\nlines", client=Scripted())
    chat.append("system", "be brief")
    chat.append("user", "hello", name="ada")
    chat.append("assistant", None, tool_calls=[ToolCall("c1", "f", "{}")])
    chat.save(tmp_path / "chat.md")
    read = [line for line in (tmp_path / "chat.md").read_text().split("\n") if not line.startswith("<!--")]
    assert [line for line in read if line] == [
        "# two lines",
        "**system**",
        "be brief",
        "**user (ada)**",
        "hello",
        "**assistant**",
    ]
    assert Conversation.load(tmp_path / "chat.md").messages == chat.messages
