"""What reaches the service of what was typed, what is made of faulty streams, and what outlives a kernel."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import nbformat
from bench_faults import of_peer
from kernels import Kernel, Ran
from loopback import Reply, Request, Service
from peer import Place
from spoken import prompt_of, said, said_in
from wire_cases import Case, Outcome
from wire_faults import FAULTS
from wire_framing import FRAMING

# What people ask about with braces, dollars and percent signs in it. No name in them is one of the notebook's.
PROMPTS = [
    "What does {x} stand for?",
    'Explain f"{name!r:>{width}}" to me.',
    "Is {} a dict or a set?",
    'Fix this: "{} and {0}".format(1)',
    'Is {"a": 1, "b": [{"c": null}]} valid JSON?',
    'Is {"a": {"b": {"c": {}}}} deep?',
    r"Simplify $\frac{a}{b}$.",
    r"Simplify $\frac{{a}}{{b}}$.",
    r"Why does LaTeX need \mathrm{{kg}} with two?",
    r"Escape \{x\} for me.",
    "What is $HOME, and what is ${HOME}?",
    "Explain {% raw %}x{% endraw %}.",
    "Explain {# a note #} in Jinja.",
    "body { color: red } p{margin:0}",
    "awk '{ print $1 }' file | sed 's/{/}/'",
    "for (;;) { if (a) { b(); } }",
    "What is {missing.attribute[0]} in a format string?",
    "One brace { alone",
    "One brace } alone",
    "100 %d %s %(name)s",
]


def speaking(request: Request) -> Reply:
    """Say back what was asked."""
    text = f"You said: {prompt_of(request)}"
    return said(request, *(text[at : at + 4] for at in range(0, len(text), 4)))


def braces(place: Place) -> dict[str, Any]:
    """How many prompts arrive as they were typed; a sentence that is put before or after one does not count."""
    service = Service()
    service.script = speaking
    kernel = place.ready(service.url)
    changed: dict[str, str] = {}
    try:
        for prompt in PROMPTS:
            kernel.run(place.peer.fresh)
            service.requests.clear()
            ran = kernel.run(place.peer.cell(prompt), "cell-1")
            came = [prompt_of(request) for request in service.questions]
            if not any(prompt in text for text in came):
                changed[prompt] = came[0] if came else f"not sent: {ran.ename} {ran.evalue}"[:200]
    finally:
        kernel.stop()
        service.stop()
    return {"kept": len(PROMPTS) - len(changed), "of": len(PROMPTS), "changed": changed}


HEARD = """
import inspect, json
async def _heard(url, seconds, path):
    pieces, error = [], None
    try:
        came = drive(url, seconds)
        for piece in await came if inspect.iscoroutine(came) else came:
            pieces.append(piece)
    except BaseException as fault:
        error = f"{type(fault).__name__}: {fault}"
    with open(path, "w") as file:
        json.dump([pieces, error], file)
"""


def faults(place: Place, every: int = 1) -> dict[str, Any]:
    """How many of the streams that the client is held to a peer takes for what they are."""
    if not place.peer.drive:
        return {"why": "not streamed" if place.peer.speaks == "chat" else "another API"}
    wrong: dict[str, str] = {}
    cases: list[Case] = [*FRAMING, *FAULTS][::every]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "heard.json")
        kernel = place.ready("http://127.0.0.1:9", cwd=folder)
        try:
            _run(kernel, place.peer.drive + HEARD)

            def arm(url: str, seconds: float, stream: bool) -> Outcome:  # noqa: FBT001 - an arm's arguments
                _run(kernel, f"await _heard({url!r}, {seconds}, {str(path)!r})")
                pieces, error = json.loads(path.read_text())
                # Half a character, which a delta may hold, and the answer does not.
                text = "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
                return Outcome([text], error=error and RuntimeError(error))

            for case in cases:
                for found in of_peer(arm, case, []):
                    wrong.setdefault(case.id, f"{case.name}: {found}"[:200])
        finally:
            kernel.stop()
    ids = {case.id for case in cases}
    return {"held": len(ids) - len(wrong), "of": len(ids), "wrong": wrong}


def _run(kernel: Kernel, code: str, cell_id: str | None = None) -> Ran:
    ran = kernel.run(code, cell_id, timeout=120)
    assert ran.status == "ok", f"{ran.ename}: {ran.evalue}"
    return ran


FIRST, SECOND = "My name is Ada.", "What is my name?"


def restarts(place: Place) -> dict[str, Any]:
    """Whether a question after a restart goes out with the exchange before it, and how it is restored."""
    service, peer = Service(), place.peer
    service.script = speaking
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notebook.ipynb")
        kernel = place.ready(service.url, cwd=folder)
        try:
            asked = _run(kernel, peer.cell(FIRST), "cell-1")
            cell = nbformat.v4.new_code_cell(peer.cell(FIRST), id="cell-1", outputs=asked.notebook_outputs())
            nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
            _run(kernel, peer.save)
        finally:
            kernel.stop()
        kernel = place.ready(service.url, cwd=folder)
        try:
            _run(kernel, peer.restore.replace("NOTEBOOK", path.name))
            _run(kernel, peer.cell(SECOND, "again"), "cell-2")
        finally:
            kernel.stop()
            service.stop()
    sent = "\n".join(said_in(service.questions[-1]))
    return {"restored": FIRST in sent and f"You said: {FIRST}" in sent, "how": peer.how}
