"""Event decoding, against the standard's own examples and every place a packet can be cut."""

from __future__ import annotations

import itertools

import pytest

from jupyter_prem.client import Event, EventDecoder, LimitExceeded


def decode(data: bytes, *cuts: int) -> list[tuple[str, bytes]]:
    decoder = EventDecoder()
    edges = [0, *cuts, len(data)]
    events = [event for start, end in itertools.pairwise(edges) for event in decoder.feed(data[start:end])]
    return [(event.type, event.data) for event in [*events, *decoder.close()]]


STREAMS = {
    "lf": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "crlf": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "lone_cr": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "mixed": (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
    "several_data_lines_join_with_lf": (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
    "comment": (b": ping\n\ndata: a\n:\n\n", [b"a"]),
    "no_space_after_colon": (b"data:a\n\n", [b"a"]),
    "two_spaces_keep_one": (b"data:  a\n\n", [b" a"]),
    "bom": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "bom_only_at_the_start": (b"data: \xef\xbb\xbfa\n\n", [b"\xef\xbb\xbfa"]),
    "id_alone_dispatches_nothing": (b"id: 1\n\n\n\ndata: a\n\n", [b"a"]),
    "retry_alone_dispatches_nothing": (b"retry: +5\n\ndata: a\n\n", [b"a"]),
    "event_without_data": (b"event: ping\n\ndata: a\n\n", [b"a"]),
    "bare_data": (b"data\n\ndata: a\n\n", [b"a"]),
    "empty_data": (b"data:\n\ndata: a\n\n", [b"a"]),
    "unknown_field": (b"foo: bar\ndata: a\n\n", [b"a"]),
    "no_blank_line_at_the_end": (b"data: a\n\ndata: b", [b"a", b"b"]),
    "unicode_line_separators_are_text": (
        "data: a\u2028\u2029\x85\x0b\x0cb\n\n".encode(),
        ["a\u2028\u2029\x85\x0b\x0cb".encode()],
    ),
    "family_emoji": ("data: 👩‍👩‍👧\n\n".encode(), ["👩‍👩‍👧".encode()]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", STREAMS)
def test_every_cut_gives_the_same_events(name):
    data, expected = STREAMS[name]
    whole = [("message", item) for item in expected]
    assert decode(data) == whole
    for cuts in itertools.combinations(range(len(data) + 1), 2):
        assert decode(data, *cuts) == whole
    assert decode(data, *range(1, len(data))) == whole


def test_type_is_for_its_own_event_alone():
    assert decode(b"event: x\ndata: a\n\ndata: b\n\n") == [("x", b"a"), ("message", b"b")]


def test_an_error_event_needs_no_data_and_an_error_field_is_one():
    assert decode(b"event: error\n\n") == [("error", b"")]
    assert decode(b'error: {"code": 1}\n\n') == [("error", b'{"code": 1}')]


def test_a_line_without_end_is_refused():
    decoder = EventDecoder()
    with pytest.raises(LimitExceeded, match="8 MiB"):
        for _ in range(9):
            list(decoder.feed(b"x" * 2**20))


def test_an_event_without_end_is_refused():
    decoder = EventDecoder()
    with pytest.raises(LimitExceeded, match="16 MiB"):
        for _ in range(17):
            list(decoder.feed(b"data: " + b"x" * 2**20 + b"\n"))


def test_a_long_line_in_small_pieces_is_read_once():
    decoder = EventDecoder()
    events: list[Event] = []
    for piece in [b"data: ", *([b"x" * 100] * 50_000), b"\n\n"]:
        events += decoder.feed(piece)
    assert len(events[0].data) == 5_000_000


def test_a_type_that_is_no_utf_8_is_read_all_the_same():
    assert decode(b"event: x\xff\ndata: a\n\n") == [("x\ufffd", b"a")]
