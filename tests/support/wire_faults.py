"""S39 to S65: streams that are not whole, or not quite what they should be."""

from __future__ import annotations

import functools
import json
import zlib

from loopback import DONE, chunk, completion, event
from wire_cases import PAR, SECRET, STOP, Act, Case, raw, whole_answer
from wire_server import EVENTS, Again

BOOM = {"message": "boom", "type": "server_error", "code": "overloaded"}
JSON = {"content-type": "application/json"}
PAGE = (
    "<!DOCTYPE html><html><head><title>Log in</title><style>body { color: red }</style></head>"
    f"<body><h1>Welcome to\n the\x07 lounge</h1><p>{'Please pay. ' * 40}</p></body></html>"
).encode()
LINES = b"".join(
    json.dumps(one).encode() + b"\n" for one in (chunk("Hel"), chunk("lo"), chunk(finish_reason="stop"))
)
DEEP = 100_000


def broken(name: str, rest: bytes, error: str, **more) -> Case:
    """A stream that fails after "par"."""
    return Case(name, PAR + rest, error=error, partial="par", **more)


def reported(name: str, rest: bytes, says: str = "boom", **has) -> Case:
    return broken(name, rest, "APIStreamError", says=says, has=has)


def changed(name: str, body: bytes, text: str, *notes: str, **more) -> Case:
    """An answer that is taken, and what was odd about it said."""
    return Case(name, body, text, notes=notes, **more)


@functools.cache
def bomb(inside: bytes) -> bytes:
    """An answer's beginning, then 64 MiB of the same line again and again, a thousandth of its size."""
    packer = zlib.compressobj(9, wbits=31)
    block = inside * (2**20 // len(inside))
    return packer.compress(PAR) + b"".join(packer.compress(block) for _ in range(64)) + packer.flush()


NESTED = (
    json.dumps(chunk("x"))
    .encode()
    .replace(b'"index": 0', b'"index": 0, "logprobs": ' + b"[" * DEEP + b"]" * DEEP)
)

FAULTS = [
    broken("S39-no-end", b"", "IncompleteStream"),
    Case("S39-nothing-but-pings", b": ping\n\n" * 3, error="IncompleteStream"),
    broken("S40-cut-json", b'data: {"choices": [{"delta": {"content": "tial', "IncompleteStream"),
    broken("S40-cut-name", b"da", "IncompleteStream"),
    broken("S41-reset", b"", "StreamInterrupted", end=(Act.RESET,)),
    broken("S41-fin", b"", "StreamInterrupted", end=(Act.CLOSE,)),
    broken("S41-fin-in-a-chunk", b"", "StreamInterrupted", end=(b"ff\r\ndata: ", Act.CLOSE)),
    broken("S41-bad-chunk-size", b"", "StreamInterrupted|ProtocolError", end=(b"xyz\r\ndata", Act.CLOSE)),
    reported(
        "S42-error",
        event({"error": BOOM}) + STOP + DONE,
        type="server_error",
        code="overloaded",
        detail="boom",
    ),
    reported(
        "S42-error-beside-choices",
        event({**chunk("x"), "error": BOOM}) + STOP + DONE,
        type="server_error",
        code="overloaded",
    ),
    reported("S43-object", b'event: error\ndata: {"message": "boom"}\n\n' + STOP + DONE),
    reported("S43-nested", b"event: error\n" + event({"error": BOOM}) + STOP + DONE, code="overloaded"),
    reported("S43-words", b"event: error\ndata: boom\n\n" + STOP + DONE),
    reported("S43-string", b'event: error\ndata: "boom"\n\n' + STOP + DONE),
    reported("S43-list", b'event: error\ndata: ["boom"]\n\n' + STOP + DONE),
    reported("S43-number", b"event: error\ndata: 500\n\n" + STOP + DONE, "500"),
    reported("S43-empty", b"event: error\ndata:\n\n" + STOP + DONE, ""),
    reported("S43-no-data", b"event: error\n\n" + STOP + DONE, ""),
    reported("S44-string", event({"error": "boom"}) + STOP + DONE, detail="boom"),
    reported(
        "S45-field", b'error: {"message": "boom", "code": 500}\n\n' + STOP + DONE, detail="boom", code="500"
    ),
    broken(
        "S46-no-json",
        event(f"{{oops {SECRET} \x1b[31m" + "y" * 500) + STOP + DONE,
        "MalformedStream",
        has={"detail": lambda words: words.startswith("{oops [key] [31myyy") and words.endswith("y…")},
    ),
    broken("S46-no-object", event("[1]") + STOP + DONE, "MalformedStream", has={"detail": "[1]"}),
    changed(
        "S47-no-utf-8",
        event(chunk("a?b")).replace(b"?", b"\xff\xc3") + STOP + DONE,
        "a\ufffd\ufffdb",
        "UTF-8|U\\+FFFD",
        strict=("MalformedStream", ""),
    ),
    changed(
        "S47-later",
        PAR + event(chunk("a?b")).replace(b"?", b"\xe2\x82") + STOP + DONE,
        "para\ufffdb",
        "UTF-8|U\\+FFFD",
        strict=("MalformedStream", "par"),
    ),
    changed(
        "S48-lone-surrogate",
        event(chunk("a\ud83dz")) + STOP + DONE,
        "a\ufffdz",
        "surrogate|U\\+FFFD|half a character",
    ),
    changed(
        "S48-pair-in-two-deltas",
        event(chunk("a\ud83d")) + event(chunk("\ude00z")) + STOP + DONE,
        "a\U0001f600z",
    ),
    changed(
        "S49-nan",
        event(json.dumps({**chunk("a"), "created": float("nan"), "x": [float("inf"), float("-inf")]}))
        + STOP
        + DONE,
        "a",
        "NaN|infinit|null",
        has={"created": 1},
    ),
    changed(
        "S50-twice",
        event(json.dumps(chunk("last")).replace('"content"', '"content": "first", "content"')) + STOP + DONE,
        "last",
        "twice|duplicate|repeat|same (?:name|key)",
    ),
    Case("S51-empty", b"", error="EmptyResponse"),
    Case("S51-empty-json", b"", error="EmptyResponse", headers=JSON),
    Case("S51-white-space", b" \n\n", error="EmptyResponse", headers=JSON),
    Case(
        "S52-error",
        json.dumps({"error": BOOM}).encode(),
        error="APIStreamError",
        says="boom",
        has={"type": "server_error", "code": "overloaded"},
        headers=JSON,
    ),
    Case(
        "S52-untyped", json.dumps({"error": BOOM}).encode(), error="APIStreamError", says="boom", headers={}
    ),
    *(
        Case(
            f"S53-page-{kind or 'untyped'}".replace("/", "-"),
            PAGE,
            error="NotAnAPI",
            says="(?:address|base_url).*proxy",
            has={"detail": lambda words: words.startswith("Log in Welcome to the lounge Please pay.")},
            headers={"content-type": kind} if kind else {},
        )
        for kind in ("text/html", "text/event-stream", "")
    ),
    changed(
        "S54-whole",
        json.dumps(completion("Hello")).encode(),
        "Hello",
        "at once|whole",
        headers=JSON,
        has={"finish_reason": "stop"},
    ),
    changed(
        "S54-untyped",
        json.dumps(completion("Hello"), indent=1).encode(),
        "Hello",
        "at once|whole",
        headers={},
    ),
    changed(
        "S55-lines",
        LINES,
        "Hello",
        "line",
        headers={"content-type": "application/x-ndjson"},
        has={"finish_reason": "stop"},
    ),
    changed("S55-as-json", LINES.removesuffix(b"\n"), "Hello", "line", headers=JSON),
    *(
        Case(f"S56-{name}", whole_answer("Grüße"), "Grüße", headers={"content-type": kind} if kind else {})
        for name, kind in {
            "latin-1": "text/event-stream; charset=iso-8859-1",
            "utf-16": "Text/Event-Stream;charset=utf-16",
            "unknown": "text/event-stream; charset=klingon",
            "no-type": "",
        }.items()
    ),
    broken(
        "S57-long-line",
        b"data: ",
        "LimitExceeded",
        says="8 MiB",
        end=(Again(b"10000\r\n" + b"x" * 2**16 + b"\r\n", 640),),
        large=True,
    ),
    broken(
        "S58-long-event",
        b"",
        "LimitExceeded",
        says="16 MiB",
        end=(Again(b"10000\r\ndata: " + b"x" * (2**16 - 7) + b"\n\r\n", 640),),
        large=True,
    ),
    Case(
        "S59-bomb",
        bomb(b"x"),
        error="LimitExceeded",
        partial="par",
        headers={**EVENTS, "content-encoding": "gzip"},
        large=True,
    ),
    Case(
        "S59-bomb-of-comments",
        bomb(b": " + b"x" * 4093 + b"\n"),
        error="LimitExceeded",
        partial="par",
        headers={**EVENTS, "content-encoding": "gzip"},
        large=True,
    ),
    Case(
        "S60-stall", b"", error="IdleTimeout", end=(Act.STALL,), limits={"first_byte": 0.2, "progress": 0.2}
    ),
    broken("S60-stall-later", b"", "IdleTimeout", end=(Act.STALL,), limits={"progress": 0.2}, large=True),
    broken(
        "S61-keep-alives",
        b"",
        "IdleTimeout",
        end=(Again(b"8\r\n: ping\n\n\r\n", 2000, 0.02),),
        limits={"progress": 0.2},
        large=True,
    ),
    broken(
        "S62-drip",
        b"",
        "DeadlineExceeded",
        end=tuple([Again(b"1\r\n%b\r\n" % bytes([byte]), 1, 0.01) for byte in whole_answer(*("x" * 40))]),
        limits={"total": 0.4},
        large=True,
    ),
    *(
        Case(
            f"S63-{reason}",
            PAR + event(chunk(finish_reason=reason)) + DONE,
            "par",
            {"finish_reason": reason, "interrupted": False},
        )
        for reason in ("length", "content_filter")
    ),
    broken(
        "S64-nested", b"data: " + NESTED + b"\n\n" + STOP + DONE, "MalformedStream", says="deep", large=True
    ),
    broken("S64-open-brackets", event("[" * DEEP) + STOP + DONE, "MalformedStream", says="deep", large=True),
    changed(
        "S65-id",
        PAR + event({**chunk("tial"), "id": "chatcmpl-2"}) + STOP + DONE,
        "partial",
        "changed the answer's id",
    ),
    changed(
        "S65-model",
        PAR + raw({**chunk("tial"), "model": "loopback-2"}) + STOP + DONE,
        "partial",
        "changed the answer's model",
    ),
]
