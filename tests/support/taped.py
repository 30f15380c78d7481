"""Clients that ask while something is recorded, of either kind, and are closed at the end."""

from __future__ import annotations

import contextlib

from waited import Waited

from jupyter_prem import Client

OPEN = contextlib.ExitStack()
KINDS: list[type[Client | Waited]] = [Client]


def client(*args, **settings):
    return OPEN.enter_context(KINDS[-1](*args, **settings))


def streamed(client, text, **fields):
    with client.stream(text, **fields) as stream:
        return [str(delta) for delta in stream], stream.response
