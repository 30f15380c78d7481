"""The magics' options and settings in a real kernel: what each sends, and for how long it holds."""

from __future__ import annotations

import json

import pytest
from cells import sent


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


def test_a_new_conversation_starts_without_the_old_system_message(kernel, service):
    kernel.run("%%chat -s brief\none")
    kernel.run("%%chat --new\ntwo")
    assert sent(service)[1] == [("user", "two")]


def test_a_system_message_of_the_settings_holds_from_when_it_is_set(kernel, service):
    kernel.run("%%chat\none")
    kernel.run("%config PremMagics.system = 'brief'")
    kernel.run("%%chat\ntwo")
    assert sent(service)[1][0] == ("system", "brief")


def test_a_prompt_may_speak_of_raw_and_of_signs(kernel, service):
    kernel.run("who, x = 'ada', 5")
    kernel.run('%chat --once -s "I am {{ who }}" what does --raw do?')
    kernel.run("%%chat --once\na {{-x}} b {{+x}} c")
    assert sent(service)[0][0] == ("system", "I am ada")
    assert sent(service)[1] == [("user", "a -5 b 5 c")]
