"""Calls that are refused, interrupted, broken, hostile or cut, and those that one is asked about."""

from __future__ import annotations

import json
import re
import threading

import pytest
from called import html, roles, said
from loopback import DONE, Reply, Script, answer, calls, chunk, event

BAD_ARGUMENTS = {
    "type": ('{"a": "two"}', r"\$\.a: 'two' is not of type 'integer'"),
    "boolean": ('{"a": true}', "True is not of type 'integer'"),
    "missing": ("{}", "'a' is a required property"),
    "unknown": ('{"a": 1, "c": 2}', "'c' was unexpected"),
    "no_object": ("[1]", "is not of type 'object'"),
    "no_json": ('{"a": 1', "no JSON"),
    "nan": ('{"a": NaN}', "no JSON number"),
    "deep": ('{"a": ' + "[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_arguments_are_checked_before_the_call(tools, service, name):
    arguments, words = BAD_ARGUMENTS[name]
    service.script = Script(calls(("add", arguments)), answer("sorry"))
    ran = tools.run("%%chat --tools add\ngo")
    assert ran.status == "ok", ran.error
    result = service.questions[-1].body["messages"][-1]["content"]
    assert result.startswith("Error: ")
    assert re.search(words, result)
    assert tools.value("made") == "[]"


def test_only_functions_named_in_that_cell_can_run(tools, service):
    service.script = Script(calls(("add", '{"a": 1}')), answer("ok"))
    tools.run("%%chat --tools add\ngo")
    service.script = Script(calls(("add", '{"a": 5}')))
    ran = tools.run("%%chat\nagain")
    assert ran.status == "ok", ran.error
    assert tools.value("made") == "[(1, 1)]"
    assert "there is no function" in said(tools)[-1]["content"]
    service.script = Script(answer("without"))
    ran = tools.run("%prem undo\n%prem regenerate")
    assert "tools" not in service.questions[-1].body
    assert "Asked without the functions add" in ran.bundles[-1]["text/plain"]
    service.script = Script(calls(("add", '{"a": 7}')), answer("with"))
    ran = tools.run("%prem undo\n%prem regenerate --tools add")
    assert tools.value("made[-1]") == "(7, 1)"


BAD = {
    "no_variable": ("--tools nope", "OptionError", "no variable 'nope'"),
    "near": ("--tools ad", "OptionError", "Did you mean add?"),
    "no_function": ("--tools made", "SchemaError", "is no function"),
    "no_name": ("--tools f()", "OptionError", "'f()' is no name of a function"),
    "nothing": ("--tools ,", "OptionError", "no name of a function"),
    "choice": ("--tools add --tool-choice nope", "SchemaError", "none of the tools"),
    "choice_alone": ("--tool-choice auto", "OptionError", "needs functions"),
    "rounds_alone": ("--max-tool-rounds 2", "OptionError", "needs functions"),
    "rounds": ("--tools add --max-tool-rounds -1", "OptionError", "no number of rounds"),
    "confirm_alone": ("--confirm-tools", "OptionError", "needs functions"),
    "annotation": ("--tools strange", "SchemaError", "cannot be"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_clear_error_before_anything_is_sent(tools, service, name):
    options, ename, words = BAD[name]
    tools.run("class Odd: pass\ndef strange(x: Odd): pass")
    ran = tools.run(f"%%chat {options}\ngo")
    assert (ran.status, ran.ename) == ("error", ename), ran.error
    assert words in ran.error
    assert len(ran.error.split("\n")) <= 3
    assert service.requests == []


def test_confirm_refuses_where_nobody_can_be_asked(tools, service):
    service.script = Script(calls(("add", '{"a": 1}')), answer("ok"))
    ran = tools.run("%%chat --tools add --confirm-tools\ngo")
    assert ran.status == "ok", ran.error
    assert tools.value("made") == "[]"
    assert "nobody can be asked here" in said(tools)[2]["content"]


@pytest.mark.parametrize(("reply", "made"), [("y", "[(1, 1)]"), ("n", "[]"), ("", "[]")])
def test_confirm_asks_before_each_call(tools, service, reply, made):
    service.script = Script(calls(("add", '{"a": 1}')), answer("ok"))
    client, prompts = tools.client, []

    def on_stdin(message):
        prompts.append(message["content"]["prompt"])
        client.input(reply)

    done = client.execute_interactive(
        "%%chat --tools add --confirm-tools\ngo",
        allow_stdin=True,
        stdin_hook=on_stdin,
        output_hook=lambda _: None,
        timeout=20,
    )
    assert done["content"]["status"] == "ok"
    assert prompts == ["Call add(a=1)? [y/n] "]
    assert tools.value("made") == made


@pytest.mark.parametrize("cell", [None, "cell-1"])
def test_an_interrupt_in_the_middle_of_a_call_leaves_every_call_answered(tools, service, cell):
    service.script = Script(calls(("add", '{"a": 1}'), ("hangs", "{}"), ("add", '{"a": 2}')), answer("ok"))
    started = tools.start("%%chat --tools add,hangs\ngo", cell)
    for _ in range(2000):
        if service.answered.wait(0.01) and len(service.questions) == 1:
            break
    threading.Event().wait(0.3)
    tools.interrupt()
    ran = tools.finish(started)
    assert ran.ename == "Interrupted", ran.error
    kept = said(tools)
    assert roles(kept) == ["user", "assistant", "tool", "tool", "tool"]
    assert kept[2]["content"] == "2"
    assert "stopped before it was done" in kept[3]["content"]
    assert "stopped before it was done" in kept[4]["content"]
    assert tools.value("made") == "[(1, 1), 'began']"
    assert tools.value("chat_response.interrupted, [c.name for c in chat_response.tool_calls]") == (
        "(True, ['add', 'hangs', 'add'])"
    )
    assert "interrupted" in html(ran)
    assert tools.run("%%chat\nnext").status == "ok"
    assert service.questions[-1].body["messages"][:-1] == kept


def test_a_fault_after_a_call_keeps_what_was_done(tools, service):
    service.script = Script(calls(("add", '{"a": 1}')), Reply([event(chunk("par"))], end="cut"))
    ran = tools.run("%%chat --tools add\ngo")
    assert ran.ename in {"StreamInterrupted", "IncompleteStream"}
    assert [m["content"] for m in said(tools)] == ["go", None, "2", "par"]
    service.script = Script(
        calls(("add", '{"a": 1}')), Reply([b"{}"], 500, {"content-type": "application/json"})
    )
    ran = tools.run("%%chat --new --tools add\ngo")
    assert ran.ename == "InternalServerError"
    assert [m["content"] for m in said(tools)] == ["go", None, "2"]
    assert "pm-call" in html(ran)


HOSTILE = "<img src=x onerror=alert(1)>"


def test_hostile_names_arguments_and_results_are_text(tools, service):
    tools.run(f"def evil(x: str): return x + {HOSTILE!r}")
    bad = json.dumps({"x": HOSTILE})
    service.script = Script(calls(("evil", bad), (HOSTILE, bad), ("evil", HOSTILE)), answer("ok"))
    ran = tools.run("%%chat --tools evil\ngo", "cell-1")
    assert ran.status == "ok", ran.error
    for message in ran.messages:
        page = message["content"].get("data", {}).get("text/html", "") if "data" in message["content"] else ""
        assert "<img" not in page
    assert "&lt;img" in html(ran)


def test_any_exception_of_a_tool_is_told_and_none_ends_the_exchange(tools, service):
    tools.run(
        "import pydantic\nclass Fatal(BaseException): pass\ndef fatal(): raise Fatal('no')\n"
        "class Odd(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a')\n    def check(cls, v): return {}['k']\n"
        "def odd(o: Odd): return 1\ndef huge(): raise ValueError('x' * 1_000_000)\ndef leaves(): raise GeneratorExit"
    )
    service.script = Script(
        calls(("fatal", ""), ("odd", '{"o": {"a": 1}}'), ("huge", ""), ("leaves", "")), answer("fine")
    )
    ran = tools.run("%%chat --tools fatal,odd,huge,leaves\ngo")
    assert ran.status == "ok", ran.error
    results = [m["content"] for m in said(tools) if m["role"] == "tool"]
    assert results[0].startswith("Error: ")
    assert "Fatal: no" in results[0]
    assert "KeyError: 'k'" in results[1]
    assert len(results[2]) <= 50_000
    assert results[3].startswith("Error: GeneratorExit")


def test_confirm_shows_all_that_is_allowed(tools, service):
    command = "ls " + "a" * 100 + "; rm -rf /"
    tools.run("def run(command: str): made.append(command)")
    service.script = Script(calls(("run", json.dumps({"command": command}))), answer("ok"))
    prompts = []

    def on_stdin(message):
        prompts.append(message["content"]["prompt"])
        tools.client.input("n")

    tools.client.execute_interactive(
        "%%chat --tools run --confirm-tools\ngo",
        allow_stdin=True,
        stdin_hook=on_stdin,
        output_hook=lambda _: None,
        timeout=20,
    )
    assert command in prompts[0]
    assert tools.value("made") == "[]"


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_call_of_a_cut_answer_is_not_made(tools, service, finish):
    cut = [{"index": 0, "id": "c", "type": "function", "function": {"name": "fails", "arguments": ""}}]
    service.say(event(chunk(None, tool_calls=cut)), event(chunk(finish_reason=finish)), DONE)
    ran = tools.run("%%chat --tools fails\ngo")
    assert ran.status == "ok", ran.error
    assert "cut before the call was complete" in said(tools)[-1]["content"]
    assert len(service.questions) == 1
