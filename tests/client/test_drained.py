"""What comes after the end of an answer: it is waited for, but not for long."""

from __future__ import annotations

import time

from loopback import DONE, chunk, event
from wire_asked import ask
from wire_cases import timeouts
from wire_server import Act, chunked


def test_a_connection_that_stays_silent_after_done_is_not_waited_for(server, clients):
    server.turns([*chunked([event(chunk("whole", finish_reason="stop")), DONE], end=()), Act.STALL])
    with clients(server.url, timeout=timeouts({"progress": 20.0})) as client:
        started = time.perf_counter()
        outcome = ask(client)
    assert outcome.response.text == "whole"
    assert time.perf_counter() - started < 4
