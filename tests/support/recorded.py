"""Records to write, without a service to ask, and what is in a file of them."""

from __future__ import annotations

from typing import Any

from jupyter_prem.client import response_of
from jupyter_prem.records import Arrival, Cassette, Record

HEADER = b'{"jupyter_prem":"cassette","format":1}\n'
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ANSWER: dict[str, Any] = {
    "id": "a",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}


def record_of(question: str, text: str = "yes", n: int = 1, **about) -> Record:
    """The record of a short answer to a question; `about` are other fields of the answer."""
    answer = {"id": "a", "created": 1, "model": "m", **about}
    answer["choices"] = [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": question}]}
    return Record.of("prem", body, response_of(answer), Arrival([[0, 9, len(text)]], [1]), n=n)


def texts(cassette: Cassette) -> list[str]:
    return [record.response.text for record in cassette]


def damaged(record: Record) -> bytes:
    """A record's line with a byte more in what it says."""
    return record.line().replace(b'"content":"', b'"content":"!')
