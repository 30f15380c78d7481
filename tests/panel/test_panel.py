"""The panel's own behaviour, in a real kernel, with a page that speaks as panel.js does."""

from __future__ import annotations

import json
import threading
import time

import hostile
import pytest
from allowed import find_faults
from loopback import USAGE, Reply, answer, as_json, calls, chunk, event
from panels import Page


@pytest.fixture
def panel(kernel):
    ran = kernel.run("from jupyter_prem import ChatPanel\nimport time\npanel = ChatPanel()")
    assert ran.status == "ok", ran.error
    return kernel


@pytest.fixture
def page(panel):
    return Page(panel)


def held(service, *before):
    """Have the service say something and then wait."""
    more = threading.Event()
    service.script = lambda _: Reply([*before, more, *answer(" the rest")])
    return more


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
    more = held(service, event(chunk("partial **words**")))
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
        service.script = lambda _: Reply(answer(*pieces))
        before = page.bytes
        page.ask("go")
        return (page.bytes - before) / len(text)

    # A machine that is busy meanwhile can only add frames: the least of some runs is what it costs.
    short = min(cost(200) for _ in range(3))
    assert any(cost(800) < min(1.3 * short, 12) for _ in range(8))


@pytest.mark.parametrize("subshell", [False, True])
def test_a_page_that_comes_late_or_missed_something_shows_the_same(panel, service, subshell):
    first = Page(panel, subshell=subshell)
    first.ask("one")
    more = held(service, event(chunk("so far ")), event(chunk("😀 *and* ")))
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


def test_regenerated_and_edited_turns_have_branches(page, service):
    page.ask("one")
    page.ask("two")
    service.script = lambda _: Reply(answer("another"))
    first, second = (number for number, _, _ in page.turns)
    page.do("regenerate", turn=second)
    page.until(lambda: page.state["asking"] is None)
    assert [count for _, _, count in page.turns] == [1, 2]
    assert "another" in page.answers()[1]
    page.do("regenerate", turn=first, text="one, edited")
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["one, edited"]
    assert page.turns[0][1:] == [2, 2]
    page.do("branch", turn=page.turns[0][0], step=-1)
    page.until(lambda: len(page.turns) == 2)
    assert page.shown() == ["one", "two"]
    assert "another" in page.answers()[1]
    page.do("branch", turn=page.turns[1][0], step=-1)
    page.until(lambda: page.turns[1][1] == 1)
    assert "You said: two" in page.answers()[1]
    page.do("branch", turn=page.turns[1][0], step=-1)  # there is none before
    assert "You said: two" in page.answers()[1]


def test_an_edit_keeps_what_the_question_was_asked_with(page, service):
    page.kernel.run("%%chat -t 0.5 --seed 3 -s 'Be brief.' --name Ada\nfrom a cell")
    page.until(lambda: page.turns)
    page.do("regenerate", turn=page.turns[0][0], text="edited")
    page.until(lambda: page.state["asking"] is None)
    body = service.questions[-1].body
    assert (body["temperature"], body["seed"]) == (0.5, 3)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "edited", "name": "Ada"},
    ]
    page.kernel.run("%%chat\nagain", cell_id=None)
    assert len(service.questions) == 3


def test_while_an_edit_is_answered_what_follows_is_put_aside(page, service):
    page.ask("one")
    page.ask("two")
    more = held(service, event(chunk("half")))
    page.do("regenerate", turn=page.turns[0][0], text="edited")
    page.until(lambda: "half" in page.live)
    assert (page.state["asking"]["keep"], page.state["asking"]["text"]) == (0, "edited")
    page.do("stop")
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["edited"]
    more.set()


def test_an_answer_that_was_cut_is_continued(page, service):
    service.script = lambda _: Reply(answer("half", finish="length"))
    page.ask("one")
    page.shown()
    assert page.html[str(page.turns[0][0])]["cut"] is True
    service.script = lambda _: Reply(answer("whole"))
    page.do("continue")
    page.until(lambda: len(page.turns) == 2 and page.state["asking"] is None)
    assert page.shown() == ["one", "Continue."]
    page.do("continue")
    page.until(lambda: page.state["failed"])
    assert "was not cut" in page.state["failed"]["error"]


def test_a_fork_goes_on_elsewhere(page, service):
    page.ask("one")
    page.ask("two")
    page.do("fork", turn=page.turns[0][0])
    page.until(lambda: page.state["conversation"] == "default-fork")
    assert page.shown() == ["one"]
    assert page.kernel.value("chat_conversation.name") == "'default-fork'"
    page.do("switch", name="default")
    page.until(lambda: len(page.turns) == 2)


def test_undo_redo_and_a_fresh_start(page, service):
    page.ask("one")
    assert (page.state["undo"], page.state["redo"]) == (True, False)
    page.do("move", how="reset")
    page.until(lambda: page.turns == [])
    page.do("move", how="undo")
    page.until(lambda: len(page.turns) == 1)
    page.do("move", how="redo")
    page.until(lambda: page.turns == [] and page.state["redo"] is False)
    page.do("move", how="__class__")
    page.do("move", how="redo")
    page.until(lambda: page.state["failed"])
    assert "nothing to redo" in page.state["failed"]["error"]
    page.do("dismiss")
    page.until(lambda: page.state["failed"] is None)


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
    more = held(service, event(chunk("slow ")))
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


def test_what_a_variable_raises_is_its_controls_fault(page, service):
    page.kernel.run("def bad(x: '1/0'): pass\ndef good(x: int): return x")
    page.do("set", name="tools", value="bad")
    page.until(lambda: "ZeroDivisionError" in page.state["faults"].get("tools", ""))
    page.ask("hi")
    assert "ZeroDivisionError" in page.state["failed"]["error"]
    page.do("set", name="tools", value="good")
    more = held(service, event(chunk("half")))
    page.do("ask", text="hi")
    page.until(lambda: "half" in page.live)
    page.kernel.run("def good(x: '1/0'): pass")
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["hi"]


def test_an_edit_that_has_no_answer_is_put_back(page, service):
    page.ask("one")
    number = page.turns[0][0]
    more = held(service)
    page.do("regenerate", turn=number, text="one, edited")
    page.until(lambda: len(service.questions) == 2)
    page.do("regenerate", turn=number, text="one, edited again")
    page.until(lambda: {"type": "restore", "text": "one, edited again"} in page.heard)
    page.do("stop")
    page.until(lambda: {"type": "restore", "text": "one, edited"} in page.heard)
    more.set()
    service.script = lambda _: as_json({"error": {"message": "no"}}, 500)
    page.do("regenerate", turn=number, text="refused")
    page.until(lambda: page.state["failed"])
    assert page.state["failed"]["edit"] is True
    page.do("move", how="undo")
    page.until(lambda: {"type": "restore", "text": "refused"} in page.heard)


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
    more = held(service, event(chunk("half")))
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


def test_a_system_message_that_is_set_during_an_answer_holds_for_the_next(page, service):
    more = held(service, event(chunk("half")))
    page.do("ask", text="one")
    page.until(lambda: "half" in page.live)
    page.do("set", name="system", value="Be brief.")
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.state["systemSet"] == "Be brief."
    service.script = service.echo
    page.ask("two")
    assert service.questions[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_whatever_a_template_raises_is_told(page, service):
    page.kernel.run("def leave(): raise SystemExit(3)")
    page.do("set", name="templates", value="on")
    page.ask("{{ leave() }}")
    assert "SystemExit" in page.state["failed"]["error"]
    assert service.questions == []


def test_a_turn_off_the_branch_is_asked_again_where_it_was(page, service):
    page.ask("a")
    page.ask("b")
    page.do("regenerate", turn=page.turns[0][0], text="a2")
    page.until(lambda: page.state["asking"] is None)
    more = held(service, event(chunk("half")))
    page.kernel.run("panel.regenerate(panel.conversation.all_turns[1])")
    page.until(lambda: "half" in page.live)
    assert page.state["asking"]["keep"] == 0  # a2 is not what it follows
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["a", "b"]


def test_half_a_surrogate_breaks_nothing(page, service):
    broken = "half \ud83d of it"
    page.do("draft", text=broken, conversation="default")
    page.do("set", name="stop", value=broken)
    page.do("set", name="system", value=broken)
    page.do("switch", name=broken)
    page.do("hello")
    page.ask(f"a {broken}")
    assert page.shown() == ["a half \ufffd of it"]
    assert service.questions[-1].body["stop"] == ["half \ufffd of it"]


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


def test_a_move_while_an_answer_is_on_its_way_is_refused_and_changes_nothing(page, service):
    page.ask("one")
    more = held(service, event(chunk("half")))
    page.do("ask", text="two")
    page.until(lambda: "half" in page.live)
    for how in ("undo", "reset"):
        page.do("move", how=how)
    page.do("continue")
    notices = [said["text"] for said in page.heard if said["type"] == "notice"]
    assert len(notices) == 3
    assert "still answering" in notices[0]
    assert page.state["failed"] is None
    assert "ConversationBusyError" in page.kernel.run("panel.undo()").error
    more.set()
    page.until(lambda: page.state["asking"] is None)
    assert page.shown() == ["one", "two"]


def test_a_template_that_takes_its_time_keeps_nobody_waiting(panel, service):
    page = Page(panel, subshell=True)
    panel.run(
        "import threading\ngo_on = threading.Event()\ndef slow():\n    go_on.wait(20)\n    return 'done'"
    )
    page.do("set", name="templates", value="on")
    page.do("ask", text="{{ slow() }}")
    page.do("switch", name="other")
    page.do("set", name="templates", value=None)
    page.ask("meanwhile")
    assert service.questions[0].body["messages"][-1]["content"] == "meanwhile"
    panel.run("go_on.set()")
    page.do("switch", name="default")
    page.until(lambda: page.state["conversation"] == "default" and page.state["asking"] is None)
    assert page.shown() == ["{{ slow() }}"] or page.shown() == ["done"]


def test_who_comes_back_sees_what_holds_now(page):
    page.do("bye")
    page.kernel.run("%config PremMagics.temperature = 0.3")
    page.do("hello")
    page.kernel.run("%config PremMagics.temperature = None")
    page.until(lambda: {a["name"]: a.get("default") for a in page.state["controls"]}["temperature"] == "0.7")


def test_a_huge_question_is_shown_in_part_and_sent_whole(page, service):
    text = "word " * 200_000
    pieces = [text[at : at + 500] for at in range(0, len(text), 500)]
    service.script = lambda _: Reply(answer(*pieces))
    before = page.bytes
    page.ask(text)
    assert service.questions[-1].body["messages"][-1]["content"] == text
    assert page.bytes - before < 2_500_000  # the answer repeats it
    assert len(page.shown()[0]) == 100_000
    assert page.html[str(page.turns[0][0])]["raw"] is None


def test_a_panel_that_takes_the_place_of_another_keeps_its_transcript(panel, service):
    panel.run("panel.ask('kept')\npanel.wait()")
    cell = panel.start("panel = ChatPanel()\npanel")
    panel.finish(cell)
    shown = panel.until(cell, lambda message: message["msg_type"] == "display_data")["content"]
    assert "You: kept" in shown["data"]["text/plain"]


def test_an_error_is_shown_and_tried_again(page, service):
    service.script = lambda _: as_json({"error": {"message": "<img src=x onerror=alert(1)>"}}, 500)
    page.ask("hi")
    failed = page.state["failed"]
    assert failed["error"].startswith("InternalServerError: ")
    assert "500" in failed["error"]
    assert (failed["text"], failed["retry"], page.turns) == ("hi", True, [])
    service.script = service.echo
    page.do("retry")
    page.until(lambda: page.turns and page.state["failed"] is None)
    assert page.shown() == ["hi"]


def test_what_had_arrived_before_a_fault_is_shown_with_it(page, service):
    service.say(event(chunk("so **far**")), event({"error": {"message": "boom"}}))
    page.ask("hi")
    assert "so <strong>far</strong>" in page.state["failed"]["partial"]
    assert page.turns == []
    page.do("dismiss", edit=True)
    page.until(lambda: page.state["failed"] is None)
    assert page.kernel.value("panel._chat.talk.draft") == "'hi'"


def test_any_failure_of_a_question_is_told(page, service):
    page.kernel.run("%prem budget 1")
    page.do("set", name="max-tokens", value="50")
    page.ask("hi")
    assert "budget is 1 tokens" in page.state["failed"]["error"]
    page.kernel.run("%prem budget none")
    page.kernel.run("%config PremMagics.endpoint = 'ftp://nowhere'")
    page.do("retry")
    page.until(lambda: page.state["failed"] and "ftp" in page.state["failed"]["error"])
    page.kernel.run("%config PremMagics.endpoint = None")
    page.do("set", name="templates", value="on")
    page.ask("{{ missing }}")
    assert "missing" in page.state["failed"]["error"]
    assert service.questions == []


def test_every_parameter_is_sent_when_it_is_set_and_only_then(page, service):
    page.ask("nothing set")
    assert set(service.questions[-1].body) == {"messages", "model", "stream", "stream_options"}
    values = {
        "model": "other",
        "temperature": "0.25",
        "top-p": "none",
        "max-tokens": "7",
        "seed": "12",
        "frequency-penalty": "-2",
        "presence-penalty": "1.5",
        "stop": "END\n\\n\\n\n\\\\n",
        "response-format": "text",
        "name": "Ada",
        "no-stream": "on",
        "window": "0",
    }
    for name, value in values.items():
        page.do("set", name=name, value=value)
    page.until(lambda: page.state["values"] == values)
    assert page.state["faults"] == {}
    page.ask("all set")
    body = service.questions[-1].body
    assert body == {
        "messages": [{"role": "user", "content": "all set", "name": "Ada"}],
        "model": "other",
        "temperature": 0.25,
        "top_p": None,
        "max_completion_tokens": 7,
        "seed": 12,
        "frequency_penalty": -2.0,
        "presence_penalty": 1.5,
        "stop": ["END", "\n\n", "\\n"],
        "response_format": {"type": "text"},
    }
    for name in values:
        page.do("set", name=name, value=None)
    page.ask("unset again")
    assert set(service.questions[-1].body) == {"messages", "model", "stream", "stream_options"}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("temperature", "3", "between 0 and 2"),
        ("temperature", "warm", "warm"),
        ("top-p", "-1", "between 0 and 1"),
        ("seed", "none", "none"),
        ("max-tokens", "0", "greater than 0"),
        ("schema", "Missing", "no variable 'Missing'"),
        ("tools", "f,", "no variable 'f'"),
        ("window", "-1", "no number"),
    ],
)
def test_a_value_out_of_range_is_marked_and_nothing_is_sent(page, service, name, value, says):
    page.do("set", name=name, value=value)
    page.until(lambda: says in page.state["faults"].get(name, ""))
    page.ask("hi")
    assert says in page.state["failed"]["error"]
    assert service.questions == []


def test_what_holds_where_nothing_is_set_is_shown(page):
    standing = {about["name"]: about.get("default") for about in page.state["controls"]}
    assert (standing["temperature"], standing["seed"]) == ("0.7", "none")
    page.kernel.run("%config PremMagics.temperature = 0.2\n%config PremMagics.stop = ['x']")
    page.until(
        lambda: {a["name"]: a.get("default") for a in page.state["controls"]}["stop"] == "'x'",
    )
    assert page.state["values"] == {}


def test_the_system_message_holds_from_the_next_question_on(page, service):
    page.do("set", name="system", value="Be brief.")
    page.ask("one")
    assert service.questions[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (page.state["system"], page.state["systemSet"]) == ("Be brief.", None)
    page.ask("two")
    page.do("set", name="system", value="")
    page.ask("three")
    roles = [[message["role"] for message in request.body["messages"]] for request in service.questions]
    assert [names[0] for names in roles] == ["system", "system", "user"]


def test_templates_are_expanded_where_that_is_asked_for(page, service):
    page.kernel.run("x = 41")
    page.ask("{{ x + 1 }}")
    page.do("set", name="templates", value="on")
    page.ask("{{ x + 1 }}")
    assert [q.body["messages"][-1]["content"] for q in service.questions] == ["{{ x + 1 }}", "42"]


def test_functions_and_schemas_of_the_notebook(page, service):
    page.kernel.run(
        "def double(x: int):\n    return 2 * x\n\nfrom typing import TypedDict\nclass City(TypedDict):\n    name: str"
    )
    script = iter([Reply(calls(("double", '{"x": 4}'))), Reply(answer("It is 8."))])
    service.script = lambda _: next(script)
    page.do("set", name="tools", value="double")
    page.ask("twice four?")
    assert "double(x=4) → 8" in page.answers()[0].replace("</code>", "")
    assert "It is 8." in page.answers()[0]
    page.do("set", name="tools", value=None)
    page.do("set", name="schema", value="City")
    service.script = lambda _: Reply(answer('{"name": ', '"Rome"}'))
    page.ask("a city")
    assert "pm-data" in page.answers()[1]
    assert page.kernel.value("chat_response.parsed") == "{'name': 'Rome'}"
    service.script = lambda _: Reply(answer('{"name": 3}'))
    page.ask("another")
    assert "StructuredOutputError" in page.state["failed"]["error"]
    assert len(page.turns) == 3  # what was answered is kept
    service.script = lambda _: Reply(answer('{"name": "Oslo"}'))
    page.do("retry")
    page.until(lambda: page.state["failed"] is None and page.state["asking"] is None)
    assert page.turns[2][1:] == [2, 2]
    page.do("suggest", name="tools")
    page.until(lambda: any(m["type"] == "suggest" and "double" in m["values"] for m in page.heard))


def test_models_are_suggested_and_a_service_that_cannot_say_is_none(page, service):
    service.models = ["b", "a"]
    page.do("suggest", name="model")
    page.until(lambda: any(m["type"] == "suggest" and m["values"] == ["a", "b"] for m in page.heard))
    page.kernel.run("%config PremMagics.endpoint = 'http://127.0.0.1:9'")
    page.heard.clear()
    page.do("suggest", name="model")
    page.until(lambda: any(m["type"] == "suggest" and m["values"] == [] for m in page.heard))


def test_the_meter_counts_with_the_budget(page, service):
    page.ask("one")
    assert page.state["meter"] == {"used": USAGE["total_tokens"], "unknown": 0, "budget": None}
    page.kernel.run("%prem budget 100")
    page.until(lambda: page.state["meter"]["budget"] == 100)
    page.kernel.run("%%chat --once\ntwo")
    page.until(lambda: page.state["meter"]["used"] == 2 * USAGE["total_tokens"])


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


MALFORMED = [
    None,
    "hello",
    [],
    {},
    {"method": "custom"},
    {"method": "custom", "content": None},
    {"method": "custom", "content": {"type": "ask", "text": "no view"}},
    {"method": "custom", "content": {"type": "_turn", "view": "v", "id": 1}},
    {"method": "custom", "content": {"type": ["ask"], "view": "v", "id": 1}},
    *(
        {"method": "custom", "content": {"type": kind, "view": "v", "id": 1, **more}}
        for kind, more in [
            ("ask", {}),
            ("ask", {"text": 3}),
            ("ask", {"text": "  "}),
            ("html", {"turns": "all"}),
            ("html", {"turns": [None, -1, 10**30, "0", True, {}]}),
            ("regenerate", {"turn": 99, "text": "x"}),
            ("branch", {"turn": 0, "step": 10}),
            ("branch", {"turn": [], "step": 1}),
            ("fork", {"turn": None}),
            ("move", {"how": "close"}),
            ("move", {}),
            ("switch", {"name": 3}),
            ("set", {"name": "temperature", "value": {}}),
            ("set", {"name": ["x"], "value": "1"}),
            ("set", {"name": "values", "value": "1"}),
            ("draft", {"text": 3, "conversation": "default"}),
            ("suggest", {"name": "output"}),
            ("suggest", {"name": []}),
            ("export", {"kind": "exe"}),
            ("export", {"kind": []}),
            ("stop", {}),
            ("retry", {}),
        ]
    ),
]


@pytest.mark.parametrize("data", MALFORMED, ids=[str(place) for place in range(len(MALFORMED))])
def test_what_is_no_message_of_ours_does_nothing(page, service, data):
    before = page.state["number"]
    page.send(data)
    page.kernel.run("%%chat --once\nstill here")
    assert len(service.questions) == 1
    page.say("hello")
    page.until(lambda: page.state["number"] > before)
    assert (page.turns, page.state["values"], page.state["conversation"]) == ([], {}, "default")


def test_a_click_in_a_subshell_is_heard_while_a_cell_runs(panel, service):
    page = Page(panel, subshell=True)
    panel.run("%%chat\na cell's word pins the comm to the main thread, were the route not kept")
    page.until(lambda: len(page.turns) == 1)
    cell = panel.start("go_on = False\nwhile not go_on: time.sleep(0.01)")
    page.ask("while a cell runs")
    assert page.shown()[-1] == "while a cell runs"
    more = held(service, event(chunk("stop me")))
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
    more = held(service, event(chunk("going on")))
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
    more = held(service, event(chunk("cell ")))
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


def test_a_used_panel_leaves_its_transcript_in_its_cell(panel, service):
    cell = panel.start("panel")
    panel.finish(cell)
    page = Page(panel)
    attack = "<script>alert(1)</script>"
    service.script = lambda _: Reply(answer(f"**Bold** {attack}"))
    page.do("ask", text=f"one {attack}")
    shown = panel.until(cell, lambda message: message["msg_type"] == "display_data")["content"]
    data = shown["data"]
    assert f"You: one {attack}" in data["text/plain"]
    assert "loopback-1: **Bold**" in data["text/plain"]
    assert find_faults(data["text/html"]) == []
    page.until(lambda: page.state["asking"] is None)
    page.do("ask", text="two")
    again = panel.until(cell, lambda message: message["msg_type"] == "update_display_data")["content"]
    assert again["transient"] == shown["transient"]
    assert "You: two" in again["data"]["text/plain"]
    panel.run("%%chat\nfrom a cell")
    more = panel.until(cell, lambda message: message["msg_type"] == "update_display_data")["content"]
    assert "You: from a cell" in more["data"]["text/plain"]


def test_a_panel_that_only_shows_leaves_nothing_behind(panel):
    cell = panel.start("panel")
    panel.finish(cell)
    panel.run("%%chat\nfrom a cell")
    ran = panel.run("time.sleep(0.6)")
    assert not [message for message in ran.messages if message["msg_type"] == "display_data"]


def test_a_cell_can_wait_for_the_answer_and_its_transcript(panel, service):
    ran = panel.run("from IPython.display import display\ndisplay(panel)\npanel.ask('one')\npanel.wait()")
    assert [list(bundle) for bundle in ran.bundles][1:] == [["text/html", "text/plain"], ["text/plain"]]
    assert "loopback-1: You said: one" in ran.bundles[1]["text/plain"]
    held(service, event(chunk("half")))
    assert panel.value("panel.ask('two') or panel.wait(0.05)") == "False"
    assert panel.value("panel.stop() or panel.wait()") == "True"


def test_a_long_transcript_keeps_its_end(panel, service):
    text = "word " * 8_000
    service.script = lambda _: Reply(answer(text))
    for place in range(8):
        panel.run(f"panel.ask('question {place}')\npanel.wait()")
    data = panel.run(
        "shown = panel._transcript._bundle()\nprint(len(str(shown)), shown['text/plain'][:200])"
    ).text
    assert int(data.split()[0]) < 500_000
    assert "The first 3 exchanges are left out here" in data


def test_hostile_texts_reach_no_page(panel, service):
    """Every family through questions, answers, model names, errors; what a browser makes of it is tests/browser's."""
    page = Page(panel)
    texts = [text for _, text in hostile.ALL][::7]
    for text in texts:
        service.script = lambda _, text=text: Reply(
            [event({**chunk(text), "model": text}), event(chunk(finish_reason="stop"))]
        )
        page.do("ask", text=text if text.strip() else "x")
        page.until(lambda: page.state["asking"] is None)
        page.do("move", how="reset")
    panel.run("chat_conversation.undo()")
    faults = [
        fault for payload in page.html.values() if payload["html"] for fault in find_faults(payload["html"])
    ]
    assert len(page.html) >= len(texts) - 1
    assert faults == []


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
