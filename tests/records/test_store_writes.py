"""Writing to the store: to a file that others changed, by several threads, interrupted, and on a disk that fails."""

from __future__ import annotations

import errno
import os

import pytest
from recorded import HEADER, damaged, record_of, texts

from jupyter_prem.records import Cassette, CassetteError, _append


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
    known = _append.ReadFile((about.st_dev, about.st_ino), about.st_size, b"head\none\n")
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
