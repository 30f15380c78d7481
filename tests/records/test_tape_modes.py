"""What a mode records and replays, and which file it is: as the block, the environment and the folder say."""

from __future__ import annotations

import os

import pytest
from loopback import Reply, answer, as_json, chunk, event
from taped import client, streamed

from jupyter_prem import CassetteError, MissingRecordingError, PremError, record
from jupyter_prem.records import Cassette, CassetteWarning, Mode, ModeError

JSON = {"content-type": "application/json"}
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


@pytest.mark.usefixtures("either")
def test_a_model_that_nobody_told_is_asked_for_again_before_the_question(path, service):
    service.models = None
    lists = iter([Reply([b"{}"], 400, JSON), as_json({"object": "list", "data": [{"id": "the-one"}]})])
    service.script = lambda request: next(lists) if request.method == "GET" else service.echo(request)
    with record(path, "new_episodes"):
        assert client(service.url, max_retries=0).chat("hi").text == "You said: hi"
    assert [request.body["model"] for request in service.questions] == ["the-one"]
    assert [one.body["model"] for one in Cassette(path)] == ["the-one"]


@pytest.mark.usefixtures("either")
def test_a_fault_while_recording_says_where_it_was_and_keeps_the_key(path, service):
    key = "sk-of-nobody-0123456789"
    fault = {"error": {"message": f"no such key: {key}", "type": "server_error"}}
    service.script = lambda _: Reply([event(chunk("some")), event(fault)])
    with record(path), pytest.raises(PremError) as caught:
        streamed(client(service.url, key, max_retries=0), "hi", model="m")
    assert caught.value.where == f"at {service.url.removeprefix('http://')}"
    assert "no such key" in caught.value.detail
    assert key not in str(caught.value)
    assert len(Cassette(path)) == 0


def test_a_mode_that_is_none_lists_them(path):
    with pytest.raises(
        ModeError, match="no record mode 'one'; there are none, once, new_episodes, all"
    ) as caught:
        record(path, "one")
    assert caught.value.hint.startswith("Did you mean")
    assert Mode.of("New-Episodes") is Mode.NEW_EPISODES


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
def test_once_records_a_second_file_beside_the_first(path, service):
    with record(path):
        client(service.url).chat("one")
    with record() as tape:
        assert not client(service.url).chat("two").replayed
    assert len(tape.cassette) == 1


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


def test_where_recordings_are_does_not_move_with_the_working_folder(path, service, monkeypatch):
    monkeypatch.setenv("JUPYTER_PREM_RECORD", "new_episodes")
    monkeypatch.setenv("JUPYTER_PREM_CASSETTE", "here.chat.jsonl")
    for number, folder in enumerate(("one", "two")):
        client(service.url).chat(f"question {number}", model="m")
        path.with_name(folder).mkdir()
        monkeypatch.chdir(path.with_name(folder))
    client(service.url).chat("last", model="m")
    assert len(Cassette(path.with_name("here.chat.jsonl"))) == 3
