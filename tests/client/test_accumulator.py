"""Chunks put together: what stands beside a text in one delta, and what is of another type than the API's."""

from __future__ import annotations

import dataclasses

import pytest
from loopback import USAGE, chunk, completion

from jupyter_prem.client import ChatResponse, Choice, Delta, Message, Model, Usage, response_of
from jupyter_prem.client._accumulator import Accumulator
from jupyter_prem.client._request import Body

BESIDE = {
    "role": ({"role": "assistant"}, Delta("a")),
    "reasoning_content": ({"reasoning_content": "r"}, Delta("a", "r")),
    "reasoning": ({"reasoning": "r"}, Delta("a", "r")),
    "refusal": ({"refusal": "no"}, Delta("a", "", "no")),
    "finish_reason": ({"finish_reason": "stop"}, Delta("a", finish_reason="stop")),
    "others": ({"annotations": [], "audio": None}, Delta("a")),
    "other_types": ({"reasoning_content": 3, "refusal": ["x"], "tool_calls": "x"}, Delta("a")),
}


def whole(answer):
    return answer.response(Body((), {}), latency=0.0, interrupted=False)


@pytest.mark.parametrize("name", BESIDE)
def test_what_stands_beside_a_text_is_kept(name):
    more, delta = BESIDE[name]
    answer = Accumulator()
    assert answer.add(chunk("a", **more)) == [delta]
    assert answer.started
    response = whole(answer)
    assert (response.text, response.reasoning, response.choices[0].refusal, response.finish_reason) == (
        delta.text,
        delta.reasoning,
        delta.refusal,
        delta.finish_reason,
    )
    again = Accumulator()
    again.take(delta)
    assert whole(again).choices == response.choices


def test_a_call_beside_a_text_is_kept():
    answer = Accumulator()
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": {"a": "é"}}}
    assert answer.add(chunk("a", tool_calls=[call, None, {"index": 1, "function": "x"}])) == [Delta("a")]
    calls = whole(answer).tool_calls
    assert [(made.id, made.name, made.arguments) for made in calls] == [
        ("c1", "f", '{"a": "é"}'),
        ("", "", ""),
    ]


@pytest.mark.parametrize(
    "data", [None, [], 3, {}, {"choices": None}, {"choices": [None, 3]}, {"usage": 3, "choices": {}}]
)
def test_what_is_no_completion_is_an_empty_answer(data):
    response = response_of(data)
    assert (response.choices, response.id, response.model, response.usage) == ((), "", "", None)
    assert (response.created, response.system_fingerprint, response.notes) == (None, None, ())


@pytest.mark.parametrize("name", USAGE)
@pytest.mark.parametrize("value", [None, "3", 1.5, True, -1, 2**53, 10**30])
def test_a_usage_that_is_no_numbers_is_none(name, value):
    assert response_of({**completion("a"), "usage": {**USAGE, name: value}}).usage is None
    assert response_of(completion("a")).usage == Usage(3, 5, 8)


def test_what_changes_in_the_middle_is_noted_once_and_the_last_holds():
    answer = Accumulator()
    for number in (1, 1, 2, 3):
        answer.add({**chunk("a"), "id": f"i{number}", "model": f"m{number}", "created": number})
    response = whole(answer)
    assert (response.id, response.model, response.created) == ("i3", "m3", 3)
    assert response.notes == (
        "The service changed the answer's id in the middle.",
        "The service changed the answer's model in the middle.",
    )


def test_an_answer_is_complete_when_all_that_began_have_a_reason():
    answer = Accumulator()
    assert not answer.complete
    answer.add(
        {"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]}
    )
    answer.add({"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]})
    assert not answer.complete
    answer.add({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
    assert answer.complete
    assert [choice.finish_reason for choice in whole(answer).choices] == ["length", "stop"]


def test_two_answers_are_the_same_whatever_they_were_asked_with():
    response = response_of(completion("a"))
    others = {"body": Body((), {"seed": 3}), "replayed": True, "about": {"k": "v"}, "_provenance": {"k": "v"}}
    for name, value in others.items():
        other = dataclasses.replace(response, **{name: value})
        assert other == response
        assert repr(other) == repr(response) or name == "replayed"
    assert dataclasses.replace(response, latency=1.0) != response


def test_what_is_not_said_is_empty():
    assert dataclasses.asdict(Delta()) == {
        "text": "",
        "reasoning": "",
        "refusal": "",
        "index": 0,
        "finish_reason": None,
    }
    assert dataclasses.asdict(Model("m")) == {"id": "m", "owned_by": "", "created": None}
    message = Message("assistant", "a")
    choice = Choice(0, None, message)
    assert (choice.reasoning, choice.refusal) == ("", "")
    response = ChatResponse((choice,))
    assert (response.id, response.model, response.object) == ("", "", "chat.completion")
    assert (response.latency, response.interrupted, response.replayed, response.notes) == (
        0.0,
        False,
        False,
        (),
    )
    assert (response.request, str(response), str(Delta("a"))) == ({}, "a", "a")


def test_calls_without_an_index_are_told_apart_by_their_ids():
    answer = Accumulator()
    for id_, arguments in (("c1", "1"), ("c2", "2"), ("c1", "3"), (None, "4")):
        function = {"arguments": arguments} | ({"name": f"f{id_}"} if arguments in "12" else {})
        answer.add(chunk(tool_calls=[{"id": id_, "function": function}]))
    calls = whole(answer).tool_calls
    assert [(made.id, made.name, made.arguments) for made in calls] == [
        ("c1", "fc1", "13"),
        ("c2", "fc2", "24"),
    ]
