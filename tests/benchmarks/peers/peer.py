"""What a peer is: what pip installs, and the cells that its own documentation has for each thing that is measured."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import uuid
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from kernels import Kernel

COMMON = ("ipykernel==7.*", "brotli")  # what is here too, and decides what a service may pack with
# A key that some will not start without; litellm's list of prices as it ships, not fetched while it is loaded.
ENV: dict[str, str | None] = {"OPENAI_API_KEY": "no-key", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


@dataclass(frozen=True)
class Peer:
    """One column of the table.

    Args:
        name: Its heading.
        installs: What pip is told; nothing is this environment.
        versions: Distributions whose versions are shown.
        load: What a user loads first.
        connect: A cell that points it at a service; URL is the service's, without a path.
        ask: A cell that asks; {text} is the prompt as it is, {literal} as a Python string.
        drive: Python that defines `drive(url, seconds)`, which yields the text of a streamed answer to "hi".
        show: A cell that shows an answer in the first way that the documentation has, where that is not `ask`.
        fresh: A cell after which the next question begins a conversation.
        again: A cell that asks on in the conversation, where that is not `ask`.
        kept: Expression of what a variable holds of a stopped answer.
        stop: A cell that stops an answer, where it does not block the kernel and ■ has nothing to stop.
        begin: A cell that asks and does not wait, where `ask` waits for what does not block the kernel.
        save: A cell that saves the conversation, if it is not in the notebook by itself.
        restore: A cell that takes it up again.
        how: In words, how that is.
        opens: Expression of the comms that a page opens once it has drawn what `connect` displayed.
        speaks: Which API.
    """

    name: str
    installs: tuple[str, ...]
    versions: tuple[str, ...]
    load: str
    connect: str
    ask: str
    drive: str = ""
    show: str = ""
    fresh: str = "pass"
    again: str = ""
    kept: str = ""
    stop: str = ""
    begin: str = ""
    save: str = ""
    restore: str = ""
    how: str = ""
    opens: str = ""
    speaks: str = "chat"

    def cell(self, text: str, kind: str = "ask") -> str:
        """Return the cell that asks a text."""
        return (getattr(self, kind) or self.ask).replace("{literal}", repr(text)).replace("{text}", text)


@dataclass
class Place:
    """A peer, where it is installed: its interpreter and what is there, or why it is not."""

    peer: Peer
    python: str
    found: dict[str, str]
    fault: str = ""

    def kernel(self, **settings: Any) -> Kernel:
        """Start a kernel of the peer's, which knows no service of whoever runs this."""
        return Kernel(python=self.python, env=ENV, log=subprocess.DEVNULL, **settings)

    def ready(self, url: str, **settings: Any) -> Kernel:
        """Start a kernel that is loaded and connected."""
        kernel = self.kernel(**settings)
        for code in (self.peer.load, self.connecting(url)):
            ran = kernel.run(code, timeout=120)
            if ran.status != "ok":
                kernel.stop()
                raise RuntimeError(f"{ran.ename}: {ran.evalue}")
        self.open(kernel)
        return kernel

    def open(self, kernel: Kernel) -> None:
        """Open the comms that the peer's part in the page would."""
        for name in ast.literal_eval(kernel.value(self.peer.opens)) if self.peer.opens else ():
            content = {"comm_id": uuid.uuid4().hex, "target_name": name, "data": {}}
            kernel.client.shell_channel.send(kernel.client.session.msg("comm_open", content))

    def connecting(self, url: str) -> str:
        return self.peer.connect.replace("URL", repr(url))


def placed(peer: Peer, cache: Path, say: Callable[[str], None]) -> Place:
    """Return where a peer is, in an environment of its own that is made if it is not there."""
    if not peer.installs:
        return Place(peer, sys.executable, _versions(sys.executable, peer.versions))
    folder = cache / re.sub(r"\W+", "-", peer.name)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    whole = folder / "whole"
    if not whole.exists():
        say(f"pip install {' '.join(peer.installs)}")
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "-q", *COMMON, *peer.installs]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            last = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
            return Place(peer, "", {}, f"pip install failed: {' '.join(last[-1:])[:200]}")
        whole.touch()
    return Place(peer, str(python), _versions(str(python), peer.versions))


def _versions(python: str, names: tuple[str, ...]) -> dict[str, str]:
    code = (
        "import sys, importlib.metadata as m\n"
        "for name in sys.argv[1:]: print(name, m.version(name), sep='==')"
    )
    ran = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(line.split("==") for line in ran.stdout.splitlines())
