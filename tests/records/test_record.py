"""One line: an answer comes out of it as it went in, and what was changed is noticed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings, strategies as st

from jupyter_prem.client import Accumulator, Body, Delta, response_of
from jupyter_prem.records import Arrival, Damaged, Record
from jupyter_prem.records._replay import Replay

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TEXT = st.text(st.sampled_from("ab é😀日\n\u2028\ud83d\ude00"), max_size=6)
DELTAS = st.lists(
    st.fixed_dictionaries(
        {
            "index": st.integers(0, 2),
            "content": TEXT,
            "reasoning_content": TEXT,
            "refusal": TEXT,
            "finish_reason": st.sampled_from([None, None, None, "stop", "length", "tool_calls"]),
        }
    ),
    max_size=12,
)
CALLS = st.lists(
    st.tuples(st.text("ab1", min_size=1, max_size=3), st.text("fg", min_size=1, max_size=3), TEXT), max_size=2
)


def arrived(pieces, calls=()):
    """An answer and its deltas, as the wire gives them."""
    answer, arrival, deltas = Accumulator(), Arrival(), []
    for piece in pieces:
        delta = {
            name: text for name, text in piece.items() if name not in {"index", "finish_reason"} and text
        }
        chunk = {"index": piece["index"], "delta": delta, "finish_reason": piece["finish_reason"]}
        deltas += answer.add({"id": "c-1", "model": "m", "created": 5, "choices": [chunk]})
    if calls:
        fragments = [
            {"index": place, "id": f"{place}-{name}", "function": {"name": function, "arguments": words}}
            for place, (name, function, words) in enumerate(calls)
        ]
        answer.add({"choices": [{"index": 0, "delta": {"tool_calls": fragments}, "finish_reason": None}]})
    answer.add({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
    for delta in deltas:
        arrival.add(delta, 0.004)
    return answer.response(Body((), {}), latency=0, interrupted=False), arrival, deltas


def replayed(record):
    answer = Accumulator()
    deltas = list(Replay(record).deltas(answer))
    return answer.response(Body((), {}), latency=0, interrupted=False), deltas


def paired(text):
    """A text whose pairs of surrogates are characters, as JSON gives them; halves stay."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def said(deltas):
    return [(paired(d.text), paired(d.reasoning), paired(d.refusal), d.index) for d in deltas]


@given(DELTAS, CALLS)
@settings(max_examples=500, deadline=None)
def test_an_answer_comes_out_as_it_went_in(pieces, calls):
    response, arrival, deltas = arrived(pieces, calls)
    record = Record.parse(Record.of("prem", BODY, response, arrival).line())
    again, replay = replayed(record)
    assert again.to_dict() == response.to_dict() == record.response.to_dict()
    # Half a pair that stands alone, and that UTF-8 cannot carry, is U+FFFD; everything else is as it was cut.
    if all(
        "\ufffd" not in (choice.message.content or "") + choice.reasoning + choice.refusal
        for choice in again.choices
    ):
        assert said(replay) == said(deltas)
    ends = [delta.finish_reason is not None for delta in deltas]
    assert [delta.finish_reason is not None for delta in replay] == ends
    assert record.line() == Record.of("prem", BODY, response, arrival).line()


def test_words_are_cut_where_they_were_inside_a_character_too():
    pieces = [
        {"index": 0, "content": text, "reasoning_content": "", "refusal": "", "finish_reason": None}
        for text in ("a\ud83d", "\ude00b", "é")
    ]
    response, arrival, deltas = arrived(pieces)
    assert response.text == "a😀bé"
    _, replay = replayed(Record.parse(Record.of("prem", BODY, response, arrival).line()))
    assert [delta.text for delta in replay] == [delta.text for delta in deltas] == ["a\ud83d", "\ude00b", "é"]


def test_the_line_is_in_a_fixed_order_with_its_text_once_and_the_cuts_last():
    pieces = [
        {"index": 0, "content": text, "reasoning_content": "", "refusal": "", "finish_reason": None}
        for text in ("one ", "two ", "three")
    ]
    response, arrival, _ = arrived(pieces)
    line = Record.of("prem", {**BODY, "stream": True}, response, arrival, implied=True).line().decode()
    data = json.loads(line)
    assert list(data) == ["key", "sha256", "n", "endpoint", "body", "answer", "cuts", "ms"]
    assert line.count("three") == 1
    assert data["cuts"] == [[0, 1, 4, 4, 5]]
    assert data["ms"] == [4, 4, 4]
    assert data["body"] == BODY
    assert line.endswith("]}\n")


@pytest.mark.parametrize("step", range(7))
def test_a_changed_byte_is_noticed_wherever_it_is(step):
    response, arrival, _ = arrived(
        [{"index": 0, "content": "grüße", "reasoning_content": "", "refusal": "", "finish_reason": "stop"}]
    )
    line = Record.of("prem", BODY, response, arrival).line().rstrip(b"\n")
    for place in range(step, len(line), 7):
        for flip in (1, 0x20):
            damaged = line[:place] + bytes([line[place] ^ flip]) + line[place + 1 :]
            with pytest.raises(Damaged):
                Record.parse(damaged + b"\n")


HOSTILE = {
    "nothing": b"{}",
    "a list": b"[1]",
    "no JSON": b"\xff\xfe{",
    "a conflict": b"<<<<<<< HEAD",
    "deep": b'{"key":' + b"[" * 200_000,
    "no hash": b'{"key":"a","n":1}',
    "half": b'{"key":"abc","sha256":"def","n":1,"endp',
    "a number": b"1e999",
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_record_is_refused(line):
    with pytest.raises(Damaged):
        Record.parse(line + b"\n")


def test_fields_of_a_later_version_stay():
    response, arrival, _ = arrived([])
    record = Record.of("prem", BODY, response, arrival)
    later = Record(record.key, 1, "prem", BODY, record.answer, arrival, {"later": {"a": [1]}})
    assert Record.parse(later.line()).line() == later.line()
    assert b'"later":{"a":[1]}' in later.line()


def test_answers_are_the_same_but_for_id_date_and_pace():
    def recorded(**about):
        answer = {
            "id": "a",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": {"content": "x"}}],
            **about,
        }
        return Record.of("prem", BODY, response_of(answer), Arrival([[0, 1, 1]], [about.get("ms", 1)]))

    assert recorded().same(recorded(id="b", created=2, ms=9))
    assert not recorded().same(recorded(model="n"))
    assert not recorded().same(
        recorded(usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
    )


@pytest.mark.parametrize(
    "cuts", ["x", [[0, 1, 99]], [[0, 1, 2]], [[7, 1, 5]], [[0, 3, 2, 3]], [[0]], [[0, 1, -5]], [[0, 0]]]
)
def test_cuts_that_do_not_fit_give_one_delta(cuts):
    answer = {
        "id": "a",
        "model": "m",
        "choices": [{"index": 0, "message": {"content": "whole"}, "finish_reason": "stop"}],
    }
    record = Record.of("prem", BODY, response_of(answer), Arrival.parse(cuts, [-1]))
    again, deltas = replayed(record)
    assert again.text == "whole"
    assert deltas == [Delta("whole", "", "", 0, "stop")]


def test_half_a_character_is_kept_as_it_came():
    pieces = [
        {"index": 0, "content": text, "reasoning_content": "", "refusal": "", "finish_reason": None}
        for text in ("a\ud83d", "b\ud83d", "\ude00")
    ]
    response, arrival, _ = arrived(pieces)
    record = Record.parse(Record.of("prem", BODY, response, arrival).line())
    assert record.response.text == response.text == "a\ufffdb😀"
    assert json.loads(record.answer["raw"]["0"]["content"]) == "a\ud83db😀"
    assert record.notes == response.notes == ("The answer holds half a character, shown as U+FFFD.",)
    whole, arrival, _ = arrived(pieces[:1] + pieces[2:])
    assert "raw" not in Record.of("prem", BODY, whole, arrival).answer
    assert whole.notes == ()
