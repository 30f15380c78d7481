"""`jupyter prem serve` as other clients see it: the official SDKs, unchanged."""

import json

import openai
import premai
import pytest

pytestmark = pytest.mark.weights

MESSAGES = [{"role": "user", "content": "Say hi"}]


@pytest.fixture
def prem(serve):
    with premai.PremAI(base_url=serve, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def oai(serve):
    with openai.OpenAI(base_url=f"{serve}/api/v1", api_key="any", max_retries=0) as client:
        yield client


def test_premai(prem):
    answer = prem.chat.completions(
        messages=MESSAGES, model="smollm2", max_completion_tokens=8, seed=1, temperature=0.5, stop=["zzz"]
    )
    assert isinstance(answer, premai.types.ChatCompletionsResponse)
    assert answer.model == "SmolLM2-135M-Instruct"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    assert answer.system_fingerprint.startswith("b179c9523d0e-")


def test_premai_streamed(prem):
    fields = {"messages": MESSAGES, "model": "smollm2", "max_completion_tokens": 8, "seed": 1}
    whole = prem.chat.completions(**fields)
    with prem.chat.with_streaming_response.completions(**fields, stream=True) as response:
        *datas, done = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert done == "[DONE]"
    deltas = [choice["delta"] for data in datas for choice in json.loads(data)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole.choices[0].message.content


def test_premai_models(prem):
    assert [model["id"] for model in json.loads(prem.models.with_raw_response.list().text())["data"]] == [
        "SmolLM2-135M-Instruct"
    ]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"temperature": 3}, premai.UnprocessableEntityError),
        ({"model": "nobody"}, premai.NotFoundError),
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, premai.BadRequestError),
    ],
)
def test_premai_errors(prem, fields, error):
    with pytest.raises(error):
        prem.chat.completions(**{"messages": MESSAGES, "model": "smollm2", **fields})


def test_openai(oai):
    answer = oai.chat.completions.create(messages=MESSAGES, model="embedded", max_completion_tokens=8, seed=1)
    assert answer.model == "SmolLM2-135M-Instruct"
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens == 8


def test_openai_with_the_older_name_of_the_token_limit(oai):
    answer = oai.chat.completions.create(messages=MESSAGES, model="embedded", max_tokens=3)
    assert answer.usage.completion_tokens == 3


def test_openai_streamed(oai):
    fields = {"messages": MESSAGES, "model": "embedded", "max_completion_tokens": 8, "seed": 1}
    whole = oai.chat.completions.create(**fields)
    with oai.chat.completions.create(**fields, stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert chunks[-2].choices[0].finish_reason == "length"


def test_openai_models(oai):
    assert [model.id for model in oai.models.list()] == ["SmolLM2-135M-Instruct"]


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"seed": -1}, openai.UnprocessableEntityError, "seed is -1: must be between 0 and 4294967294"),
        ({"model": "nobody"}, openai.NotFoundError, "there is SmolLM2-135M-Instruct"),
        ({"messages": []}, openai.UnprocessableEntityError, "at least one message"),
    ],
)
def test_openai_errors(oai, fields, error, words):
    with pytest.raises(error, match=words):
        oai.chat.completions.create(**{"messages": MESSAGES, "model": "embedded", **fields})


def test_the_served_engine_says_what_the_kernels_child_says(oai, endpoint):
    address = endpoint.address()
    fields = {"messages": MESSAGES, "model": "embedded", "max_completion_tokens": 40, "seed": 9}
    with openai.OpenAI(base_url=f"{address.base_url}/api/v1", api_key=address.api_key.reveal()) as child:
        said = [client.chat.completions.create(**fields) for client in (oai, child)]
    assert said[0].choices[0].message.content == said[1].choices[0].message.content
    assert said[0].system_fingerprint == said[1].system_fingerprint
