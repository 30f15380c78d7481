"""The transcript that a panel leaves in its cell."""

from __future__ import annotations

from allowed import find_faults
from loopback import Reply, answer, held
from panels import Page


def test_a_panel_that_takes_the_place_of_another_keeps_its_transcript(panel, service):
    panel.run("panel.ask('kept')\npanel.wait()")
    cell = panel.start("panel = ChatPanel()\npanel")
    panel.finish(cell)
    shown = panel.until(cell, lambda message: message["msg_type"] == "display_data")["content"]
    assert "You: kept" in shown["data"]["text/plain"]


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
    held(service, "half")
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
