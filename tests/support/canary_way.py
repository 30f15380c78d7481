"""A way by which a kernel tells what it holds, and what the cells of ways have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """Cells to run; `ends` is the last one's error, `echo` whether the service refuses with the key in its words."""

    cells: tuple[str, ...]
    ends: str = ""
    echo: bool = False
    typed: tuple[str, ...] = ()
    holds: bool = False  # the service does not answer, and the last cell is interrupted


IMPORTS = "from jupyter_prem import AsyncClient, ChatPanel, Client, Conversation, Runs, record, sweep"
FAILS = "Client().chat('hi')"
SENDING = "%xmode Verbose\nfrom unittest import mock"
STOPPED = "with mock.patch('h11.Connection.send', side_effect=KeyboardInterrupt)"
LOGGED = (
    "logging.basicConfig(level=logging.DEBUG, filename='debug.log', force=True)\n"
    "for name in ('httpx', 'httpcore', 'jupyter_prem', 'asyncio', 'openai', 'aiohttp'):\n"
    "    logging.getLogger(name).setLevel(logging.DEBUG)"
)
SILENT = (
    "logging.basicConfig(level=logging.WARNING, force=True)\n"
    "for name in ('httpx', 'httpcore', 'jupyter_prem', 'asyncio', 'openai', 'aiohttp'):\n"
    "    logging.getLogger(name).setLevel(logging.NOTSET)\n"
    "os.remove('debug.log')"
)
KEY = "Client().endpoint.fixed.api_key"
