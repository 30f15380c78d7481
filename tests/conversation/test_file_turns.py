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


FIRST = {
    "format": "jupyter_prem conversation",
    "version": 1,
    "name": "x",
    "head": 0,
    "past": [None],
    "future": [],
    "turns": [
        {
            "parent": None,
            "system": "",
            "system_given": False,
            "fields": {"seed": 3},
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
            "window": 2,
            "response": {"model": "m", "choices": [{"finish_reason": "stop", "refusal": "no"}]},
        }
    ],
}


def test_what_the_first_version_wrote_is_read_and_written_again(tmp_path):
    (tmp_path / "chat.json").write_text(json.dumps(FIRST))
    chat = Conversation.load(tmp_path / "chat.json")
    response = chat.head.response
    assert (chat.name, response.text, response.choices[0].refusal, response.model) == ("x", "a", "no", "m")
    assert (response.latency, response.interrupted, response.notes) == (0.0, False, ())
    assert (response.body.window, response.body.fields) == (2, {"seed": 3})
    assert chat.positions == ((None,), ())
    chat.save(tmp_path / "again.json")
    data = json.loads((tmp_path / "again.json").read_text())
    assert {**data, "turns": []} == {**FIRST, "turns": []}
    turn = data["turns"][0]
    assert [*turn] == ["parent", "system", "system_given", "fields", "window", "response", "messages"]
    assert turn["response"]["choices"] == [{"finish_reason": "stop", "refusal": "no"}]
    assert (turn["window"], turn["messages"]) == (2, FIRST["turns"][0]["messages"])


@pytest.mark.parametrize(
    ("key", "value"), [("latency", True), ("latency", "1"), ("notes", [3]), ("notes", 3)]
)
def test_an_answer_of_another_shape_is_an_error(tmp_path, key, value):
    turn = FIRST["turns"][0]
    broken = {**FIRST, "turns": [{**turn, "response": {**turn["response"], key: value}}]}
    (tmp_path / "chat.json").write_text(json.dumps(broken))
    with pytest.raises(ConversationFileError, match="holds no conversation"):
        Conversation.load(tmp_path / "chat.json")


def test_a_message_of_another_shape_says_what_it_must_be(tmp_path):
    turn = {**FIRST["turns"][0], "messages": [{"role": "robot", "content": "q"}]}
    (tmp_path / "chat.json").write_text(json.dumps({**FIRST, "turns": [turn]}))
    with pytest.raises(ConversationFileError) as caught:
        Conversation.load(tmp_path / "chat.json")
    assert caught.value.what == (
        "'chat.json' holds no conversation: must be one of system, user, assistant, tool."
    )


@pytest.mark.parametrize(("ending", "text"), [(".md", "# mine"), (".json", "{}"), (".json", "[]")])
def test_what_others_wrote_has_no_mark(tmp_path, ending, text):
    path = tmp_path / f"x{ending}"
    path.write_text(text)
    with pytest.raises(ConversationFileError) as caught:
        Conversation.load(path)
    assert caught.value.what == f"{path.name!r} holds no conversation: it has no mark of ours."
    assert caught.value.hint == "Only what %prem export or Conversation.save wrote can be loaded."
