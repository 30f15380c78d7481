"""One table: this package beside others that ask a model from a notebook, each figure measured in this run.

Run: python tests/benchmarks/side_by_side.py [--cache DIR] [--only NAME …] [--json FILE] [--quick]
Each peer is installed by pip into an environment of its own, which --cache keeps, and is used as its own documentation
says (peers/everyone.py); what cannot be installed, or cannot be pointed at the loopback service, has a column
that says so. --only takes names of the table's heading, and `ours`. --quick measures once, and every twentieth
hostile answer and faulty stream.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parent / "peers"))

from bench_stream import BARE
from everyone import EVERYONE, OURS
from kernels import Kernel
from peer import Place, placed
from said import braces, faults, restarts
from shown import hostiles
from streamed import costs, loads, stops

Found = dict[str, Any]
LONG = 100


def number(value: float | None, digits: int = 0) -> str:
    return "never" if value is None else f"{value:,.{digits}f}"


def timed(found: Found, name: str) -> str:
    return f"{number(found[name])} ({number(found[f'{name}_cpu'])})"


def cost_cell(found: Found, figure: str) -> str:
    if not found["streamed"]:
        return f"{figure}, not streamed"
    return figure if found["deltas"] == 5000 else f"{figure}, of {found['deltas']:,}"


def kept(found: Found) -> str:
    where = [word for word, there in (("output", found["shown"]), ("variable", found["held"])) if there]
    return " and ".join(where) or "nothing"


def hostile_cell(found: Found) -> str:
    return "text only" if found["text"] else f"{found['active']} of {found['of']}"


def fault_cell(found: Found) -> str:
    return found.get("why") or f"{found['held']} of {found['of']}"


def restored(found: Found) -> str:
    return f"yes: {found['how']}" if found["restored"] else "no"


# What is measured, and the rows that come of it.
ROWS: dict[str, list[tuple[str, Callable[[Found], str]]]] = {
    "loads": [
        ("loaded, ms (of CPU) [^0]", lambda found: timed(found, "load")),
        (
            "loaded, and a first short answer whole, ms (of CPU) [^0]",
            lambda found: timed(found, "first_answer"),
        ),
    ],
    "costs": [
        ("kernel CPU of 5,000 deltas, ms [^1]", lambda found: cost_cell(found, number(found["cpu"]))),
        ("… times a bare httpx loop", lambda found: cost_cell(found, number(found["ratio"], 1))),
        ("bytes to the front end, times the text [^1]", lambda found: number(found["bytes"], 1)),
        ("first paint of an answer of 1 s, ms [^1]", lambda found: number(found["paint"])),
    ],
    "stops": [
        ("■: seconds to idle [^2]", lambda found: number(found["seconds"], 2)),
        ("■: connection closed within 2 s", lambda found: "yes" if found["closed"] else "no"),
        ("■: keeps what had arrived", kept),
    ],
    "hostiles": [("hostile answers that act in the page [^3]", hostile_cell)],
    "braces": [("prompts that arrive as typed [^4]", lambda found: f"{found['kept']} of {found['of']}")],
    "faults": [("streams taken for what they are [^5]", fault_cell)],
    "restarts": [("conversation goes on after a restart [^6]", restored)],
}
NOTES = """
[^0]: In a fresh kernel, median of 3: seconds on the clock, and of the kernel's CPU. Some load what they need only with
    the first question, so the second row has both.
[^1]: All threads of the kernel, less an empty cell, median of 5; a bare loop runs beside each. A peer that asks for whole
    answers gets one of the same size, and paints after the second that it takes. One that takes over 2 s for 500 deltas is
    asked for 1,000, once, and so is its bare loop.
[^2]: ■ a second into a stream of a word every 50 ms, median of 3. Nearly all of it is the traceback that
    IPython makes of what nobody caught: under `%xmode Minimal`, chatlas and llm took less than 0.1 s. panel's answers do
    not block the kernel: its Stop, `.stop()`, is measured.
[^3]: Of tests/support/hostile.py, from what the kernel sends, Markdown rendered: scripts, handlers, frames, forms, styles
    that fetch or cover the page, remote images, `javascript:` and other links that lead to no web page, beyond what a
    harmless answer has. JupyterLab sanitizes such output in a notebook that it does not trust, and lets it act where the
    cell was just run. A script is not counted where panel tells its page to run none. Math is not looked into. cosette is
    measured as it shows an answer by default, which is not streamed.
[^4]: Braces, dollars and percent signs, listed in peers/said.py; no name in them is one of the notebook's, so nothing is
    there to insert. Both %%ai document `{name}` as their syntax, and send what is left of the others or fail with Python's
    ValueError; ours documents `{{ name }}`, and refuses the two that hold it with an error that says to use --raw. Where
    one asks from Python, the prompt is a correct string literal. What a peer adds does not count.
[^5]: S01 to S65 of bench_faults.py, each in all its forms: the exact text where there is an answer, any error where there
    is none. Through the peer's own way to read a stream, with the timeout of the case where it lets one be set.
[^6]: A new kernel, the saved notebook and files: the next request holds the first exchange.
"""


@contextlib.contextmanager
def service() -> Iterator[str]:
    """The service of bench_stream.py, in a process of its own."""
    script = Path(__file__).parent / "bench_stream.py"
    server = subprocess.Popen(
        [sys.executable, script, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield server.stdout.readline().strip()
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


@contextlib.contextmanager
def bare(url: str) -> Iterator[Kernel]:
    """A kernel with bench_stream.py's bare loop, warmed up."""
    kernel = Kernel()
    try:
        kernel.run(f"URL = {url!r}\n{BARE}")
        kernel.run("ask('50 400 0 0')")
        yield kernel
    finally:
        kernel.stop()


def measured(place: Place, url: str, loop: Kernel, *, quick: bool) -> Iterator[tuple[str, Found]]:
    """Yield each measure and what it found, or the fault that kept it from being taken."""
    every = 20 if quick else 1
    take: dict[str, Callable[[], Found]] = {
        "loads": lambda: loads(place, url, 1 if quick else 3),
        "costs": lambda: costs(place, loop, url, 1 if quick else 5),
        "stops": lambda: stops(place, 1 if quick else 3),
        "hostiles": lambda: hostiles(place, every),
        "braces": lambda: braces(place),
        "faults": lambda: faults(place, every),
        "restarts": lambda: restarts(place),
    }
    for name, measure in take.items():
        try:
            found = measure()
        except Exception as error:  # noqa: BLE001 - a column says why it is empty, and the others go on
            found = {"fault": f"{type(error).__name__}: {' '.join(str(error).split())}"[-300:]}
        yield name, found


def table(results: dict[str, dict[str, Found]], versions: dict[str, dict[str, str]]) -> str:
    heads = [f"{name} {' '.join(list(versions[name].values())[:1])}".rstrip() for name in results]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for measure, rows in ROWS.items():
        for title, cell in rows:
            cells = [_cell(cell, found.get(measure, found.get("all", {}))) for found in results.values()]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(cell: Callable[[Found], str], found: Found) -> str:
    if "fault" not in found:
        return cell(found)
    words = f"not measured: {found['fault']}".replace("|", "¦")
    return words if len(words) < LONG else f"{words[:LONG]}…"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "side-by-side"))
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    names = {OURS.name if name == "ours" else name for name in options.only}
    peers = [peer for peer in EVERYONE if not names or peer.name in names]
    results: dict[str, dict[str, Found]] = {}
    versions: dict[str, dict[str, str]] = {}

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    whole = {"date": today, "versions": versions, "results": results}
    places = [placed(peer, options.cache, say) for peer in peers]
    with service() as url, bare(url) as loop:
        for place in places:
            name = place.peer.name
            versions[name] = place.found
            results[name] = {"all": {"fault": place.fault}} if place.fault else {}
            for measure, found in () if place.fault else measured(place, url, loop, quick=options.quick):
                results[name][measure] = found
                say(f"{name}, {measure}: {json.dumps(found)[:600]}")
                if options.json:  # each time, so that one that is stopped leaves what it has
                    options.json.write_text(json.dumps(whole, indent=1))
    print(f"Side by side, {today}, Python {platform.python_version()}\n")
    print(table(results, versions), NOTES, sep="\n")
    for name, found in versions.items():
        print(f"- {name}: {', '.join(' '.join(pair) for pair in found.items())}")


if __name__ == "__main__":
    main()
