"""A real IPython kernel, driven as a front end drives it."""

from __future__ import annotations

import os
import queue
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

# What tells a kernel who is asked, and that a test watches it.
NOBODY = dict.fromkeys(("PREM_ENDPOINT", "PREMAI_API_KEY", "PREM_MODEL", "CI", "PYTEST_CURRENT_TEST"))
# A cell after which no connection is made.
GUARD = """
import socket
def refuse(self, address, *_):
    raise AssertionError(f"a socket was opened to {address}")
socket.socket.connect = socket.socket.connect_ex = refuse
"""


@dataclass
class Ran:
    """What a cell left behind: its outputs as a front end saves them, and every message on the way."""

    status: str
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    payload: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(output.get("text", "") for output in self.outputs)

    @property
    def bundles(self) -> list[dict[str, Any]]:
        return [output["data"] for output in self.outputs if "data" in output]

    def notebook_outputs(self) -> list[Any]:
        """Return the outputs as a notebook has them."""
        kinds = {"name": "stream", "ename": "error", "execution_count": "execute_result"}
        return [
            nbformat.from_dict(
                {
                    "output_type": next(
                        (kind for name, kind in kinds.items() if name in output), "display_data"
                    ),
                    **{name: value for name, value in output.items() if name != "transient"},
                }
            )
            for output in self.outputs
        ]

    @property
    def error(self) -> str:
        return "\n".join(self.traceback)


class Kernel:
    """One kernel process, of another interpreter if one is named. `live` cells carry a cell id, as JupyterLab's do."""

    def __init__(
        self,
        env: dict[str, str | None] | None = None,
        cwd: str | None = None,
        log: IO[bytes] | None = None,
        options: list[str] | None = None,
        python: str | None = None,
    ) -> None:
        environ = {**os.environ, **{name: value for name, value in (env or {}).items() if value is not None}}
        for name in [name for name, value in (env or {}).items() if value is None]:
            environ.pop(name, None)
        self._log = log
        self._options = options or []
        self._python = python
        self.watchers: list[Callable[[dict[str, Any]], None]] = []
        # Not this folder, from which a kernel would import the tree rather than what is installed.
        folder = cwd or tempfile.gettempdir()
        try:
            self._start(environ, folder)
        except RuntimeError:  # its ports are chosen before it takes them: another process may be quicker
            self.stop()
            self._start(environ, folder)

    def _start(self, environ: dict[str, str], folder: str) -> None:
        self.manager = KernelManager(kernel_name="python3")
        if self._python is not None:
            argv = [self._python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            self.manager._kernel_spec = KernelSpec(argv=argv, display_name="Python 3", language="python")
        self.manager.start_kernel(
            env=environ, cwd=folder, stdout=self._log, stderr=self._log, extra_arguments=self._options
        )
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid

    def start(self, code: str, cell_id: str | None = None, *, asks: bool = False) -> str:
        """Send a cell and return the id of its message; `asks` says that it may ask for input."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": asks,
            "stop_on_error": True,
        }
        message = self.client.session.msg("execute_request", content)
        if cell_id is not None:
            message["metadata"]["cellId"] = cell_id
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def finish(self, msg_id: str, timeout: float = 60) -> Ran:
        """Wait until the cell is done and return what it left."""
        ran = Ran("")
        clearing = False
        deadline = time.monotonic() + timeout
        while True:
            message = self.hear(max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            ran.messages.append(message)
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "clear_output":
                clearing = content["wait"]
                if not clearing:
                    ran.outputs.clear()
            elif kind in {"display_data", "execute_result", "stream", "error"}:
                if clearing:
                    ran.outputs.clear()
                    clearing = False
                ran.outputs.append(content)
            elif kind == "update_display_data":
                self._update(ran, content)
        # It is sent before the kernel says that it is idle: ipykernel loses one that an interrupt falls into.
        reply = self._reply(msg_id, min(deadline, time.monotonic() + 10))
        ran.status = reply["status"]
        ran.payload = reply.get("payload", [])
        if ran.status == "error":
            ran.ename, ran.evalue, ran.traceback = reply["ename"], reply["evalue"], reply["traceback"]
        return ran

    def run(self, code: str, cell_id: str | None = None, timeout: float = 60) -> Ran:
        ran = self.finish(self.start(code, cell_id), timeout)
        while ran.status == "aborted":  # ipykernel before 7 drops what comes right after an error
            ran = self.finish(self.start(code, cell_id), timeout)
        return ran

    def typed(self, code: str, *texts: str) -> tuple[Ran, dict[str, Any]]:
        """Run a cell that asks, type the texts, and return what it left and how it asked last."""
        msg_id = self.start(code, asks=True)
        asked: dict[str, Any] = {}
        for text in texts:
            asked = dict(self.client.get_stdin_msg(timeout=10)["content"])
            self.client.input(text)
        return self.finish(msg_id), asked

    def value(self, expression: str) -> Any:
        """Return the repr of an expression, evaluated."""
        ran = self.run(f"print(repr(({expression})))")
        assert ran.status == "ok", ran.error
        return ran.text.rstrip("\n")

    def until(self, msg_id: str, seen: Any, timeout: float = 30) -> dict[str, Any]:
        """Wait for a message of a running cell that `seen` accepts."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                message = self.hear(1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") == msg_id and seen(message):
                return dict(message)
        raise AssertionError("the message did not come")

    def hear(self, timeout: float) -> dict[str, Any]:
        """Return the next message of the kernel's; every watcher is told of it."""
        message: dict[str, Any] = self.client.get_iopub_msg(timeout=timeout)
        for watcher in self.watchers:
            watcher(message)
        return message

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()

    def _reply(self, msg_id: str, deadline: float) -> dict[str, Any]:
        while True:
            message = self.client.get_shell_msg(timeout=max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") == msg_id:
                return dict(message["content"])

    @staticmethod
    def _update(ran: Ran, content: dict[str, Any]) -> None:
        shown = content["transient"]["display_id"]
        for output in ran.outputs:
            if output.get("transient", {}).get("display_id") == shown:
                output["data"] = content["data"]
