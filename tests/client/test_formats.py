"""Bodies by another name than their own: lines of JSON are read as they come, and noted."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace

import pytest
from loopback import DONE, Reply, chunk, completion, event

from jupyter_prem.client import Timeouts
from jupyter_prem.client._accumulator import Accumulator
from jupyter_prem.client._address import Address
from jupyter_prem.client._formats import Formats
from jupyter_prem.client._timeouts import Pace

LINES = "The service sent lines of JSON, not events."


def line(data) -> bytes:
    return json.dumps(data).encode() + b"\n"


@pytest.mark.parametrize(
    "kind", ["application/x-ndjson", "application/jsonl", "application/json-lines", "text/JsonLines"]
)
def test_lines_of_json_are_read_as_they_come(service, clients, kind):
    more = threading.Event()
    service.script = lambda _: Reply(
        [line(chunk("a")), more, line(chunk("b")), line(chunk(finish_reason="stop"))],
        headers={"content-type": kind},
    )
    with clients(service.url, timeout=5) as client, client.stream("hi", model="m") as stream:
        deltas = iter(stream)
        assert next(deltas).text == "a"
        more.set()
        assert [delta.text for delta in deltas] == ["b", ""]
        assert stream.response.notes == (LINES,)


@pytest.mark.parametrize(
    "said",
    [
        ("text/event-stream", event(chunk("a", finish_reason="stop")) + DONE, ()),
        ("", event(chunk("a", finish_reason="stop")) + DONE, ()),
        (
            "text/plain",
            event(chunk("a", finish_reason="stop")) + DONE,
            ("The service did not call its stream of events one.",),
        ),
        ("text/plain", line(chunk("a")) + line(chunk(finish_reason="stop")), (LINES,)),
        ("text/event-stream", line(completion("a")), ("The service sent the whole answer at once.",)),
        ("application/json", line(completion("a")), ("The service sent the whole answer at once.",)),
        (
            "text/event-stream",
            event(chunk("a")) + DONE,
            ("The service ended its answer without a finish reason.",),
        ),
    ],
)
@pytest.mark.parametrize("before", [b"", b" \r\n", b"\xef\xbb\xbf\n"])
def test_a_body_is_what_it_begins_as_and_what_it_is_not_is_noted(service, clients, said, before):
    kind, body, notes = said
    headers = {"content-type": kind} if kind else {}
    service.script = lambda _: Reply([bytes([byte]) for byte in before + body], headers=headers)
    with clients(service.url, timeout=5) as client, client.stream("hi", model="m") as stream:
        assert "".join(delta.text for delta in stream) == "a"
        assert stream.response.notes == notes


def test_a_stream_has_ten_seconds_for_its_end_once_its_answer_is_whole():
    pace = Pace(Timeouts(), time.perf_counter())
    pace.begin()
    head = SimpleNamespace(status_code=200, headers={})
    formats = Formats(Accumulator(), head, Address("http://x"), pace, streamed=True, strict=False)
    list(formats.feed(event(chunk("a"))))
    assert pace.left > 100
    list(formats.feed(event(chunk(finish_reason="stop"))))
    assert 9.5 < pace.left <= 10
    assert not formats.done
    list(formats.feed(DONE))
    assert formats.done
