"""The lines of a recording: what a record says, what one that is damaged is, and when it arrived."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
from recorded import ANSWER, BODY, record_of

from jupyter_prem.client import response_of
from jupyter_prem.records import Arrival, Damaged, Record


def signed(tail, key="0" * 64):
    """A line with the hash that belongs to it, whatever follows."""
    digest = hashlib.sha256(f"{key}{tail}".encode()).hexdigest()
    return f'{{"key":"{key}","sha256":"{digest}",{tail}\n'.encode()


# -- one line


def test_a_record_says_what_was_named_and_nothing_that_was_not():
    plain = Record.of("prem", BODY, response_of(ANSWER), Arrival())
    assert (plain.implied, plain.shown, plain.notes, plain.n) == (False, False, (), 1)
    assert not {"implied", "shown", "notes", "object"} & set(plain.answer)
    whole = Record.of("prem", BODY, response_of(ANSWER), Arrival(), implied=True, shown=True, key="f" * 64)
    assert (whole.implied, whole.shown, whole.key) == (True, True, "f" * 64)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.n = 2


def test_the_notes_of_an_answer_are_kept_and_others_passed_over():
    odd = response_of({**ANSWER, "choices": [{**ANSWER["choices"][0], "finish_reason": None}]})
    noted = dataclasses.replace(odd, notes=("one", "two"))
    record = Record.parse(Record.of("prem", BODY, noted, Arrival()).line())
    assert record.notes == ("one", "two")
    for notes in ("one", [1, "two", None]):
        strange = dataclasses.replace(record, answer={**record.answer, "notes": notes})
        assert strange.notes == (("two",) if isinstance(notes, list) else ())


def test_a_record_that_is_read_has_no_field_twice():
    record = Record.parse(record_of("one").line())
    assert record.more == {}
    seventh = dataclasses.replace(record, n=7)
    assert seventh.line() == dataclasses.replace(record_of("one"), n=7).line()
    assert Record.parse(seventh.line()).n == 7
    moved = dataclasses.replace(record, endpoint="embedded", body={"model": "o"}, answer={"choices": []})
    assert json.loads(moved.line())["endpoint"] == "embedded"
    assert json.loads(moved.line())["body"] == {"model": "o"}
    assert json.loads(moved.line())["answer"] == {"choices": []}


GOOD = '"n":1,"endpoint":"prem","body":{"a":1},"answer":{"choices":[]}'
LINES = {
    "a constant": (GOOD + ',"x":NaN}', "is no JSON"),
    "no number": (GOOD.replace('"n":1,', "") + "}", "is not of a record's shape"),
    "no count": (GOOD.replace('"n":1', '"n":0') + "}", "is not of a record's shape"),
    "half a count": (GOOD.replace('"n":1', '"n":1.0') + "}", "is not of a record's shape"),
    "true for a count": (GOOD.replace('"n":1', '"n":true') + "}", "is not of a record's shape"),
    "no endpoint": (GOOD.replace('"prem"', "null") + "}", "is not of a record's shape"),
    "a body of a list": (GOOD.replace('{"a":1}', "[1]") + "}", "is not of a record's shape"),
    "no answer": (GOOD.replace('{"choices":[]}', "null") + "}", "is not of a record's shape"),
    "no choices": (GOOD.replace('{"choices":[]}', "{}") + "}", "is not of a record's shape"),
    "choices that are none": (GOOD.replace("[]", '"x"') + "}", "is not of a record's shape"),
    "another's key": (GOOD + "}", "does not have the key of its question"),
}


@pytest.mark.parametrize(("tail", "why"), LINES.values(), ids=LINES)
def test_a_line_with_a_good_hash_is_read_with_care_too(tail, why):
    with pytest.raises(Damaged, match=f"^{why}$"):
        Record.parse(signed(tail))


def test_a_line_says_why_it_is_none():
    line = record_of("one").line()
    for data, why in {
        b"[1]\n": "is no object",
        b'{"n":1}\n': "does not begin with its key and its hash",
        line.replace(b'{"key"', b'{"more":1,"key"'): "does not begin with its key and its hash",
        line.replace(b"yes", b"no"): "is not what was written: its hash differs",
    }.items():
        for read in (Record.parse, Record.place):
            with pytest.raises(Damaged, match=f"^{why}$"):
                read(data)
    with pytest.raises(Damaged, match=r"^is no JSON$"):
        Record.parse(line[:-3] + b"\n")
    with pytest.raises(Damaged, match=r"^is not what was written: its hash differs$"):
        Record.place(line[:-3] + b"\n")  # which does not read the JSON


def test_what_follows_a_line_counts_but_its_end():
    line = record_of("one").line()
    for end in (b"\n", b"\r\n", b""):
        assert Record.place(line.rstrip(b"\n") + end) == (record_of("one").key, 1)
        assert Record.parse(line.rstrip(b"\n") + end).line() == line
    for end in (b" \n", b"\t\r\n", b"\x0c\n"):
        with pytest.raises(Damaged):
            Record.place(line.rstrip(b"\n") + end)


def test_calls_get_their_places_and_odd_choices_stay():
    calls = [{"id": "c", "function": {"name": "f", "arguments": "{}"}}] * 2
    choices = [{"index": 0, "message": {"content": None, "tool_calls": calls}}]
    record = dataclasses.replace(record_of("one"), answer={"model": "m", "choices": choices})
    assert [call["index"] for call in record.whole["choices"][0]["message"]["tool_calls"]] == [0, 1]
    for odd in (None, "x", {"index": 0}, {"message": {}}, {"message": None}, {"message": {"tool_calls": 1}}):
        strange = dataclasses.replace(record, answer={"choices": [odd]})
        assert strange.whole["choices"] == [odd]


# -- how an answer arrived


def test_of_an_answer_asked_for_whole_the_time_alone_is_kept():
    arrival = Arrival([[0, 1, 2, 3]], [4, 5])
    assert arrival.of({"stream": True}) is arrival
    assert arrival.of({"stream": False}) == arrival.of({}) == Arrival([], [9])
    assert not Arrival([], [9])
    assert arrival


def test_an_arrival_of_no_use_is_none():
    assert Arrival.parse([[0, 1, 2]], [3]) == Arrival([[0, 1, 2]], [3])
    assert Arrival.parse([[0, 1, 2], [0]], [3, -1]) == Arrival()
    assert Arrival.parse([[0, 1, 2], [0, 1, -2]], [3, 2**53]) == Arrival()
    assert Arrival.parse([[0, 1, True]], "x") == Arrival()
    assert Arrival.parse(None, None) == Arrival()


def test_cuts_fit_what_they_were_made_of_and_nothing_else():
    choices = response_of(ANSWER).choices
    assert Arrival([[0, 9, 1]], [1]).fits(choices)
    for cuts in ([], [[0, 9, 2]], [[0, 1, 1], [1, 1, 1]], [[0, 3, 1, 1]], [[1, 9, 1]]):
        assert not Arrival(cuts, []).fits(choices)
