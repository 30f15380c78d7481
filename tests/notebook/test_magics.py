"""The magics in a real kernel, asked over a real loopback service: what is answered, shown and saved."""

from __future__ import annotations

import json
import re

import pytest
from cells import sent
from executed import MIME
from loopback import answer


@pytest.mark.parametrize("magic", ["%%chat", "%%prem"])
@pytest.mark.parametrize("cell_id", [None, "cell-1"], ids=["headless", "live"])
def test_a_cell_is_answered_in_one_output(kernel, service, magic, cell_id):
    ran = kernel.run(f"{magic}\nHello {{x}} $y ${{z}}", cell_id)
    assert ran.status == "ok"
    (bundle,) = ran.bundles
    assert set(bundle) == {"text/html", "text/markdown", "text/plain", MIME}
    assert bundle["text/plain"] == "You said: Hello {x} $y ${z}"
    assert sent(service) == [[("user", "Hello {x} $y ${z}")]]
    kinds = [message["msg_type"] for message in ran.messages]
    if cell_id is None:
        assert kinds.count("display_data") == 1
        assert not {"clear_output", "update_display_data"} & set(kinds)
    else:
        assert "clear_output" in kinds


def test_the_saved_data_is_what_resume_needs_and_what_varies_is_metadata(kernel):
    first = kernel.run("%%chat -s brief --seed 3\none")
    second = kernel.run("%%chat\ntwo")
    data, after = first.bundles[0][MIME], second.bundles[0][MIME]
    assert data["messages"] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "You said: one"},
    ]
    assert data["fields"] == {"model": "loopback-1", "seed": 3}
    assert (data["system"], data["finish_reason"], data["interrupted"]) == ("brief", "stop", False)
    assert (data["parent"], after["parent"]) == (None, data["turn"])
    assert data["system_fingerprint"] == "fp_1"
    assert data["usage"]["total_tokens"] == 8
    varying = first.outputs[0]["metadata"]["jupyter_prem"]
    assert {"version", "latency", "id", "created", "finished"} <= set(varying)
    again = kernel.run("%%chat --new -s brief --seed 3\none")
    assert again.bundles[0] == first.bundles[0]


def footer(ran):
    return re.search(r'<div class="pm-foot">(.*?)</div>', ran.bundles[0]["text/html"])[1]


def test_the_footer_says_what_answered_and_which_question_it_follows(kernel):
    first = kernel.run("%%chat\nWhat is <b>a mean</b>, and why is it not a median at all?")
    assert footer(first) == "<span>loopback-1 · 3 + 5 tokens</span>"
    second = kernel.run("%%chat\nAnd   a\nmode?")
    quoted = "“What is &lt;b&gt;a mean&lt;/b&gt;, and why is it …”"
    assert footer(second) == f"<span>loopback-1 · 3 + 5 tokens · follows {quoted}</span>"
    assert "follows “And a mode?”" in footer(kernel.run("%%chat\nThanks"))
    assert "follows" not in footer(kernel.run("%%chat --once\nThanks"))


def test_the_response_and_its_usage_are_left_behind(kernel):
    kernel.run("%%chat -o mine\nhi")
    assert (
        kernel.value("chat_response.text, mine is chat_response, str(mine)")
        == "('You said: hi', True, 'You said: hi')"
    )
    assert kernel.value("chat_usage") == "Usage(prompt_tokens=3, completion_tokens=5, total_tokens=8)"
    assert kernel.value("chat_conversation") == "Conversation('default', 1 turn)"
    assert kernel.value("chat_response.latency > 0 and chat_response.request['model']") == "'loopback-1'"


def test_the_response_is_the_cells_result_and_drawn_once(kernel):
    assert len(kernel.run("%%chat\nhi").outputs) == 1
    ran = kernel.run("_")
    assert ran.bundles[0]["text/plain"] == "You said: hi"
    count = kernel.value("len(Out)")
    ran = kernel.run("answer = %chat what's up, doc?")
    assert len(ran.outputs) == 1
    assert kernel.value("answer.text") == '"You said: what\'s up, doc?"'
    assert kernel.value("len(Out)") == count
    assert kernel.run("answer").bundles[0]["text/plain"] == "You said: what's up, doc?"


@pytest.mark.parametrize(
    "prompt",
    ["why?", "what's up??", 'say "hi', "100% sure", "{x} $y $$z$$ !ls", "ends in \\\\n?", "- a dash", "--"],
)
def test_a_line_is_asked_as_typed(kernel, service, prompt):
    line = f"%chat -- {prompt}" if prompt.startswith("-") else f"%chat {prompt}"
    ran = kernel.run(line)
    assert ran.status == "ok", ran.error
    assert sent(service) == [[("user", prompt)]]


def test_a_line_streams_into_one_output_among_others(kernel, service):
    paragraphs = [f"Paragraph {place} of a long answer. " * 40 + "\n\n" for place in range(20)]
    service.say(*answer(*paragraphs))
    ran = kernel.run("print('before')\n_ = %chat hi\nprint('after')", "cell-1")
    assert [output.get("text") for output in ran.outputs] == ["before\n", None, "after\n"]
    assert "Paragraph 19" in ran.bundles[0]["text/plain"]


def test_a_line_asks_with_local_values(kernel, service):
    kernel.run(
        "def ask(city):\n    answer = %chat --once Weather in {{ city }}?\n    return answer\nask('Oslo')"
    )
    kernel.run("for city in ['Rome', 'Bern']:\n    %chat --once Weather in {{ city }}?")
    assert [messages[0][1] for messages in sent(service)] == [
        "Weather in Oslo?",
        "Weather in Rome?",
        "Weather in Bern?",
    ]


def test_help_is_still_help(kernel):
    ran = kernel.run("%chat?")
    payload = json.dumps([message["content"] for message in ran.messages], default=str)
    assert ran.status == "ok"
    assert "You said" not in payload


def test_other_outputs_of_a_cell_stay(kernel):
    ran = kernel.run("print('before')\n%chat hi\nprint('after')", "cell-1")
    assert [o.get("text") or o["data"]["text/plain"] for o in ran.outputs] == [
        "before\n",
        "You said: hi",
        "after\n",
    ]


def test_time_and_capture_work_around_it(kernel):
    assert kernel.run("%%time\n%chat why?", "cell-1").status == "ok"
    ran = kernel.run("%%capture out\n%chat why?", "cell-1")
    assert ran.status == "ok"
    assert kernel.value("out.outputs[0].data['text/plain']") == "'You said: why?'"


def test_loading_twice_and_unloading(kernel):
    assert (
        kernel.run("%load_ext jupyter_prem").outputs == []
        or "already loaded" in kernel.run("%load_ext jupyter_prem").text
    )
    kernel.run("%unload_ext jupyter_prem")
    assert kernel.run("%%chat\nhi").status == "error"
    assert kernel.run("%load_ext jupyter_prem").outputs == []
    assert kernel.run("%%chat\nhi").status == "ok"


def test_a_name_that_is_taken_is_said_in_one_line(kernel):
    kernel.run(
        "%unload_ext jupyter_prem\n"
        "from IPython.core.magic import register_cell_magic\n"
        "@register_cell_magic\n"
        "def chat(line, cell): print('theirs')\n"
    )
    ran = kernel.run("%load_ext jupyter_prem")
    assert ran.text.count("\n") == 1
    assert "%%chat" in ran.text
    assert "%%prem" in ran.text
    assert kernel.run("%%chat\nhi").bundles[0]["text/plain"] == "You said: hi"


def test_two_answers_of_one_cell_both_stay(kernel):
    ask = "get_ipython().run_cell_magic('chat', '--once', 'hi')"
    ran = kernel.run(f"print('before')\n{ask}\n{ask};", "cell-1")
    assert [o.get("text") or o["data"]["text/plain"] for o in ran.outputs] == [
        "before\n",
        "You said: hi",
        "You said: hi",
    ]


@pytest.mark.parametrize("target", ["res[0 + 1]", "z: str", "a = b", "d['k=1']", "x, *y"])
def test_an_assignment_of_any_form_keeps_the_question_mark(kernel, service, target):
    kernel.run("res, d = [0, 0], {}")
    kernel.run(f"{target} = %chat why?")
    assert [messages[-1] for messages in sent(service)] == [("user", "why?")]
