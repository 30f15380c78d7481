"""Tasks on the page's main thread while 200 kB stream, beside JupyterLab's own rendering of the same text.

Run: python tests/benchmarks/bench_page.py [RUNS]
A real JupyterLab in a real Chromium; tasks are those the browser itself reports as long (over 50 ms).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import nbformat
from answers import answer_of
from lab import Lab, Notebook, chromium
from loopback import Reply, Service, answer

SIZE, DELTAS, SECONDS = 200_000, 28_000, 20.0
WATCH = """() => {
    window.tasks = [];
    new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(e => e.duration)))
        .observe({type: 'longtask'});
}"""
CELLS = {
    "streamed by %%chat": "%%chat --once\nhi",
    "Markdown(text), displayed": "from IPython.display import Markdown, display\ndisplay(Markdown(text))",
    "Markdown(text), put in another's place": (
        "from IPython.display import Markdown, display\nhandle = display(Markdown('x'), display_id=True)\n"
        "import time; time.sleep(1)\nhandle.update(Markdown(text))"
    ),
}


def paced(events: list[bytes], seconds: float) -> Any:
    started = time.perf_counter()
    for place, event in enumerate(events):
        late = started + seconds * place / len(events) - time.perf_counter()
        if late > 0.002:
            time.sleep(late)
        yield event


def tasks(lab: Lab, browser: Any, setup: str, name: str, code: str) -> list[float]:
    """Run one cell in a notebook of its own; the milliseconds of each long task while it ran."""
    cells = [nbformat.v4.new_code_cell(setup), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), lab.folder / name)
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    try:
        notebook = Notebook(page, lab, name)
        notebook.run(0)
        page.evaluate(WATCH)
        notebook.run(1)
        page.get_by_text("This is the end.").last.wait_for(timeout=60_000)
        page.wait_for_timeout(1_500)
        return list(page.evaluate("() => window.tasks"))
    finally:
        page.close()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    text = answer_of(SIZE) + "\n\nThis is the end.\n"
    events = answer(*(text[len(text) * i // DELTAS : len(text) * (i + 1) // DELTAS] for i in range(DELTAS)))
    service = Service()
    service.script = lambda _: Reply(paced(events, SECONDS))
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        lab = Lab(Path(folder))
        try:
            (lab.folder / "text.md").write_text(text)
            setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}\ntext = open('text.md').read()"
            print(f"{SIZE // 1000} kB in {SECONDS:.0f} s; long tasks in Chromium {browser.version}, ms")
            print("| | longest | over 100 ms | sum |")
            print("|---|--:|--:|--:|")
            for label, code in CELLS.items():
                found = [
                    tasks(lab, browser, setup, f"run-{abs(hash(label))}-{run}.ipynb", code)
                    for run in range(runs)
                ]
                print(
                    f"| {label} | {statistics.median(max(times, default=0) for times in found):.0f}"
                    f" | {statistics.median(sum(t > 100 for t in times) for times in found):.0f}"
                    f" | {statistics.median(sum(times) for times in found):.0f} |"
                )
        finally:
            lab.stop()
            service.stop()


if __name__ == "__main__":
    main()
