"""Structured answers that do not fit, are cut, refused or hostile, and schemas that are none."""

from __future__ import annotations

import json

import pytest
from loopback import DONE, Reply, Script, answer, chunk, event

WRONG = {
    "type": ('{"name": "Ada",\n "age": "old"}', "$.age: 'old' is not of type 'integer' (line 2, column 9)"),
    "missing": ('{"name": "Ada"}', "'age' is a required property (line 1, column 1)"),
    "deep": (
        '{"name": "A", "age": 1, "tags": ["a", 2]}',
        "$.tags[1]: 2 is not of type 'string' (line 1, column 39)",
    ),
    "syntax": ('{"name": "Ada",}', "no JSON: "),
    "cut": ('{"name": "Ada", "a', "no JSON: unterminated string starting at line 1, column 17"),
    "words": ("Sure! Here it is.", "no JSON: expecting value at line 1, column 1"),
    "twice": ('{"name": "A", "age": 1} {"name": "A", "age": 1}', "no JSON: extra data at line 1, column 25"),
    "nan": ('{"name": "A", "age": NaN}', "no JSON"),
    "nested": ("[" * 100_000, "nested too deeply"),
    "boolean": ('{"name": "A", "age": true}', "True is not of type 'integer'"),
}


@pytest.mark.parametrize("cell", [None, "cell-1"])
@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_an_error_that_keeps_the_text_and_points_at_the_place(
    typed, service, name, cell
):
    text, words = WRONG[name]
    service.script = Script(answer(text))
    ran = typed.run("%%chat --schema Person\nwho?", cell)
    assert (ran.status, ran.ename) == ("error", "StructuredOutputError"), ran.error
    assert words in ran.error
    _, *detail = ran.error.split("\n")
    assert len([line for line in detail if not line.startswith("  │")]) <= 2
    assert len(detail) <= 22
    assert "^" in ran.error
    assert typed.value("chat_response.text == " + repr(text)) == "True"
    assert (
        typed.value("chat_response.parsed, chat_conversation.messages[-1].content == chat_response.text")
        == "(None, True)"
    )
    assert "pm-code" in ran.bundles[-1]["text/html"] or name in {"type", "missing", "deep", "nan", "boolean"}


def test_a_cut_answer_says_so(typed, service):
    service.script = Script(answer('{"name": "Ada"', finish="length"))
    ran = typed.run("%%chat --schema Person --max-tokens 5\nwho?")
    assert "cut at the token limit" in ran.error
    assert "--max-tokens" in ran.error
    assert "cut at the token limit" in ran.bundles[-1]["text/html"]


def test_a_refusal_says_so(typed, service):
    service.say(event(chunk(None, refusal="I will not.")), event(chunk(finish_reason="stop")), DONE)
    ran = typed.run("%%chat --schema Person\nwho?")
    assert "refused to answer" in ran.error
    assert "I will not." in ran.error


@pytest.mark.parametrize("cell", [None, "cell-1"])
def test_retries_ask_again_with_the_error(typed, service, cell):
    service.script = Script(answer('{"name": 1}'), answer("no"), answer('{"name": "Ada", "age": 36}'))
    ran = typed.run("%%chat --schema Person --retries 2\nwho?", cell)
    assert ran.status == "ok", ran.error
    assert typed.value("chat_response.parsed.age") == "36"
    last = service.questions[-1].body["messages"]
    assert [m["role"] for m in last] == ["user", "assistant", "user", "assistant", "user"]
    assert last[1]["content"] == '{"name": 1}'
    assert "$.name: 1 is not of type 'string'" in last[2]["content"] or "required" in last[2]["content"]
    assert "no JSON" in last[4]["content"]
    assert "Asked again:" in ran.bundles[-1]["text/plain"]
    assert "in 3 requests" in ran.bundles[-1]["text/html"]
    assert len(ran.outputs) == 1


def test_retries_end_with_the_last_error(typed, service):
    service.script = Script(answer("a"), answer("b"))
    ran = typed.run("%%chat --schema Person --retries 1\nwho?")
    assert ran.ename == "StructuredOutputError"
    assert len(service.questions) == 2
    assert typed.value("chat_response.text, [m.role for m in chat_conversation.messages]") == (
        "('b', ['user', 'assistant', 'user', 'assistant'])"
    )


def test_a_fault_while_asking_again_keeps_the_answer_that_did_not_fit(typed, service):
    service.script = Script(answer("a"), Reply([b"{}"], 503, {"content-type": "application/json"}))
    ran = typed.run("%%chat --schema Person --retries 1\nwho?")
    assert ran.ename == "InternalServerError"
    assert typed.value("[m.content for m in chat_conversation.messages]") == "['who?', 'a']"


BAD = {
    "no_variable": ("--schema Persn", "OptionError", "Did you mean Person?"),
    "no_name": ("--schema a.b", "OptionError", "no name of a variable"),
    "instance": ("--schema instance", "SchemaError", "Give the class Point"),
    "function": ("--schema print_it", "SchemaError", "is no schema"),
    "number": ("--schema number", "SchemaError", "A int is no schema"),
    "bad_schema": ("--schema broken", "SchemaError", "no JSON Schema: $.type"),
    "remote": ("--schema remote", "SchemaError", "refers to 'http://127.0.0.1:9/x.json'"),
    "dangling": ("--schema dangling", "SchemaError", "refers to '#/$defs/Nope'"),
    "contradiction": ("--schema Person --response-format text", "OptionError", "contradict"),
    "retries": ("--schema Person --retries x", "OptionError", "no number of retries"),
    "retries_alone": ("--retries 2", "PremError", "needs a schema"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_clear_error_before_anything_is_sent(typed, service, name):
    options, ename, words = BAD[name]
    typed.run(
        "def print_it(): pass\nnumber = 3\nbroken = {'type': 'strin'}\nremote = {'$ref': 'http://127.0.0.1:9/x.json'}\n"
        "dangling = {'$ref': '#/$defs/Nope'}"
    )
    ran = typed.run(f"%%chat {options}\ngo")
    assert (ran.status, ran.ename) == ("error", ename), ran.error
    assert words in ran.error
    assert len(ran.error.split("\n")) <= 3
    assert service.requests == []


HOSTILE = '<img src=x onerror=alert(1)> ` </code> "onmouseover="'


def test_hostile_keys_and_values_are_text(typed, service):
    text = json.dumps({HOSTILE: HOSTILE, "n": [HOSTILE, {HOSTILE: None}]})
    typed.run("anything = {'type': 'object'}")
    service.script = Script(answer(*text))
    ran = typed.run("%%chat --schema anything\ngo", "cell-1")
    assert ran.status == "ok", ran.error
    for message in ran.messages:
        data = message["content"].get("data") or {}
        assert "<img" not in data.get("text/html", "")
    assert "&lt;img" in ran.bundles[-1]["text/html"]
    service.script = Script(answer(HOSTILE))
    ran = typed.run("%%chat --schema Person\ngo", "cell-1")
    assert "<img" not in ran.bundles[-1]["text/html"]


def test_validators_that_break_are_told_and_lose_nothing(typed, service):
    typed.run(
        "class Odd(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a')\n    def check(cls, v): return {}['k']\n"
        "tenth = {'type': 'object', 'properties': {'a': {'multipleOf': 0.1}}}"
    )
    for name, text, words in (
        ("Odd", '{"a": 1}', "KeyError: 'k'"),
        ("tenth", '{"a": 1e400}', "inf is not a multiple of 0.1"),
    ):
        service.script = Script(answer(text))
        ran = typed.run(f"%%chat --new --schema {name}\ngo", "cell-1")
        assert ran.ename == "StructuredOutputError", ran.error
        assert words in ran.error
        assert typed.value("chat_conversation.messages[-1].content == chat_response.text") == "True"


def test_large_answers_are_checked_and_the_first_fault_is_named(typed, service):
    typed.run("numbers = list[int]\nunique = {'type': 'array', 'uniqueItems': True}")
    wrong = json.dumps(["x"] * 200_000)
    right = json.dumps(list(range(200_000)))
    objects = json.dumps([{"n": n} for n in range(3_000)])
    for name, text, status in (
        ("numbers", wrong, "error"),
        ("numbers", right, "ok"),
        ("unique", objects, "ok"),
    ):
        service.script = Script(answer(text))
        ran = typed.run(f"%%chat --once --schema {name}\ngo")
        assert ran.status == status, ran.error
    service.script = Script(answer(wrong))
    assert "$[0]: " in typed.run("%%chat --once --schema numbers\ngo").error


def test_questions_that_are_refused_leave_nothing_watching_the_page(typed):
    count = "len(get_ipython().display_pub._hooks)"
    before = typed.value(count)
    typed.run("%config PremMagics.live = 'always'\n%prem budget 0")
    for _ in range(5):
        assert typed.run("%%chat --schema Person\nWho?").ename == "BudgetError"
    typed.run("1 / 0")  # IPython keeps the frames of the last error, until there is another
    typed.run("import gc\ngc.collect()")
    assert typed.value(count) == before
