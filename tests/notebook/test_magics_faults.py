"""The magics where something fails: bad input, refusals, cut and interrupted answers, hostile texts."""

from __future__ import annotations

import json
import threading

import pytest
from cells import sent
from loopback import Reply, answer, as_json, chunk, event

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
