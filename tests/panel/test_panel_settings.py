"""A panel's controls: what they send, what they mark as wrong, templates, functions, the meter."""

from __future__ import annotations

import pytest
from loopback import USAGE, Reply, answer, calls, held
from panels import Page


def test_what_a_variable_raises_is_its_controls_fault(page, service):
    page.kernel.run("def bad(x: '1/0'): pass\ndef good(x: int): return x")
    page.do("set", name="tools", value="bad")
    page.until(lambda: "ZeroDivisionError" in page.state["faults"].get("tools", ""))
    page.ask("hi")
    assert "ZeroDivisionError" in page.state["failed"]["error"]
    page.do("set", name="tools", value="good")
    more = held(service, "half")
    page.do("ask", text="hi")
    page.until(lambda: "half" in page.live)
    page.kernel.run("def good(x: '1/0'): pass")
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["hi"]


def test_a_system_message_that_is_set_during_an_answer_holds_for_the_next(page, service):
    more = held(service, "half")
    page.do("ask", text="one")
    page.until(lambda: "half" in page.live)
    page.do("set", name="system", value="Be brief.")
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.state["systemSet"] == "Be brief."
    service.script = service.echo
    page.ask("two")
    assert service.questions[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_whatever_a_template_raises_is_told(page, service):
    page.kernel.run("def leave(): raise SystemExit(3)")
    page.do("set", name="templates", value="on")
    page.ask("{{ leave() }}")
    assert "SystemExit" in page.state["failed"]["error"]
    assert service.questions == []


def test_a_template_that_takes_its_time_keeps_nobody_waiting(panel, service):
    page = Page(panel, subshell=True)
    panel.run(
        "import threading\ngo_on = threading.Event()\ndef slow():\n    go_on.wait(20)\n    return 'done'"
    )
    page.do("set", name="templates", value="on")
    page.do("ask", text="{{ slow() }}")
    page.do("switch", name="other")
    page.do("set", name="templates", value=None)
    page.ask("meanwhile")
    assert service.questions[0].body["messages"][-1]["content"] == "meanwhile"
    panel.run("go_on.set()")
    page.do("switch", name="default")
    page.until(lambda: page.state["conversation"] == "default" and page.state["asking"] is None)
    assert page.shown() == ["{{ slow() }}"] or page.shown() == ["done"]


def test_who_comes_back_sees_what_holds_now(page):
    page.do("bye")
    page.kernel.run("%config PremMagics.temperature = 0.3")
    page.do("hello")
    page.kernel.run("%config PremMagics.temperature = None")
    page.until(lambda: {a["name"]: a.get("default") for a in page.state["controls"]}["temperature"] == "0.7")


def test_every_parameter_is_sent_when_it_is_set_and_only_then(page, service):
    page.ask("nothing set")
    assert set(service.questions[-1].body) == {"messages", "model", "stream", "stream_options"}
    values = {
        "model": "other",
        "temperature": "0.25",
        "top-p": "none",
        "max-tokens": "7",
        "seed": "12",
        "frequency-penalty": "-2",
        "presence-penalty": "1.5",
        "stop": "END\n\\n\\n\n\\\\n",
        "response-format": "text",
        "name": "Ada",
        "no-stream": "on",
        "window": "0",
    }
    for name, value in values.items():
        page.do("set", name=name, value=value)
    page.until(lambda: page.state["values"] == values)
    assert page.state["faults"] == {}
    page.ask("all set")
    body = service.questions[-1].body
    assert body == {
        "messages": [{"role": "user", "content": "all set", "name": "Ada"}],
        "model": "other",
        "temperature": 0.25,
        "top_p": None,
        "max_completion_tokens": 7,
        "seed": 12,
        "frequency_penalty": -2.0,
        "presence_penalty": 1.5,
        "stop": ["END", "\n\n", "\\n"],
        "response_format": {"type": "text"},
    }
    for name in values:
        page.do("set", name=name, value=None)
    page.ask("unset again")
    assert set(service.questions[-1].body) == {"messages", "model", "stream", "stream_options"}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("temperature", "3", "between 0 and 2"),
        ("temperature", "warm", "warm"),
        ("top-p", "-1", "between 0 and 1"),
        ("seed", "none", "none"),
        ("max-tokens", "0", "greater than 0"),
        ("schema", "Missing", "no variable 'Missing'"),
        ("tools", "f,", "no variable 'f'"),
        ("window", "-1", "no number"),
    ],
)
def test_a_value_out_of_range_is_marked_and_nothing_is_sent(page, service, name, value, says):
    page.do("set", name=name, value=value)
    page.until(lambda: says in page.state["faults"].get(name, ""))
    page.ask("hi")
    assert says in page.state["failed"]["error"]
    assert service.questions == []


def test_what_holds_where_nothing_is_set_is_shown(page):
    standing = {about["name"]: about.get("default") for about in page.state["controls"]}
    assert (standing["temperature"], standing["seed"]) == ("0.7", "none")
    page.kernel.run("%config PremMagics.temperature = 0.2\n%config PremMagics.stop = ['x']")
    page.until(
        lambda: {a["name"]: a.get("default") for a in page.state["controls"]}["stop"] == "'x'",
    )
    assert page.state["values"] == {}


def test_the_system_message_holds_from_the_next_question_on(page, service):
    page.do("set", name="system", value="Be brief.")
    page.ask("one")
    assert service.questions[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (page.state["system"], page.state["systemSet"]) == ("Be brief.", None)
    page.ask("two")
    page.do("set", name="system", value="")
    page.ask("three")
    roles = [[message["role"] for message in request.body["messages"]] for request in service.questions]
    assert [names[0] for names in roles] == ["system", "system", "user"]


def test_templates_are_expanded_where_that_is_asked_for(page, service):
    page.kernel.run("x = 41")
    page.ask("{{ x + 1 }}")
    page.do("set", name="templates", value="on")
    page.ask("{{ x + 1 }}")
    assert [q.body["messages"][-1]["content"] for q in service.questions] == ["{{ x + 1 }}", "42"]


def test_functions_and_schemas_of_the_notebook(page, service):
    page.kernel.run(
        "def double(x: int):\n    return 2 * x\n\nfrom typing import TypedDict\nclass City(TypedDict):\n    name: str"
    )
    script = iter([Reply(calls(("double", '{"x": 4}'))), Reply(answer("It is 8."))])
    service.script = lambda _: next(script)
    page.do("set", name="tools", value="double")
    page.ask("twice four?")
    assert "double(x=4) → 8" in page.answers()[0].replace("</code>", "")
    assert "It is 8." in page.answers()[0]
    page.do("set", name="tools", value=None)
    page.do("set", name="schema", value="City")
    service.script = lambda _: Reply(answer('{"name": ', '"Rome"}'))
    page.ask("a city")
    assert "pm-data" in page.answers()[1]
    assert page.kernel.value("chat_response.parsed") == "{'name': 'Rome'}"
    service.script = lambda _: Reply(answer('{"name": 3}'))
    page.ask("another")
    assert "StructuredOutputError" in page.state["failed"]["error"]
    assert len(page.turns) == 3  # what was answered is kept
    service.script = lambda _: Reply(answer('{"name": "Oslo"}'))
    page.do("retry")
    page.until(lambda: page.state["failed"] is None and page.state["asking"] is None)
    assert page.turns[2][1:] == [2, 2]
    page.do("suggest", name="tools")
    page.until(lambda: any(m["type"] == "suggest" and "double" in m["values"] for m in page.heard))


def test_models_are_suggested_and_a_service_that_cannot_say_is_none(page, service):
    service.models = ["b", "a"]
    page.do("suggest", name="model")
    page.until(lambda: any(m["type"] == "suggest" and m["values"] == ["a", "b"] for m in page.heard))
    page.kernel.run("%config PremMagics.endpoint = 'http://127.0.0.1:9'")
    page.heard.clear()
    page.do("suggest", name="model")
    page.until(lambda: any(m["type"] == "suggest" and m["values"] == [] for m in page.heard))


def test_the_meter_counts_with_the_budget(page, service):
    page.ask("one")
    assert page.state["meter"] == {"used": USAGE["total_tokens"], "unknown": 0, "budget": None}
    page.kernel.run("%prem budget 100")
    page.until(lambda: page.state["meter"]["budget"] == 100)
    page.kernel.run("%%chat --once\ntwo")
    page.until(lambda: page.state["meter"]["used"] == 2 * USAGE["total_tokens"])
