"""H05 to H39: replies around an answer, and how often a question is asked."""

from __future__ import annotations

import gzip
import json
from email.utils import formatdate

from loopback import completion
from wire_cases import SECRET, Act, Exchange
from wire_server import head, whole

JITTER = ((0.0, 0.5), (0.0, 1.0))
LONG = (
    b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n"
    + b"".join(b"x-%d: %b\r\n" % (n, b"y" * 1000) for n in range(100))
    + b"\r\n"
)
ONE = b"HTTP/1.1 200 X\r\nx-long: " + b"y" * 100_000 + b"\r\n\r\n"
YES = json.dumps(completion("You said: hi")).encode()
GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title><style>h1 { color: red }</style></head>\r\n<body>\r\n"
    f"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx {SECRET}</center>{'<!-- pad -->' * 60}\r\n</body></html>"
)
START = 1_800_000_000  # seconds, of a clock that is not this one's


def fault(message: str = "because of X", **more: str) -> str:
    return json.dumps({"error": {"message": message, **more}})


def failing(
    name: str,
    status: int,
    error: str,
    body: str = fault(),
    says: str = "because of X",
    *,
    requests: int = 1,
    **more,
) -> Exchange:
    """A status that is said again and again."""
    has = {"status_code": status, **more.pop("has", {})}
    headers = more.pop("headers", {})
    return Exchange(
        name, (whole(body, status, **headers),), requests, error=error, says=says, has=has, **more
    )


def passing(name: str, status: int, times: int = 1, body: str = fault(), **headers: str) -> Exchange:
    """A status that is said so often, and then an answer."""
    replies = [whole(body, status, **headers)] * times
    return Exchange(f"{name}-passes", (*replies, None), times + 1, JITTER[:times])


def waits(name: str, least: float, most: float, **headers: str) -> Exchange:
    """A 429 whose headers ask for a wait."""
    return Exchange(name, (whole(fault(), 429, **headers), None), 2, ((least, most),))


def dated(name: str, seconds: int, *, least: float, most: float, skew: int = 0) -> Exchange:
    """A 429 with a date so many seconds after the service's own clock, which is wrong by `skew`."""
    now = START + skew
    return waits(
        name,
        least,
        most,
        retry_after=formatdate(now + seconds, usegmt=True),
        date=formatdate(now, usegmt=True),
    )


def given_up(name: str, says: str, seconds: float, **headers: str) -> Exchange:
    return failing(name, 429, "RateLimitError", says=says, has={"retry_after": seconds}, headers=headers)


def as_if_absent(value: str) -> list[Exchange]:
    name = f"H26-{value}"
    return [
        failing(
            name,
            429,
            "RateLimitError",
            requests=3,
            naps=JITTER,
            headers={"retry_after": value},
            has={"retry_after": None},
        ),
        failing(
            f"{name}-ms",
            429,
            "RateLimitError",
            requests=3,
            naps=JITTER,
            headers={"retry_after_ms": value},
            has={"retry_after": None},
        ),
    ]


def redirects() -> list[Exchange]:
    return [
        Exchange(
            f"H09-{status}",
            (whole("", status, location="/elsewhere?x=1"),),
            error="RedirectRefused",
            says="/elsewhere",
            has={"status_code": status},
        )
        for status in (301, 302, 303, 307, 308)
    ]


def sized(name: str, length: int, body: bytes = YES, **more) -> Exchange:
    headers = {"content-type": "application/json", "content-length": str(length)}
    return Exchange(name, ([head(headers) + body, Act.CLOSE],), error="ProtocolError", **more)


HTTP = [
    Exchange("H05-reset-once", ([Act.RESET], None), 2, JITTER[:1]),
    Exchange("H05-reset", ([Act.RESET],), 3, JITTER, error="APIConnectionError"),
    Exchange("H05-closed", ([Act.CLOSE],), 3, JITTER, error="APIConnectionError"),
    Exchange(
        "H05-half-a-head",
        ([b"HTTP/1.1 2", Act.RESET],),
        1,
        (),
        error="APIConnectionError|ProtocolError|StreamInterrupted",
    ),
    Exchange(
        "H06-silence",
        ([Act.STALL],),
        1,
        (),
        error="APITimeoutError",
        says="may have been billed",
        limits={"first_byte": 0.2},
    ),
    Exchange(
        "H06-half-a-head",
        ([b"HTTP/1.1 200 OK\r\nx: ", Act.STALL],),
        1,
        (),
        error="APITimeoutError",
        says="may have been billed",
        limits={"first_byte": 0.2},
    ),
    Exchange("H07-early-hints", ([b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", None],)),
    Exchange("H07-continue", ([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n", None],)),
    Exchange("H08-204", ([head({}, 204)],), error="EmptyResponse"),
    *redirects(),
    failing(
        "H11-schema",
        400,
        "BadRequestError",
        fault(f"bad schema {SECRET}\x1b[31m"),
        r"bad schema \[key\] \[31m",
    ),
    failing(
        "H12-key",
        401,
        "AuthenticationError",
        fault(f"Incorrect API key provided: {SECRET}. Bearer {SECRET}"),
        r"provided: \[key\]",
    ),
    failing(
        "H12-masked-key",
        401,
        "AuthenticationError",
        fault(f"Incorrect API key provided: {SECRET[:8]}*********{SECRET[-4:]}."),
        "Incorrect API key",
        has={"detail": lambda words: SECRET[:6] not in words and SECRET[-4:] not in words},
    ),
    failing("H13-payment", 402, "APIStatusError"),
    failing("H14-forbidden", 403, "PermissionDeniedError"),
    failing("H15-model", 404, "NotFoundError", fault("The model `hi` does not exist"), "`hi` does not exist"),
    passing("H16-408", 408, 2),
    failing("H16-408", 408, "APIStatusError", requests=3, naps=JITTER),
    passing("H17-409", 409),
    failing("H17-409", 409, "ConflictError", requests=2, naps=JITTER[:1]),
    failing("H18-413", 413, "APIStatusError", says=r"\d[\d.,]* ?(?:bytes|kB|KiB|MB|MiB)"),
    failing("H19-415", 415, "APIStatusError"),
    failing(
        "H20-path",
        422,
        "UnprocessableEntityError",
        json.dumps({"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "no role"}]}),
        r"body\.messages\.0\.role: no role",
    ),
    passing("H21-425", 425, 2),
    failing("H21-425", 425, "APIStatusError", requests=3, naps=JITTER),
    waits("H22-seconds", 1.8, 2.2, retry_after="2"),
    dated("H23-past", -90, least=0.0, most=0.0),
    dated("H23-future", 20, least=19.0, most=20.0),
    dated("H23-clock-behind", 9, least=8.0, most=9.0, skew=-86_400),
    dated("H23-clock-ahead", 9, least=8.0, most=9.0, skew=86_400),
    given_up(
        "H23-too-late",
        "2 minutes|100 s",
        100.0,
        retry_after=formatdate(START + 100, usegmt=True),
        date=formatdate(START, usegmt=True),
    ),
    waits("H24-ms", 0.135, 0.165, retry_after_ms="150"),
    waits("H24-ms-before-seconds", 0.135, 0.165, retry_after_ms="150", retry_after="9"),
    passing("H25-jitter", 429, 2),
    failing("H25-jitter", 429, "RateLimitError", requests=3, naps=JITTER),
    *(each for value in ("-1", "NaN", "1e400", "-Infinity", "soon", "") for each in as_if_absent(value)),
    given_up("H27-hour", "60 minutes|1 hour|3.?600 s", 3600.0, retry_after="3600"),
    failing(
        "H28-quota",
        429,
        "RateLimitError",
        fault("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"),
        "quota",
        headers={"retry_after": "1"},
    ),
    passing("H29-true", 400, 2, x_should_retry="true"),
    failing("H29-true", 400, "BadRequestError", requests=3, naps=JITTER, headers={"x_should_retry": "true"}),
    failing("H29-false", 503, "InternalServerError", headers={"x_should_retry": "false", "retry_after": "1"}),
    passing("H30-500", 500, 2),
    failing("H30-500", 500, "InternalServerError", requests=3, naps=JITTER),
    passing("H31-502", 502, 2, GATEWAY),
    failing(
        "H31-502",
        502,
        "InternalServerError",
        GATEWAY,
        "502 Bad Gateway",
        requests=3,
        naps=JITTER,
        headers={"content_type": "text/html"},
        has={"detail": lambda words: "<" not in words and "color" not in words},
    ),
    Exchange("H32-503", (whole(fault(), 503, retry_after="3"), None), 2, ((2.7, 3.3),)),
    Exchange("H33-504-passes", (whole(fault(), 504), None), 2, JITTER[:1], notes=("billed",)),
    failing("H33-504", 504, "InternalServerError", says="billed", requests=2, naps=JITTER[:1]),
    passing("H34-529", 529, 2),
    failing("H34-529", 529, "InternalServerError", requests=3, naps=JITTER),
    sized("H35-too-long", len(YES) + 50),
    sized("H35-too-short", len(YES) - 20),
    Exchange("H35-no-http", ([b"SSH-2.0-OpenSSH_9.6\r\n", Act.CLOSE],), error="ProtocolError"),
    Exchange("H35-no-http-lines", ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Act.CLOSE],), error="ProtocolError"),
    Exchange(
        "H36-gzip", (whole(b"\x1f\x8b\x08" + b"broken" * 9, content_encoding="gzip"),), error="ProtocolError"
    ),
    Exchange(
        "H36-cut-gzip", (whole(gzip.compress(YES)[:-40], content_encoding="gzip"),), error="ProtocolError"
    ),
    Exchange(
        "H36-crc",
        (whole(gzip.compress(YES)[:-8] + b"\0" * 8, content_encoding="gzip"),),
        error="ProtocolError",
    ),
    Exchange(
        "H37-error",
        (whole(gzip.compress(fault().encode()), 400, content_encoding="gzip"),),
        error="BadRequestError",
        says="because of X",
    ),
    Exchange(
        "H37-corrupt-error",
        (whole(b"broken" * 9, 400, content_encoding="gzip"),),
        error="BadRequestError",
        has={"status_code": 400},
    ),
    failing(
        "H38-words",
        418,
        "APIStatusError",
        "I'm\r\na\x07 teapot\x1b[2J " + "short " * 100,
        r"418.*I'm a teapot \[2J short",
    ),
    failing("H38-nothing", 418, "APIStatusError", "", "418"),
    failing("H38-cut-json", 418, "APIStatusError", fault()[:-5], "418.*because of"),
    Exchange("H39-many-headers", ([LONG, b"data: [DONE]\n\n", Act.CLOSE],), error="LimitExceeded"),
    Exchange("H39-long-header", ([ONE, Act.CLOSE],), error="LimitExceeded"),
    failing(
        "H49-budget",
        503,
        "InternalServerError",
        requests=2,
        naps=((18.0, 22.0),),
        headers={"retry_after": "20"},
    ),
]
ASKED_ONCE = ["H06", "H12", *(f"S{number}" for number in (*range(39, 54), *range(56, 66)))]
