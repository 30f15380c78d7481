"""Structured answers: through a real kernel, from a scripted service."""

from __future__ import annotations

import json

import pytest
from loopback import Script, answer, calls, chunk, event

GOOD = {
    "Person": ('{"name": "Ada", "age": 36}', "Person(name='Ada', age=36, tags=[])"),
    "Point": ('{"x": 1}', "Point(x=1.0, y=0.0)"),
    "Film": ('{"title": "M", "inner": {"text": "t"}}', "{'title': 'M', 'inner': {'text': 't'}}"),
    "shape": ('{"n": 3}', "{'n': 3}"),
    "people": ('[{"name": "Ada", "age": 1.0}]', "[Person(name='Ada', age=1, tags=[])]"),
}


@pytest.mark.parametrize("cell", [None, "cell-1"])
@pytest.mark.parametrize("name", GOOD)
def test_an_answer_is_checked_bound_and_shown_as_a_tree(typed, service, name, cell):
    text, parsed = GOOD[name]
    service.script = Script(answer(*text))
    ran = typed.run(f"%%chat --schema {name}\nwho?", cell)
    assert ran.status == "ok", ran.error
    sent = service.questions[-1].body["response_format"]
    assert set(sent) == {"type", "json_schema"}
    assert sent["type"] == "json_schema"
    assert set(sent["json_schema"]) == {"name", "schema"}
    assert sent["json_schema"]["name"] == {"shape": "a_shape", "people": "list"}.get(name, name)
    assert typed.value("chat_response.parsed") == parsed
    assert typed.value("chat_response.text") == repr(text)
    assert len(ran.outputs) == 1
    (data,) = ran.bundles
    assert '<div class="pm-data"><details open>' in data["text/html"]
    assert json.loads(data["text/plain"]) == json.loads(text)
    assert json.loads(data["text/markdown"].strip("`").removeprefix("json")) == json.loads(text)


@pytest.mark.parametrize("name", GOOD)
def test_python_takes_the_same_objects(typed, service, name):
    text, parsed = GOOD[name]
    service.script = Script(answer(text))
    typed.run("%prem switch default\nfrom jupyter_prem import Client, Conversation")
    assert typed.value(f"chat_conversation.ask('who?', response_format={name}).parsed") == parsed
    client = f"Client({service.url!r})"
    assert typed.value(f"{client}.chat('who?', model='m', response_format={name}).parsed") == parsed
    typed.run(
        f"with {client}.stream('who?', model='m', response_format={name}) as s:\n    t = ''.join(map(str, s))"
    )
    assert typed.value("t, s.response.parsed") == f"({text!r}, {parsed})"
    typed.run(
        f"with Conversation(client={client}).stream('?', model='m', response_format={name}) as s:\n    t = ''.join(map(str, s))"
    )
    assert typed.value("t, s.response.parsed") == f"({text!r}, {parsed})"


def test_a_code_fence_around_the_answer_is_passed_over(typed, service):
    service.script = Script(answer('```json\n{"name": "Ada", "age": 1}\n```\n'))
    ran = typed.run("%%chat --schema Person\nwho?")
    assert ran.status == "ok", ran.error
    assert typed.value("chat_response.parsed.name") == "'Ada'"
    assert "pm-data" in ran.bundles[-1]["text/html"]


def test_the_page_shows_what_is_valid_so_far(typed, service):
    import threading

    hold = threading.Event()
    service.say(event(chunk('{"name": "Ada Love')), hold, *answer('lace", "age": 36}'))
    started = typed.start("%%chat --schema Person\nwho?", "cell-1")

    def shows(message):
        page = message["content"].get("data", {}).get("text/html", "") if "data" in message["content"] else ""
        return "pm-data" in page and "Ada Love" in page

    assert typed.until(started, shows)["msg_type"] in {"display_data", "update_display_data"}
    hold.set()
    ran = typed.finish(started)
    assert ran.status == "ok", ran.error
    assert typed.value("chat_response.parsed.name") == "'Ada Lovelace'"


def test_asked_again_it_is_checked_again(typed, service):
    service.script = Script(answer('{"name": "Ada", "age": 36}'))
    typed.run("%%chat --schema Person\nwho?")
    typed.run("%prem regenerate")
    assert typed.value("type(chat_response.parsed).__name__") == "'Person'"
    assert service.questions[-1].body["response_format"]["json_schema"]["name"] == "Person"
    service.script = Script(answer("none"))
    assert typed.run("%prem regenerate").ename == "StructuredOutputError"
    typed.run("%%chat\nwords")
    assert "response_format" not in service.questions[-1].body


def test_a_schema_survives_a_restart_as_its_json_schema(typed, service, tmp_path):
    service.script = Script(answer('{"name": "Ada", "age": 36}'))
    typed.run("%%chat --schema Person\nwho?")
    typed.run(f"%prem export '{tmp_path}/chat.ipynb'\n%unload_ext jupyter_prem\n%load_ext jupyter_prem")
    assert typed.run(f"%prem resume '{tmp_path}/chat.ipynb'").status == "ok"
    typed.run("%prem regenerate")
    assert typed.value("chat_response.parsed") == "{'name': 'Ada', 'age': 36}"
    service.script = Script(answer('{"name": "Ada"}'))
    assert typed.run("%prem regenerate").ename == "StructuredOutputError"


def test_an_exported_schema_runs(typed, service, tmp_path):
    service.script = Script(answer('{"name": "Ada", "age": 36}'))
    typed.run("%%chat --schema Person\nwho?")
    body = service.questions[-1].body
    typed.run(f"%prem export '{tmp_path}/chat.ipynb'\n%unload_ext jupyter_prem")
    for cell in json.loads((tmp_path / "chat.ipynb").read_text())["cells"]:
        ran = typed.run("".join(cell["source"]))
        assert ran.status == "ok", (cell["source"], ran.error)
    assert service.questions[-1].body == body


def test_functions_and_a_schema_together(typed, service):
    typed.run("def age_of(name: str) -> int: return 36")
    service.script = Script(calls(("age_of", '{"name": "Ada"}')), answer('{"name": "Ada", "age": 36}'))
    ran = typed.run("%%chat --schema Person --tools age_of\nHow old is Ada?")
    assert ran.status == "ok", ran.error
    assert typed.value("chat_response.parsed.age") == "36"
    page = ran.bundles[-1]["text/html"]
    assert "pm-call" in page
    assert "pm-data" in page


def test_a_setting_can_ask_for_it_too(typed, service):
    service.script = Script(answer("[1]"), answer("{}"))
    typed.run(
        "%config PremMagics.response_format = {'type': 'json_schema', 'json_schema': {'name': 'o', 'schema': {'type': 'object'}}}"
    )
    assert typed.run("%%chat\nhi").ename == "StructuredOutputError"
    assert typed.run("%%chat\nhi").status == "ok"
    assert typed.value("chat_response.parsed") == "{}"


FENCES = {
    "crlf": '```json\r\n{"x": 1}\r\n```',
    "words": '```json title="x"\n{"x": 1}\n```',
    "tildes": '~~~\n{"x": 1}\n~~~',
    "long": '`````json\n{"x": 1}\n`````\n\n',
    "open": '```json\n{"x": 1}',
    "bom": '\ufeff{"x": 1}',
    "blank": '\n\n  {"x": 1}  \n',
}


@pytest.mark.parametrize("name", FENCES)
def test_fences_of_every_kind_are_passed_over_while_it_streams_too(typed, service, name):
    import threading

    text, hold = FENCES[name], threading.Event()
    service.say(event(chunk(text[:-5])), hold, *answer(text[-5:]))
    started = typed.start("%%chat --schema Point\nwhere?", "cell-1")
    typed.until(started, lambda m: "pm-data" in str((m["content"].get("data") or {}).get("text/html")))
    hold.set()
    ran = typed.finish(started)
    assert ran.status == "ok", ran.error
    assert typed.value("chat_response.parsed.x") == "1.0"
    pages = [m["content"]["data"]["text/html"] for m in ran.messages if "data" in m["content"]]
    assert "pm-data" in pages[-1]


def test_a_response_format_in_the_apis_form_goes_out_as_it_is(typed, service):
    wire = {
        "type": "json_schema",
        "json_schema": {"name": "a b", "strict": True, "description": "d", "schema": {"type": "object"}},
    }
    inner = wire["json_schema"]
    service.script = Script(answer("{}"))
    typed.run(
        f"%prem switch default\nfor form in ({wire!r}, {inner!r}): chat_conversation.ask('go', response_format=form)"
    )
    assert [request.body["response_format"] for request in service.questions] == [wire, wire]


def test_the_members_of_a_schema_keep_their_order_on_the_wire(typed, service):
    service.script = Script(answer('{"name": "Ada", "age": 1}'))
    typed.run("%%chat --schema Person\nwho?")
    assert list(service.questions[-1].body["response_format"]["json_schema"]["schema"]["properties"]) == [
        "name",
        "age",
        "tags",
    ]
    dry = typed.run("%%chat --dry-run --once --schema Person\nwho?").bundles[0]["text/plain"]
    assert json.loads(dry[dry.index("{") : dry.rindex("}") + 1]) == {**service.questions[-1].body}
