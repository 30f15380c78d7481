"""One client for each endpoint and setting, with all that it is to ask with."""

from __future__ import annotations

from jupyter_prem import AsyncClient
from jupyter_prem.backends import ClientPool
from jupyter_prem.client import Address, FixedEndpoint, Options

ENDPOINT = FixedEndpoint("http://a.example", Address("http://a.example"))
OPTIONS = Options(7, 1, {"x-team": "a"}, verify=False, stream_usage="never", strict=True)


def test_a_client_of_a_pool_has_every_option():
    pool = ClientPool()
    assert pool.get(ENDPOINT, OPTIONS).options == OPTIONS
    assert pool.get(ENDPOINT, OPTIONS) is pool.get(ENDPOINT, Options(**OPTIONS.arguments()))
    assert pool.get(ENDPOINT, Options(headers={"x-team": "b"})) is not pool.get(ENDPOINT, Options())
    pool.close()


def test_a_client_for_threads_has_every_option():
    assert AsyncClient(ENDPOINT, **OPTIONS.arguments()).in_threads().options == OPTIONS
