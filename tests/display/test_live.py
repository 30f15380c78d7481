"""Streaming: linear, safe at every moment, and in the end the same bytes as without."""

import re

import pytest
from answers import PARAGRAPH, answer_of as answer

from jupyter_prem.display import LiveHtml, OnceHtml, bundle, render


def pieces(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


def stream(recorder, clock, text, *, seconds, size=7, **options):
    sink = LiveHtml(recorder, clock=clock, later=clock.later, sleep=clock.sleep, **options)
    parts = pieces(text, size)
    for part in parts:
        sink.feed(part)
        clock.turn(seconds / len(parts))
    return sink


def test_the_first_token_is_painted_at_once(recorder, clock):
    LiveHtml(recorder, clock=clock, later=clock.later).feed("Hello")
    assert len(recorder.log) == 1
    assert "<p>Hello</p>" in recorder.html[0]


def test_frames_keep_their_distance(recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    for _ in range(100):
        sink.feed("a ")
        clock.turn(0.01)
    assert 6 <= len(recorder.log) <= 8


def test_what_is_followed_by_silence_still_appears(recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    sink.feed("one ")
    clock.turn(0.05)
    sink.feed("two")
    assert "two" not in recorder.html[0]
    assert len(clock.waiting) == 1
    clock.turn(0.1)
    assert "two" in recorder.html[0]
    assert clock.waiting == []


def test_a_caller_that_wakes_up_may_tick(recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    sink.feed("one ")
    sink.feed("two")
    clock.now = 1.0
    sink.tick()
    assert "two" in recorder.html[0]
    sink.tick()
    assert len(recorder.log) == 2


def test_nothing_is_drawn_after_the_end(recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    sink.feed("one ")
    sink.feed("two")
    sink.finish(bundle("one two"))
    assert clock.waiting == []
    sink.feed("three")
    sink.tick()
    sink.status("x")
    sink.finish(bundle("again"))
    sink.close()
    assert recorder.html == [bundle("one two")["text/html"]]


@pytest.mark.parametrize("seconds", [0.1, 2.0, 11.0])
def test_the_end_is_one_output_equal_to_the_unstreamed(recorder, clock, seconds):
    text = answer(12_000)
    sink = stream(recorder, clock, text, seconds=seconds)
    final = bundle(text, footer=["model"])
    sink.finish(final, {"latency": 1})
    assert [recorder.outputs[key] for key in recorder.order] == [final]
    assert recorder.log[-2][0] == "clear"
    assert recorder.log[-1][3] == {"latency": 1}


@pytest.mark.parametrize(
    ("size", "seconds", "ratio"),
    [(36_000, 0.1, 7), (36_000, 11, 12), (360_000, 1, 7.5), (360_000, 11, 12), (360_000, 110, 12)],
)
def test_what_is_sent_is_linear_and_below_the_limit(recorder, clock, size, seconds, ratio):
    text = answer(size)
    sink = stream(recorder, clock, text, seconds=seconds)
    most = len(recorder.order)
    sink.finish(bundle(text, data={"text": text}))
    assert recorder.sent <= ratio * size
    assert recorder.busiest() <= 1_500_000
    assert most < 50


def test_an_interrupt_of_the_wait_shows_the_answer(recorder, clock):
    def interrupted(seconds):
        raise KeyboardInterrupt

    text = answer(300_000)
    sink = LiveHtml(recorder, clock=clock, later=clock.later, sleep=interrupted)
    for part in pieces(text, 50_000):
        sink.feed(part)
        clock.turn(0.2)
    sink.feed("and the end")
    with pytest.raises(KeyboardInterrupt):
        sink.finish(bundle(text))
    assert [recorder.outputs[key] for key in recorder.order] == [bundle(text)]
    assert "and the end" in recorder.log[-3][2]["text/html"]


def test_frames_show_what_has_arrived(recorder, clock):
    text = answer(30_000)
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    for part in pieces(text, 1000):
        sink.feed(part)
        clock.turn(0.2)
    shown = "\n".join(
        re.findall(r'<div class="pm-body">(.*)</div></div>', "\n\0".join(recorder.html), re.DOTALL)
    )
    plain = re.sub(r"<[^>]*>|\s|\0", "", shown)
    assert plain.endswith(re.sub(r"<[^>]*>|\s", "", render(text))[-500:])
    assert plain.count("Part7") == 1


def test_many_outputs_are_merged(recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    most = 0
    for number in range(500):
        sink.feed("".join(PARAGRAPH.format(8 * number + part) for part in range(8)))
        clock.turn(0.3)
        most = max(most, len(recorder.order))
        assert sum(f"Paragraph {8 * number} " in html for html in recorder.html) == 1
    assert most < 50
    shown = "".join(recorder.html)
    assert [int(found) for found in re.findall(r"Paragraph (\d+) says", shown)] == list(range(4_000))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "text",
    [
        "a\r\nb\r\n\r\nc",
        "<script>alert(1)</script>",
        '```" onmouseover="alert(1)\nx\n```',
        "![a](http://evil.example/?q=1)",
        "[x](javascript:alert(1))",
        "\ud83d\ude00 done",
        "$\\href{javascript:alert(1)}{x}$",
        "a\U000e0041\U000e0042b",
    ],
)
def test_every_frame_is_safe(recorder, clock, text, size, faults):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    for part in pieces(text, size):
        sink.feed(part)
        clock.turn(1)
        assert faults("".join(recorder.html)) == []
        "".join(recorder.html).encode()
    sink.finish(bundle(text))
    assert recorder.html == [bundle(text)["text/html"]]


def test_a_status_gives_way_to_the_text(recorder, clock, faults):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    sink.status("Fetching the model <b>", 0.254)
    assert "width:25%" in recorder.html[0]
    assert "&lt;b&gt;" in recorder.html[0]
    assert faults(recorder.html[0].replace(' style="width:25%"', "")) == []
    sink.status("Fetching the model", 0.26)
    assert len(recorder.log) == 1
    clock.turn(0.2)
    sink.status("Fetching the model", 7.0)
    assert "width:100%" in recorder.html[0]
    sink.feed("Hi")
    assert "Fetching" not in recorder.html[0]
    assert len(recorder.order) == 1
    sink.status("belated")
    assert "belated" not in recorder.html[0]


def test_a_status_without_text_is_taken_away(recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    sink.status("…")
    sink.close()
    assert recorder.order == []
    sink = LiveHtml(recorder, clock=clock, later=clock.later, alone=False)
    sink.status("…")
    sink.close()
    assert recorder.html == [""]
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    sink.close()


def test_an_answer_among_other_outputs_has_one_and_shows_its_end(recorder, clock):
    recorder.display({"text/plain": "printed before"})
    text = answer(36_000)
    sink = LiveHtml(recorder, clock=clock, later=clock.later, alone=False)
    for part in pieces(text, 500):
        sink.feed(part)
        clock.turn(0.3)
        assert len(recorder.order) == 2
        words = re.sub(r"<[^>]*>|\s", "", render(text[: text.index(part) + len(part)]))
        assert words[-40:] in re.sub(r"<[^>]*>|\s", "", recorder.html[1])
        assert len(recorder.html[1]) < 30_000
    assert '<div class="pm-note">…</div>' in recorder.html[1]
    recorder.display({"text/plain": "printed after"})
    sink.finish(bundle(text))
    shown = [recorder.outputs[key] for key in recorder.order]
    assert shown == [{"text/plain": "printed before"}, bundle(text), {"text/plain": "printed after"}]


def test_a_page_no_one_watches_is_drawn_once(recorder):
    sink = OnceHtml(recorder)
    sink.status("x", 0.5)
    sink.feed("Hi")
    sink.tick()
    sink.finish(bundle("Hi"), {"replayed": True})
    sink.close()
    assert recorder.log == [("display", recorder.order[0], bundle("Hi"), {"replayed": True})]


def test_nothing_streamed_is_one_output(recorder, clock):
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    sink.feed("")
    sink.finish(bundle("Hi"))
    assert [entry[0] for entry in recorder.log] == ["display"]
