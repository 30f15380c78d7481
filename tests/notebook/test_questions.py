"""Which recordings a saved notebook asks for."""

from __future__ import annotations

from jupyter_prem.client import response_of
from jupyter_prem.conversation import body_hash
from jupyter_prem.notebook._questions import Questions
from jupyter_prem.records import Arrival, Record

ANSWER = {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}


def record_of(messages, *, shown=True):
    body = {"model": "m", "messages": messages}
    return Record.of("prem", body, response_of(ANSWER), Arrival(), shown=shown)


def test_later_rounds_of_what_is_asked_are_used_and_what_only_begins_alike_is_not():
    asked = record_of([{"role": "user", "content": "one"}])
    round_two = record_of(
        [{"role": "user", "content": "one"}, {"role": "assistant"}, {"role": "tool", "content": "3"}]
    )
    other = record_of([{"role": "user", "content": "one "}, {"role": "assistant"}])
    panel = record_of([{"role": "user", "content": "two"}], shown=False)
    questions = Questions({body_hash(asked.body): "one"})
    used = questions.used([asked, round_two, other, panel])
    assert used == {(one.key, 1) for one in (asked, round_two, panel)}
    assert questions.missing([round_two]) == ["one"]
