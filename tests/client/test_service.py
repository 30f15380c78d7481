"""What is known of a service: its models, whether it tells a stream's usage, and what is said while it is waited for."""

from __future__ import annotations

import json

import pytest
from loopback import Reply, as_json

from jupyter_prem import Client
from jupyter_prem.client import (
    APIConnectionError,
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    NotAnAPI,
    NotFoundError,
    RequestError,
)
from jupyter_prem.client._service import fetching, waiting


@pytest.fixture
def client(service):
    with Client(service.url, timeout=5, max_retries=0) as client:
        yield client


def refusal(words, status=404):
    return as_json({"error": {"message": words}} if words else b"", status)


def test_the_only_model_is_asked_and_is_known_from_then_on(service, client):
    for _ in range(2):
        assert client.chat("hi").text == "You said: hi"
    assert [request.method for request in service.requests] == ["GET", "POST", "POST"]
    assert service.questions[0].body["model"] == "loopback-1"
    assert client.known_model == "loopback-1"
    service.script = lambda _: refusal("gone")
    with pytest.raises(NotFoundError):
        client.chat("hi")
    assert client.known_model is None


@pytest.mark.parametrize(
    ("models", "what"),
    [
        ([], "The service has no model."),
        (["a", "b"], "No model is named, and the service has 2: a, b"),
        ([f"m{n}" for n in range(20)], ", m19"),
        ([f"m{n}" for n in range(21)], ", m19, …"),
    ],
)
def test_without_one_model_one_must_be_named(service, client, models, what):
    service.models = models
    with pytest.raises(ConfigurationError) as caught:
        client.chat("hi")
    assert caught.value.what.endswith(what)
    assert caught.value.hint == "Name one: -m MODEL, %config PremMagics.model, or PREM_MODEL."
    assert service.questions == []


@pytest.mark.parametrize(
    ("asked", "words", "hint"),
    [
        ("lama-3", "no such model", "Did you mean llama-3? %prem models lists all 6."),
        ("LLAMA", "", "Did you mean llama-3? %prem models lists all 6."),
        ("zzz", "zzz is not here", "The service has llama-3, a, b, c, d, …: %prem models lists them."),
        ("zzz", "no such page", ""),
    ],
)
def test_a_model_that_is_not_there_is_answered_with_those_that_are(service, client, asked, words, hint):
    service.models = ["llama-3", "a", "b", "c", "d", "e"]
    service.script = lambda _: refusal(words)
    with pytest.raises(NotFoundError) as caught:
        client.chat("hi", model=asked)
    assert caught.value.hint == (hint or type(caught.value).fixed_hint)


@pytest.mark.parametrize("body", [b'{"data": {}}', b"[]", b'{"data": null}', b"3"])
def test_a_list_of_models_of_another_shape_is_an_error(service, client, body):
    service.models = None
    service.script = lambda _: as_json(body)
    with pytest.raises(NotAnAPI, match="is not of the API's shape"):
        client.models()


def test_what_is_no_model_in_a_list_is_passed_over(service, client):
    service.models = None
    items = [{"id": "a", "owned_by": "me", "created": 3}, {"id": 3}, "b", {"id": "c", "owned_by": None}]
    service.script = lambda _: as_json({"data": items})
    assert [(model.id, model.owned_by, model.created) for model in client.models()] == [
        ("a", "me", 3),
        ("c", "", None),
    ]


def usage_refused(request):
    if "stream_options" in request.body:
        return refusal("unknown field stream_options", 400)
    return Reply(
        [b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n']
    )


def test_usage_is_asked_for_until_it_is_refused(service, client):
    service.script = usage_refused
    for _ in range(2):
        with client.stream("hi", model="m") as stream:
            list(stream)
        assert stream.response.text == "a"
    assert ["stream_options" in question.body for question in service.questions] == [True, False, False]


@pytest.mark.parametrize(("setting", "asks"), [("always", [True]), ("never", [False])])
def test_usage_is_asked_for_as_it_is_set(service, setting, asks):
    service.script = usage_refused
    with Client(service.url, stream_usage=setting, max_retries=0) as client:
        if setting == "always":
            with pytest.raises(BadRequestError), client.stream("hi", model="m") as stream:
                list(stream)
        else:
            with client.stream("hi", model="m") as stream:
                list(stream)
    assert ["stream_options" in question.body for question in service.questions] == asks


def test_a_tool_choice_that_a_service_is_not_known_to_take_is_not_sent(service, client):
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in "fg"]
    with pytest.raises(RequestError, match="takes none, auto, or the name of a tool"):
        client.chat("hi", model="m", tools=tools, tool_choice="required")
    assert service.requests == []
    with Client(f"{service.url}/v1") as other:
        other.chat("hi", model="m", tools=tools, tool_choice="required")
    assert json.loads(service.questions[0].raw)["tool_choice"] == "required"


def test_what_is_fetched_and_waited_for_is_told():
    told = []
    assert fetching(None) is None
    progress = fetching(lambda *said: told.append(said))
    progress(5_000_000, 20_000_000)
    progress(0, 0)
    assert told == [
        ("Fetching the embedded model, once (20 MB)", 0.25),
        ("Fetching the embedded model, once (0 MB)", None),
    ]
    assert waiting(APIConnectionError("It failed."), 1.26) == "It failed. Asking again in 1.3 s …"


@pytest.mark.parametrize("value", ["a\nb", "\u201d", "\x7f"])
def test_a_header_that_cannot_be_sent_is_named(value):
    with pytest.raises(ConfigurationError, match="'X-A' holds a line break") as caught:
        Client("http://127.0.0.1:9", headers={"X-B": "fine \t ~", "X-A": value})
    assert value not in caught.value.what


def test_a_list_that_is_refused_is_of_no_bytes(service, client):
    service.models = None
    service.script = lambda _: as_json(b"", 413)
    with pytest.raises(APIStatusError, match="the question of 0 bytes is too large"):
        client.models()
