"""What a panel says of failures, and what it makes of messages and texts that are odd, hostile or huge."""

from __future__ import annotations

import threading

import hostile
import pytest
from allowed import find_faults
from loopback import DONE, Reply, answer, as_json, chunk, event
from panels import Page


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


def test_a_question_that_is_on_its_way_keeps_its_part_of_the_budget(page, service):
    page.kernel.run("%prem budget 100")
    page.do("set", name="max-tokens", value="60")
    more = threading.Event()
    service.say(event(chunk("so far")), more, event(chunk("", finish_reason="stop")), DONE)
    page.do("ask", text="hi")
    page.until(lambda: page.live)
    ran = page.kernel.run("%%chat --once --max-tokens 60\ntwo")
    assert ran.ename == "BudgetError"
    assert "0 are used, up to 60 by what is on its way, and up to 60 more are asked for" in ran.evalue
    more.set()
    page.until(lambda: page.turns)
    service.script = service.echo
    assert page.kernel.run("%%chat --once --max-tokens 60\nthree").status == "ok"


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
