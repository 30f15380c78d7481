"""The endpoint of the contract, asked by bare HTTP (the kernel's child)."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from bare import ASK, PATH, ask

pytestmark = pytest.mark.weights


def events(response):
    return [line.removeprefix("data: ") for line in response.iter_lines() if line]


def test_an_answer(api):
    answer = ask(api, seed=1).json()
    assert set(answer) == {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"}
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "SmolLM2-135M-Instruct"
    assert re.fullmatch(r"b179c9523d0e-[\d.]+-[0-9a-f]{8}", answer["system_fingerprint"])
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    usage = answer["usage"]
    assert set(usage) == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert usage["completion_tokens"] == 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + 8


@pytest.mark.parametrize("usage", [True, False, None])
def test_a_stream(api, usage):
    options = {} if usage is None else {"stream_options": {"include_usage": usage}}
    whole = ask(api, seed=1).json()
    with api.stream("POST", PATH, json={**ASK, "seed": 1, "stream": True, **options}) as response:
        assert response.headers["content-type"] == "text/event-stream"
        *datas, done = events(response)
    assert done == "[DONE]"
    chunks = [json.loads(data) for data in datas]
    allowed = {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"}
    assert all(set(chunk) <= allowed for chunk in chunks)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["system_fingerprint"] for chunk in chunks} == {whole["system_fingerprint"]}
    assert [chunk["usage"] for chunk in chunks if "usage" in chunk] == ([whole["usage"]] if usage else [])
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert text == whole["choices"][0]["message"]["content"]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["length"]


@pytest.mark.parametrize("model", ["SmolLM2-135M-Instruct", "smollm2-135m-INSTRUCT", "smollm2", "embedded"])
def test_names_of_the_model(api, model):
    assert ask(api, model=model, max_completion_tokens=1).json()["model"] == "SmolLM2-135M-Instruct"


def test_an_unknown_model_is_told_what_there_is(api):
    response = ask(api, model="gpt-9")
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["message"] == "The model 'gpt-9' is not here; there is SmolLM2-135M-Instruct."
    assert (error["param"], error["code"]) == ("model", "model_not_found")


def test_models(api):
    models = api.get("/api/v1/models").json()
    assert models["object"] == "list"
    (model,) = models["data"]
    assert set(model) == {"id", "created", "object", "owned_by"}
    assert (model["id"], model["object"]) == ("SmolLM2-135M-Instruct", "model")


REFUSED = [
    ("temperature", 3, "between 0 and 2"),
    ("temperature", -0.1, "between 0 and 2"),
    ("temperature", "1", "between 0 and 2"),
    ("temperature", True, "between 0 and 2"),
    ("top_p", 1.01, "between 0 and 1"),
    ("frequency_penalty", 2.1, "between -2 and 2"),
    ("frequency_penalty", None, "between -2 and 2"),
    ("presence_penalty", -2.1, "between -2 and 2"),
    ("max_completion_tokens", 0, "greater than 0"),
    ("max_completion_tokens", 1.0, "greater than 0"),
    ("stop", 7, "string or a list of strings"),
    ("stop", ["a", None], "string or a list of strings"),
    ("stop", "\ud800", "surrogate"),
    ("stream", "yes", "true or false"),
    ("stream", 1, "true or false"),
    ("stream_options", True, "include_usage"),
    ("response_format", "json", "json_schema"),
    ("response_format", {"type": "yaml"}, "json_schema"),
    ("tools", {}, "list of tool objects"),
    ("tools", ["f"], "list of tool objects"),
    ("model", None, "name of a model"),
    ("model", "", "name of a model"),
    ("messages", [], "at least one message"),
    ("messages", "hi", "list of messages"),
    ("messages", [{"role": "user", "content": 7}], "string or null"),
    ("messages", [{"role": "boss", "content": "x"}], "system, user, assistant, tool"),
    ("messages", [{"role": "user", "content": "x"}, {"role": "system", "content": "y"}], "only the first"),
    *(("seed", seed, "must be") for seed in (-1, 2**32 - 1, 2**32, 1.5, "7", True, None)),
]


@pytest.mark.parametrize(("field", "value", "reason"), REFUSED)
def test_values_out_of_range_are_refused(api, field, value, reason):
    response = ask(api, **{field: value})
    assert response.status_code == 422
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_value")
    assert error["param"].split(".")[0] == field
    assert reason in error["message"]
    assert error["message"].startswith(error["param"])


@pytest.mark.parametrize("field", ["model", "messages"])
def test_required_fields(api, field):
    response = api.post(PATH, json={name: value for name, value in ASK.items() if name != field})
    assert response.status_code == 422
    assert response.json()["error"]["param"] == field


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2, "top_p": 0},
        {"temperature": None, "top_p": None, "max_completion_tokens": 1},
        {"frequency_penalty": -2.0, "presence_penalty": 2},
        {"seed": 0},
        {"seed": 2**32 - 2},
        {"stop": "x"},
        {"stop": []},
        {"stop": ["", "b"]},
        {"response_format": {"type": "text"}},
        {"tools": [None], "tool_choice": "auto"},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "tool_choice": "none"},
        {
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        },
        {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "\ud800"}]},
        {"logprobs": True, "n": 3, "top_k": "many", "user": None},
    ],
)
def test_what_the_contract_allows_is_answered(api, fields):
    response = ask(api, **fields)
    assert response.status_code == 200, response.text
    assert len(response.json()["choices"]) == 1


def test_defaults_are_the_contracts(api):
    said = {
        ask(api, seed=5, **fields).json()["choices"][0]["message"]["content"]
        for fields in (
            {},
            {"temperature": 0.7},
            {"temperature": None, "top_p": None},
            {"top_p": 1, "frequency_penalty": 0, "presence_penalty": 0},
        )
    }
    assert len(said) == 1


def test_stop_and_finish_reason(api):
    answer = ask(api, seed=3, temperature=0, max_completion_tokens=40).json()
    text = answer["choices"][0]["message"]["content"]
    word = text.split()[2]
    cut = ask(api, seed=3, temperature=0, max_completion_tokens=40, stop=[word]).json()["choices"][0]
    assert cut["finish_reason"] == "stop"
    assert cut["message"]["content"] == text[: text.index(word)]


def test_a_schema_is_enforced(api):
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}, "required": ["n"]}
    form = {"type": "json_schema", "json_schema": {"name": "number", "schema": schema}}
    answer = ask(api, response_format=form, max_completion_tokens=60).json()
    assert isinstance(json.loads(answer["choices"][0]["message"]["content"])["n"], int)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, "exceeds the available context size"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "foo"}}}}, "schema"),
    ],
)
def test_what_the_engine_refuses_is_400_in_its_words(api, fields, words, stream):
    response = ask(api, stream=stream, **fields)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"seed": NaN}', b"[" * 100_000, b'{"seed": ' + b"9" * 9000 + b"}"]
)
def test_what_is_no_json(api, body):
    response = api.post(PATH, content=body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("body", [b"7", b"[]", b'"x"', b"null"])
def test_json_that_is_no_object(api, body):
    assert api.post(PATH, content=body).status_code == 422


def test_a_body_too_large(api):
    response = api.post(PATH, content=(bytes(1 << 20) for _ in range(9)))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic eDp5", "Bearer \xe9"])
def test_the_key_is_needed(endpoint, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    for method, path in (("POST", PATH), ("GET", "/api/v1/models"), ("GET", "/nowhere")):
        response = httpx.request(method, endpoint.address().base_url + path, headers=headers)
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "", "[::1", "10.0.0.1:80"])
def test_another_host_is_refused(api, host):
    response = api.get("/api/v1/models", headers={"Host": host})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_host"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:99", "[::1]:99", "LOCALHOST"])
def test_names_of_this_machine(api, host):
    assert api.get("/api/v1/models", headers={"Host": host}).status_code == 200


def test_a_foreign_web_page_is_refused(api):
    assert api.get("/api/v1/models", headers={"Origin": "https://example.org"}).status_code == 403
    assert api.get("/api/v1/models", headers={"Origin": "null"}).status_code == 403
    assert api.get("/api/v1/models", headers={"Origin": "http://localhost:8888"}).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", PATH, 405), ("GET", "/v1/models", 404)])
def test_other_paths(api, method, path, status):
    response = api.request(method, path)
    assert response.status_code == status
    assert path in response.json()["error"]["message"]
