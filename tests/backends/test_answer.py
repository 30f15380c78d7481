"""What this model never says, or only when it fails: scripted in the place of the engine."""

import asyncio
import json

import httpx
import pytest

from jupyter_prem.backends._asgi import create_app
from jupyter_prem.backends._engine import EngineError

MESSAGES = [{"role": "user", "content": "x"}]


def chunk(delta, reason=None):
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}


class Script:
    """An engine that says what it was told to; an exception in the script is raised."""

    model_id = "m"
    created = 1

    def __init__(self, *script):
        self.script = script
        self.bodies = []

    def knows(self, model):
        return model == "m"

    def complete(self, body, on_chunk):
        self.bodies.append(body)
        for step in self.script:
            if isinstance(step, Exception):
                raise step
            if on_chunk(step):
                return


def ask(engine, **fields):
    async def main():
        transport = httpx.ASGITransport(create_app(engine), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            body = {"model": "m", "messages": MESSAGES, **fields}
            return await client.post("/api/v1/chat/completions", json=body)

    return asyncio.run(main())


def test_tool_calls_are_put_together():
    engine = Script(
        chunk({"role": "assistant", "content": None}),
        chunk(
            {
                "tool_calls": [
                    {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
                ]
            }
        ),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]}),
        chunk({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
        chunk({}, "tool_calls"),
    )
    choice = ask(engine).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }


def test_reasoning_is_kept_apart():
    message = ask(
        Script(
            chunk({"reasoning_content": "hm"}),
            chunk({"reasoning_content": "m"}),
            chunk({"content": "yes"}, "stop"),
        )
    ).json()["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "yes", "reasoning_content": "hmm"}


def test_an_error_in_the_middle_of_a_stream_is_an_error_event_and_no_end_mark():
    engine = Script(chunk({"content": "Once"}), EngineError("the slot is on fire", code=500))
    response = ask(engine, stream=True)
    assert response.status_code == 200
    first, last = response.text.strip().split("\n\n")
    assert "Once" in first
    name, data = last.split("\n")
    assert name == "event: error"
    error = json.loads(data.removeprefix("data: "))["error"]
    assert error == {"message": "the slot is on fire", "type": "server_error", "param": None, "code": 500}


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_before_the_first_word_has_its_status(stream):
    response = ask(Script(EngineError("busy", code=503, kind="unavailable_error")), stream=stream)
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "busy"


def test_an_error_in_the_middle_of_a_whole_answer_has_its_status():
    assert ask(Script(chunk({"content": "Once"}), EngineError("on fire"))).status_code == 500


def test_a_fault_of_ours_is_500_with_its_words():
    response = ask(Script(ZeroDivisionError("by zero")))
    assert response.status_code == 500
    assert "ZeroDivisionError: by zero" in response.json()["error"]["message"]


def test_many_chunks_at_once_stay_whole_and_in_order():
    words = [f"{number} " for number in range(5000)]
    engine = Script(*(chunk({"content": word}) for word in words), chunk({}, "stop"))
    assert ask(engine).json()["choices"][0]["message"]["content"] == "".join(words)
    *events, done = ask(engine, stream=True).text.strip().split("\n\n")
    assert done == "data: [DONE]"
    texts = [
        json.loads(event.removeprefix("data: "))["choices"][0]["delta"].get("content") for event in events
    ]
    assert texts == [*words, None]


def test_line_separators_of_unicode_do_not_cut_events():
    text = ask(Script(chunk({"content": "a\u2028b\x85c\r\nd"}, "stop")), stream=True).text
    assert json.loads(text.splitlines()[0].removeprefix("data: "))["choices"][0]["delta"]["content"] == (
        "a\u2028b\x85c\r\nd"
    )


def test_the_engine_gets_the_fields_of_the_contract_alone():
    engine = Script(chunk({"content": "x"}, "stop"))
    ask(engine, seed=1, max_tokens=5, top_k=3, user="me")
    assert engine.bodies == [
        {
            "messages": [{"role": "user", "content": "x"}],
            "model": "m",
            "max_completion_tokens": 5,
            "seed": 1,
        }
    ]
