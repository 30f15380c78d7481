"""Records to write, without a service to ask."""

from __future__ import annotations

from jupyter_prem.client import response_of
from jupyter_prem.records import Arrival, Record


def record_of(question: str, text: str = "yes", n: int = 1, **about) -> Record:
    """The record of a short answer to a question; `about` are other fields of the answer."""
    answer = {"id": "a", "created": 1, "model": "m", **about}
    answer["choices"] = [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": question}]}
    return Record.of("prem", body, response_of(answer), Arrival([[0, 9, len(text)]], [1]), n=n)
