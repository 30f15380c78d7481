"""The store by its parts: what is read of a file as it grows, the numbers of its records, the lines written."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import socket

import pytest
from recorded import record_of

from jupyter_prem.client import response_of
from jupyter_prem.records import Arrival, Cassette, CassetteError, Damaged, Record, _append, _contents

HEADER = b'{"jupyter_prem":"cassette","format":1}\n'
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {
    "id": "a",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}


@pytest.fixture
def cassette(tmp_path):
    return Cassette(tmp_path / "a.chat.jsonl")


def texts(cassette):
    return [record.response.text for record in cassette]


def numbered(n, text="yes"):
    return dataclasses.replace(record_of("again", text), n=n)


def damaged(record):
    return record.line().replace(b'"content":"', b'"content":"!')


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
    assert record.numbered(7).line() == dataclasses.replace(record_of("one"), n=7).line()
    assert Record.parse(record.numbered(7).line()).n == 7
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


# -- what is read of a file


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


def in_place(path, old, new):
    """Write over a part of a file, which keeps its size and its time."""
    about = path.stat()
    with path.open("r+b") as file:
        data = file.read()
        file.seek(data.index(old))
        file.write(new)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def test_adding_what_is_new_reads_nothing_of_a_file_that_is_as_it_was(cassette, monkeypatch):
    cassette.add(record_of("one"))
    cassette.refresh()
    with monkeypatch.context() as patched:
        patched.setattr(Cassette, "refresh", lambda _: pytest.fail("read"))
        for number in range(3):
            cassette.add(record_of(f"question {number}"), record_of(f"and {number}"))
    assert len(cassette) == len(Cassette(cassette.path)) == 7


def theirs(path):
    Cassette(path).add(record_of("theirs"))


def swapped(path):
    other = Cassette(path.with_name("other"))
    other.add(record_of("another"), record_of("theirs"))
    other.path.replace(path)


@pytest.mark.parametrize("change", [theirs, swapped])
def test_adding_to_a_file_that_others_changed_finds_theirs(cassette, change):
    cassette.add(record_of("one"))
    cassette.refresh()
    change(cassette.path)
    cassette.add(record_of("theirs"), record_of("mine"))  # an equal one is there
    lines = cassette.path.read_bytes().splitlines()
    assert len(lines) == len(set(lines)) == 4
    assert sorted(texts(cassette)) == sorted(texts(Cassette(cassette.path))) == ["yes"] * 3


def test_adding_to_a_file_that_became_another_is_refused(cassette):
    cassette.add(record_of("one"))
    cassette.refresh()
    size = cassette.path.stat().st_size
    in_place(cassette.path, cassette.path.read_bytes(), b"x" * (size - 1) + b"\n")
    with pytest.raises(CassetteError, match="holds no recordings"):
        cassette.add(record_of("two"))
    assert cassette.path.read_bytes() == b"x" * (size - 1) + b"\n"


def test_a_line_is_written_for_whoever_knows_the_file_and_for_the_others(tmp_path):
    path = tmp_path / "a"
    writer = _append._Writer()
    assert writer.write(path, b"one\n", b"head\n") == 5
    about = path.stat()
    known = _append.Known((about.st_dev, about.st_ino), about.st_size, b"head\none\n")
    assert writer.write(path, b"two\n", b"head\n", known) == 9
    wrong = _append._Line(b"never\n", known), _append._Line(b"three\n", known)
    writer._all(path, list(wrong), b"head\n")
    assert [line.start for line in wrong] == [None, None]
    assert isinstance(wrong[0].failure, _append.OtherFileError)
    assert writer._waiting == [wrong[1]]
    assert writer.write(path, b"four\n", b"head\n") == 13
    assert path.read_bytes() == b"head\none\ntwo\nfour\nthree\n"


def test_lines_count_on_after_what_was_added_here(cassette):
    cassette.add(record_of("one"), record_of("two"))
    cassette.add(record_of("three"))
    with cassette.path.open("ab") as file:
        file.write(damaged(record_of("four")))
    cassette.refresh()
    assert [fault.line for fault in cassette.faults] == [5]
    with cassette.path.open("r+b") as file:  # a bad byte in a record that was read
        data = file.read()
        file.seek(data.index(b'"yes"') + 1)
        file.write(b"Y")
    os.utime(cassette.path)
    assert texts(cassette) == ["yes", "yes"]
    assert [fault.line for fault in cassette.faults] == [2, 5]


def test_a_record_that_is_spoilt_after_it_was_found_keeps_its_line(cassette):
    cassette.add(record_of("one"), record_of("two"), record_of("three"))
    places = [(one.key, one.n) for one in cassette]
    about = cassette.path.stat()
    with cassette.path.open("r+b") as file:
        data = file.read()
        file.seek(data.index(b'"yes"', data.index(b'"two"')) + 1)
        file.write(b"Y")
    os.utime(cassette.path, ns=(about.st_atime_ns, about.st_mtime_ns))  # a disk that forgets
    assert [cassette.get(*place) is not None for place in places] == [True, False, True]
    assert cassette.hole(*places[1]) == 3
    assert [str(fault) for fault in cassette.faults] == ["line 3 is not what was written: its hash differs"]
    assert [cassette.has(*place) for place in places] == [True, False, True]


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


# -- what is written


def test_lines_of_several_threads_know_where_they_stand(tmp_path):
    path = tmp_path / "a"
    writer = _append._Writer()
    mine, other, third = (_append._Line(data) for data in (b"one\n", b"second\n", b"3\n"))
    writer._all(path, [mine, other, third], b"head\n")
    assert path.read_bytes() == b"head\none\nsecond\n3\n"
    assert [line.start for line in (mine, other, third)] == [5, 9, 16]
    assert writer.write(path, b"more\n", b"head\n") == 18
    assert writer.write(tmp_path / "b", b"x\n", b"") == 0


def test_an_interrupted_writer_leaves_the_others_theirs(tmp_path, monkeypatch):
    writer = _append._Writer()
    lines = [_append._Line(data) for data in (b"one\n", b"two\n", b"three\n")]

    def interrupted(*about):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_append, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer._all(tmp_path / "a", list(lines), b"")
    assert writer._waiting == lines[1:]
    assert writer.write(tmp_path / "a", b"four\n", b"") == 0
    assert (tmp_path / "a").read_bytes() == b"four\ntwo\nthree\n"


def test_each_line_is_synced_and_each_handle_closed(tmp_path, monkeypatch):
    synced, opened = [], set()
    fsync, close, open_ = os.fsync, os.close, os.open

    def noted(*about, **more):
        handle = open_(*about, **more)
        opened.add(handle)
        return handle

    monkeypatch.setattr(os, "open", noted)
    monkeypatch.setattr(os, "close", lambda handle: (opened.discard(handle), close(handle)))
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_size), fsync(handle)))
    path = tmp_path / "a"
    _append.append(path, b"one\n", b"head\n")
    assert 9 in synced  # the file, whole
    assert len(synced) == 2  # and its folder, which is told of it
    _append.append(path, b"two\n", b"head\n")
    assert synced[2:] == [13]
    _append.rewrite(path, lambda data: data[:9])
    assert 9 in synced[3:]
    with pytest.raises(ZeroDivisionError):
        _append.rewrite(path, lambda _: 1 / 0)
    assert opened == set()
    assert path.read_bytes() == b"head\none\n"


WHYS = {
    errno.ENOSPC: "The disk is full.",
    errno.EDQUOT: "The disk is full.",
    errno.ELOOP: "The file is a link, which is not written through.",
    errno.EACCES: "The file cannot be written (Permission denied).",
}


@pytest.mark.parametrize("number", WHYS)
def test_what_fails_at_the_sync_leaves_the_file_as_it_was(cassette, monkeypatch, number):
    cassette.add(record_of("one"))
    before = cassette.path.read_bytes()

    def fails(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(CassetteError) as caught:
        cassette.add(record_of("two"))
    assert caught.value.what == f"The answer was not recorded. {WHYS[number]}"
    assert caught.value.where == f"in {cassette.path}"
    with pytest.raises(CassetteError) as caught:
        cassette.drop({(record_of("one").key, 1)})
    assert caught.value.what == f"The recordings stay as they were. {WHYS[number]}"
    assert caught.value.where == f"in {cassette.path}"
    assert cassette.path.read_bytes() == before
    assert list(cassette.path.parent.iterdir()) == [cassette.path]


def test_nothing_is_dropped_from_a_file_that_is_not_there(cassette):
    with pytest.raises(CassetteError, match="The recordings stay as they were"):
        cassette.drop(set())
    assert not cassette.exists


@pytest.mark.parametrize("length", range(len(HEADER)))
def test_a_header_that_a_killed_process_began_is_begun_again(cassette, length):
    cassette.path.write_bytes(HEADER[:length])
    cassette.add(record_of("one"))
    assert cassette.path.read_bytes() == HEADER + record_of("one").line()
    assert len(cassette) == 1


def test_what_a_killed_process_left_is_a_line_of_its_own(cassette):
    cassette.path.write_bytes(HEADER + b'{"key":"ab')
    cassette.add(record_of("one"))
    cassette.add(record_of("two"))
    assert cassette.path.read_bytes() == b"".join(
        [HEADER, b'{"key":"ab\n', record_of("one").line(), record_of("two").line()]
    )
    assert texts(cassette) == ["yes", "yes"]
