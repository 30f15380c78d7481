"""Which thread of the kernel hears what the page says."""

from __future__ import annotations

from typing import Any

__all__ = ["keep_route"]


def keep_route(comm: Any) -> None:
    """Have the page's messages heard by the kernel subshell that the page sent them to.

    JupyterLab from 4.4 sends a widget's messages to a subshell, whose thread runs while a cell does.
    ipykernel from 7.4 sends them on to where the kernel's last word on this comm came from, for the sake of
    replies that one subshell waits for (`BaseComm._reply_subshell_for`): after a cell's word the next click
    waits for that cell. The panel waits for no reply, so what the page chose holds. Kernels without
    subshells have no such method.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_sent  # noqa: SLF001 - it has no public name


def _as_sent(_: object, subshell: str | None) -> str | None:
    return subshell
