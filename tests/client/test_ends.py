"""The end of an answer: what comes after it, and an error in its place."""

from __future__ import annotations

import time

import pytest
from loopback import DONE, chunk, event
from wire_asked import ask
from wire_cases import timeouts
from wire_server import Act, chunked

from jupyter_prem.client import APIStreamError, ContextWindowExceededError


def test_a_connection_that_stays_silent_after_done_is_not_waited_for(server, clients):
    server.turns([*chunked([event(chunk("whole", finish_reason="stop")), DONE], end=()), Act.STALL])
    with clients(server.url, timeout=timeouts({"progress": 20.0})) as client:
        started = time.perf_counter()
        outcome = ask(client)
    assert outcome.response.text == "whole"
    assert time.perf_counter() - started < 4


def test_a_client_may_wait_for_as_long_as_it_takes(server, clients):
    endless = dict.fromkeys(("connect", "first_byte", "progress", "total"))
    with clients(server.url, timeout=endless) as client:
        for stream in (True, False):
            assert ask(client, stream=stream).response.text == "You said: hi"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ({"message": "maximum context length is 5"}, ContextWindowExceededError.fixed_hint),
        ({"message": "x", "code": "context_length_exceeded"}, ContextWindowExceededError.fixed_hint),
        ({"message": "x", "type": "exceed_context_size_error"}, ContextWindowExceededError.fixed_hint),
        ({"message": "boom"}, ""),
    ],
)
def test_an_error_in_a_stream_says_what_to_do_where_the_context_is_full(server, clients, words, hint):
    server.turns(chunked([event(chunk("a")), event({"error": words}), DONE]))
    with clients(server.url) as client:
        error = ask(client).error
    assert isinstance(error, APIStreamError)
    assert (error.hint == ContextWindowExceededError.fixed_hint) is bool(hint)
    assert (error.detail, error.partial) == (words["message"], "a")
