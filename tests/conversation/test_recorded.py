"""A conversation inside a recording: what was asked once is answered without asking again."""

from __future__ import annotations

from jupyter_prem import Client, record
from jupyter_prem.conversation import Conversation


def test_what_was_recorded_is_answered_from_the_recording(service, tmp_path):
    texts = []
    for mode in ("new_episodes", "none"):
        with Client(service.url) as client, record(tmp_path / "x.chat.jsonl", mode):
            chat = Conversation(client=client)
            for text in ("one", "two"):
                response = chat.ask(text)
                assert response.replayed is (mode == "none")
                texts.append(response.text)
            with chat.stream("three") as stream:
                texts.append("".join(delta.text for delta in stream))
    assert texts[:3] == texts[3:] == ["You said: one", "You said: two", "You said: three"]
    assert [request.method for request in service.requests] == ["GET", "POST", "POST", "POST"]
