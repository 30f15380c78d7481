"""Answers to one question, to compare."""

from __future__ import annotations

from jupyter_prem.client import response_of
from jupyter_prem.records import Arrival, Record, compare


def choice(content="yes", finish="stop", calls=(), refusal=None):
    message = {"role": "assistant", "content": content, "refusal": refusal}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for place, (name, arguments) in enumerate(calls)
        ]
    return {"index": 0, "finish_reason": finish, "message": message}


def response(*choices, fingerprint="fp_1", **about):
    listed = [{**one, "index": place} for place, one in enumerate(choices or [choice()])]
    return response_of(
        {"id": "a", "model": "m", "system_fingerprint": fingerprint, "choices": listed, **about}
    )


def record_of(answer, **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "What is it?"}], **fields}
    return Record.of("prem", body, answer, Arrival())


def compared(then, now, **fields):
    return compare(record_of(response(then), **fields), response(now, fingerprint="fp_2"))


CALLED = choice(calls=[("weather", '{"days": 1}')])
