"""A file of recordings: what is read of it, damaged, foreign, of another version, replaced or large."""

from __future__ import annotations

import dataclasses
import shutil
import tracemalloc
from pathlib import Path

import pytest
from recorded import record_of, texts

from jupyter_prem.records import Cassette, CassetteError, CassetteWarning, Tape

OLD = Path(__file__).parent / "format-1.chat.jsonl"


def test_what_is_added_is_read_again(cassette):
    assert not cassette.exists
    assert len(cassette) == 0
    cassette.add(record_of("one"))
    cassette.add(record_of("two", "no"))
    assert texts(Cassette(cassette.path)) == texts(cassette) == ["yes", "no"]
    assert cassette.path.read_bytes().startswith(b'{"jupyter_prem":"cassette","format":1}\n')


def test_an_equal_answer_leaves_its_line_as_it_is(cassette):
    cassette.add(record_of("one", id="first", created=1))
    before = cassette.path.read_bytes()
    cassette.add(record_of("one", id="second", created=2))
    assert cassette.path.read_bytes() == before
    cassette.add(record_of("one", "another"), record_of("one", id="third"), record_of("two", "new"))
    assert cassette.path.read_bytes().count(b"\n") == before.count(b"\n") + 2
    assert texts(cassette) == ["another", "new"]


def test_what_others_add_is_seen(cassette):
    assert len(cassette) == 0
    Cassette(cassette.path).add(record_of("one"))
    assert len(cassette) == 1
    cassette.path.unlink()
    assert len(cassette) == 0
    Cassette(cassette.path).add(record_of("two", "new"))
    assert texts(cassette) == ["new"]


def test_a_torn_last_line_costs_that_line(cassette):
    cassette.add(record_of("one"))
    whole = cassette.path.read_bytes()
    line = record_of("two").line()
    for cut in range(1, len(line) - 1, 13):
        cassette.path.write_bytes(whole + line[:cut])
        torn = Cassette(cassette.path)
        assert texts(torn) == ["yes"]
        assert torn.faults == []
        torn.add(record_of("three", "after"))
        again = Cassette(cassette.path)
        assert texts(again) == ["yes", "after"]
        assert [fault.line for fault in again.faults] == [3]
    cassette.path.write_bytes(whole + line.rstrip(b"\n"))  # whole but for its end
    assert texts(Cassette(cassette.path)) == ["yes", "yes"]


def test_a_damaged_line_is_told_and_the_others_are_used(cassette):
    for number in range(3):
        cassette.add(record_of(f"question {number}", f"answer {number}"))
    lines = cassette.path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"answer 1", b"answer 7")
    cassette.path.write_bytes(b"".join(lines))
    damaged = Cassette(cassette.path)
    assert texts(damaged) == ["answer 0", "answer 2"]
    assert [(fault.line, fault.why) for fault in damaged.faults] == [
        (3, "is not what was written: its hash differs")
    ]
    tape = Tape(cassette.path, "none")
    with pytest.warns(CassetteWarning, match="line 3 is not what was written"):
        tape.load()
    tape.load()  # once is enough


FOREIGN = {
    "text": b"hello\n",
    "json": b'{"a": 1}\n{"b": 2}\n',
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0",
    "a notebook": b'{\n "cells": []\n}\n',
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_something_else_is_left_as_it_is(cassette, data):
    cassette.path.write_bytes(data if data.endswith(b"\n") else data + b"\n")
    before = cassette.path.read_bytes()
    with pytest.raises(CassetteError, match="holds no recordings") as caught:
        cassette.add(record_of("one"))
    assert str(cassette.path) in caught.value.where
    assert cassette.path.read_bytes() == before


def test_a_later_format_is_named(cassette):
    cassette.path.write_bytes(b'{"jupyter_prem":"cassette","format":2}\n' + record_of("one").line())
    with pytest.raises(CassetteError, match="format 2; this version reads format 1"):
        len(cassette)


def test_a_cassette_of_the_first_version_is_read_by_every_later_one():
    assert [(r.endpoint, r.n, r.response.text, r.implied) for r in Cassette(OLD)] == [
        ("http://127.0.0.1:41000", 1, "You said: Grüße 😀", False),
        ("embedded", 1, "calls f", True),
    ]
    assert [call.name for call in list(Cassette(OLD))[1].response.tool_calls] == ["f"]
    assert Cassette(OLD).faults == []


def test_lines_that_end_as_on_windows_are_read(cassette):
    cassette.add(record_of("one"))
    cassette.path.write_bytes(cassette.path.read_bytes().replace(b"\n", b"\r\n"))
    assert texts(Cassette(cassette.path)) == ["yes"]
    assert cassette.faults == []


def test_a_line_without_end_is_not_read_into_memory(cassette, monkeypatch):
    monkeypatch.setattr("jupyter_prem.records._contents.LONGEST", 5_000)
    cassette.add(record_of("one"))
    with cassette.path.open("ab") as file:
        file.write(b'{"key":"' + b"x" * 20_000 + b'"}\n' + record_of("two", "after").line())
    assert texts(Cassette(cassette.path)) == ["yes", "after"]
    long = Cassette(cassette.path)
    long.refresh()
    assert [fault.line for fault in long.faults] == [3]


def test_a_file_of_other_recordings_in_its_place_is_read_anew(cassette, tmp_path):
    for number in range(3):
        cassette.add(record_of(f"question {number}", f"answer {number}"))
    other = Cassette(tmp_path / "other.chat.jsonl")
    for number in range(8):
        other.add(record_of(f"question {number}", f"changed {number}"))
    assert texts(cassette) == ["answer 0", "answer 1", "answer 2"]
    shutil.copyfile(other.path, cassette.path)  # the same file, as git and editors write it
    assert texts(cassette) == texts(other)
    same = cassette.path.read_bytes().replace(b"changed", b"CHANGED")
    about = cassette.path.stat()
    cassette.path.write_bytes(same)
    assert cassette.path.stat().st_size == about.st_size
    assert texts(cassette) == []  # as long, but none is what was written
    assert len(cassette.faults) == 8


def test_what_took_the_files_place_is_met_when_a_record_is_read(cassette):
    for number in range(3):
        cassette.add(record_of(f"question {number}", f"answer {number}"))
    places = [(one.key, one.n) for one in cassette]
    other = [record_of(f"question {number}", f"changed {number}").line() for number in (2, 1)]
    cassette.path.write_bytes(b'{"jupyter_prem":"cassette","format":1}\n' + b"".join(other))
    found = [cassette.get(*place) for place in places]  # nothing was read since
    assert [one and one.response.text for one in found] == [None, "changed 1", "changed 2"]


def test_a_large_file_stays_on_the_disk(cassette):
    cassette.add(record_of("one"))
    with cassette.path.open("ab") as file:
        for n in range(2, 2_000):
            file.write(dataclasses.replace(record_of("one", "long answer " * 400), n=n).line())
    size = cassette.path.stat().st_size
    tracemalloc.start()
    try:
        large = Cassette(cassette.path)
        assert len(large) == 1_999
        assert sum(len(one.response.text) for one in large) > size / 2
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < size / 8


def test_a_line_with_the_key_of_another_question_is_damaged(cassette):
    cassette.add(record_of("one"))
    forged = dataclasses.replace(record_of("two"), key=record_of("three").key)
    with cassette.path.open("ab") as file:
        file.write(forged.line())
    assert texts(cassette) == ["yes"]
    assert [str(fault) for fault in cassette.faults] == ["line 3 does not have the key of its question"]


def test_a_file_that_the_system_does_not_open_is_told_in_its_words(tmp_path):
    cassette = Cassette(tmp_path / f"{'x' * 300}.chat.jsonl")
    with pytest.raises(CassetteError, match=r"The recordings cannot be read: File name too long\.") as caught:
        cassette.refresh()
    assert caught.value.where == f"in {cassette.path}"
