"""The panel's own behaviour, in a real kernel, with a page that speaks as panel.js does."""

from __future__ import annotations

import time

import pytest
from loopback import Reply, answer, held
from panels import Page


def test_its_repr_is_short_and_stable(panel):
    assert panel.value("panel") == "ChatPanel('default')"
    (shown,) = panel.run("panel").bundles
    assert set(shown) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_a_magic_shows_it(kernel):
    (shown,) = kernel.run("%prem panel").bundles
    assert shown["text/plain"] == "ChatPanel('default')"
    (shown,) = kernel.run("%prem panel 'other one'").bundles
    assert shown["text/plain"] == "ChatPanel('other one')"
    assert kernel.value("chat_conversation.name") == "'other one'"
    assert "takes [NAME]" in kernel.run("%prem panel a b").error


def test_it_shares_the_conversation_with_the_cells(panel, service):
    page = Page(panel)
    panel.run("%%chat\nfrom a cell")
    page.until(lambda: len(page.turns) == 1)
    page.ask("from the panel")
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
    page.until(lambda: len(page.turns) == 3)
    assert page.shown() == ["from a cell", "from the panel", "back in a cell"]
    assert "You said: back in a cell" in page.answers()[2]


def test_an_answer_streams_and_is_stopped(page, service):
    more = held(service, "partial **words**")
    page.do("ask", text="hi")
    page.until(lambda: "<strong>words</strong>" in page.live)
    assert page.state["asking"]["text"] == "hi"
    page.do("ask", text="a second one waits")
    page.until(lambda: {"type": "restore", "text": "a second one waits"} in page.heard)
    started = time.monotonic()
    page.do("stop")
    page.until(lambda: page.state["asking"] is None)
    assert time.monotonic() - started < 5  # the figure itself is in the benchmarks
    assert service.closed.wait(5)
    assert "interrupted" in page.answers()[0]
    assert "partial" in page.answers()[0]
    assert page.state["failed"] is None
    assert len(service.questions) == 1
    more.set()


def test_what_was_stopped_before_it_began_goes_back_into_the_draft(page, service):
    held(service)
    page.do("ask", text="too early")
    page.until(lambda: service.questions)
    page.do("stop")
    page.until(lambda: page.state["asking"] is None)
    assert page.turns == []
    page.until(lambda: {"type": "restore", "text": "too early"} in page.heard)
    assert page.kernel.value("panel._chat.talk.draft") == "'too early'"


def test_a_stream_costs_bytes_linear_in_its_text(page, service):
    def cost(size):
        text = "".join(f"Line {place} of an *answer* with `code`.\n\n" for place in range(size))
        pieces = [text[at : at + 16] for at in range(0, len(text), 16)]
        service.script = lambda _: Reply(paced(answer(*pieces)))
        before = page.bytes
        page.ask("go")
        return (page.bytes - before) / len(text)

    def paced(events):
        for said in events:
            time.sleep(0.002)
            yield said

    # A machine that is busy meanwhile can only add frames: the least of some runs is what it costs.
    short = min(cost(200) for _ in range(3))
    assert any(cost(800) < min(1.3 * short, 12) for _ in range(4))


@pytest.mark.parametrize("subshell", [False, True])
def test_a_page_that_comes_late_or_missed_something_shows_the_same(panel, service, subshell):
    first = Page(panel, subshell=subshell)
    first.ask("one")
    more = held(service, "so far ", "😀 *and* ")
    first.do("ask", text="two")
    first.until(lambda: "<em>and</em>" in first.live)
    late = Page(panel, subshell=subshell)
    assert late.live == first.live
    assert late.turns == first.turns
    assert late.state["asking"] == first.state["asking"]
    more.set()
    for page in (first, late):
        page.say("hello")
        page.until(lambda page=page: page.state["asking"] is None and len(page.turns) == 2)
    assert first.answers() == late.answers()
    assert "so far 😀 <em>and</em>  the rest" in first.answers()[1].replace("</em>  the", "</em>  the")


def test_a_page_that_missed_a_word_is_told_when_it_asks(page):
    page.kernel.run("send = panel._pages._send\npanel._pages._send = lambda *_: None")
    page.kernel.run("panel.ask('unheard')\npanel.wait()\npanel._pages._send = send")
    assert page.turns == []
    page.do("check", number=page.state["number"])
    assert page.shown() == ["unheard"]
    page.do("hello")
    page.heard.clear()
    page.do("check", number=page.state["number"])
    assert [said["type"] for said in page.heard] == ["done"]


def test_nothing_is_sent_while_nobody_looks(panel, service):
    page = Page(panel)
    page.do("bye")
    page.heard.clear()
    panel.run("panel.ask('unseen')\npanel.wait()")
    page.do("hello")
    kinds = [said["type"] for said in page.heard]
    assert kinds == ["state", "done"]
    assert page.shown() == ["unseen"]


def test_it_loads_the_extension_by_itself(kernel):
    kernel.run("%unload_ext jupyter_prem")
    assert kernel.run("from jupyter_prem import ChatPanel; p = ChatPanel()").status == "ok"
    assert kernel.run("%%chat\nhi").status == "ok"


def test_a_panel_that_is_gone_is_not_told(panel):
    panel.run(
        "import gc, weakref\nother = ChatPanel(); gone = weakref.ref(other); other.close()\ndel other; gc.collect()"
    )
    assert panel.run("%%chat\nhi").status == "ok"
    assert panel.value("gone()") == "None"
