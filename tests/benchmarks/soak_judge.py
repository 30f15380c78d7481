"""What must have come of a question: the service's notes of it beside what the notebook holds."""

from __future__ import annotations

from soak_state import Asked, Soak, Turn

WHOLE = ("whole", "misfit")


def judge(
    soak: Soak,
    tag: str,
    asked: Asked,
    *,
    name: str | None,
    before: list[Turn],
    base: list[Turn],
    fine: bool,
    stopped: bool,
) -> None:
    """Compare a conversation with what the service said.

    Args:
        soak: The run.
        tag: The question.
        asked: What the service noted of it.
        name: The conversation; None is the current one.
        before: Its branch before the question.
        base: What of it the question follows.
        fine: Whether nobody was told of an error.
        stopped: Whether a person stopped it, perhaps too late.
    """
    after = soak.branch(name)
    if asked.asked_twice():
        soak.fault(f"{tag} was asked again after it can have been answered: {asked.notes}")
    same = _hashes(after) == _hashes(before)
    added = bool(after) and after[-1].tag == tag and _hashes(after[:-1]) == _hashes(base)
    turn = after[-1] if added else None
    if stopped:
        _judge_stopped(soak, tag, asked, turn, same=same)
    elif asked.end in WHOLE:
        if turn is None or turn.cut or turn.text != asked.last["text"]:
            soak.lose(f"{tag} is not in the conversation as it was said: {turn} for {asked.last}")
        if fine != (asked.end == "whole"):
            soak.fault(f"{tag} was {asked.end}, and the page said {'nothing' if fine else 'an error'}")
    elif asked.end in {"fault", "again"}:
        _judge_failed(soak, tag, asked, turn, fine=fine, same=same)
    else:
        soak.fault(f"{tag} ended with {asked.end}")
    if turn is not None and not turn.cut:
        keep(soak, tag, turn.text)


def keep(soak: Soak, tag: str, text: str) -> None:
    """Note an answer that must be found from now on."""
    soak.answered += 1
    soak.kept.setdefault(tag, []).append(text)


def judge_once(
    soak: Soak, tag: str, asked: Asked, before: list[Turn], name: str, *, fine: bool, stopped: bool
) -> None:
    """Compare `chat_response` with what the service said to a question that no conversation keeps."""
    if _hashes(soak.branch(name)) != _hashes(before):
        soak.fault(f"{tag} was asked once, and changed the conversation")
    if asked.asked_twice():
        soak.fault(f"{tag} was asked again after it can have been answered: {asked.notes}")
    said = soak.response or {"text": "", "cut": True}
    if not stopped and asked.end in WHOLE and (said["cut"] or said["text"] != asked.last["text"]):
        soak.lose(f"{tag} is not in chat_response: {said} for {asked.last}")
    if not stopped and fine != (asked.end == "whole"):
        soak.fault(f"{tag} was {asked.end}, and the page said {'nothing' if fine else 'an error'}")
    if not stopped and asked.end in WHOLE:
        soak.answered += 1


def audit(soak: Soak) -> None:
    """Look for every answer that a conversation has taken."""
    said = soak.told("tell_all()")
    for tag, texts in soak.kept.items():
        for text in texts:
            if text not in said.get(tag, ()):
                soak.lose(f"{tag} was there, and is not any more")


def _judge_stopped(soak: Soak, tag: str, asked: Asked, turn: Turn | None, *, same: bool) -> None:
    if turn is None:
        if not same:
            soak.lose(f"{tag} was stopped, and the conversation is another: {asked.last}")
        return
    whole = [note["text"] for note in asked.notes if note["end"] in WHOLE]
    if not turn.cut and turn.text not in whole and not same:
        soak.fault(f"{tag} was stopped, and half of it counts as whole: {turn} for {asked.last}")
    if turn.cut and not asked.begins(turn.text) and not same:
        soak.fault(f"{tag} was stopped, and holds what nobody said: {turn} for {asked.last}")


def _judge_failed(soak: Soak, tag: str, asked: Asked, turn: Turn | None, *, fine: bool, same: bool) -> None:
    if fine:
        soak.fault(f"{tag} failed ({asked.last['kind']}), and nobody was told")
    if same:
        return
    # After a call, or an answer that did not fit, the exchange is kept as far as it came.
    if turn is None or not asked.last["round"] or not asked.begins(turn.text):
        soak.fault(f"{tag} failed ({asked.last['kind']}), and the conversation is another: {turn}")
    elif not turn.cut and turn.text == asked.last["text"][: len(turn.text)] and turn.text:
        soak.fault(f"{tag} failed ({asked.last['kind']}), and half of it counts as whole: {turn}")


def _hashes(turns: list[Turn]) -> list[str]:
    return [turn.hash for turn in turns]
