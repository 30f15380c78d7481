"""The magics in a real kernel, asked over a real loopback service."""

from __future__ import annotations

import json
import re
import threading

import pytest
from loopback import Reply, answer, as_json, chunk, event

MIME = "application/vnd.jupyter-prem+json"


def sent(service):
    return [[(m["role"], m["content"]) for m in request.body["messages"]] for request in service.questions]


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


def test_every_request_option_goes_out(kernel, service):
    options = (
        "-m m1 -t 0.5 --top-p 0.9 --max-tokens 7 --seed 3 --stop a --stop 'b c' --frequency-penalty -1 "
        "--presence-penalty 1.5 --name ada --response-format text -s 'be brief'"
    )
    assert kernel.run(f"%%chat {options}\nhi").status == "ok"
    body = service.questions[0].body
    assert body == {
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi", "name": "ada"},
        ],
        "model": "m1",
        "frequency_penalty": -1.0,
        "max_completion_tokens": 7,
        "presence_penalty": 1.5,
        "response_format": {"type": "text"},
        "seed": 3,
        "stop": ["a", "b c"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_p": 0.9,
    }


def test_none_is_null_and_one_stop_is_a_list(kernel, service):
    kernel.run("%%chat -t none --top-p none --max-tokens none --stop x\nhi")
    body = service.questions[0].body
    assert [body[name] for name in ("temperature", "top_p", "max_completion_tokens", "stop")] == [
        None,
        None,
        None,
        ["x"],
    ]


def test_options_hold_for_their_cell_and_system_from_then_on(kernel, service):
    kernel.run("%%chat -t 1 -s brief\none")
    kernel.run("%%chat\ntwo")
    body = service.questions[1].body
    assert "temperature" not in body
    assert body["messages"][0] == {"role": "system", "content": "brief"}


def test_conversations_new_and_once(kernel, service):
    for code in (
        "%%chat\na",
        "%%chat -c other\nb",
        "%%chat --once\nc",
        "%%chat\nd",
        "%%chat --new\ne",
        "%%chat -c other\nf",
    ):
        assert kernel.run(code).status == "ok"
    assert [[text for _, text in messages] for messages in sent(service)] == [
        ["a"],
        ["b"],
        ["c"],
        ["a", "You said: a", "d"],
        ["e"],
        ["b", "You said: b", "f"],
    ]


def test_the_endpoint_option_decides_who_answers(kernel, service):
    ran = kernel.run(f"%%chat --endpoint {service.url}/v1\nhi")
    assert ran.status == "ok"
    assert service.questions[0].path == "/v1/chat/completions"


def test_values_are_inserted_once_and_raw_inserts_none(kernel, service):
    kernel.run("text = '{{ other }}'; other = 'no'; model = 'm9'; t = 1.5")
    kernel.run("%%chat -m {{ model }} -t {{ t }}\n{{ text }} {{ 1 + 1 }}")
    kernel.run("%%chat --raw --once\n{{ text }}")
    assert [messages[-1][1] for messages in sent(service)] == ["{{ other }} 2", "{{ text }}"]
    assert (service.questions[0].body["model"], service.questions[0].body["temperature"]) == ("m9", 1.5)


def test_no_stream_waits_for_the_whole(kernel, service):
    assert kernel.run("%%chat --no-stream\nhi").bundles[0]["text/plain"] == "You said: hi"
    assert "stream" not in service.questions[0].body


@pytest.mark.parametrize("model", ["", "-m m1"])
def test_a_dry_run_shows_the_body_and_sends_nothing(kernel, service, model):
    kernel.run("%%chat\none")
    before = len(service.requests)
    ran = kernel.run(f"%%chat --dry-run -t 1 {model}\ntwo `tick`")
    assert ran.status == "ok"
    assert len(service.requests) == before
    text = ran.bundles[0]["text/plain"]
    body = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert [message["content"] for message in body["messages"]] == ["one", "You said: one", "two `tick`"]
    assert body["temperature"] == 1.0
    kernel.run(f"%%chat -t 1 {model}\ntwo `tick`")
    assert service.questions[-1].body == body


def test_a_dry_run_asks_nobody_for_its_model(kernel, service):
    assert kernel.run("%%chat --dry-run\nhi").status == "ok"
    assert service.requests == []


def test_config_sets_what_cells_leave_open(kernel, service):
    kernel.run(
        "%config PremMagics.temperature = 1.5\n%config PremMagics.model = 'm2'\n%config PremMagics.top_p = 'none'"
    )
    kernel.run("%config PremMagics.system = 'default system'")
    kernel.run("%%chat\nhi")
    kernel.run("%%chat -t 0 -m m3\nhi")
    first, second = (request.body for request in service.questions)
    assert (first["temperature"], first["model"], first["top_p"]) == (1.5, "m2", None)
    assert (second["temperature"], second["model"]) == (0.0, "m3")
    assert first["messages"][0] == {"role": "system", "content": "default system"}
    refused = kernel.run("%config PremMagics.temperature = 9")
    assert "between 0 and 2" in refused.text
    assert "temperature" in kernel.run("%config PremMagics").text


def test_status_and_models_say_who_answers(kernel, service):
    service.models = ["b|`x`", "a<script>"]
    text = kernel.run("%prem status").bundles[0]["text/plain"]
    assert service.url in text
    bundle = kernel.run("%prem models").bundles[0]
    assert "a<script>" in bundle["text/plain"]
    assert "<script" not in bundle["text/html"]


BAD = {
    "no_prompt": ("%%chat", "PremError", "no prompt"),
    "empty_prompt": ("%%chat -t 1\n   \n", "PremError", "no prompt"),
    "no_line_prompt": ("%chat -t 1", "PremError", "no prompt"),
    "empty_after_expansion": ("%%chat\n{{ '' }}", "PremError", "no prompt"),
    "unknown_option": ("%%chat --temprature 1\nhi", "OptionError", "--temperature"),
    "option_without_value": ("%%chat -t\nhi", "OptionError", "needs a value"),
    "not_a_number": ("%%chat -t warm\nhi", "OptionError", "warm"),
    "out_of_range": ("%%chat -t 3\nhi", "RequestError", "between 0 and 2"),
    "bad_seed": ("%%chat --seed 1.5\nhi", "OptionError", "1.5"),
    "bad_max_tokens": ("%%chat --max-tokens 0\nhi", "RequestError", "greater than 0"),
    "none_where_null_is_not_taken": ("%%chat --seed none\nhi", "OptionError", "none"),
    "text_on_the_first_line": ("%%chat hello there\nhi", "OptionError", "hello"),
    "open_quote": ("%%chat -s 'open\nhi", "OptionError", "quot"),
    "undefined_name": ("%%chat\n{{ nope }}", "TemplateError", "nope"),
    "undefined_name_in_an_option": ("%%chat -m {{ nope }}\nhi", "TemplateError", "nope"),
    "broken_expression": ("%%chat\n{{ 1 + }}", "TemplateError", "--raw"),
    "no_variable_name": ("%%chat -o 3x\nhi", "OptionError", "3x"),
    "endpoint_without_scheme": (
        "%%chat --endpoint studio.premai.io\nhi",
        "ConfigurationError",
        "https://studio.premai.io",
    ),
    "unknown_subcommand": ("%prem statsu", "PremError", "status"),
    "subcommand_with_words": ("%prem status now", "PremError", "nothing after"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_fails_the_cell_in_three_lines_and_sends_nothing(kernel, service, name):
    code, ename, words = BAD[name]
    ran = kernel.run(code)
    assert (ran.status, ran.ename) == ("error", ename), ran.outputs
    assert words in ran.error
    assert len(ran.traceback) <= 3
    assert [output for output in ran.outputs if "traceback" not in output] == []
    assert service.requests == []
    assert kernel.run("%%chat\nstill works").status == "ok"


def test_an_unknown_model_is_the_services_404(kernel, service):
    service.script = lambda _: as_json({"error": {"message": "no model \x1b[31mzz"}}, 404)
    ran = kernel.run("%%chat -m zz\nhi")
    assert ran.ename == "NotFoundError"
    assert "404" in ran.traceback[0]
    assert ran.traceback[-1] == "  │ no model [31mzz" or ran.traceback[-1] == "  │ no model zz"
    assert "\x1b" not in ran.error


def test_a_key_with_a_newline_inside_is_never_sent_or_shown(kernel, service):
    secret = "prem-secret-0123456789"
    kernel.run(f"os.environ['PREMAI_API_KEY'] = {secret[:10]!r} + chr(10) + {secret[10:]!r}")
    ran = kernel.run("%%chat\nhi")
    assert ran.ename == "InvalidKeyError"
    assert "line break" in ran.error
    assert service.requests == []
    kernel.run(f"os.environ['PREMAI_API_KEY'] = {secret!r} + chr(10)")
    seen = json.dumps([message["content"] for message in kernel.run("%%chat\nhi").messages])
    assert service.questions[0].headers["authorization"] == f"Bearer {secret}"
    assert secret[:8] not in seen
    assert secret[:8] not in json.dumps([m["content"] for m in kernel.run("%prem status").messages])


def test_a_key_goes_nowhere_over_plain_http(kernel):
    kernel.run("os.environ['PREMAI_API_KEY'] = 'prem-secret-0123456789'")
    ran = kernel.run("%%chat --endpoint http://example.org/v1\nhi")
    assert ran.ename == "ConfigurationError"
    assert "https://example.org/v1" in ran.error


def test_a_fault_keeps_the_partial_on_the_page_and_in_the_response(kernel, service):
    service.say(event(chunk("par")), event({"error": {"message": "boom"}}))
    ran = kernel.run("%%chat\nhi", "cell-9")
    assert ran.ename == "APIStreamError"
    assert ran.bundles[0]["text/plain"].startswith("par")
    assert "boom" in ran.error
    assert kernel.value("chat_response.text, chat_response.interrupted") == "('par', True)"
    service.script = service.echo
    kernel.run("%%chat\nnext")
    assert sent(service)[-1] == [("user", "next")]


@pytest.mark.parametrize("cell_id", [None, "cell-1"], ids=["headless", "live"])
def test_an_interrupt_keeps_the_partial_and_closes_the_socket(kernel, service, cell_id):
    arrived = threading.Event()

    def script(_):
        def pieces():
            yield event(chunk("partial answer"))
            arrived.set()
            yield threading.Event()

        return Reply(pieces())

    service.script = script
    message = kernel.start("%%chat\nhi", cell_id)
    assert arrived.wait(10)
    if cell_id:
        kernel.until(message, lambda m: "partial answer" in json.dumps(m["content"]))
    else:
        assert not service.closed.wait(0.3)
    kernel.interrupt()
    ran = kernel.finish(message)
    assert ran.ename == "Interrupted"
    assert len(ran.traceback) == 1
    assert service.closed.wait(5)
    text = kernel.value("chat_response.text, chat_response.interrupted")
    assert text == "('partial answer', True)"
    service.script = service.echo
    ran = kernel.run("%%chat\ngo on")
    assert ran.status == "ok"
    assert [text for _, text in sent(service)[-1]] == ["hi", "partial answer", "go on"]


def test_an_interrupt_before_the_first_byte(kernel, service):
    asked = threading.Event()
    service.script = lambda _: asked.set() or Reply([threading.Event()])
    message = kernel.start("%%chat\nhi")
    assert asked.wait(10)
    kernel.interrupt()
    ran = kernel.finish(message)
    assert ran.ename == "Interrupted"
    service.script = service.echo
    kernel.run("%%chat\nnext")
    assert sent(service)[-1] == [("user", "next")]


def test_a_cut_answer_says_so(kernel, service):
    service.say(*answer("too long", finish="length"))
    bundle = kernel.run("%%chat\nhi").bundles[0]
    assert "token limit" in bundle["text/html"]
    assert "token limit" in bundle["text/plain"]


def test_a_hostile_answer_is_text(kernel, service):
    service.say(*answer("<script>alert(1)</script> ![x](http://evil.example/p) [a](javascript:alert(1))"))
    for cell_id in (None, "cell-1"):
        ran = kernel.run("%%chat --once\nhi", cell_id)
        shown = json.dumps([m["content"] for m in ran.messages if m["msg_type"].endswith("display_data")])
        for output in [
            m["content"]["data"].get("text/html", "") for m in ran.messages if "data" in m["content"]
        ]:
            assert "<script" not in output
            assert "<img" not in output
            assert "javascript:" not in output.replace("javascript:alert(1))", "")
        assert "alert(1)" in shown


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


def test_a_refused_question_does_not_start_the_conversation_afresh(kernel, service):
    kernel.run("%%chat\none")
    service.script = lambda _: as_json({"error": "no such model"}, 404)
    assert kernel.run("%%chat --new -m typo\ntwo").ename == "NotFoundError"
    assert kernel.value("len(chat_conversation)") == "1"
    service.script = service.echo
    kernel.run("%%chat --once --new\nthree")
    assert (
        kernel.value("len(get_ipython().magics_manager.registry['PremMagics'].notebook.conversation())")
        == "1"
    )


def test_a_new_conversation_starts_without_the_old_system_message(kernel, service):
    kernel.run("%%chat -s brief\none")
    kernel.run("%%chat --new\ntwo")
    assert sent(service)[1] == [("user", "two")]


def test_a_system_message_of_the_settings_holds_from_when_it_is_set(kernel, service):
    kernel.run("%%chat\none")
    kernel.run("%config PremMagics.system = 'brief'")
    kernel.run("%%chat\ntwo")
    assert sent(service)[1][0] == ("system", "brief")


def test_an_interrupt_while_the_answer_is_drawn_loses_nothing(kernel, service):
    text = "- **word** `code` $x$ [a](http://b.example) and so on\n" * 1_500
    service.say(*answer(text))
    message = kernel.start("%%chat\nhi", "cell-1")
    kernel.until(message, lambda m: "<strong>word" in json.dumps(m["content"]), timeout=60)
    kernel.interrupt()
    ran = kernel.finish(message)
    assert kernel.value("len(chat_response.text)") == str(len(text))
    if ran.status == "error":
        assert ran.ename == "Interrupted"
    assert ran.bundles[0]["text/plain"].startswith("- **word**")


def test_surrogates_anywhere_in_an_answer_are_replaced(kernel, service):
    piece = chunk("a\ud800b")
    piece.update(id="\ud801", model="m\ud802", system_fingerprint="\ud803")
    service.say(event(piece), event(chunk(finish_reason="stop")), event("[DONE]"))
    ran = kernel.run("%%chat --name a\\ud800 -o r\nhi")
    assert ran.status == "ok", ran.error
    json.dumps([message["content"] for message in ran.messages]).encode("utf-8")
    assert kernel.value("chat_response.text") == "'a\ufffdb'"


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


def test_a_prompt_may_speak_of_raw_and_of_signs(kernel, service):
    kernel.run("who, x = 'ada', 5")
    kernel.run('%chat --once -s "I am {{ who }}" what does --raw do?')
    kernel.run("%%chat --once\na {{-x}} b {{+x}} c")
    assert sent(service)[0][0] == ("system", "I am ada")
    assert sent(service)[1] == [("user", "a -5 b 5 c")]


def test_a_proxy_or_certificate_that_cannot_be_used_is_a_clear_error(kernel):
    kernel.run("os.environ['ALL_PROXY'] = 'foo://nowhere'")
    ran = kernel.run("%%chat --endpoint https://example.invalid -m m\nhi")
    kernel.run("del os.environ['ALL_PROXY']")
    assert ran.ename in {"ConfigurationError", "APIConnectionError"}
    assert len(ran.traceback) <= 4


def test_a_refused_question_leaves_only_its_error(kernel, service):
    service.script = lambda _: as_json({"error": "no"}, 500)
    ran = kernel.run("%%chat\nhi", "cell-1")
    assert [output.get("ename") for output in ran.outputs] == ["InternalServerError"]
