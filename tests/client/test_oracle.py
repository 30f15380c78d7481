"""The decoder beside a second one that was written apart from it, on streams that chance wrote."""

from __future__ import annotations

import itertools
import random

import oracle
import pytest
from wire_framing import FRAMING

from jupyter_prem.client import EventDecoder

STREAMS = 10_000
WORDS = [
    "",
    " ",
    "  ",
    "a",
    "{}",
    "[DONE]",
    ":",
    "a:b",
    "data: x",
    "é",
    "👩‍👩‍👧",
    "\u2028",
    "\x85",
    "\x0b\x0c",
    "\0",
    "\ufeff",
    "x" * 70,
]
NAMES = ["data"] * 12 + ["event", "id", "retry", "Data", "dat", "data ", " data", "é", ""]
ENDS = ["\n", "\r\n", "\r"]


def stream_of(chance: random.Random) -> bytes:
    """Write lines of any field, each with any end; one stream in three keeps to one end."""
    ends = ENDS if chance.random() < 0.7 else [chance.choice(ENDS)]
    text = "\ufeff" if chance.random() < 0.1 else ""
    for _ in range(chance.randint(0, 24)):
        if chance.random() < 0.3:
            text += chance.choice(ends)
        else:
            value = "".join(chance.choices(WORDS, k=chance.randint(0, 2)))
            name, colon = chance.choice(NAMES), chance.choice([":", ": ", ": ", ""])
            text += name + (colon + value if colon else "") + chance.choice(ends)
    return text.encode() if chance.random() < 0.8 else text.rstrip("\r\n").encode()


def decoded(stream: bytes, cuts: list[int]) -> list[tuple[str, str]]:
    decoder = EventDecoder()
    edges = itertools.pairwise([0, *cuts, len(stream)])
    found = [event for start, stop in edges for event in decoder.feed(stream[start:stop])]
    return [(event.type, event.data.decode()) for event in [*found, *decoder.close()]]


def ways(stream: bytes, chance: random.Random) -> list[list[int]]:
    places = range(len(stream) + 1)
    return [[], list(places), *(sorted(chance.choices(places, k=chance.randint(1, 5))) for _ in range(3))]


@pytest.mark.parametrize("part", range(4))
def test_two_decoders_agree(part):
    chance = random.Random(part)  # noqa: S311 - tests are repeatable
    told = 0
    for _ in range(STREAMS // 4):
        stream = stream_of(chance)
        expected = oracle.events(stream)
        told += len(expected)
        for cuts in ways(stream, chance):
            assert decoded(stream, cuts) == expected, (stream, cuts)
    assert told > STREAMS // 4


@pytest.mark.parametrize(
    "case", [case for case in FRAMING if not case.large and case.id != "S38"], ids=lambda case: case.name
)
def test_every_cut_of_a_stream_gives_the_oracles_events(case):
    expected = oracle.events(case.body)
    assert expected
    size = len(case.body)
    for cut in range(size + 1):
        assert decoded(case.body, [cut]) == expected, cut
    chance = random.Random(case.name)  # noqa: S311 - tests are repeatable
    for _ in range(200):
        cuts = sorted(chance.choices(range(size + 1), k=2))
        assert decoded(case.body, cuts) == expected, cuts
    assert decoded(case.body, list(range(1, size))) == expected


def test_the_oracle_takes_the_standards_own_examples():
    stock = b"data: YHOO\ndata: +2\ndata: 10\n\n"
    four = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    assert oracle.events(stock) == [("message", "YHOO\n+2\n10")]
    assert oracle.events(four) == [
        ("message", "first event"),
        ("message", "second event"),
        ("message", " third event"),
    ]
    assert oracle.events(b"data:test\n\ndata: test\n\n") == [("message", "test")] * 2
    assert oracle.events(b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n") == [
        ("add", "73857293"),
        ("remove", "2153"),
    ]
