"""Recording and replaying with a real service: who is asked, and what comes back."""

from __future__ import annotations

import threading
import time

import pytest
from loopback import Reply, answer, calls, chunk, event
from taped import client, streamed

from jupyter_prem import CassetteError, Conversation, MissingRecordingError, record
from jupyter_prem.backends import asking_again
from jupyter_prem.client import Cancel, Interrupted, PremError
from jupyter_prem.records import Cassette, verify


@pytest.mark.usefixtures("either")
def test_a_replay_gives_the_same_answer_in_the_same_pieces(path, service):
    with record(path):
        pieces, first = streamed(client(service.url), "hello there", temperature=0.5)
    assert not first.replayed
    with record(path, "none"):
        again, second = streamed(client(service.url), "hello there", temperature=0.5)
    assert again == pieces
    assert second.to_dict() == first.to_dict()
    assert second.replayed
    assert (
        second.request == {**first.request, "stream_options": None} or "stream_options" not in second.request
    )
    assert len(service.questions) == 1
    assert second.provenance["recording"] == first.provenance["recording"]


@pytest.mark.usefixtures("either")
def test_a_replay_tells_how_long_it_took_then(path, service):
    pause = threading.Event()

    def script(_):
        threading.Timer(0.15, pause.set).start()
        return Reply([event(chunk("a")), pause, *answer("b")])

    service.script = script
    with record(path):
        first = streamed(client(service.url), "hello")[1]
    with record(path, "none"):
        again = streamed(client(service.url), "hello")[1]
    assert first.latency >= 0.14
    assert again.latency == pytest.approx(first.latency, abs=0.05)
    assert again.replayed


@pytest.mark.usefixtures("either")
def test_without_recordings_nobody_is_asked(path, no_network):
    no_network()
    with (
        record(path, "none"),
        pytest.raises(MissingRecordingError, match="There are no recordings to replay"),
    ):
        client().chat("hello")
    assert not path.exists()


@pytest.mark.usefixtures("either")
def test_no_endpoint_and_no_model_take_whichever_was_recorded(path, service, no_network):
    service.models = ["a", "b"]
    with record(path):
        one = client(service.url).chat("first", model="a")
        two = client(service.url).chat("second", model="b")
    no_network()
    with record(path, "none"):
        assert [client().chat(text).to_dict() for text in ("first", "second")] == [
            one.to_dict(),
            two.to_dict(),
        ]
        with pytest.raises(MissingRecordingError, match="model: recorded “a”, asked “b”"):
            client().chat("first", model="b")


@pytest.mark.usefixtures("either")
def test_the_models_of_a_named_endpoint_are_not_asked_for_either(path, service, no_network):
    with record(path):
        client(service.url).chat("hello")
    no_network()
    with record(path, "none"):
        assert client(service.url).chat("hello").replayed


@pytest.mark.usefixtures("either")
def test_another_key_finds_the_same_recordings(path, service):
    with record(path):
        client(service.url, api_key="sk-one-0123456789").chat("hello")
    with record(path, "none"):
        assert client(service.url, api_key="sk-two-0123456789").chat("hello").replayed
    assert "0123456789" not in path.read_text()


def test_what_is_sent_and_built_comes_from_the_recordings_too(path, service, no_network):
    asker = client(service.url)
    with record(path), asker.send(asker.build("hello", stream=True)) as stream:
        live = [str(delta) for delta in stream]
    no_network()
    for again in (client(service.url), client()):
        with record(path, "none"):
            with again.send(again.build("hello", stream=True)) as stream:
                assert [str(delta) for delta in stream] == live
            assert stream.response.replayed
            with pytest.raises(MissingRecordingError):
                again.send(again.build("hello"))
            with pytest.raises(MissingRecordingError):
                again.send(again.build("something else", model=again.default_model()))


@pytest.mark.usefixtures("either")
def test_an_address_has_one_name_however_it_is_written(path, service):
    port = service.url.rpartition(":")[2]
    with record(path):
        client(service.url).chat("hello", model="m")
    for url in (f"{service.url}/", f"HTTP://127.0.0.1:{port}", f"http://127.0.0.1:{port}/api/v1"):
        with record(path, "none"):
            assert client(url).chat("hello", model="m").replayed
    with record(path, "none"), pytest.raises(MissingRecordingError, match="endpoint: recorded"):
        client(f"http://127.0.0.1:{port}/v1").chat("hello", model="m")  # another API


@pytest.mark.usefixtures("either")
def test_what_is_changed_while_it_is_answered_is_recorded_as_it_was_sent(path, service):
    gate = threading.Event()
    service.say(event(chunk("so far")), gate, *answer("rest"))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    with record(path) as tape, client(service.url).stream("hello", model="m", tools=[tool]) as stream:
        next(iter(stream))
        tool["function"]["name"] = "changed"
        gate.set()
        for _ in stream:
            pass
    assert [one.body["tools"][0]["function"]["name"] for one in tape.cassette] == ["f"]
    assert tape.cassette.faults == []


@pytest.mark.usefixtures("either")
def test_a_link_is_refused_before_anybody_is_asked(path, service):
    real = path.with_name("real.jsonl")
    with record(real):
        client(service.url).chat("hello", model="m")
    path.symlink_to(real)
    asked = len(service.questions)
    with record(path, "new_episodes"):
        assert client(service.url).chat("hello", model="m").replayed
        with pytest.raises(CassetteError, match=r"Nobody was asked\. The file is a link"):
            client(service.url).chat("other", model="m")
    assert len(service.questions) == asked


@pytest.mark.usefixtures("either")
def test_an_answer_that_came_whole_is_verified_and_replayed_whole(path, service):
    with record(path):
        client(service.url).chat("whole", model="m")
        streamed(client(service.url), "in pieces", model="m")
    whole, pieces = Cassette(path)
    assert (bool(whole.arrival), bool(pieces.arrival)) == (False, True)
    assert len(whole.arrival.ms) == 1
    service.requests.clear()
    with asking_again(endpoint=service.url) as ask:
        report = verify([whole, pieces], ask)
    assert [request.body.get("stream") for request in service.questions] == [False, True]
    assert not report.drifted
    with record(path, "none"):
        assert streamed(client(service.url), "whole", model="m")[0] == ["You said: whole"]


@pytest.mark.usefixtures("either")
def test_calls_reasoning_and_refusals_come_back(path, service):
    parts = calls(("f", '{"a": 1}'), ("g", "{}"), text="So")
    service.say(event(chunk(None, reasoning_content="hm")), *parts)
    with record(path):
        pieces, first = streamed(client(service.url), "hello")
    with record(path, "none"):
        again, second = streamed(client(service.url), "hello")
    assert second.to_dict() == first.to_dict()
    assert [call.name for call in second.tool_calls] == ["f", "g"]
    assert again == pieces


@pytest.mark.usefixtures("either")
def test_calls_that_share_an_id_stay_apart(path, service):
    def call(index):
        function = {"name": "f", "arguments": f'{{"a": {index}}}'}
        return event(chunk(None, tool_calls=[{"index": index, "id": "call_0", "function": function}]))

    service.say(call(0), call(1), event(chunk(finish_reason="tool_calls")))
    with record(path):
        _, first = streamed(client(service.url), "hello")
    with record(path, "none"):
        _, second = streamed(client(service.url), "hello")
    assert second.to_dict() == first.to_dict()
    assert [made.arguments for made in second.tool_calls] == ['{"a": 0}', '{"a": 1}']


def test_an_exchange_with_functions_replays_whole(path, service):
    def add(a: int, b: int) -> int:
        """Add."""
        made.append((a, b))
        return a + b

    made: list[tuple[int, int]] = []
    replies = iter([calls(("add", '{"a": 1, "b": 2}')), answer("It is 3.")])
    service.script = lambda _: Reply(next(replies))
    with record(path):
        first = Conversation(client=client(service.url)).ask("1 + 2?", tools=[add])
    with record(path, "none"):
        conversation = Conversation(client=client(service.url))
        second = conversation.ask("1 + 2?", tools=[add])
    assert (second.text, second.replayed, made) == ("It is 3.", True, [(1, 2), (1, 2)])
    assert second.to_dict() == first.to_dict()
    assert [message.role for message in conversation.messages] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.usefixtures("either")
def test_an_answer_to_a_schema_is_checked_again(path, service):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    wrong = iter(['{"a": "x"}', '{"a": 5}'])
    service.script = lambda _: Reply(answer(next(wrong)))
    with record(path):
        with pytest.raises(PremError, match="does not fit"):
            client(service.url).chat("a?", response_format=schema, stream=True)
        good = client(service.url).chat("a?", response_format=schema, stream=True)
    with record(path, "none"):
        with pytest.raises(PremError, match="does not fit"):
            client(service.url).chat("a?", response_format=schema)
        assert client(service.url).chat("a?", response_format=schema).parsed == good.parsed == {"a": 5}


def test_a_replay_takes_its_time_where_it_is_to_and_can_be_stopped(path, service):
    pause = threading.Event()
    service.say(event(chunk("a")), *[event(chunk("b"))] * 3, *answer("c"))
    with record(path):
        streamed(client(service.url), "hello")
    lines = path.read_bytes().splitlines(keepends=True)
    old = next(iter(Cassette(path)))
    slow = type(old)(
        old.key, 1, old.endpoint, old.body, old.answer, type(old.arrival)(old.arrival.cuts, [60] * 6)
    )
    path.write_bytes(lines[0] + slow.line())
    with record(path, "none", pace=True):
        began = time.monotonic()
        streamed(client(service.url), "hello")
        took = time.monotonic() - began
        assert 0.36 <= took < 0.36 * 1.2 + 0.3
    with record(path, "none", pace=True):
        cancel = Cancel()
        asker = client(service.url)
        stream = asker.recorded().send(asker.build("hello", model="loopback-1", stream=True), cancel=cancel)
        deltas = iter(stream)
        next(deltas)
        cancel.cancel()
        with pytest.raises(Interrupted):
            list(deltas)
        assert stream.response.interrupted
        assert stream.response.text == "a"
    pause.set()


def test_a_miss_is_three_lines_and_some_detail(path, service):
    long = "Tell me about the capital of France. " * 30
    with record(path):
        client(service.url).chat(long, temperature=0.5, stop=["x"])
        client(service.url).chat("something else")
    with record(path, "none"), pytest.raises(MissingRecordingError) as caught:
        client(service.url).chat(long.replace("France", "Spain", 1), temperature=0.7, seed=3)
    error = caught.value
    assert (error.what, error.where) == ("There is no recording of this question.", "in a.chat.jsonl")
    assert error.hint == f"Record it: record({str(path)!r}, mode='new_episodes')"
    lines = error.detail.splitlines()
    assert lines[0] == "The nearest recording differs in:"
    assert any(
        line.startswith("messages[0].content: recorded “") and "France" in line and "Spain" in line
        for line in lines
    )
    assert "temperature: recorded 0.5, asked 0.7" in lines
    assert "seed: recorded nothing, asked 3" in lines
    assert "stop[0]: recorded “x”, asked nothing" in lines
    assert len(lines) <= 20
