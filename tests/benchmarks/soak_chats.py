"""The soak's cells: `%%chat` in every form, moves of the conversation, and the other subcommands."""

from __future__ import annotations

from soak_judge import judge, judge_once
from soak_state import Asked, Soak, Turn

NAMES = ("default", "alpha", "beta")
MORE = ("", "", "", "--no-stream", "--window 3", "-t 0.5 --seed 3", "-s 'Be brief.'", "--new")
SUBCOMMANDS = (
    "status",
    "history",
    "usage",
    "conversations",
    "models",
    "budget",
    "record",
    "export soak.md",
    "export soak.json",
    "export soak-of-it.ipynb",
)


def moment(soak: Soak, odds: float = 0.3) -> float | None:
    """Return after how many seconds a cell is interrupted; None, mostly."""
    return soak.chance.uniform(0, 0.7) if soak.chance.random() < odds else None


def base_of(before: list[Turn], cell_id: str | None, options: str) -> list[Turn]:
    """Return what of a branch a cell's question follows."""
    if "--new" in options:
        return []
    places = [place for place, turn in enumerate(before) if cell_id is not None and cell_id in turn.cells]
    return before[: places[0]] if places else before


def chat(soak: Soak) -> None:
    kind = soak.chance.choice(
        ("--once", "--schema Thing", "--schema Thing --retries 1", "--tools lookup", "", "", "")
    )
    options = f"{kind} {soak.chance.choice(MORE) if not kind else ''}".strip()
    name = soak.chance.choice(NAMES)
    cell_id = f"{name}-{soak.chance.randrange(8)}" if soak.chance.random() < 0.8 else None
    ask(soak, name, options, cell_id, stop=moment(soak))


def ask(
    soak: Soak,
    name: str,
    options: str,
    cell_id: str | None,
    *,
    tag: str | None = None,
    stop: float | None = None,
) -> tuple[Asked, bool]:
    """Ask in a cell, and judge what came of it; return what was noted, and whether it was stopped."""
    tag = tag or soak.tag()
    before = soak.branch(name)
    ran = soak.run(f"%%chat -c {name} {options}\n{tag} says what?", cell_id, stop=stop)
    asked, stopped, fine = soak.heard().get(tag, Asked()), soak.stopped, ran.status == "ok"
    if "--once" in options:
        judge_once(soak, tag, asked, before, name, fine=fine, stopped=stopped)
    else:
        base = base_of(before, cell_id, options)
        judge(soak, tag, asked, name=name, before=before, base=base, fine=fine, stopped=stopped)
    return asked, stopped


def regenerate(soak: Soak) -> None:
    before = soak.branch()
    ran = soak.run("%prem regenerate", stop=moment(soak))
    stopped = soak.stopped
    if not before:
        if ran.status == "ok" or (not stopped and ran.ename != "ConversationError"):
            soak.fault(f"there is nothing to regenerate, and it said {ran.ename}")
        return
    tag = before[-1].tag
    asked = soak.heard().get(tag, Asked())
    judge(
        soak,
        tag,
        asked,
        name=None,
        before=before,
        base=before[:-1],
        fine=ran.status == "ok",
        stopped=stopped,
    )


def move(soak: Soak) -> None:
    """Undo and redo, reset and undo, or switch."""
    which = soak.chance.choice(("undo", "undo", "reset", "switch"))
    before = soak.branch()
    if which == "switch":
        works(soak, f"%prem switch {soak.chance.choice(NAMES)}")
        return
    ran = soak.run(f"%prem {which}")
    if ran.status == "error":
        if which != "undo" or ran.ename != "ConversationError":
            soak.fault(f"%prem {which}: {ran.error}")
        return
    if which == "reset" and soak.branch():
        soak.fault("a conversation that was reset is not empty")
    # Without this every second undo is one that is never taken back.
    if soak.chance.random() < 0.7 and (before or which == "undo"):
        works(soak, f"%prem {'redo' if which == 'undo' else 'undo'}")
        after = soak.branch()
        if [turn.hash for turn in after] != [turn.hash for turn in before]:
            soak.lose(f"%prem {which}, taken back, left another conversation")


def fork(soak: Soak) -> None:
    number = soak.chance.randrange(3)
    before = soak.branch()
    works(soak, f"%prem fork side-{number}", f"fork-{number}")
    after = soak.branch(f"side-{number}")
    if [turn.hash for turn in after] != [turn.hash for turn in before]:
        soak.lose("a fork is another conversation than what it was forked from")
    if soak.chance.random() < 0.5:
        works(soak, f"%prem switch {soak.chance.choice(NAMES)}")


def prem(soak: Soak) -> None:
    works(soak, f"%prem {soak.chance.choice(SUBCOMMANDS)}")


def works(soak: Soak, code: str, cell_id: str | None = None) -> None:
    """Run a cell that must do what it says."""
    ran = soak.run(code, cell_id)
    if ran.status != "ok":
        soak.fault(f"{code}: {ran.error}")
