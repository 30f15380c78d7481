"""The soak's service, in a process of its own: answers and faults drawn from a seed, each noted before it is said.

Run: python tests/benchmarks/soak_service.py SEED NOTES
It prints its address and ends with its standard input. A note is one line of JSON: the question's `tag` (the
word it begins with), the `round` of its exchange, the `kind` of the reply, its `end` and its `text`. Ends:
  whole   an answer that fits
  misfit  an answer that does not fit the schema it was asked with
  calls   an answer that asks for a call
  again   nothing that anybody can have answered: it is asked again
  fault   an error, with or without a part of the text
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import threading
from collections import Counter, deque
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from loopback import DONE, Request, answer, calls, completion, event
from wire_server import EVENTS, Act, Again, Server, Step, chunked, whole

WHOLE = {"plain": 40, "slow": 16, "cut anywhere": 5, "comments": 5, "gzip": 5, "no [DONE]": 5}
AGAIN = {"reset before": 3, "429, at once": 2, "429, in a second": 1, "500": 2}
FAULT = {"reset within": 3, "closed within": 3, "no end": 3, "a page": 2, "400": 1, "an error": 2}
KINDS = WHOLE | AGAIN | FAULT
STREAMED = {"comments", "no [DONE]", "no end", "an error"}
TAG = re.compile(r"[QS]\d+(?:-\d+)?\b")
PAGE = "<html><head><title>Log in</title></head><body>Welcome to the lounge. Please pay.</body></html>"
SAID = (
    "harbour",
    "naïve café",
    "**bold** words",
    "`code`",
    "漢字かな",
    "😀 and 👩‍👩‍👧",
    "x < y & z",
    "$a_1^2$",
    "a [page](https://a.example/)",
    "\n\n- one\n- two\n\n",
    "\n\n```python\nprint('x')\n```\n\n",
    "Grüße,",
)


def words_of(chance: random.Random, tag: str) -> str:
    said = chance.choices(SAID, k=chance.choice((1, 5, 20, 60)))
    return f"A-{tag}: {' '.join(said)}."


def asked_in(messages: list[dict[str, Any]]) -> tuple[str, int]:
    """Return the tag of the question that messages end with, and how many messages follow it."""
    for behind, message in enumerate(reversed(messages)):
        found = TAG.match(message.get("content") or "") if message["role"] == "user" else None
        if found:
            return found[0], behind
    return "?", 0


class Faulty(Server):
    """The service.

    Args:
        seed: What is drawn from.
        notes: Where it notes what it says.
    """

    def __init__(self, seed: str, notes: Path) -> None:
        self._seed = seed
        self._notes = notes.open("ab", buffering=0)  # a note is there whole, or not at all
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, int]] = Counter()
        self._count = 0
        super().__init__()
        self.requests = deque(maxlen=1)  # of thousands, none is looked at
        self.script = self._planned

    def _planned(self, request: Request) -> list[Step]:
        body, calm = request.body, "x-calm" in request.headers
        tag, behind = asked_in(body["messages"])
        with self._lock:
            self._count += 1
            self._asked[tag, behind] += not calm
            number, times = self._count, self._asked[tag, behind]
        chance = random.Random(f"{self._seed} {tag} {behind} {times}")  # noqa: S311 - a run can be repeated
        streams = bool(body.get("stream"))
        kinds = {kind: odds for kind, odds in KINDS.items() if streams or kind not in STREAMED}
        kind = "plain" if calm else chance.choices([*kinds], [*kinds.values()])[0]
        grid = tag.startswith("S")  # a sweep's answers are the same whenever they are asked for
        said = random.Random(f"{self._seed} {tag} {body.get('seed') if grid else number}")  # noqa: S311 - as above
        text, end = self._text(body, tag, behind, said)
        end = "again" if kind in AGAIN else "fault" if kind in FAULT else end
        note = {"tag": tag, "round": behind, "kind": kind, "end": end, "text": text, "calm": calm}
        with self._lock:
            self._notes.write(json.dumps(note).encode() + b"\n")
        if kind in AGAIN or kind in {"a page", "400"}:
            return refused(kind)
        return streamed(kind, text, end, tag, chance) if streams else at_once(kind, text, chance)

    def _text(self, body: dict[str, Any], tag: str, behind: int, said: random.Random) -> tuple[str, str]:
        """Return what answers, and how it ends where no fault comes between."""
        last = body["messages"][-1]
        form = body.get("response_format") or {}
        if body.get("tools") and last["role"] != "tool":
            return "", "calls"
        if last["role"] == "tool":
            return f"A-{tag}: it is {last['content']}. {words_of(said, tag)}", "whole"
        if form.get("type") == "json_schema":
            fits = behind > 0 or tag.startswith("S") or said.random() < 0.7
            size = said.randrange(1000) if fits else "large"
            return json.dumps({"name": f"A-{tag}", "size": size}), "whole" if fits else "misfit"
        return words_of(said, tag), "whole"


def refused(kind: str) -> list[Step]:
    """Return a reply that is no answer."""
    if kind == "reset before":
        return [Act.RESET]
    if kind == "a page":
        return whole(PAGE, content_type="text/html")
    error = json.dumps({"error": {"message": f"This is the fault “{kind}”."}})
    if kind.startswith("429"):
        return whole(error, 429, retry_after="0" if kind == "429, at once" else "1")
    return whole(error, int(kind), retry_after_ms="20") if kind == "500" else whole(error, 400)


def streamed(kind: str, text: str, end: str, tag: str, chance: random.Random) -> list[Step]:
    """Return a stream of a text, or of a call, that ends as its kind says."""
    size = chance.randint(1, 12)
    pieces = answer(*(text[at : at + size] for at in range(0, len(text), size)))
    if end == "calls" or (not text and kind in FAULT):
        pieces = calls(("lookup", json.dumps({"word": tag})))
    if kind == "comments":
        pieces = [part for piece in pieces for part in (b": still here\n\n", piece)]
    if kind == "no [DONE]":
        pieces = pieces[:-1]
    if kind == "slow":
        every = chance.choice((0.002, 0.02, 0.1))
        most = int(2 / every)
        pieces = [b"".join(part) for part in parted(pieces, most)]
        framed = chunked(pieces)
        return [framed[0], *(Again(piece, 1, every) for piece in framed[1:-1]), framed[-1]]
    body = b"".join(pieces)
    if kind == "gzip":
        return chunked(cut(gzip.compress(body), chance), {**EVENTS, "content-encoding": "gzip"})
    if kind == "cut anywhere":
        return chunked(cut(body, chance))
    if kind in FAULT:
        begun = pieces[: chance.randrange(max(1, len(pieces) - 3))]
        ends = {"reset within": [Act.RESET], "closed within": [Act.CLOSE]}.get(kind, [b"0\r\n\r\n"])
        error = [event({"error": {"message": "the fault", "type": "server_error"}}), DONE]
        return chunked(begun + (error if kind == "an error" else []), end=ends)
    return chunked([body])


def at_once(kind: str, text: str, chance: random.Random) -> list[Step]:
    """Return a reply that is not streamed."""
    body = json.dumps(completion(text), ensure_ascii=False).encode()
    headers = {"content-type": "application/json"}
    if kind == "gzip":
        return chunked([gzip.compress(body)], {**headers, "content-encoding": "gzip"})
    if kind in FAULT:
        end = Act.RESET if kind == "reset within" else Act.CLOSE
        return chunked([body[: len(body) // 2]], headers, end=[end])
    if kind == "slow":
        framed = chunked([bytes(part) for part in parted(body, 4)], headers)
        return [framed[0], *(Again(piece, 1, 0.02) for piece in framed[1:-1]), framed[-1]]
    return chunked(cut(body, chance), headers) if kind == "cut anywhere" else chunked([body], headers)


def cut(body: bytes, chance: random.Random) -> list[bytes]:
    """Return a body in pieces that begin and end anywhere, in the middle of a character too."""
    places = sorted(chance.sample(range(1, len(body)), min(len(body) - 1, 60)))
    return [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True)]


def parted(whole_of: Any, most: int) -> list[Any]:
    """Return a sequence in at most so many parts, all but the last of one length."""
    size = -(-len(whole_of) // most) or 1
    return [whole_of[at : at + size] for at in range(0, len(whole_of), size)]


def main() -> None:
    service = Faulty(sys.argv[1], Path(sys.argv[2]))
    print(service.url, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
