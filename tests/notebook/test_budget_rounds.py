"""A budget that ends a question between two of its requests: what is said, and what is kept."""

from __future__ import annotations

import pytest
from called import said
from loopback import Script, answer, calls

ROUNDS = {
    "a call": ("--tools add", [calls(("add", '{"a": 1}'))], ["go", None, "2"]),
    "two calls": (
        "--tools add",
        [calls(("add", '{"a": 1}')), calls(("add", '{"a": 2}'), first=2)],
        ["go", None, "2", None, "3"],
    ),
    "an answer that does not fit": ("--schema shape --retries 2", [answer("no")], ["go", "no"]),
}


@pytest.fixture
def shaped(tools):
    tools.run(
        "shape = {'type': 'object', 'title': 'n', 'properties': {'n': {'type': 'integer'}}, 'required': ['n']}"
    )
    return tools


@pytest.mark.parametrize("name", ROUNDS)
@pytest.mark.parametrize("way", ["%%chat {0}\ngo", "%%chat --once {0}\ngo", "python"])
def test_it_says_what_was_sent_and_keeps_it(shaped, service, name, way):
    options, rounds, kept = ROUNDS[name]
    service.script = Script(*rounds, answer("never"))
    shaped.run(f"%prem budget {8 * len(rounds)}")
    if way == "python":
        given = "tools=[add]" if "tools" in options else "response_format=shape, retries=2"
        source = "c = get_ipython().magics_manager.registry['PremMagics'].notebook.conversation()\n"
        source += f"c.ask('go', {given})"
    else:
        source = way.format(options)
    ran = shaped.run(source)
    shaped.run("%prem budget none")
    assert ran.ename == "BudgetError"
    assert len(service.questions) == len(rounds)
    assert "nothing was sent" not in ran.evalue
    assert "the next request was not sent" in ran.evalue
    if way == "python":
        return
    assert len(ran.error.splitlines()) <= 3
    if "--once" in way:
        assert "is kept" not in ran.error
        return
    assert "the exchange so far is kept: %prem undo takes it back" in ran.error
    assert [message["content"] for message in said(shaped)] == kept
    assert shaped.run("%prem undo").status == "ok"
    assert said(shaped) == []


def test_what_is_never_sent_says_so(shaped, service):
    shaped.run("%prem budget 0")
    ran = shaped.run("%%chat --tools add\ngo")
    shaped.run("%prem budget none")
    assert "nothing was sent" in ran.error
    assert service.questions == []
