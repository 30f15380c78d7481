"""Clients of the endpoint, one after the other and at once: seeds, those that leave, those that wait, garbage."""

from __future__ import annotations

import itertools
import socket

import httpx
import pytest
from bare import ASK, PATH, ask

pytestmark = pytest.mark.weights


# Uncancelled, it generates for more than half a minute: a list of at least 1,500 strings.
ENDLESS_SCHEMA = {"type": "array", "items": {"type": "string"}, "minItems": 1500}
ENDLESS = {
    **ASK,
    "max_completion_tokens": 8_000,
    "response_format": {"type": "json_schema", "json_schema": {"name": "list", "schema": ENDLESS_SCHEMA}},
}


FOX = [{"role": "user", "content": "Tell me a story about a fox."}]


def seeded(api):
    return ask(api, seed=7, max_completion_tokens=48, messages=FOX).json()["choices"][0]["message"]["content"]


def cancelled(api, **fields):
    body = {**ASK, "max_completion_tokens": None, "stream": True, **fields}
    with api.stream("POST", PATH, json=body) as response:
        assert len(list(itertools.islice(response.iter_lines(), 9))) == 9


def test_the_same_seed_gives_the_same_text_whatever_came_before(api):
    first = seeded(api)
    for temperature in (0.7, 1.5):
        ask(
            api,
            messages=FOX,
            temperature=temperature,
        )
    assert seeded(api) == first
    cancelled(api, messages=FOX)
    assert seeded(api) == first
    cancelled(api, seed=7)
    ask(api, seed=8)
    ask(api, messages=[{"role": "user", "content": "word " * 300}])
    assert seeded(api) == first


def test_without_a_seed_the_text_differs(api):
    question = {"messages": [{"role": "user", "content": "Tell me a story."}], "max_completion_tokens": 24}
    assert len({ask(api, **question).json()["choices"][0]["message"]["content"] for _ in range(4)}) > 1


def leave_after(api, body, seconds=0.5):
    with pytest.raises(httpx.ReadTimeout):
        api.post(PATH, json=body, timeout=seconds)


def answered_soon(api):
    """A batch of a prompt takes about a second, three on a busy machine: this is far below what was left."""
    assert api.post(PATH, json=ASK, timeout=10).status_code == 200


def test_a_client_that_leaves_frees_the_slot(api):
    for _ in range(2):
        cancelled(api, **ENDLESS)
    leave_after(api, ENDLESS)
    answered_soon(api)


def test_a_client_that_leaves_while_its_prompt_is_read_frees_the_slot(api):
    # Uncancelled, it is read for more than a minute.
    leave_after(api, {**ASK, "messages": [{"role": "user", "content": "word " * 6000}]})
    answered_soon(api)


def test_a_client_that_leaves_the_queue_is_never_asked_for(api):
    with api.stream("POST", PATH, json={**ENDLESS, "stream": True}) as first:
        next(first.iter_lines())
        leave_after(api, ENDLESS)
    answered_soon(api)


def test_requests_queue(endpoint):
    address = endpoint.address()
    headers = {"Authorization": address.api_key.header()}

    async def main():
        import asyncio

        async with httpx.AsyncClient(base_url=address.base_url, headers=headers, timeout=60) as client:
            return await asyncio.gather(*(client.post(PATH, json={**ASK, "seed": 1}) for _ in range(5)))

    import asyncio

    answers = asyncio.run(main())
    assert len({answer.json()["choices"][0]["message"]["content"] for answer in answers}) == 1


def test_garbage_on_the_port_harms_nobody(api, endpoint):
    port = int(endpoint.address().base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"\x16\x03\x01 not HTTP\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert api.get("/api/v1/models").status_code == 200
