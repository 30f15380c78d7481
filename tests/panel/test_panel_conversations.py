"""A panel's conversations: which one it shows, drafts, names, exports, and who else asks in it."""

from __future__ import annotations

import json

import pytest
from loopback import as_json, held
from panels import Page


def test_it_follows_the_notebooks_conversation_unless_it_was_given_one(panel, service):
    panel.run("side = ChatPanel('side')")
    page, side = Page(panel), Page(panel, "side")
    panel.run("%prem switch third")
    page.until(lambda: page.state["conversation"] == "third")
    assert side.state["conversation"] == "side"
    side.do("switch", name="fourth")
    side.until(lambda: side.state["conversation"] == "fourth")
    panel.run("%%chat\nwhere?")
    page.until(lambda: len(page.turns) == 1)
    assert panel.value("panel.conversation.name, side.conversation.name") == "('third', 'fourth')"
    names = ["default", "side", "third", "fourth"]
    page.until(lambda: page.state["conversations"] == [[name, name] for name in names])


def test_two_conversations_are_answered_at_once(page, service):
    more = held(service, "slow ")
    page.do("ask", text="in default")
    page.until(lambda: "slow" in page.live)
    page.do("switch", name="other")
    page.until(lambda: page.state["conversation"] == "other")
    assert page.state["asking"] is None
    service.script = service.echo
    page.ask("in other")
    assert page.shown() == ["in other"]
    page.do("switch", name="default")
    page.until(lambda: page.state["asking"] is not None)
    assert "slow" in page.live
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert "slow  the rest" in page.answers()[0]


def test_drafts_belong_to_conversations_and_reach_other_views(panel):
    page, other = Page(panel), Page(panel)
    page.do("draft", text="half a thou", conversation="default")
    other.until(lambda: any(m["type"] == "draft" and m["text"] == "half a thou" for m in other.heard))
    assert not any(m["type"] == "draft" and m["from"] != page.view for m in page.heard)
    page.do("switch", name="other")
    page.until(lambda: page.state["draft"] == "")
    page.do("draft", text="late, of the conversation before", conversation="default")
    page.do("switch", name="default")
    page.until(lambda: page.state["conversation"] == "default")
    assert page.state["draft"] == "late, of the conversation before"


def test_a_question_goes_where_it_was_typed(page, service):
    page.do("switch", name="other")
    page.do("ask", text="for default", conversation="default")
    page.until(service.answered.is_set)
    page.until(lambda: any("Asked in 'default'" in said.get("text", "") for said in page.heard))
    page.do("switch", name="default")
    page.until(lambda: page.state["conversation"] == "default" and page.state["asking"] is None)
    assert page.shown() == ["for default"]


def test_a_panel_that_takes_the_place_of_another_finds_everything_as_it_was(panel, service):
    first = Page(panel)
    more = held(service, "half")
    first.do("ask", text="on its way")
    first.do("draft", text="typed", conversation="default")
    first.until(lambda: "half" in first.live)
    panel.run("panel = ChatPanel()")
    second = Page(panel)
    assert second.live == first.live
    assert (second.state["asking"]["text"], second.state["draft"]) == ("on its way", "typed")
    second.do("stop")
    for page in (first, second):
        page.until(lambda page=page: page.state["asking"] is None)
        assert page.shown() == ["on its way"]
    more.set()
    service.script = lambda _: as_json({"error": {"message": "no"}}, 500)
    first.ask("fails")
    second.until(lambda: second.state["failed"])
    service.script = service.echo
    second.do("retry")
    for page in (first, second):
        page.until(lambda page=page: len(page.turns) == 2 and page.state["failed"] is None)


def test_a_conversation_is_found_again_whatever_its_name_hides(page):
    name = "a\u202eb\x1b"
    page.do("switch", name=name)
    page.until(lambda: page.state["conversation"] == name)
    assert (
        page.state["conversations"][-1] == [name, "a⟨U+202E⟩b␛"]
        or "U+202E" in page.state["conversations"][-1][1]
    )
    page.do("draft", text="typed", conversation=name)
    page.do("switch", name="default")
    page.do("switch", name=name)
    page.until(lambda: page.state["conversation"] == name)
    assert page.state["draft"] == "typed"
    assert page.kernel.value("len(panel._chat.notebook.conversations)") == "2"


@pytest.mark.parametrize("kind", ["md", "json", "ipynb"])
def test_a_conversation_is_exported(page, service, kind):
    page.do("switch", name="../odd name")
    page.until(lambda: page.state["conversation"] == "../odd name")
    page.ask("one")
    page.do("export", kind=kind)
    about = next(said for said in page.heard if said["type"] == "file")
    assert about["name"] == f"odd-name.{kind}"
    text = bytes(page.buffers[0]).decode()
    assert "You said: one" in text
    if kind != "md":
        json.loads(text)


def test_odd_names_stay_themselves(page, service):
    name = "a/b 'c' \"d\" 日本 {{x}} <b>"
    page.do("switch", name=name)
    page.until(lambda: page.state["conversation"] == name)
    page.do("draft", text="typed", conversation=name)
    page.ask("one")
    assert page.kernel.value("panel.conversation.name") == repr(name)
    page.do("switch", name="  ")
    assert page.kernel.value("panel.conversation.name") == repr(name)


def test_a_click_in_a_subshell_is_heard_while_a_cell_runs(panel, service):
    page = Page(panel, subshell=True)
    panel.run("%%chat\na cell's word pins the comm to the main thread, were the route not kept")
    page.until(lambda: len(page.turns) == 1)
    cell = panel.start("go_on = False\nwhile not go_on: time.sleep(0.01)")
    page.ask("while a cell runs")
    assert page.shown()[-1] == "while a cell runs"
    more = held(service, "stop me")
    page.do("ask", text="once more")
    page.until(lambda: "stop me" in page.live)
    page.do("stop")
    page.until(lambda: page.state["asking"] is None)
    panel.interrupt()
    assert panel.finish(cell).ename == "KeyboardInterrupt"
    assert panel.value("len(chat_conversation.turns)") == "3"
    more.set()


def test_an_interrupt_of_the_kernel_leaves_a_panels_answer_alone(panel, service):
    page = Page(panel, subshell=True)
    more = held(service, "going on")
    page.do("ask", text="hi")
    page.until(lambda: "going on" in page.live)
    cell = panel.start("print('on')\nwhile True: time.sleep(0.01)")
    panel.until(cell, lambda message: message["msg_type"] == "stream")  # else it may meet ipykernel itself
    panel.interrupt()
    assert panel.finish(cell).ename == "KeyboardInterrupt"
    more.set()
    page.say("hello")
    page.until(lambda: page.state["asking"] is None)
    assert "interrupted" not in page.answers()[0]


def test_a_conversation_that_a_cell_asks_in_is_busy(panel, service):
    page = Page(panel, subshell=True)
    more = held(service, "cell ")
    cell = panel.start("%%chat\nfrom a cell")
    page.until(lambda: service.questions)
    page.do("ask", text="from the panel")
    page.until(lambda: page.state["failed"])
    assert "ConversationBusyError" in page.state["failed"]["error"]
    more.set()
    assert panel.finish(cell).status == "ok"
    service.script = service.echo
    page.do("retry")
    page.say("hello")
    page.until(lambda: len(page.turns) == 2 and page.state["asking"] is None)
    assert page.shown() == ["from a cell", "from the panel"]
