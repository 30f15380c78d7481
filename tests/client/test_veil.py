"""A key that comes back in an answer, cut anywhere, is seen nowhere; all else is."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings, strategies as st
from loopback import DONE, answer, calls, chunk, event

from jupyter_prem.client import Key
from jupyter_prem.client._veil import veil_of

KEY = "pre9pre9-0123456789"


def seen(text, places, value=KEY):
    """What comes of a text in pieces, and what was noted."""
    notes = []
    veil = veil_of(Key(value), notes.append)
    edges = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    out = []
    for start, stop in itertools.pairwise(edges):
        data = veil.chunk({"choices": [{"index": 0, "delta": {"content": text[start:stop]}}]})
        out.append(data["choices"][0]["delta"]["content"])
    out += [choice["delta"]["content"] for choice in veil.rest()["choices"]]
    return "".join(out), notes


def hidden(text, value=KEY):
    """The same, of the whole text, from left to right."""
    out, place = [], 0
    while place < len(text):
        size = next((size for size in range(len(value), 7, -1) if text.startswith(value[:size], place)), 0)
        out.append("[key]" if size else text[place])
        place += size or 1
    return "".join(out)


PARTS = st.lists(st.sampled_from([KEY, KEY[:8], KEY[:12], "pre9-", "pre9pre", "pre", "p", "9-", " ", "x é"]))


@given(PARTS, st.lists(st.integers(0, 200), max_size=12))
@settings(max_examples=500, deadline=None)
def test_it_is_hidden_wherever_it_is_cut(parts, places):
    text = "".join(parts)
    out, notes = seen(text, places)
    assert out == hidden(text)
    assert bool(notes) == ("[key]" in out)
    assert KEY[:8] not in out


def test_what_only_begins_like_it_is_seen():
    assert seen("a pre9pre end", [5, 9]) == ("a pre9pre end", [])
    assert seen("pre9p", []) == ("pre9p", [])
    assert veil_of(Key("ollama"), print) is None
    assert veil_of(None, print) is None


def test_what_every_key_of_a_provider_begins_with_is_no_secret():
    key = "sk-proj-0123456789abcdef"
    text = "Keys start with sk-proj-, e.g. sk-proj-xxxx"
    assert seen(text, range(1, 50, 3), key) == (text, [])
    assert seen(f"it is {key[:12]} or {key}", range(1, 50, 3), key)[0] == "it is [key] or [key]"


def test_long_answers_without_it_are_the_same_strings():
    pieces = [f"word {number} " for number in range(200)]
    veil = veil_of(Key("zzzzzzzzzzzz"), print)
    for piece in pieces:
        data = {"choices": [{"delta": {"content": piece}}]}
        assert veil.chunk(data)["choices"][0]["delta"]["content"] is piece


@pytest.mark.parametrize("stream", [True, False])
def test_nothing_of_an_answer_shows_it(service, clients, stream):
    body = {**chunk("hi", finish_reason="stop"), "id": KEY, "model": f"m {KEY}", "system_fingerprint": KEY}
    body["choices"][0]["delta"] |= {"reasoning_content": KEY, "refusal": KEY, "content": f"it is {KEY}!"}
    service.say(event(body), DONE)
    with clients(service.url, KEY) as client:
        response = client.stream("hi", model="m") if stream else None
        if response is None:
            response = client.chat("hi", model="m", stream=True)
        else:
            with response as arriving:
                list(arriving)
            response = arriving.response
    assert KEY not in repr(response.to_dict())
    assert response.text == "it is [key]!"
    assert response.notes == ("The answer held the key it was asked with, which is hidden.",)


def test_calls_and_models_do_not_show_it(service, clients):
    half = random.Random(1).randrange(4, 12)  # noqa: S311 - no secret
    service.say(*calls(("f", f'{{"a": "{KEY[:half]}{KEY[half:]}"}}')))
    service.models = [KEY, "m"]
    with clients(service.url, KEY) as client:
        with client.stream("hi", model="m") as stream:
            list(stream)
        assert [call.arguments for call in stream.response.tool_calls] == ['{"a": "[key]"}']
        assert [model.id for model in client.models()] == ["[key]", "m"]


def test_what_waits_is_in_the_answer_that_is_stopped(service, clients):
    service.say(*answer("say pre9pre")[:1], end="cut")
    with clients(service.url, KEY) as client, client.stream("hi", model="m") as stream:
        with pytest.raises(Exception, match="broke") as caught:
            list(stream)
        assert caught.value.partial == stream.response.text == "say pre9pre"


def test_each_text_of_each_answer_waits_by_itself():
    veil = veil_of(Key(KEY), print)
    choices = [
        {"index": index, "delta": {name: f"{index} pre9"}}
        for index in (0, 1)
        for name in ("content", "reasoning_content", "reasoning", "refusal")
    ]
    for choice in choices:
        (said,) = veil.chunk({"choices": [choice]})["choices"]
        assert [*said["delta"].values()] == [f"{said['index']} "]
        assert veil.waiting(said["index"], *said["delta"]) == "pre9"
    assert veil.rest() == {
        "choices": [
            {"index": choice["index"], "delta": dict.fromkeys(choice["delta"], "pre9")} for choice in choices
        ]
    }
    assert veil.rest() == {"choices": []}


@pytest.mark.parametrize("odd", [None, 3, ["a"], [{"type": "text", "text": ""}], {"a": 1}])
def test_what_waits_comes_after_an_end_of_another_kind(service, clients, odd):
    service.say(event(chunk("say pre9")), event(chunk(odd, finish_reason="stop")), DONE)
    with clients(service.url, KEY) as client, client.stream("hi", model="m") as stream:
        assert "".join(delta.text for delta in stream) == "say pre9"


def test_of_a_public_beginning_four_more_characters_are_a_secret():
    key = "sk-proj-0123456789abcdef"
    assert seen(f"it is {key[:11]} {key[:12]}", [], key)[0] == f"it is {key[:11]} [key]"
    assert seen("it is ab-012345 ab-01234", [], "ab-0123456789")[0] == "it is [key] [key]"
