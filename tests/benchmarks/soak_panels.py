"""The soak's panel: asked, stopped, switched, closed and made again, by a page without a browser."""

from __future__ import annotations

import time

from panels import Page
from soak_chats import NAMES
from soak_judge import judge
from soak_state import Asked, Soak

_PATIENCE = 30.0


def panel(soak: Soak) -> None:
    """Do one thing in the panel; make one, if there is none."""
    if soak.page is None:
        ran = soak.run("panel = ChatPanel()\npanel")
        if ran.status != "ok":
            soak.fault(f"ChatPanel: {ran.error}")
            return
        soak.page = Page(soak.kernel, subshell=soak.chance.random() < 0.5)
    soak.page.do("check", number=soak.page.state["number"])  # it may not have heard yet of a switch in a cell
    acts = {ask: 5, stop: 3, regenerate: 2, beside_a_cell: 3, switch: 2, move: 1, close: 2}
    soak.chance.choices([*acts], [*acts.values()])[0](soak)


def ask(soak: Soak) -> None:
    _ask(soak, soak.tag())


def stop(soak: Soak) -> None:
    _ask(soak, soak.tag(), after=soak.chance.uniform(0, 0.7))


def _ask(soak: Soak, tag: str, after: float | None = None) -> None:
    page, name = soak.page, soak.page.state["conversation"]
    before = soak.branch(name)
    page.do("ask", text=f"{tag} says what?", conversation=name)
    _finish(soak, tag, name, before, before, stop=after)


def _finish(soak: Soak, tag: str, name: str, before: list, base: list, *, stop: float | None = None) -> None:
    """Wait for an answer, or stop it, and judge what came of it."""
    page, stopped = soak.page, False
    began = time.monotonic()
    if stop is not None:
        page.until(lambda: time.monotonic() - began > stop or page.state["asking"] is None)
        stopped = page.state["asking"] is not None
        if stopped:
            page.do("stop")
            began = time.monotonic()
    page.until(lambda: page.state["asking"] is None, _PATIENCE)
    took = time.monotonic() - began
    soak.longest = max(soak.longest, took)
    if took > (5 if stopped else 20):
        soak.late.append(f"{took:.1f} s: {tag} in the panel")
    asked, failed = soak.heard().get(tag, Asked()), page.state["failed"]
    soak.interrupts += stopped
    judge(soak, tag, asked, name=name, before=before, base=base, fine=failed is None, stopped=stopped)
    if failed is not None:
        page.do("dismiss")
    shown = len(page.turns)
    if shown != len(soak.branch(name)):
        soak.fault(f"{tag}: the page shows {shown} turns of {len(soak.branch(name))}")


def regenerate(soak: Soak) -> None:
    """Ask a question of the transcript again, edited or as it was."""
    page, name = soak.page, soak.page.state["conversation"]
    before = soak.branch(name)
    if not before or len(page.turns) != len(before):
        return
    place = soak.chance.randrange(len(before))
    edited = soak.chance.random() < 0.5
    tag = soak.tag() if edited else before[place].tag
    text = {"text": f"{tag} says what?"} if edited else {}
    page.do("regenerate", turn=page.turns[place][0], conversation=name, **text)
    _finish(soak, tag, name, before, before[:place])


def beside_a_cell(soak: Soak) -> None:
    """Ask in the panel and, before it has answered, in a cell of another conversation."""
    page, name, tag = soak.page, soak.page.state["conversation"], soak.tag()
    other = soak.chance.choice([one for one in NAMES if one != name])
    before, others = soak.branch(name), soak.branch(other)
    page.do("ask", text=f"{tag} says what?", conversation=name)
    cell = soak.tag()
    ran = soak.run(f"%%chat -c {other}\n{cell} says what?")
    page.until(lambda: page.state["asking"] is None, _PATIENCE)
    failed = page.state["failed"]
    heard = soak.heard()
    judge(
        soak,
        tag,
        heard.get(tag, Asked()),
        name=name,
        before=before,
        base=before,
        fine=failed is None,
        stopped=False,
    )
    judge(
        soak,
        cell,
        heard.get(cell, Asked()),
        name=other,
        before=others,
        base=others,
        fine=ran.status == "ok",
        stopped=False,
    )
    if failed is not None:
        page.do("dismiss")


def switch(soak: Soak) -> None:
    name = soak.chance.choice(NAMES)
    soak.page.do("switch", name=name)
    soak.page.until(lambda: soak.page.state["conversation"] == name)


def move(soak: Soak) -> None:
    """Undo, and take it back."""
    page, name = soak.page, soak.page.state["conversation"]
    before = [turn.hash for turn in soak.branch(name)]
    if not page.state["undo"]:
        return
    page.do("move", how="undo")
    page.do("move", how="redo")
    if [turn.hash for turn in soak.branch(name)] != before:
        soak.lose("an undo in the panel, taken back, left another conversation")


def close(soak: Soak) -> None:
    """Leave the page, and close the panel."""
    if soak.page is None:
        return
    soak.page.leave()
    soak.page = None
    ran = soak.run("panel.layout.close()\npanel.close()\ndel panel")
    if ran.status != "ok":
        soak.fault(f"ChatPanel: {ran.error}")
