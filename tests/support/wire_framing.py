"""S01 to S38: streams that are whole, however they are written."""

from __future__ import annotations

import json

from loopback import DONE, USAGE, chunk, event
from wire_cases import STOP, Case, packed, raw, whole_answer
from wire_server import EVENTS

from jupyter_prem.client import Usage

HELLO = whole_answer("Hel", "lo")
ODD = "Grüße 👩‍👩‍👧 𝄞 \u200b\u0301é"
CRLF = (
    b"data: " + json.dumps(chunk("Hello")).replace(", ", ",\r\ndata: ").encode() + b"\r\n\r\n" + STOP + DONE
)
SPACED = event(chunk("Hello")).replace(b"data: ", b"data:  ")
LINES = b"".join(b"data: %b\n" % line for line in json.dumps(chunk("Hello"), indent=1).encode().splitlines())
LONG = {"1 MiB": "x" * 2**20, "7.9 MiB": "é" * int(3.95 * 2**20)}


def around(before: bytes, after: bytes = b"") -> bytes:
    """The answer "Hello", with something before and after each event."""
    return b"".join(before + one + b"\n\n" + after for one in HELLO.split(b"\n\n") if one)


def hello(name: str, body: bytes, **more) -> Case:
    return Case(name, body, "Hello", **{"has": {"finish_reason": "stop"}, **more})


def pieces(*choices: tuple[int, str, str | None]) -> bytes:
    return b"".join(
        event({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]})
        for index, text, finish in choices
    )


def tools() -> tuple[bytes, dict]:
    """Two calls, their indexes apart, the arguments of each in 200 fragments among one another."""
    texts = {
        at: json.dumps({"text": letter * 600, "n": [1, 2.5, None]}) for at, letter in ((0, "é"), (5, '"'))
    }
    sent = [
        event(
            chunk(
                None,
                tool_calls=[
                    {
                        "index": at,
                        "id": f"c{at}",
                        "type": "function",
                        "function": {"name": f"f{at}", "arguments": ""},
                    }
                ],
            )
        )
        for at in texts
    ]
    for number in range(200):
        parts = {
            at: text[len(text) * number // 200 : len(text) * (number + 1) // 200]
            for at, text in texts.items()
        }
        sent.append(
            event(
                chunk(
                    None,
                    tool_calls=[{"index": at, "function": {"arguments": part}} for at, part in parts.items()],
                )
            )
        )
    has = {
        "tool_calls": lambda calls: (
            [(call.id, call.name, call.arguments) for call in calls]
            == [(f"c{at}", f"f{at}", text) for at, text in texts.items()]
        ),
        "finish_reason": "tool_calls",
    }
    return b"".join([*sent, event(chunk(finish_reason="tool_calls")), DONE]), has


def squeezed(encoding: str) -> Case:
    parts = packed(event(chunk("Hel")), event(chunk("lo")), STOP, DONE, encoding=encoding)
    headers = {**EVENTS, "content-encoding": encoding.rpartition(" ")[2]}
    return hello(f"S38-{encoding.replace(' ', '-')}", b"".join(parts), headers=headers)


FRAMING = [
    hello("S01-lf", HELLO),
    hello("S02-crlf", HELLO.replace(b"\n", b"\r\n")),
    hello("S03-cr", HELLO.replace(b"\n", b"\r")),
    hello("S03-mixed", HELLO.replace(b"\n\n", b"\r\n\r", 1).replace(b"\n\n", b"\r\r\n", 1)),
    hello("S04-cr-then-lf", CRLF, edges=tuple(at + 1 for at, byte in enumerate(CRLF) if byte == 0x0D)),
    hello(
        "S04-cr-at-a-cut",
        HELLO.replace(b"\n", b"\r"),
        edges=tuple(at + 1 for at, byte in enumerate(HELLO) if byte == 0x0A),
    ),
    hello("S05-single-bytes", HELLO, edges=tuple(range(1, len(HELLO)))),
    Case("S06-code-points", whole_answer(*ODD), ODD),
    Case("S06-one-delta", whole_answer(ODD), ODD),
    hello("S07-bom", b"\xef\xbb\xbf" + HELLO),
    hello("S08-comments", around(b": ping\n:\n:x\n", b": keep-alive\n\n" * 3)),
    hello("S09-no-space", HELLO.replace(b"data: ", b"data:")),
    hello("S10-two-spaces", SPACED + STOP + b"data:  [DONE]\n\n" + event(chunk("never"))),
    hello("S11-several-lines", LINES + b"\n" + STOP + DONE),
    hello("S12-ids", around(b"id: 7\n")),
    hello("S13-id-alone", around(b"id: 1\n\n\n\n", b"id\n\n")),
    hello("S14-event-alone", around(b"event: ping\n\n")),
    hello("S15-retry", around(b"retry: 3000\n\n")),
    *(
        hello(f"S15-retry-{value.decode()}", around(b"retry: %b\n\n" % value))
        for value in (b"+5", b"-1", b"1_0")
    ),
    hello("S16-empty", around(b"data:\n\n", b"data: \n\n")),
    hello("S17-message", around(b"event: message\n")),
    hello("S18-done-ends", HELLO.removesuffix(b"\n\n")),
    hello("S18-one-line-end", HELLO.removesuffix(b"\n")),
    hello(
        "S19-last-event-ends",
        event(chunk("Hel")) + event(chunk("lo", finish_reason="stop")).removesuffix(b"\n\n"),
        strict=("IncompleteStream", "Hel"),
    ),
    hello(
        "S19-one-line-end",
        event(chunk("Hel")) + event(chunk("lo", finish_reason="stop")).removesuffix(b"\n"),
        strict=("IncompleteStream", "Hel"),
    ),
    hello("S20-reason-alone", HELLO.removesuffix(DONE)),
    hello(
        "S21-done-alone",
        event(chunk("Hello")) + DONE,
        has={"finish_reason": None, "interrupted": False},
        notes=("finish reason",),
    ),
    hello("S22-space-after-done", HELLO.removesuffix(DONE) + b"data:[DONE] \n\n"),
    Case(
        "S23-done-is-text",
        whole_answer("[DONE]", " [DONE] is text", "data: [DONE]\n\n"),
        "[DONE] [DONE] is textdata: [DONE]\n\n",
    ),
    hello("S24-after-done", HELLO + event(chunk("never")) * 3 + b"data: {broken\n\n" + b"x" * 3000),
    Case("S25-line-separators", whole_answer("a\u2028b\u2029c\x85d"), "a\u2028b\u2029c\x85d"),
    hello("S25-vt-and-ff", around(b": a\x0bdata: {broken\x0cdata: {broken\x1cdata: {broken\n")),
    hello("S26-unknown-fields", around(b"foo: bar\ndatas: {\n data: {\nData: {\nfoo\n")),
    hello("S27-nul-in-id", around(b"id: a\0b\n")),
    hello("S28-bare-data", around(b"data\n\n")),
    hello(
        "S29-usage",
        HELLO.removesuffix(DONE) + event({**chunk(), "choices": [], "usage": USAGE}) + DONE,
        has={"usage": Usage(**USAGE)},
    ),
    hello(
        "S30-no-content",
        event(chunk(None, role="assistant"))
        + event(
            {"choices": [{"index": 0, "delta": {"content": None, "tool_calls": None}, "finish_reason": None}]}
        )
        + event(chunk(""))
        + HELLO,
    ),
    hello(
        "S31-no-choices",
        event({"id": "chatcmpl-1"}) + event({"choices": None}) + event({"choices": []}) + HELLO,
    ),
    Case(
        "S32-three-answers",
        pieces(
            (0, "a", None),
            (2, "c", None),
            (1, "b", None),
            (2, "C", "length"),
            (0, "A", "stop"),
            (1, "B", "stop"),
        )
        + DONE,
        "aA",
        {
            "choices": lambda all_: (
                [(one.index, one.message.content, one.finish_reason) for one in all_]
                == [(0, "aA", "stop"), (1, "bB", "stop"), (2, "cC", "length")]
            )
        },
    ),
    Case("S33-tools", tools()[0], "", tools()[1], large=True),
    hello(
        "S34-reasoning",
        event(chunk(None, reasoning_content="hm, ")) + event(chunk(None, reasoning_content="so")) + HELLO,
        has={"reasoning": "hm, so"},
    ),
    Case(
        "S35-refusal",
        event(chunk(None, refusal="I ")) + event(chunk(None, refusal="won't")) + STOP + DONE,
        "",
        {"refusal": "I won't"},
    ),
    *(
        Case(f"S36-{name.replace(' ', '-')}", whole_answer(text), text, large=True)
        for name, text in LONG.items()
    ),
    # That each event costs the same, however many there are, is measured by bench_stream.py.
    Case(
        "S37-many",
        b"".join(raw(chunk(f"{n} ")) for n in range(5000)) + STOP + DONE,
        "".join(f"{n} " for n in range(5000)),
        large=True,
    ),
    squeezed("gzip"),
    squeezed("deflate"),
    squeezed("raw deflate"),
    squeezed("br"),
]
