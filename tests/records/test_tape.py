"""Recording and replaying with a real service: who is asked, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
import weakref
from pathlib import Path

import pytest
from loopback import Reply, answer, as_json, calls, chunk, event
from waited import Waited
from wire_asked import until

from jupyter_prem import AsyncClient, CassetteError, Client, Conversation, MissingRecordingError, record
from jupyter_prem.backends import asking_again
from jupyter_prem.client import Cancel, Interrupted, PremError
from jupyter_prem.records import Cassette, CassetteWarning, Mode, ModeError, _async_taped, verify


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("JUPYTER_PREM_RECORD", "JUPYTER_PREM_CASSETTE", "PREM_MODEL", "PREMAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "a.chat.jsonl"


@pytest.fixture
def no_network(monkeypatch):
    """Called to have every connection of this process refused from then on."""

    def refuse(*_):
        raise AssertionError("a socket was opened")

    def guard():
        for name in ("connect", "connect_ex", "sendto"):
            monkeypatch.setattr(socket.socket, name, refuse)

    return guard


OPEN = contextlib.ExitStack()
KINDS: list[type[Client | Waited]] = [Client]


def client(*args, **settings):
    return OPEN.enter_context(KINDS[-1](*args, **settings))


@pytest.fixture(autouse=True)
def _closed():
    yield
    OPEN.close()


@pytest.fixture(params=[Client, Waited], ids=["threads", "loops"])
def either(request):
    """What the test says holds for both clients."""
    KINDS.append(request.param)
    yield
    KINDS.pop()


def streamed(client, text, **fields):
    with client.stream(text, **fields) as stream:
        return [str(delta) for delta in stream], stream.response


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


MODES = {
    # mode: is what is recorded asked again, is what is not recorded asked, is a new file recorded
    "none": (False, False, False),
    "once": (False, False, True),
    "new_episodes": (False, True, True),
    "all": (True, True, True),
}


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize(("mode", "asks"), MODES.items())
def test_each_mode_asks_what_it_says(path, service, mode, asks):
    again, missing, fresh = asks

    def ask(text):
        before = len(service.questions)
        try:
            client(service.url).chat(text)
        except MissingRecordingError:
            assert len(service.questions) == before
            return False
        return len(service.questions) > before

    with record(path, mode):
        assert ask("new file") == fresh
    with record(path.with_name("b.chat.jsonl"), "all"):
        ask("known")
    with record(path.with_name("b.chat.jsonl"), mode):
        assert ask("known") == again
        assert ask("unknown") == missing
    count = len(Cassette(path.with_name("b.chat.jsonl")))
    assert count == (2 if missing else 1)


def test_a_mode_that_is_none_lists_them(path):
    with pytest.raises(
        ModeError, match="no record mode 'one'; there are none, once, new_episodes, all"
    ) as caught:
        record(path, "one")
    assert caught.value.hint.startswith("Did you mean")
    assert Mode.of("New-Episodes") is Mode.NEW_EPISODES


@pytest.mark.usefixtures("either")
def test_identical_questions_have_recordings_of_their_own(path, service):
    texts = iter(["one", "two", "three"])
    service.script = lambda _: Reply(answer(next(texts)))
    with record(path):
        assert [streamed(client(service.url), "again")[1].text for _ in range(3)] == ["one", "two", "three"]
    with record(path, "none"):
        assert [streamed(client(service.url), "again")[1].text for _ in range(3)] == ["one", "two", "three"]
        with pytest.raises(MissingRecordingError, match="recorded 3 times; it is asked for the 4th time"):
            client(service.url).chat("again")


@pytest.mark.usefixtures("either")
def test_a_number_that_is_missing_is_not_counted(path, service):
    texts = iter(["one", "two", "three"])
    service.script = lambda _: Reply(answer(next(texts)))
    with record(path) as tape:
        for _ in range(3):
            streamed(client(service.url), "again")
        tape.cassette.drop({(one.key, one.n) for one in tape.cassette if one.n == 2})
    with record(path, "none"):
        assert [streamed(client(service.url), "again")[1].text for _ in range(2)] == ["one", "three"]
        with pytest.raises(MissingRecordingError, match="recorded 2 times; it is asked for the 3rd time"):
            client(service.url).chat("again")


@pytest.mark.usefixtures("either")
def test_a_damaged_recording_gives_its_number_to_no_other(path, service):
    texts = iter(["one", "two", "three"])
    service.script = lambda _: Reply(answer(next(texts)))
    with record(path):
        for _ in range(3):
            streamed(client(service.url), "again", model="m")
    path.write_bytes(path.read_bytes().replace(b"one", b"ONE"))
    with record(path, "none"):
        with (
            pytest.warns(CassetteWarning, match="line 2"),
            pytest.raises(MissingRecordingError, match=r"is damaged: line 2 of a\.chat\.jsonl"),
        ):
            streamed(client(service.url), "again", model="m")
        with pytest.raises(MissingRecordingError):  # a failure leaves its number to the next
            streamed(client(service.url), "again", model="m")
    service.script = lambda _: Reply(answer("anew"))
    with record(path, "new_episodes"), warnings.catch_warnings(action="ignore"):
        assert [streamed(client(service.url), "again", model="m")[1].text for _ in range(3)] == [
            "anew",
            "two",
            "three",
        ]
    assert Cassette(path).hole(next(iter(Cassette(path))).key, 1) is None


def test_files_that_nobody_named_are_not_mixed(path, service):
    texts = iter(["one", "two", "three"])
    service.script = lambda _: Reply(answer(next(texts)))
    for name, count in (("a", 1), ("b", 2)):
        with record(path.with_name(f"{name}.chat.jsonl")):
            for _ in range(count):
                streamed(client(service.url), "again", model="m")
    with record(mode="none"):
        with pytest.warns(CassetteWarning, match=r"a.chat.jsonl and b.chat.jsonl hold one"):
            assert streamed(client(service.url), "again", model="m")[1].text == "one"
        with pytest.raises(MissingRecordingError):
            streamed(client(service.url), "again", model="m")


@pytest.mark.usefixtures("either")
def test_a_question_that_failed_leaves_its_number_to_the_next(path, service):
    replies = iter([as_json({"error": {"message": "no"}}, 400), as_json({"error": {"message": "no"}}, 400)])
    good = service.script
    service.script = lambda request: next(replies, None) or good(request)
    with record(path):
        with pytest.raises(PremError):
            client(service.url, stream_usage="never").chat("hello")
        with pytest.raises(PremError):
            client(service.url, stream_usage="never").chat("hello")
        client(service.url).chat("hello")
    assert [record.n for record in Cassette(path)] == [1]


FAULTS = {
    "cut": [event(chunk("so far"))],
    "an error": [event(chunk("so far")), event({"error": {"message": "boom"}})],
    "no JSON": [event(chunk("so far")), b"data: {\n\n"],
}


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("pieces", FAULTS.values(), ids=FAULTS)
def test_only_whole_answers_are_recorded(path, service, pieces):
    service.say(*pieces)
    with record(path), pytest.raises(PremError):
        streamed(client(service.url), "hello")
    assert len(Cassette(path)) == 0


@pytest.mark.usefixtures("either")
def test_an_answer_that_is_left_or_stopped_is_not_recorded(path, service):
    gate = threading.Event()
    service.say(event(chunk("so far")), gate, *answer("rest"))
    with record(path) as tape:
        with client(service.url).stream("hello") as stream:
            assert str(next(iter(stream))) == "so far"
        gate.set()
        assert len(tape.cassette) == 0
        service.script = service.echo
        assert streamed(client(service.url), "hello")[1].text == "You said: hello"
        assert [record.n for record in tape.cassette] == [1]


@pytest.mark.usefixtures("either")
def test_a_replay_that_is_left_early_leaves_its_number_as_a_live_answer_does(path, service, no_network):
    def ask():
        with client(service.url).stream("hello", model="loopback-1") as stream:
            next(iter(stream))
        return streamed(client(service.url), "hello", model="loopback-1")[1].text

    with record(path):
        live = ask()
    no_network()
    with record(path, "none"):
        assert ask() == live
        assert [model.id for model in client(service.url).models()] == ["loopback-1"]


def test_a_question_whose_answer_lies_open_is_not_waited_for(path, service):
    gate = threading.Event()
    service.say(event(chunk("so far")), gate)
    with record(path, "new_episodes"):
        left = client(service.url).stream("hello", model="loopback-1")
        next(iter(left))
    service.script = service.echo
    with record(path, "new_episodes") as tape:
        assert streamed(client(service.url), "hello", model="loopback-1")[1].text == "You said: hello"
        assert len(tape.cassette) == 1
    left.close()
    gate.set()


NO_LOCKS = """
import errno, fcntl
import portalocker.portalocker
def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")
portalocker.portalocker.LOCKER = fcntl.flock = fcntl.lockf = refuse
from jupyter_prem import CassetteError, Client, record
with record({path!r}, "new_episodes"), Client({url!r}) as client:
    try:
        client.chat("hello", model="m")
    except CassetteError as error:
        print(error.response, error.what)
"""


def test_where_nothing_can_be_locked_the_answer_is_kept(path, service):
    code = NO_LOCKS.format(path=str(path), url=service.url)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.stdout.startswith("You said: hello The answer was not recorded."), ran.stdout + ran.stderr
    assert "takes no locks" in ran.stdout


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


def test_a_stop_while_an_answer_is_written_leaves_its_number_to_the_next(path, service, monkeypatch):
    def stop(handle):
        monkeypatch.undo()
        raise KeyboardInterrupt

    with record(path) as tape:
        monkeypatch.setattr(os, "fsync", stop)
        with pytest.raises(KeyboardInterrupt):
            client(service.url).chat("hello", model="m")
        client(service.url).chat("hello", model="m")
        assert [one.n for one in tape.cassette] == [1]
    assert tape.cassette.faults == []


@pytest.mark.usefixtures("either")
def test_each_thread_has_the_error_of_its_own_answer(service, monkeypatch):
    start, caught = threading.Barrier(6), {}

    def ask(number):
        start.wait()
        try:
            client(service.url).chat(f"question {number}", model="m")
        except CassetteError as error:
            caught[number] = error

    with record("/dev/full", "all"):
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {number: error.response.text for number, error in caught.items()} == {
        number: f"You said: question {number}" for number in range(6)
    }
    assert len(set(map(id, caught.values()))) == 6


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


@pytest.mark.usefixtures("either")
def test_once_records_a_second_file_beside_the_first(path, service):
    with record(path):
        client(service.url).chat("one")
    with record() as tape:
        assert not client(service.url).chat("two").replayed
    assert len(tape.cassette) == 1


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


def test_a_disk_that_is_full_does_not_lose_the_answer(service):
    conversation = Conversation(client=client(service.url))
    with record("/dev/full", "all"):
        with pytest.raises(CassetteError, match="The disk is full") as caught:
            client(service.url).chat("hello")
        assert caught.value.response.text == "You said: hello"
        with pytest.raises(CassetteError, match="The disk is full"):
            conversation.ask("hello")
        assert conversation.messages[-1].content == "You said: hello"
        with pytest.raises(CassetteError, match="The disk is full"), conversation.stream("more") as stream:
            pieces = [str(delta) for delta in stream]
        assert "".join(pieces) == conversation.messages[-1].content == "You said: more"


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


@pytest.mark.usefixtures("either")
def test_the_environment_names_mode_and_file(path, service, monkeypatch):
    monkeypatch.setenv("JUPYTER_PREM_RECORD", "once")
    monkeypatch.setenv("JUPYTER_PREM_CASSETTE", str(path))
    client(service.url).chat("hello")
    assert len(Cassette(path)) == 1
    monkeypatch.setenv("JUPYTER_PREM_RECORD", "None")
    with pytest.raises(MissingRecordingError) as caught:
        client(service.url).chat("other")
    assert "JUPYTER_PREM_RECORD=new_episodes" in caught.value.hint
    monkeypatch.setenv("JUPYTER_PREM_RECORD", "often")
    with pytest.raises(ModeError):
        client(service.url).chat("other")
    monkeypatch.setenv("JUPYTER_PREM_RECORD", "off")
    client(service.url).chat("other")
    assert len(service.questions) == 2


@pytest.mark.usefixtures("either")
def test_what_is_no_file_is_no_recording(path, service):
    path.with_name("folder.chat.jsonl").mkdir()
    os.mkfifo(path.with_name("pipe.chat.jsonl"))
    path.with_name("foreign.chat.jsonl").write_text("hello\nworld\n")
    with record(path):
        client(service.url).chat("one", model="m")
    with (
        record(mode="none"),
        pytest.warns(CassetteWarning, match="foreign.chat.jsonl: This file holds no recordings"),
    ):
        assert client(service.url).chat("one", model="m").replayed
    for name, what in (("folder", "is a folder"), ("pipe", "is a pipe")):
        with (
            record(path.with_name(f"{name}.chat.jsonl"), "new_episodes"),
            pytest.raises(CassetteError, match=what),
        ):
            client(service.url).chat("one", model="m")


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("begun", ["", '{"jupyter_prem":"cass', '{"jupyter_prem":"cassette","format":1}'])
def test_once_records_into_a_file_that_was_only_begun(path, service, begun):
    path.write_text(begun)
    with record(path):
        client(service.url).chat("one", model="m")
    assert path.read_text().startswith('{"jupyter_prem":"cassette","format":1}\n{"key":')
    assert (len(Cassette(path)), Cassette(path).faults) == (1, [])
    with record(path), pytest.raises(MissingRecordingError):
        client(service.url).chat("two", model="m")


@pytest.mark.usefixtures("either")
def test_without_a_name_every_cassette_of_the_folder_is_read(path, service):
    with record(path):
        client(service.url).chat("one")
    with record(path.with_name("b.chat.jsonl")):
        client(service.url).chat("two")
    with record(mode="new_episodes") as tape:
        assert [client(service.url).chat(text).replayed for text in ("one", "two", "three")] == [
            True,
            True,
            False,
        ]
    assert tape.cassette.path.name == "notebook.chat.jsonl"
    # What another file holds is taken over: once this one is there, it is read alone.
    assert len(Cassette(tape.cassette.path)) == 3


def test_blocks_lie_in_each_other_and_hold_for_every_thread(path, service):
    inner = path.with_name("inner.chat.jsonl")
    with record(path, "new_episodes"):
        with record(inner, "new_episodes"):
            client(service.url).chat("inside")
        done: list[bool] = []
        thread = threading.Thread(target=lambda: done.append(client(service.url).chat("outside").replayed))
        thread.start()
        thread.join()
    client(service.url).chat("after")
    assert (len(Cassette(inner)), len(Cassette(path)), done) == (1, 1, [False])

    @record(path, "none")
    def replay():
        return client(service.url).chat("outside").replayed

    assert replay()
    assert replay()


def test_blocks_that_cross_are_each_of_their_own_thread(path, service):
    other = path.with_name("other.chat.jsonl")
    entered, done = threading.Barrier(2), threading.Barrier(2)

    def ask(place, text):
        with record(place, "all"):
            entered.wait()
            client(service.url).chat(text, model="m")
            done.wait()

    threads = [threading.Thread(target=ask, args=(place, place.stem)) for place in (path, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[one.response.text for one in Cassette(place)] for place in (path, other)] == [
        ["You said: a.chat"],
        ["You said: other.chat"],
    ]


def test_two_blocks_that_ask_the_same_at_once_are_answered_alike(path, service):
    numbers = iter(range(100))
    service.script = lambda _: Reply(answer(f"answer {next(numbers)}"))

    @record(path, "new_episodes")
    async def ask():
        async with AsyncClient(service.url) as asker:
            return (await asker.chat("hello", model="m", stream=True)).text

    async def both():
        return await asyncio.gather(ask(), ask())

    assert asyncio.run(both()) == asyncio.run(both()) == ["answer 0", "answer 0"]
    assert len(service.questions) == 1


def test_one_record_object_may_be_entered_by_several_threads(path, service):
    block, entered, done = record(path, "all"), threading.Barrier(2), threading.Barrier(2)

    def ask(text):
        with block as tape:
            entered.wait()
            client(service.url).chat(text, model="m")
            done.wait()
            assert tape.used

    threads = [threading.Thread(target=ask, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client(service.url).chat("after", model="m")
    assert sorted(one.response.text for one in Cassette(path)) == ["You said: one", "You said: two"]


MANY = """
import asyncio, resource
from jupyter_prem import AsyncClient, record
from jupyter_prem.records import Cassette

_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))

async def ask():
    async with AsyncClient({url!r}) as asker:
        return await asyncio.gather(*(asker.chat(f"question {{n}}", model="m") for n in range(1_500)))

with record({path!r}):
    answers = asyncio.run(asyncio.wait_for(ask(), 60))
print(len(answers), len(Cassette({path!r})))
"""


def test_many_questions_at_once_open_few_files(path, service):
    code = MANY.format(url=service.url, path=str(path))  # a process of its own: others' files are not counted
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=90
    )
    assert ran.stdout.split() == ["1500", "1500"], ran.stderr


MANY_FILES = """
import asyncio, os
from pathlib import Path
from jupyter_prem import AsyncClient, Client, record
async def ask():
    async with AsyncClient({url!r}) as asker:
        await asker.chat("hi", model="m")
def once(number):
    with record(Path({folder!r}) / f"{{number}}.chat.jsonl"), Client({url!r}) as asker:
        asker.chat("hi", model="m")
    with record(Path({folder!r}) / f"{{number}}-async.chat.jsonl"):
        asyncio.run(ask())
once(0)
before = len(os.listdir("/proc/self/fd"))
for number in range(1, 20):
    once(number)
print(len(os.listdir("/proc/self/fd")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the open files are counted in /proc")
def test_a_file_that_nobody_records_to_any_more_costs_no_open_file(tmp_path, service):
    code = MANY_FILES.format(url=service.url, folder=str(tmp_path))
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=90
    )
    assert ran.stdout.split() == ["0"], ran.stderr


def test_threads_that_wait_for_the_loop_do_not_keep_it_from_writing(path, service):
    async def ask():
        loop = asyncio.get_running_loop()
        async with AsyncClient(service.url) as asker:

            def wait(number):
                question = asker.chat(f"question {number}", model="m")
                return asyncio.run_coroutine_threadsafe(question, loop).result(30).text

            return await asyncio.gather(*(asyncio.to_thread(wait, number) for number in range(40)))

    with record(path):
        assert len(asyncio.run(ask())) == 40
    assert len(Cassette(path)) == 40


def test_loops_that_have_ended_are_not_kept(path, service):
    loops = []

    async def ask(number):
        loops.append(weakref.ref(asyncio.get_running_loop()))
        async with AsyncClient(service.url) as asker:
            await asker.chat(f"question {number}", model="m")

    with record(path):
        for number in range(5):
            asyncio.run(ask(number))
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1


def test_a_loop_that_ends_before_its_answers_are_written_is_not_kept_and_they_are_written(
    path, service, monkeypatch
):
    add, keep, more, kept, loops = Cassette.add_lines, _async_taped.keep, threading.Event(), [], []
    monkeypatch.setattr(Cassette, "add_lines", lambda *args: (more.wait(10), add(*args)))
    monkeypatch.setattr(_async_taped, "keep", lambda *args: kept.append(True) or keep(*args))

    async def ask():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        async with AsyncClient(service.url) as asker:
            asked = [
                asyncio.ensure_future(asker.chat(f"question {number}", model="m")) for number in range(3)
            ]
            while len(kept) < 3:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.001)
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    with record(path):
        asyncio.run(ask())
    more.set()
    assert until(lambda: len(Cassette(path)) == 3, 10)
    assert until(lambda: gc.collect() is not None and loops[0]() is None, 10)


def test_where_recordings_are_does_not_move_with_the_working_folder(path, service, monkeypatch):
    monkeypatch.setenv("JUPYTER_PREM_RECORD", "new_episodes")
    monkeypatch.setenv("JUPYTER_PREM_CASSETTE", "here.chat.jsonl")
    for number, folder in enumerate(("one", "two")):
        client(service.url).chat(f"question {number}", model="m")
        path.with_name(folder).mkdir()
        monkeypatch.chdir(path.with_name(folder))
    client(service.url).chat("last", model="m")
    assert len(Cassette(path.with_name("here.chat.jsonl"))) == 3


def test_a_coroutine_is_recorded_while_it_runs_and_a_generator_refused(path, service):
    @record(path, "new_episodes")
    async def ask(text):
        await asyncio.sleep(0)
        return await asyncio.to_thread(client(service.url).chat, text, model="m")

    async def both():
        return await asyncio.gather(ask("one"), ask("two"))

    asyncio.run(both())
    assert len(Cassette(path)) == 2
    assert asyncio.run(ask("one")).replayed

    def pieces():
        yield client(service.url).chat("one")

    with pytest.raises(TypeError, match="A generator runs in pieces"):
        record(path)(pieces)


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


PROCESS = """
import sys
from jupyter_prem import Client, record
with record({path!r}, "new_episodes"):
    client = Client({url!r})
    for number in range({first}, {last}):
        assert client.chat(f"question {{number}}", model="m").text == f"You said: question {{number}}"
        print(number, flush=True)
"""


def start(path, url, first, last):
    code = PROCESS.format(path=str(path), url=url, first=first, last=last)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("processes", "each"),
    [(4, 50), pytest.param(8, 500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
)
def test_processes_that_share_a_file_ask_each_question_once(path, service, processes, each):
    fresh = each * 4 // 5
    running = [start(path, service.url, worker * fresh, worker * fresh + each) for worker in range(processes)]
    for process in running:
        out, err = process.communicate(timeout=1700)
        assert process.returncode == 0, err
        assert len(out.split()) == each
    asked = [request.body["messages"][-1]["content"] for request in service.questions]
    every = {f"question {number}" for number in range(fresh * (processes - 1) + each)}
    assert sorted(asked) == sorted(every)
    cassette = Cassette(path)
    assert {record.body["messages"][-1]["content"] for record in cassette} == every
    assert (len(cassette), cassette.faults) == (len(every), [])


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_what_was_answered_survives_the_end_of_a_process_at_any_moment(path, service, kills):
    wanted = 60
    for kill in range(kills):
        process = start(path, service.url, 0, wanted)
        seen = 0
        for line in process.stdout:
            seen = int(line) + 1
            if seen * kills >= wanted * kill:
                break
        process.kill()
        process.communicate()
        cassette = Cassette(path)
        done = [record.body["messages"][-1]["content"] for record in cassette]
        assert done[:seen] == [f"question {number}" for number in range(seen)]
        assert all(
            fault.why in {"is no JSON", "does not begin with its key and its hash"}
            for fault in cassette.faults
        )
    process = start(path, service.url, 0, wanted)
    assert process.wait(120) == 0
    process.communicate()
    unbroken = path.with_name("unbroken.chat.jsonl")
    process = start(unbroken, service.url, 0, wanted)
    process.communicate(timeout=120)
    kept = {record.key: record.answer["choices"] for record in Cassette(path)}
    assert kept == {record.key: record.answer["choices"] for record in Cassette(unbroken)}
    # Each kill costs at most the one answer that was on its way.
    assert len(service.questions) <= 2 * wanted + kills


LOOP = """
import asyncio
from jupyter_prem import AsyncClient, record
async def main():
    async with AsyncClient({url!r}) as client:
        await asyncio.gather(*(client.chat(f"question {{number}}", model="m") for number in range(60)))
with record({path!r}, "new_episodes"):
    asyncio.run(main())
"""


def test_loops_of_processes_that_share_a_file_ask_each_question_once(path, service):
    code = LOOP.format(path=str(path), url=service.url)
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        assert process.wait(120) == 0, process.stderr.read()
        process.stderr.close()
    assert len(service.questions) == len(Cassette(path)) == 60
    assert Cassette(path).faults == []


def test_what_a_loop_finishes_together_is_synced_together(path, service, monkeypatch):
    syncs = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (syncs.append(handle), real(handle)))

    async def ask():
        async with AsyncClient(service.url) as client:
            return await asyncio.gather(*(client.chat(f"question {n}", model="m") for n in range(100)))

    with record(path):
        answers = asyncio.run(ask())
        written = len(Cassette(path))
    assert [one.text for one in answers] == [f"You said: question {n}" for n in range(100)]
    assert (written, len(syncs) < 60) == (100, True)
    with record(path, "none"):
        assert all(one.replayed for one in asyncio.run(ask()))


def test_a_task_that_is_cancelled_leaves_its_number_to_the_next(path, service):
    gate = threading.Event()
    service.say(event(chunk("so far")), gate)

    async def ask():
        async with AsyncClient(service.url) as client:
            task = asyncio.create_task(client.chat("hello", model="m", stream=True))
            while not service.questions:  # noqa: ASYNC110 - the service is a thread
                await asyncio.sleep(0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            service.script = service.echo
            await client.chat("hello", model="m", stream=True)

    with record(path) as tape:
        asyncio.run(ask())
        assert [one.n for one in tape.cassette] == [1]
    gate.set()


ELSEWHERE = """
import hashlib, json, locale, os, sys, time
os.chdir("/")
from jupyter_prem import Client, record
seen = hashlib.sha256()
with record({path!r}, "none"):
    for number in range(20):
        with Client().stream(f"Grüße {{number}} 😀", temperature=number / 10) as stream:
            for delta in stream:
                seen.update(repr((delta.text, delta.index, delta.finish_reason)).encode())
            seen.update(json.dumps(stream.response.to_dict(), sort_keys=True).encode())
print(seen.hexdigest())
"""
WORLDS = [
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
    {"PYTHONHASHSEED": "random", "LC_ALL": "ja_JP.UTF-8", "TZ": "America/St_Johns", "PYTHONUTF8": "1"},
]


def test_a_replay_is_the_same_wherever_it_runs(path, service):
    with record(path):
        for number in range(20):
            streamed(client(service.url), f"Grüße {number} 😀", temperature=number / 10)
    service.stop()
    digests = set()
    for world in WORLDS:
        environ = {**os.environ, **world}
        code = ELSEWHERE.format(path=str(path))
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environ
        )
        assert ran.returncode == 0, ran.stderr
        digests.add(ran.stdout)
    assert len(digests) == 1


def test_without_ipython(path, service):
    code = (
        "import sys\nsys.modules['IPython'] = None\nsys.modules['ipywidgets'] = None\n"
        f"from jupyter_prem import Client, record\nwith record({str(path)!r}):\n"
        f"    print(Client({service.url!r}).chat('hello'))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "You said: hello\n", ran.stderr
    assert json.loads(Path(path).read_text().splitlines()[1])["n"] == 1


FORKS = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from recorded import record_of
from jupyter_prem.records import Cassette, _batch

cassette = Cassette(sys.argv[2])

async def kept(question):
    await asyncio.wait_for(_batch.keep(cassette, record_of(question)), 20)

asyncio.run(kept("before"))
_batch._lock.acquire()  # as one who writes at that moment
child = os.fork()
if not child:
    asyncio.run(kept("in the child"))
    os._exit(0)
_batch._lock.release()
assert os.waitpid(child, 0)[1] == 0
asyncio.run(kept("after"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_that_was_forked_records_too(tmp_path):
    path = tmp_path / "a.chat.jsonl"
    support = Path(__file__).parents[1] / "support"
    subprocess.run([sys.executable, "-c", FORKS, support, path], check=True, timeout=60)
    assert len(Cassette(path)) == 3
