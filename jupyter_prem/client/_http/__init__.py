"""The wire: the one package that knows httpx; `_wire` for threads, `_async_wire` for a running loop."""
