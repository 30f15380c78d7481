"""The store as its file grows: the numbers of its records, what others add, what is no file, what fails."""

from __future__ import annotations

import dataclasses
import os
import socket

import pytest
from recorded import ANSWER, BODY, HEADER, damaged, record_of, texts

from jupyter_prem.client import response_of
from jupyter_prem.records import Arrival, Cassette, CassetteError, Record, _contents


def numbered(n, text="yes"):
    return dataclasses.replace(record_of("again", text), n=n)


def test_the_numbers_of_a_question_are_those_of_damaged_ones_too(cassette):
    one, two = numbered(1), numbered(2)
    cassette.path.write_bytes(HEADER + numbered(3).line() + damaged(one) + two.line())
    assert len(cassette) == 2
    assert cassette.numbers(one.key) == [1, 2, 3]
    assert cassette.numbers("0" * 64) == []
    assert [cassette.hole(one.key, n) for n in (1, 2, 3)] == [3, None, None]
    assert [cassette.has(one.key, n) for n in (1, 2, 3)] == [False, True, True]
    cassette.add(one)
    assert cassette.numbers(one.key) == [1, 2, 3]
    assert cassette.hole(one.key, 1) is None
    assert [record.n for record in Cassette(cassette.path)] == [3, 2, 1]


def test_one_damaged_record_keeps_its_number(cassette):
    cassette.path.write_bytes(HEADER + damaged(numbered(1)) + record_of("other").line())
    cassette.refresh()
    assert cassette.numbers(numbered(1).key) == [1]
    assert cassette.hole(numbered(1).key, 1) == 2
    cassette.path.write_bytes(HEADER + damaged(numbered(2)) + record_of("other").line())
    cassette.refresh()
    assert cassette.numbers(numbered(2).key) == [2]


def test_a_damaged_copy_of_a_good_record_is_no_hole(cassette):
    cassette.path.write_bytes(HEADER + numbered(1).line() + damaged(numbered(1)))
    assert len(cassette) == 1
    assert cassette.hole(numbered(1).key, 1) is None
    assert [fault.line for fault in cassette.faults] == [3]


def test_what_was_added_is_not_read_again(cassette, monkeypatch):
    cassette.add(record_of("one"))
    cassette.refresh()
    read = []
    place = Record.place.__func__
    monkeypatch.setattr(Record, "place", classmethod(lambda cls, line: read.append(line) or place(cls, line)))
    for number in range(5):
        cassette.add(record_of(f"question {number}"), numbered(number + 1))
    assert len(cassette) == 11
    assert read == []
    Cassette(cassette.path).add(record_of("theirs"))
    assert len(cassette) == 12
    assert len(read) >= 1
    assert read[-1] == record_of("theirs").line()
    assert len(Cassette(cassette.path)) == 12


def test_a_shorter_file_in_place_is_read_anew(cassette):
    cassette.add(record_of("one"), record_of("two", "a longer answer"))
    assert len(cassette) == 2
    with cassette.path.open("r+b") as file:
        file.truncate(len(HEADER) + len(record_of("one").line()))
    assert texts(cassette) == ["yes"]
    assert len(cassette) == 1


def test_a_replaced_file_that_begins_alike_is_read_anew(cassette, tmp_path):
    cassette.add(record_of("one"), record_of("two"))
    assert len(cassette) == 2
    other = tmp_path / "other"
    data = cassette.path.read_bytes()
    other.write_bytes(data.replace(b'"yes"', b'"Yes"', 1) + record_of("three").line())
    other.replace(cassette.path)
    assert len(cassette) == 2  # the first is damaged now
    assert [fault.line for fault in cassette.faults] == [2]


def test_who_was_asked_is_told_in_order_as_the_file_grows(cassette, tmp_path):
    assert cassette.pairs == []
    cassette.add(record_of("one"), record_of("two"))
    cassette.refresh()
    assert cassette.pairs == [("prem", "m")]
    embedded = Record.of("embedded", {**BODY, "model": "n"}, response_of(ANSWER), Arrival())
    unnamed = Record.of("embedded", {"messages": BODY["messages"]}, response_of(ANSWER), Arrival())
    cassette.add(embedded)
    cassette.add(unnamed)
    assert cassette.pairs == cassette.pairs == [("prem", "m"), ("embedded", "n"), ("embedded", "")]
    other = Cassette(tmp_path / "other")
    other.add(unnamed)
    other.path.replace(cassette.path)
    cassette.refresh()
    assert cassette.pairs == [("embedded", "")]


def test_a_long_line_is_named_by_its_size_and_those_behind_it_count(cassette, monkeypatch):
    monkeypatch.setattr(_contents, "LONGEST", 2 * 2**20)
    with cassette.path.open("wb") as file:
        file.write(HEADER + b"x" * (5 * 2**20) + b"\n" + record_of("one").line())
    assert texts(cassette) == ["yes"]
    assert [str(fault) for fault in cassette.faults] == ["line 2 is longer than 2 MiB"]


def test_blank_lines_are_lines(cassette):
    cassette.path.write_bytes(HEADER + b"\n  \n" + damaged(record_of("one")) + record_of("two").line())
    assert texts(cassette) == ["yes"]
    assert [fault.line for fault in cassette.faults] == [4]


def test_a_header_that_cannot_be_read_is_told(cassette):
    cassette.path.write_bytes(b'{"jupyter_prem":1}\n' + record_of("one").line())
    assert texts(cassette) == ["yes"]
    assert [str(fault) for fault in cassette.faults] == ["line 1 is a header that cannot be read"]


def test_errors_of_a_file_say_what_to_do(cassette):
    cassette.path.write_bytes(b'{"jupyter_prem":"cassette","format":9}\n')
    with pytest.raises(CassetteError) as caught:
        cassette.refresh()
    assert caught.value.hint == "Update jupyter_prem: pip install -U jupyter_prem"
    assert caught.value.where == f"in {cassette.path}"
    cassette.path.write_bytes(b"hello\n")
    with pytest.raises(CassetteError) as caught:
        cassette.refresh()
    assert caught.value.what == "This file holds no recordings: line 1 is no JSON."
    assert caught.value.hint == "Name another file; this one is left as it is."
    cassette.path.write_bytes(HEADER)
    assert len(cassette) == 0  # it is remembered for nothing


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket"])
def test_what_is_no_file_is_named(cassette, kind, monkeypatch):
    monkeypatch.chdir(cassette.path.parent)
    if kind == "folder":
        cassette.path.mkdir()
    elif kind == "pipe":
        os.mkfifo(cassette.path)
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(cassette.path.name)
    with pytest.raises(CassetteError, match=f"is a {kind}") as caught:
        cassette.refresh()
    assert caught.value.hint == "Name a file of recordings, such as notebook.chat.jsonl."
    assert not cassette.blank
    assert cassette.exists


def test_a_blank_file_is_one_in_which_nothing_was_recorded(cassette):
    assert repr(cassette) == f"Cassette({str(cassette.path)!r})"
    assert cassette.blank is True
    assert cassette.exists is False
    for data in (b"", b"\n", HEADER):
        cassette.path.write_bytes(data)
        assert cassette.blank is True
    for data in (HEADER + b"x", HEADER + record_of("one").line(), b"x" * 500, b"hello\nworld\n"):
        cassette.path.write_bytes(data)
        assert cassette.blank is False


def test_a_file_that_vanishes_has_no_records(cassette):
    cassette.add(record_of("one"))
    cassette.refresh()
    place = (record_of("one").key, 1)
    assert cassette.get(*place) is not None
    cassette.path.unlink()
    assert cassette.get(*place) is None
    assert list(cassette.records()) == []


def test_a_question_at_hand_saves_making_the_key(cassette, monkeypatch):
    record = record_of("one")
    cassette.add(record)
    cassette.refresh()
    made = []
    monkeypatch.setattr("jupyter_prem.records._record.key_of", lambda *about: made.append(about) or "")
    assert cassette.get(record.key, 1, record.body).response.text == "yes"
    assert made == []
    assert cassette.get(record.key, 1, BODY) is None  # another's: the key is made, and differs
    assert len(made) == 1
