"""The panel's own behaviour, in a real kernel; what a browser shows of it is in tests/browser."""

from __future__ import annotations

import threading

import pytest
from loopback import Reply, answer, as_json, chunk, event


@pytest.fixture
def panel(kernel):
    kernel.run("from jupyter_prem import ChatPanel\nimport time\npanel = ChatPanel()")
    kernel.run(
        "def settled(seconds=10):\n"
        "    until = time.monotonic() + seconds\n"
        "    while panel._cancel is not None and time.monotonic() < until: time.sleep(0.01)\n"
        "    return panel._cancel is None\n"
        "def shown(): return panel._past.value + panel._answer.value + panel._status.value\n"
    )
    return kernel


def test_its_repr_is_short_and_stable(panel):
    assert panel.value("panel") == "ChatPanel('default')"


def test_it_shares_the_conversation_with_the_cells(panel, service):
    panel.run("%%chat\nfrom a cell")
    assert panel.value("'from a cell' in shown() and 'You said: from a cell' in shown()") == "True"
    panel.run("panel.ask('from the panel')")
    assert panel.value("settled()") == "True"
    assert panel.value("'You said: from the panel' in shown()") == "True"
    assert panel.value("chat_response.text") == "'You said: from the panel'"
    panel.run("%%chat\nback in a cell")
    said = [message["content"] for message in service.questions[-1].body["messages"]]
    assert said == [
        "from a cell",
        "You said: from a cell",
        "from the panel",
        "You said: from the panel",
        "back in a cell",
    ]


def test_send_and_stop_by_their_buttons(panel, service):
    service.say(event(chunk("partial")), threading.Event())
    panel.run("panel._prompt.value = 'hi'\npanel._send.click()")
    panel.run("while 'partial' not in panel._answer.value: time.sleep(0.01)")
    assert (
        panel.value("panel._send.disabled, panel._stop.disabled, panel._prompt.value") == "(True, False, '')"
    )
    panel.run("panel.ask('a second one is not taken')\npanel._stop.click()")
    assert panel.value("settled(2)") == "True"
    assert service.closed.wait(5)
    assert panel.value("'partial' in panel._past.value, 'interrupted' in shown()") == "(True, True)"
    assert panel.value("panel._send.disabled, panel._stop.disabled") == "(False, True)"
    assert len(service.questions) == 1


def test_an_empty_prompt_asks_nothing(panel, service):
    panel.run("panel._prompt.value = '  '\npanel._send.click()")
    assert panel.value("settled()") == "True"
    assert service.questions == []


def test_the_model_it_names_is_asked(panel, service):
    panel.run("panel._model.value = 'other'\npanel.ask('hi')")
    assert panel.value("settled()") == "True"
    assert service.questions[0].body["model"] == "other"


def test_an_error_is_shown_and_the_question_kept(panel, service):
    service.script = lambda _: as_json({"error": {"message": "<img src=x onerror=alert(1)>"}}, 500)
    panel.run("panel.ask('hi')")
    assert panel.value("settled()") == "True"
    assert (
        panel.value("panel._prompt.value, '500' in panel._status.value, '<img' in shown()")
        == "('hi', True, False)"
    )


def test_hostile_text_is_text(panel, service):
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    service.script = lambda _: Reply(answer(attack))
    panel.run(f"panel.ask({attack!r})")
    assert panel.value("settled()") == "True"
    assert (
        panel.value("'<script' in shown(), '<img' in shown(), 'alert(1)' in shown()")
        == "(False, False, True)"
    )


def test_it_loads_the_extension_by_itself(kernel):
    kernel.run("%unload_ext jupyter_prem")
    assert kernel.run("from jupyter_prem import ChatPanel; p = ChatPanel()").status == "ok"
    assert kernel.run("%%chat\nhi").status == "ok"


def test_a_panel_that_is_gone_is_not_told(panel):
    panel.run(
        "import gc, weakref\nother = ChatPanel(); gone = weakref.ref(other); other.close(); del other; gc.collect()"
    )
    assert panel.run("%%chat\nhi").status == "ok"
