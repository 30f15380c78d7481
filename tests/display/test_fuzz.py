"""Random documents of hostile and ordinary parts: whatever they are, the page holds only what the allow-list names."""

import itertools
import random

import hostile
import pytest

from jupyter_prem.display import LiveHtml, bundle, render
from jupyter_prem.display._sanitize import sanitize

MARKS = [
    *"*_~`[]()<>!#|-+=\\$&:\"'\n\n\n\t ",
    *(
        "```\n",
        "~~~",
        "    ",
        "> ",
        "- ",
        "1. ",
        "| a |\n|---|\n",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "<br>",
        "&lt;",
    ),
    *(
        "\x02",
        "\x03",
        "\x11",
        "\x110\x12",
        "\x12",
        "\x13",
        "&#19;",
        "&#17;0&#18;",
        "klzzwxh:0000",
        "\u2028",
        "\ud83d",
    ),
    *(
        "[a]: http://x.example\n",
        "[a]",
        "![a](",
        "](",
        "http://x.example",
        "javascript:",
        "<img src=x onerror=alert(1)>",
    ),
    *("</div>", "</span>", "<!--", "-->", "words ", "x", "\\begin{align}", "\\end{align}"),
]
TEXTS = [text for _, text in hostile.ALL if len(text) < 300]


def document(chance):
    """A document of some parts; a third of them are whole hostile strings."""
    parts = (chance.choice(TEXTS if chance.random() < 0.33 else MARKS) for _ in range(chance.randint(1, 30)))
    return "".join(parts)


def check(seed, faults):
    chance = random.Random(seed)  # noqa: S311 - no secret
    text = document(chance)
    html = render(text)
    assert faults(html) == [], text
    assert render(text) == html, text
    assert sanitize(sanitize(text)) == sanitize(text), text


@pytest.mark.parametrize("start", range(0, 2_000, 100))
def test_a_sample_is_safe(start, faults):
    for seed in range(start, start + 100):
        check(seed, faults)


@pytest.mark.parametrize("seed", [46_080, 61_365, 73_612])
def test_what_was_found_stays_mended(seed, faults):
    check(seed, faults)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("start", range(2_000, 102_000, 1_000))
def test_a_hundred_thousand_are_safe(start, faults):
    for seed in range(start, start + 1_000):
        check(seed, faults)


@pytest.mark.parametrize("seed", range(60))
def test_every_frame_of_a_stream_is_safe(seed, recorder, clock, faults):
    chance = random.Random(seed)  # noqa: S311 - no secret
    text = "".join(document(chance) for _ in range(30))
    sink = LiveHtml(recorder, clock=clock, later=clock.later)
    for at in itertools.count(0, 400):
        if at >= len(text):
            break
        sink.feed(text[at : at + 400])
        clock.turn(0.3)
        assert faults(recorder.html[-1]) == []
    assert faults("".join(recorder.html)) == []
    final = bundle(text)
    sink.finish(final)
    assert [recorder.outputs[key] for key in recorder.order] == [final]
