"""Functions of a notebook that a model calls: through a real kernel, from a scripted service."""

from __future__ import annotations

import json
import re
import threading

import pytest
from loopback import DONE, Reply, Script, answer, calls, chunk, event

MIME = "application/vnd.jupyter-prem+json"

FUNCTIONS = '''
import asyncio, enum, time
from typing import Optional
made = []

def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: the first
        b: the second
    """
    made.append((a, b))
    return a + b

async def later(name: str) -> str:
    "Answers later."
    await asyncio.sleep(0.01)
    return f"hello {name}"

def fails(x: int = 0):
    raise ValueError(f"not {x}")

def hangs():
    made.append("began")
    time.sleep(60)

def prints():
    print("printed by a tool")
    return None
'''


@pytest.fixture
def tools(kernel):
    assert kernel.run(FUNCTIONS).status == "ok"
    return kernel


def roles(messages):
    return [message["role"] for message in messages]


def html(ran):
    return ran.bundles[-1]["text/html"]


def said(kernel):
    code = "import json; print(json.dumps([m.to_dict() for m in chat_conversation.messages]))"
    return json.loads(kernel.run(code).text)


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
