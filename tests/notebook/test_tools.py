"""Functions of a notebook that a model calls: through a real kernel, from a scripted service."""

from __future__ import annotations

import json
import re

import pytest
from called import html, roles, said
from executed import MIME
from loopback import DONE, Script, answer, calls, chunk, event


@pytest.mark.parametrize("cell", [None, "cell-1"])
def test_a_function_is_called_and_its_result_goes_back(tools, service, cell):
    service.script = Script(calls(("add", '{"a": 2, "b": 40}'), text="Let me see."), answer("It is 42."))
    ran = tools.run("%%chat --tools add,later\nWhat is 2 + 40?", cell)
    assert ran.status == "ok", ran.error
    first, second = (request.body for request in service.questions)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["add", "later"]
    about = first["tools"][0]["function"]
    assert about["description"] == "Add two numbers."
    assert about["parameters"]["properties"]["a"]["description"] == "the first"
    assert about["parameters"]["required"] == ["a"]
    assert second["messages"] == [
        {"role": "user", "content": "What is 2 + 40?"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "add", "arguments": '{"a": 2, "b": 40}'},
                }
            ],
        },
        {"role": "tool", "content": "42", "tool_call_id": "call_1"},
    ]
    assert tools.value("chat_response.text, made") == "('It is 42.', [(2, 40)])"
    assert tools.value("chat_response.request['messages'][-1]['content']") == "'42'"
    page = html(ran)
    assert '<details class="pm-call">' in page
    assert "add(a=2, b=40)" in page
    assert "42" in page
    assert "&lt; 1 s" in page
    assert "Let me see." in page
    assert "6 + 10 tokens in 2 requests" in page
    assert "add(a=2, b=40) → 42" in ran.bundles[-1]["text/plain"]
    assert len(ran.outputs) == 1
    assert roles(said(tools)) == ["user", "assistant", "tool", "assistant"]
    (timed,) = ran.outputs[-1]["metadata"]["jupyter_prem"]["calls"] if cell is None else [{"name": "add"}]
    assert timed["name"] == "add"


def test_parallel_calls_are_made_in_order_and_each_is_answered(tools, service):
    asked = calls(("later", '{"name": "Ada"}'), ("add", '{"a": 1}'), ("nope", "{}"), ("fails", ""))
    service.script = Script(asked, answer("done"))
    ran = tools.run("%%chat --tools add,later,fails\ngo")
    assert ran.status == "ok", ran.error
    results = [m["content"] for m in service.questions[-1].body["messages"] if m["role"] == "tool"]
    assert results[:2] == ["hello Ada", "2"]
    assert results[2] == "Error: there is no function 'nope'; there are: add, later, fails."
    assert results[3].startswith("Error: ValueError: not 0 (in fails, line 2")
    assert html(ran).count('class="pm-badge"') == 2
    order = re.findall(r"<code>(\w+)\(", html(ran))
    assert order == ["later", "add", "nope", "fails"]


def test_rounds_end_and_the_exchange_is_kept_with_every_call_answered(tools, service):
    service.script = Script(calls(("add", '{"a": 1}'), ("add", '{"a": 2}')))
    ran = tools.run("%%chat --tools add --max-tool-rounds 2\ngo")
    assert ran.ename == "ToolRoundsError"
    assert len(ran.traceback[-1].split("\n")) <= 3
    assert len(service.questions) == 3
    assert tools.value("len(made)") == "4"
    kept = said(tools)
    assert roles(kept) == ["user", *["assistant", "tool", "tool"] * 3]
    asked = [call["id"] for m in kept for call in m.get("tool_calls", [])]
    assert asked == [m["tool_call_id"] for m in kept if m["role"] == "tool"]
    assert "no more calls are allowed" in kept[-1]["content"]
    assert "no more calls are allowed" in html(ran)
    service.script = Script(answer("fine"))
    assert tools.run("%%chat\nand now?").status == "ok"
    assert service.questions[-1].body["messages"][:-1] == kept
    service.script = Script(calls(("add", '{"a": 1}')))
    assert tools.run("%%chat --once --tools add\ngo").ename == "ToolRoundsError"
    assert len(service.questions) == 4 + 9


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("add", {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_the_choice_of_tools(tools, service, choice, sent):
    service.script = Script(answer("ok"))
    tools.run(f"%%chat --tools add,later --tool-choice {choice}\ngo")
    assert service.questions[-1].body["tool_choice"] == sent


def test_required_goes_only_to_whom_it_is_known(tools, service):
    service.script = Script(answer("ok"))
    ran = tools.run("%%chat --tools add,later --tool-choice required\ngo")
    assert ran.ename == "RequestError"
    assert service.questions == []
    tools.run("%%chat --tools add --tool-choice required\ngo")
    assert service.questions[-1].body["tool_choice"]["function"]["name"] == "add"
    tools.run(f"%%chat --endpoint {service.url}/v1 --tools add,later --tool-choice required\ngo")
    assert service.questions[-1].body["tool_choice"] == "required"


def test_a_forced_call_is_forced_once(tools, service):
    service.script = Script(calls(("add", '{"a": 1}')), answer("2"))
    ran = tools.run("%%chat --tools add --tool-choice add\ngo")
    assert ran.status == "ok", ran.error
    assert service.questions[1].body["tool_choice"] == "auto"
    assert tools.value("chat_response.request['tool_choice']") == "'auto'"
    assert tools.value("chat_conversation.head.fields['tool_choice']['function']['name']") == "'add'"


def test_every_request_is_counted_and_the_budget_holds_between_them(tools, service):
    service.script = Script(calls(("add", '{"a": 1}')))
    tools.run("%prem budget 20")
    ran = tools.run("%%chat --tools add\ngo")
    assert ran.ename == "BudgetError"
    assert len(service.questions) == 3
    assert roles(said(tools))[-1] == "tool"
    shown = tools.run("%prem usage").bundles[0]["text/plain"]
    assert "| this kernel | 3 | 9 | 15 | 24 |" in shown


def test_what_a_tool_prints_stays_on_the_page(tools, service):
    service.script = Script(calls(("prints", "")), answer("done"))
    ran = tools.run("%%chat --tools prints\ngo", "cell-1")
    assert "printed by a tool" in ran.text
    assert "prints() → null" in next(data for data in ran.bundles if MIME in data)["text/plain"]


def test_calls_survive_saving_loading_and_export(tools, service, tmp_path):
    service.script = Script(calls(("add", '{"a": 1}'), ("fails", '{"x": 3}')), answer("two"))
    ran = tools.run("%%chat --tools add,fails --tool-choice add\ngo")
    kept = said(tools)
    for ending in ("json", "md", "ipynb"):
        path = tmp_path / f"chat.{ending}"
        assert tools.run(f"%prem export '{path}'").status == "ok"
        tools.run("%unload_ext jupyter_prem\n%load_ext jupyter_prem")
        resumed = tools.run(f"%prem resume '{path}'")
        assert resumed.status == "ok", resumed.error
        assert "left out" not in resumed.bundles[0]["text/plain"]
        assert said(tools) == kept
        assert tools.value("[len(m) for m in [chat_conversation.head.messages]]") == "[5]"
    saved = json.loads((tmp_path / "chat.ipynb").read_text())
    (output,) = saved["cells"][-1]["outputs"]
    assert output["data"][MIME] == ran.bundles[-1][MIME]
    assert "pm-call" in "".join(output["data"]["text/html"])


def test_calls_without_ids_or_with_the_same_can_be_told_apart(tools, service):
    same = [
        {
            "index": i,
            "id": i and "x",
            "type": "function",
            "function": {"name": "add", "arguments": '{"a": 1}'},
        }
        for i in range(3)
    ]
    service.script = Script(
        [event(chunk(None, tool_calls=same)), event(chunk(finish_reason="tool_calls")), DONE], answer("ok")
    )
    assert tools.run("%%chat --tools add\ngo").status == "ok"
    sent = service.questions[-1].body["messages"]
    ids = [call["id"] for call in sent[1]["tool_calls"]]
    assert len(set(ids)) == 3
    assert all(ids)
    assert [m["tool_call_id"] for m in sent[2:]] == ids


def test_tab_completes_functions_and_choices(tools):
    tools.run(
        "class Person: pass\nshape = {'type': 'object'}\nimport dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int"
    )

    def tab(code):
        tools.client.complete(code, len(code))
        while True:
            reply = tools.client.get_shell_msg(timeout=10)
            if reply["msg_type"] == "complete_reply":
                start = reply["content"]["cursor_start"]
                return [code[:start] + match for match in reply["content"]["matches"]]

    assert tab("%%chat --tools la") == ["%%chat --tools later"]
    assert tab("%%chat --tools add,la") == ["%%chat --tools add,later"]
    assert "%%chat --tools add,add" not in tab("%%chat --tools add,")
    assert tab("%%chat --tool-choice re") == ["%%chat --tool-choice required"]
    assert tab("%%chat --schema ") == ["%%chat --schema Point", "%%chat --schema shape"]


@pytest.mark.parametrize("wait", [False, True])
def test_a_tool_that_clears_the_output_takes_no_answer_with_it(tools, service, wait):
    tools.run(
        f"from IPython.display import clear_output\ndef clears():\n    clear_output(wait={wait})\n    print('after')\n    return 'x'"
    )
    service.script = Script(calls(("clears", "")), answer("The answer."))
    ran = tools.run("%%chat --tools clears\ngo", "cell-1")
    assert ran.status == "ok", ran.error
    shown = [data for data in ran.bundles if MIME in data]
    assert len(shown) == 1
    assert "The answer." in shown[0]["text/plain"]
    assert "after" in ran.text


def test_none_means_none(tools, service):
    service.script = Script(calls(("add", '{"a": 1}')))
    tools.run("%%chat --tools add --tool-choice none\ngo")
    assert tools.value("made") == "[]"
    assert "--tool-choice none" in said(tools)[-1]["content"]


def test_the_same_id_in_two_rounds_keeps_its_own_result(tools, service):
    service.script = Script(
        calls(("later", '{"name": "a"}')), calls(("later", '{"name": "b"}')), answer("ok")
    )
    ran = tools.run("%%chat --tools later\ngo")
    plain = ran.bundles[-1]["text/plain"]
    assert 'later(name="a") → hello a' in plain
    assert 'later(name="b") → hello b' in plain


def test_what_goes_back_is_what_an_api_takes(tools, service):
    service.script = Script(calls(("prints", ""), ("no such name" * 20, "{a:"), ("add", "  ")), answer("ok"))
    tools.run("%%chat --tools prints,add\ngo")
    for call in service.questions[-1].body["messages"][1]["tool_calls"]:
        assert isinstance(json.loads(call["function"]["arguments"]), dict)
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call["function"]["name"])


def test_ids_that_were_made_are_in_the_response_too(tools, service):
    raw = {"type": "function", "function": {"name": "raw", "parameters": {"type": "object"}}}
    asked = [{"index": 0, "type": "function", "function": {"name": "raw", "arguments": "{}"}}]
    service.script = Script(
        [event(chunk(None, tool_calls=asked)), event(chunk(finish_reason="tool_calls")), DONE], answer("ok")
    )
    code = (
        f"%prem switch default\nchat = chat_conversation\nr = chat.ask('go', tools=[{raw!r}])\n"
        "chat.append('tool', '1', tool_call_id=r.tool_calls[0].id)\nr = chat.ask('and?')"
    )
    assert tools.run(code).status == "ok"
    sent = service.questions[-1].body["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]


def test_many_large_calls_stay_below_what_the_server_lets_through(tools, service):
    tools.run("def large(n: int): return str(n) * 10_000")
    service.script = Script(calls(*(("large", json.dumps({"n": n})) for n in range(30))), answer("ok"))
    ran = tools.run("%%chat --tools large\ngo", "cell-1")
    sizes = [len(m["content"]["data"].get("text/html", "")) for m in ran.messages if "data" in m["content"]]
    assert sum(sizes[:-1]) < 700_000
    assert ran.status == "ok"


def test_an_exported_question_with_calls_runs_and_leaves_none_open(tools, service, tmp_path):
    service.script = Script(calls(("add", '{"a": 1}')), answer("two"))
    tools.run("%%chat --tools add --tool-choice add\ngo")
    tools.run(f"%prem export '{tmp_path}/chat.ipynb'\n%unload_ext jupyter_prem")
    service.script = Script(answer("two"))
    for cell in json.loads((tmp_path / "chat.ipynb").read_text())["cells"]:
        assert tools.run("".join(cell["source"])).status == "ok"
    assert "tools" not in service.questions[-1].body
    assert "tools=[add]" in "".join(cell["source"])
