"""S01 to S38: every way to write a whole stream, over a raw socket, whole and in pieces."""

from __future__ import annotations

import threading

import pytest
from loopback import DONE, chunk, event
from wire_asked import check
from wire_cases import STOP, packed, timeouts
from wire_framing import FRAMING
from wire_server import EVENTS, chunked

STRICT = [case for case in FRAMING if case.strict]


@pytest.mark.parametrize("case", FRAMING, ids=lambda case: case.name)
def test_a_whole_stream_is_its_text(case, server, clients):
    assert check(case, server, clients) == []


@pytest.mark.parametrize("case", STRICT, ids=lambda case: case.name)
def test_strictly(case, server, clients):
    assert check(case, server, clients, strict=True) == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"], ids=lambda name: f"S38-{name}-flushed")
def test_a_packed_delta_comes_as_it_is_flushed(encoding, server, clients):
    more = threading.Event()
    first, second, *rest = packed(event(chunk("one")), event(chunk(" two")), STOP + DONE, encoding=encoding)
    steps = chunked([first], {**EVENTS, "content-encoding": encoding}, ())
    server.turns([*steps, more, *chunked([second, *rest])[1:]])
    with clients(server.url, timeout=timeouts({})) as client, client.stream("hi", model="m") as stream:
        deltas = iter(stream)
        assert str(next(deltas)) == "one"
        more.set()
        assert str(next(deltas)) == " two"
        list(deltas)
    assert stream.response.text == "one two"
