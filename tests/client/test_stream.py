"""Streams and their faults, from a raw socket."""

from __future__ import annotations

import gzip
import json
import threading

import pytest
from loopback import DONE, USAGE, Reply, answer, as_json, chunk, completion, event
from waited import ask
from wire_cases import STOP

from jupyter_prem import Client
from jupyter_prem.client import (
    APIStreamError,
    Cancel,
    EmptyResponse,
    IncompleteStream,
    Interrupted,
    MalformedStream,
    NotAnAPI,
    StreamInterrupted,
    Usage,
)


@pytest.fixture
def thread_client(service):
    with Client(service.url, timeout=5) as client:
        yield client


def test_a_stream_gives_its_deltas_and_the_whole(service, client):
    service.say(*answer("Hel", "lo"))
    deltas, response = ask(client)
    assert "".join(map(str, deltas)) == response.text == str(response) == "Hello"
    assert response.finish_reason == "stop"
    assert response.usage == Usage(**USAGE)
    assert (response.id, response.model, response.system_fingerprint) == ("chatcmpl-1", "loopback-1", "fp_1")
    assert (response.created, response.object, response.interrupted) == (1, "chat.completion", False)
    assert response.latency > 0
    assert response.request == service.questions[0].body
    json.dumps(response.to_dict())


def test_deltas_come_as_they_are_sent(service, client):
    more = threading.Event()
    service.say(event(chunk("one")), more, *answer(" two"))
    with client.stream("hi", model="loopback-1") as stream:
        assert str(next(iter(stream))) == "one"
        assert stream.response.interrupted
        more.set()
        assert next(str(delta) for delta in stream) == " two"
    assert stream.response.text == "one two"


def test_the_same_bytes_one_at_a_time(service, client):
    text = "Grüße, 👩‍👩‍👧 \u2028 end"
    service.say(*(bytes([byte]) for piece in answer(text) for byte in piece))
    assert ask(client)[1].text == text


COMPLETE = {
    "done_without_reason": [event(chunk("a")), DONE],
    "reason_without_done": [event(chunk("a")), STOP],
    "done_without_blank_line": [event(chunk("a")), b"data: [DONE]"],
    "done_with_spaces": [event(chunk("a")), b"data:  [DONE] \n\n"],
    "after_done_nothing_counts": [event(chunk("a")), DONE, event(chunk("b"))],
    "role_only_and_null": [event(chunk(None, role="assistant")), event(chunk("a")), STOP],
    "unknown_fields": [event({**chunk("a"), "x": {"y": 1}}), STOP, DONE],
    "choices_missing_or_null": [event({"id": "1"}), event({"choices": None}), event(chunk("a")), STOP],
    "keep_alives": [b": ping\n\n" * 3, event(chunk("a")), STOP],
}


@pytest.mark.parametrize("name", COMPLETE)
def test_complete_means_a_reason_or_done(service, client, name):
    service.say(*COMPLETE[name])
    assert ask(client)[1].text == "a"


FAULTS = {
    "end_without_reason_or_done": ([event(chunk("par"))], {}, IncompleteStream),
    "end_in_the_middle_of_json": ([event(chunk("par")), b'data: {"cho'], {}, IncompleteStream),
    "cut_connection": ([event(chunk("par"))], {"end": "cut"}, StreamInterrupted),
    "reset_connection": ([event(chunk("par"))], {"end": "reset"}, StreamInterrupted),
    "error_object": (
        [event(chunk("par")), event({"error": {"message": "boom", "type": "t", "code": 7}})],
        {},
        APIStreamError,
    ),
    "error_string": ([event(chunk("par")), event({"error": "boom"})], {}, APIStreamError),
    "error_event": ([event(chunk("par")), b"event: error\ndata: boom\n\n"], {}, APIStreamError),
    "error_field": ([event(chunk("par")), b'error: {"message": "boom"}\n\n'], {}, APIStreamError),
    "no_json": ([event(chunk("par")), event("oops")], {}, MalformedStream),
    "no_object": ([event(chunk("par")), event("[1]")], {}, MalformedStream),
    "nested_too_deeply": ([event(chunk("par")), event("[" * 100_000)], {}, MalformedStream),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_an_error_with_what_had_arrived(service, client, name):
    pieces, settings, error = FAULTS[name]
    service.say(*pieces, **settings)
    with pytest.raises(error) as caught:
        ask(client)
    assert caught.value.partial == "par"
    assert caught.value.response.interrupted
    assert "127.0.0.1" in caught.value.where
    if error is APIStreamError:
        assert caught.value.detail == "boom"
    assert len(service.questions) == 1


WHOLE_FAULTS = {
    "empty": (Reply([]), EmptyResponse),
    "empty_json": (as_json(b""), EmptyResponse),
    "web_page": (Reply([b"<html><h1>Log in</h1>"], headers={"content-type": "text/html"}), NotAnAPI),
    "plain_words": (Reply([b"hello"], headers={"content-type": "text/plain"}), NotAnAPI),
    "another_object": (as_json({"hello": 1}), NotAnAPI),
    "error_with_success": (as_json({"error": {"message": "boom"}}), APIStreamError),
    "no_finish_reason": (as_json(completion("x", finish="")), IncompleteStream),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", WHOLE_FAULTS)
def test_a_success_that_is_no_answer_is_an_error(service, client, name, stream):
    reply, error = WHOLE_FAULTS[name]
    service.script = lambda _: reply
    with pytest.raises(error):
        ask(client) if stream else client.chat("hi", model="m")
    assert len(service.questions) == 1


def test_a_whole_completion_to_a_stream_is_taken(service, client):
    service.script = lambda _: as_json(completion("all of it"))
    deltas, response = ask(client)
    assert [str(delta) for delta in deltas] == ["all of it"]
    assert response.notes == ("The service sent the whole answer at once.",)


def test_compressed_streams_are_read(service, client):
    packed = gzip.compress(b"".join(answer("packed")))
    service.say(packed, headers={"content-type": "text/event-stream", "content-encoding": "gzip"})
    assert ask(client)[1].text == "packed"


def test_cancel_from_another_thread_wakes_a_blocked_read(service, thread_client):
    service.say(event(chunk("par")), threading.Event())
    cancel = Cancel()
    with thread_client.send(thread_client.build("hi", model="m", stream=True), cancel=cancel) as stream:
        assert str(next(iter(stream))) == "par"
        threading.Timer(0.05, cancel.cancel).start()
        with pytest.raises(Interrupted) as caught:
            list(stream)
    assert caught.value.partial == "par"
    assert service.closed.wait(5)


def test_cancel_before_the_first_byte(service, thread_client):
    held = threading.Event()
    service.script = lambda _: (held.wait(10), Reply([]))[1]
    cancel = Cancel()
    threading.Timer(0.05, cancel.cancel).start()
    with pytest.raises(Interrupted):
        thread_client.send(thread_client.build("hi", model="m", stream=True), cancel=cancel)
    held.set()


def test_cancel_before_sending_sends_nothing(service, thread_client):
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Interrupted):
        thread_client.send(thread_client.build("hi", model="m"), cancel=cancel)
    assert service.questions == []


def test_leaving_a_stream_early_closes_the_connection(service, client):
    service.say(event(chunk("a")), threading.Event())
    with client.stream("hi", model="m") as stream:
        next(iter(stream))
    assert service.closed.wait(5)


def test_a_connection_is_used_again(service, client):
    for _ in range(3):
        client.chat("hi", model="m")
    assert len(service._connections) == 1


@pytest.mark.parametrize("end", ["cut", "reset"])
def test_an_answer_that_had_ended_is_whole_though_the_connection_breaks(service, client, end):
    service.say(event(chunk("full")), STOP, end=end)
    response = ask(client)[1]
    assert (response.text, response.finish_reason, response.interrupted) == ("full", "stop", False)
    assert response.notes
