"""The soak's many requests at once, sweeps and `AsyncClient`; and its recordings."""

from __future__ import annotations

import json

from soak_chats import ask, moment, works
from soak_judge import WHOLE
from soak_state import Soak

from jupyter_prem.records import Cassette

_TRIES = 12  # runs of one sweep until no request of it failed
ASYNC = """
async def asked(client, text):
    try:
        return [(await client.chat(text)).text, ""]
    except Exception as error:
        return ["", type(error).__name__]
async def streamed(client, text):
    try:
        async with client.stream(text) as stream:
            got = "".join([str(delta) async for delta in stream])
        return [got, ""]
    except Exception as error:
        return ["", type(error).__name__]
async with AsyncClient(timeout=10) as client:
    _asked = await asyncio.gather(*(asked(client, f"{{tag}} says what?") for tag in {one!r}),
                                  *(streamed(client, f"{{tag}} says what?") for tag in {other!r}))
import json
print(json.dumps(_asked))
"""


def sweep(soak: Soak) -> None:
    """Ask a grid, interrupted or not, again until every request of it is answered; compare with an unbroken run."""
    tag, count = soak.tag("S"), soak.chance.randint(20, 100)
    file = f"sweep-{soak.chance.randrange(5)}.chat.jsonl"
    form = ", response_format=Thing" if soak.chance.random() < 0.2 else ""
    grid = f"sweep('{tag}-{{{{ n }}}} says what?', n=range({count}){form}"
    code = f"runs = {grid}, record={file!r})"
    if not form and soak.chance.random() < 0.5:
        code = f"%%sweep n=0:{count} --record {file}\n{tag}-{{{{ n }}}} says what?"
    done: dict[str, str] = {}
    breaks = 0
    for number in range(_TRIES):
        ran = soak.run(code, limit=60, stop=moment(soak, 0.5 if number < 3 else 0))
        breaks += soak.stopped
        stopped = soak.stopped
        if ran.status not in {"ok", "lost"} and not (
            stopped and ran.ename in {"SweepInterrupted", "Interrupted", "KeyboardInterrupt"}
        ):
            soak.fault(f"{tag}: {ran.status} {ran.ename} {ran.error}")
        _asked_on(soak, tag, done, breaks)
        done |= recorded(soak, file, tag)
        if len(done) == count and ran.status == "ok":
            break
    else:
        soak.lose(f"{tag}: {count - len(done)} of {count} requests have no answer after {_TRIES} runs")
        return
    ran = soak.run(f"unbroken = {grid}, client=AsyncClient(headers={{'x-calm': 'yes'}}))", limit=60)
    soak.heard()
    table = (
        soak.told("tell_table(runs, unbroken)") if ran.status == "ok" else {"differs": ran.error, "texts": []}
    )
    if table["differs"]:
        soak.lose(f"{tag} is not the table of an unbroken run: {table['differs']}")
    for number, text in enumerate(table["texts"]):
        if done.get(f"{tag}-{number}") != text:
            soak.lose(
                f"{tag}-{number} is {text!r} in its table, and {done.get(f'{tag}-{number}')!r} in {file}"
            )
    soak.answered += count


def _asked_on(soak: Soak, tag: str, done: dict[str, str], breaks: int) -> None:
    """Look at what the service was asked in a run of a sweep: nothing that was recorded, nothing twice."""
    for one, asked in soak.heard().items():
        if not one.startswith(f"{tag}-"):
            soak.fault(f"{one} was asked in a sweep of {tag}")
        elif one in done:
            soak.fault(f"{one} was recorded, and asked again")
        elif not breaks and asked.asked_twice():
            soak.fault(f"{one} was asked again after it can have been answered: {asked.notes}")


def recorded(soak: Soak, file: str, tag: str) -> dict[str, str]:
    """Return the recorded texts of a question, or of a sweep's, by their tags."""
    cassette = Cassette(soak.folder / file)
    found: dict[str, str] = {}
    if not cassette.exists:
        return found
    for record in cassette:
        asked = str(record.body["messages"][-1]["content"]).partition(" ")[0]
        if asked == tag or asked.startswith(f"{tag}-"):
            if asked in found:
                soak.fault(f"{asked} is recorded twice in {file}")
            found[asked] = record.response.text
    if cassette.faults:
        soak.fault(f"{file} is damaged: {cassette.faults}")
    return found


def record_and_replay(soak: Soak) -> None:
    """Record a cell, interrupted or not, and replay it with nobody asked."""
    file, tag = f"cells-{soak.chance.randrange(3)}.chat.jsonl", soak.tag()
    cell_id = f"recorded-{soak.chance.randrange(4)}"
    options = soak.chance.choice(("--new", "--new --no-stream", "--new --schema Thing", "--once"))
    works(soak, f"%prem record new_episodes {file}")
    asked, stopped = ask(soak, "recorded", options, cell_id, tag=tag, stop=moment(soak))
    held = recorded(soak, file, tag)
    whole = [note["text"] for note in asked.notes if note["end"] in WHOLE]
    if held and held[tag] not in whole:
        soak.fault(f"{tag} is recorded as {held[tag]!r}, and {asked.last} was said")
    if not held and not stopped and asked.end in WHOLE:
        soak.lose(f"{tag} was answered, and is not recorded in {file}")
    works(soak, f"%prem record none {file}")
    before = soak.branch("recorded")
    ran = soak.run(f"%%chat -c recorded {options}\n{tag} says what?", cell_id)
    after = soak.branch("recorded")
    if soak.heard():
        soak.fault(f"{tag} was replayed, and somebody was asked")
    text = (soak.response or {}).get("text")
    if not held and ran.ename != "MissingRecordingError":
        soak.fault(f"{tag} is not recorded, and its replay said {ran.status} {ran.error}")
    misfit = "StructuredOutputError" if asked.end == "misfit" else ""
    if held and (text != held[tag] or ran.ename != misfit):
        soak.lose(f"{tag} was not replayed as {held[tag]!r}: {text!r} {ran.error}")
    if held and "--once" not in options and (len(after), after[-1].text) != (1, held[tag]):
        soak.lose(f"{tag} was replayed, and is not in the conversation: {after} after {before}")
    works(soak, "%prem record off")


def many(soak: Soak) -> None:
    """Ask many questions at once in a cell, whole and streamed."""
    one, other = ([soak.tag() for _ in range(soak.chance.randint(1, 15))] for _ in range(2))
    ran = soak.run(ASYNC.format(one=one, other=other), limit=30, stop=moment(soak))
    stopped = soak.stopped
    heard = soak.heard()
    if ran.status != "ok":
        if not stopped:
            soak.fault(f"AsyncClient: {ran.error}")
        return
    try:
        got = json.loads(ran.text)
    except ValueError:
        if not stopped:
            soak.fault(f"AsyncClient printed {ran.text[:200]!r}")
        return
    for tag, (text, error) in zip([*one, *other], got, strict=True):
        asked = heard[tag]
        if asked.asked_twice():
            soak.fault(f"{tag} was asked again after it can have been answered: {asked.notes}")
        if asked.end == "whole" and text != asked.last["text"]:
            soak.lose(f"{tag} came as {text!r} {error} for {asked.last}")
        if asked.end != "whole" and not error:
            soak.fault(f"{tag} failed ({asked.last['kind']}), and nobody was told: {text!r}")
        soak.answered += not error
