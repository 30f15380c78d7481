"""The subcommands of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_prem.client import PremError
from jupyter_prem.notebook._draw import draw_lines, say
from jupyter_prem.records import Cassette, Change, Found, Mode, Tape, verify as verify_records

if TYPE_CHECKING:
    from jupyter_prem.notebook._magics import PremMagics

__all__ = ["record", "verify"]

_USAGE = "%prem record none, once, new_episodes, all or off; then a FILE, if not the notebook's own"
_ATTRIBUTES = "*.chat.jsonl text eol=lf merge=union diff=chat"
_VERIFY_USAGE = "%prem verify [FILE] [--repeats N]"
# What a cell says is the same when it is run again: nbval compares it.
_SAYS = {
    Mode.NONE: "Answers come from {}; nobody is asked.",
    Mode.ONCE: "Answers come from {}; while it is a new file, they are asked for and recorded there.",
    Mode.NEW_EPISODES: "Answers come from {}; those it has not are asked for and recorded there.",
    Mode.ALL: "Every question is asked, and every answer recorded in {}.",
}


def record(magics: PremMagics, *words: str) -> None:
    """Choose what is recorded and replayed, and say so."""
    recordings = magics.notebook.recordings
    mode, name, pace = _words(words)
    if mode is None:
        tape = recordings.held()
        lines = ["Nothing is recorded or replayed."] if tape is None else [*_state(tape), *_offer(tape)]
        say(magics.shell, *lines)
        return
    if mode == "off":
        recordings.off()
        magics.notebook.changed(None)
        say(magics.shell, "Nothing is recorded or replayed from now on.")
        return
    where = Found(Path(name).expanduser().absolute()) if name else None
    tape = recordings.choose(Mode.of(mode), where, pace=pace)
    tape.load()
    magics.notebook.changed(None)
    say(magics.shell, _SAYS[tape.mode].format(tape.cassette.path.name))


def _words(words: tuple[str, ...]) -> tuple[str | None, str, bool]:
    """Return the mode, the file and whether replays take their time.

    Raises:
        PremError: There are more words, or an option that is none.
    """
    plain = [word for word in words if word != "--pace"]
    wrong = [word for word in plain if word.startswith("-")]
    if wrong or len(plain) > 2:  # noqa: PLR2004 - a mode and a file
        what = f"%prem record has no option {wrong[0]}." if wrong else "%prem record takes a mode and a file."
        raise PremError(what, hint=_USAGE)
    return (plain[0] if plain else None), (plain[1] if len(plain) > 1 else ""), "--pace" in words


def _state(tape: Tape) -> list[str]:
    count = len({(record.key, record.n) for record in tape})
    mode = "Recording and replaying" if tape.asks else "Replaying only; nobody is asked"
    names = ", ".join(cassette.path.name for cassette in tape.cassettes)
    faults = [f"{cassette.path.name}: {fault}" for cassette in tape.cassettes for fault in cassette.faults]
    answers = f"{count} answer{'s' * (count != 1)} in {names}"
    return [f"{mode} ({tape.mode.value}): {answers}.", *faults]


def _offer(tape: Tape) -> list[str]:
    """Return how git merges and shows recordings, where the repository does not know it yet."""
    if not tape.asks:
        return []
    root = next((folder for folder in tape.cassette.path.parents if (folder / ".git").exists()), None)
    if root is None:
        return []
    attributes = root / ".gitattributes"
    try:
        if attributes.exists() and ".chat.jsonl" in attributes.read_text(encoding="utf-8"):
            return []
    except (OSError, UnicodeDecodeError):
        return []
    return [
        "So that git merges recordings of two branches and shows them as people read them:",
        f"echo '{_ATTRIBUTES}' >> .gitattributes",
        "git config diff.chat.textconv 'jupyter prem show'",
    ]


def verify(magics: PremMagics, *words: str) -> None:
    """Ask recorded questions again, live, and draw what changed."""
    from jupyter_prem.backends import asking_again
    from jupyter_prem.notebook._questions import Questions

    name, repeats = _verify_words(words)
    cassette = Cassette(Path(name).expanduser()) if name else magics.notebook.recordings.cassette()
    if not cassette.exists:
        raise PremError(f"There are no recordings in {cassette.path}.", hint="%prem record once makes some.")
    records = list(cassette)
    questions = Questions.beside(cassette.path)
    used = {(record.key, record.n) for record in records} if questions is None else questions.used(records)
    tape = magics.notebook.recordings.held()
    if tape is not None and tape.cassette.path == cassette.path:
        used |= tape.used
    settings = magics.notebook.settings()
    allowed = settings.allow_http_hosts
    with asking_again(settings.options, endpoint=settings.endpoint, allow_http_hosts=allowed) as ask:
        report = verify_records(
            records,
            ask,
            repeats=repeats,
            used=lambda record: (record.key, record.n) in used,
            missing=questions.missing(records) if questions is not None else (),
        )
    lines = [line for check in report.checks if check.change is not Change.SAME for line in check.lines()]
    faults = [f"damaged: {fault}" for fault in cassette.faults]
    draw_lines(magics.shell, [*lines, *faults, *report.lines()])


def _verify_words(words: tuple[str, ...]) -> tuple[str, int]:
    """Return the file and how often each question is asked.

    Raises:
        PremError: There are more words, an option that is none, or a number that is none.
    """
    plain, repeats = [], "1"
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name == "--repeats":
            repeats = value if equals else next(rest, "")
        else:
            plain.append(word)
    if not (repeats.isascii() and repeats.isdigit() and int(repeats) > 0):
        raise PremError("--repeats takes a number from 1.", hint=_VERIFY_USAGE)
    if len(plain) > 1 or any(word.startswith("-") for word in plain):
        raise PremError("%prem verify takes a file and --repeats N.", hint=_VERIFY_USAGE)
    return (plain[0] if plain else ""), int(repeats)
