"""A page that shows a panel, as messages: what panel.js does, without a browser."""

from __future__ import annotations

import itertools
import json
import queue
import time
from collections.abc import Callable
from typing import Any

from kernels import Kernel

_names = itertools.count(1)


class Page:
    """One view of the panel that the kernel holds as `name`."""

    def __init__(self, kernel: Kernel, name: str = "panel", *, subshell: bool = False) -> None:
        self.kernel = kernel
        self.comm = kernel.value(f"{name}.model_id").strip("'")
        self.view = f"view-{next(_names)}"
        self.subshell = self._new_subshell() if subshell else None
        self.state: dict[str, Any] = {}
        self.turns: list[list[int]] = []
        self.html: dict[str, dict[str, Any]] = {}
        self.slots: list[str] = []
        self.n = 0
        self.heard: list[dict[str, Any]] = []
        self.buffers: list[bytes] = []
        self.bytes = 0
        # A browser's JSON escapes half a surrogate pair, which has no UTF-8.
        kernel.client.session.pack = lambda data: json.dumps(data, default=str).encode()
        kernel.watchers.append(self.take)
        self.say("hello")
        self.until(lambda: self.state)

    def say(self, kind: str, /, **more: Any) -> str:
        """Say something and return its id; it may not be heard yet."""
        said = f"said-{next(_names)}"
        message = {"type": kind, "id": said, "view": self.view, **more}
        self.send({"method": "custom", "content": message})
        return said

    def do(self, kind: str, /, **more: Any) -> None:
        """Say something and wait until it was heard."""
        said = self.say(kind, **more)
        self.until(lambda: any(m["type"] == "done" and m["id"] == said for m in self.heard))

    def send(self, data: Any) -> None:
        message = self.kernel.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        if self.subshell is not None:
            message["header"]["subshell_id"] = self.subshell
        self.kernel.client.shell_channel.send(message)

    def ask(self, text: str) -> None:
        """Ask and wait for the end."""
        self.do("ask", text=text)
        self.until(lambda: self.state["asking"] is None)

    def until(self, seen: Callable[[], Any], timeout: float = 20) -> None:
        """Take messages until `seen` is true."""
        deadline = time.monotonic() + timeout
        while not seen():
            assert time.monotonic() < deadline, f"it did not come; the last was {self.heard[-1:]}"
            try:
                self.kernel.hear(0.2)
            except queue.Empty:
                continue

    def take(self, message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != self.comm:
            return
        data = content["data"]
        if data.get("method") != "custom":
            return
        said = data["content"]
        if said.get("view", self.view) != self.view:
            return
        self.bytes += len(json.dumps(said))
        self.heard.append(said)
        self.buffers = message["buffers"] or self.buffers
        getattr(self, f"_on_{said['type']}", lambda _: None)(said)

    def shown(self) -> list[str]:
        """Return the questions that are shown."""
        self._fetch()
        return [self.html[str(number)]["text"] for number, _, _ in self.turns]

    def answers(self) -> list[str]:
        """Return the HTML of the answers that are shown."""
        self._fetch()
        return [self.html[str(number)]["html"] for number, _, _ in self.turns]

    def _fetch(self) -> None:
        for _ in range(100):
            missing = [number for number, _, _ in self.turns if str(number) not in self.html]
            if not missing:
                return
            self.do("html", turns=missing)
        raise AssertionError("what the turns say did not come")

    @property
    def live(self) -> str:
        """The HTML of the answer that is on its way."""
        return "".join(self.slots)

    def _on_state(self, said: dict[str, Any]) -> None:
        if said["base"] is not None and said["base"] != self.state.get("number"):
            self.say("hello")
            return
        self.state = {**self.state, **said}
        self.turns = [*self.turns[: said["keep"]], *said["add"]]
        self.html.update(said["html"])
        if said.get("frames") or said["asking"] is None:
            frames = said.get("frames") or {"n": 0, "slots": []}
            self.n, self.slots = frames["n"], list(frames["slots"])

    def _on_frame(self, said: dict[str, Any]) -> None:
        if said["n"] <= self.n:
            return
        assert said["n"] == self.n + 1, "a frame is missing"
        self.n = said["n"]
        while len(self.slots) <= said["slot"]:
            self.slots.append("")
        before = self.slots[said["slot"]].encode("utf-16-le")[: 2 * said["keep"]].decode("utf-16-le")
        self.slots[said["slot"]] = before + said["add"]

    def _on_html(self, said: dict[str, Any]) -> None:
        self.html.update(said["html"])

    def leave(self) -> None:
        """Say goodbye, and hear nothing any more."""
        self.do("bye")
        self.kernel.watchers.remove(self.take)
        if self.subshell is not None:
            self._control("delete_subshell_request", subshell_id=self.subshell)

    def _new_subshell(self) -> str:
        return str(self._control("create_subshell_request")["subshell_id"])

    def _control(self, kind: str, **content: Any) -> dict[str, Any]:
        message = self.kernel.client.session.msg(kind, content)
        self.kernel.client.control_channel.send(message)
        while True:
            reply = self.kernel.client.get_control_msg(timeout=10)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return dict(reply["content"])
