"""The panel in a real JupyterLab: what a stream costs the page, how soon a stop holds, how a thousand turns scroll.

Run: python tests/benchmarks/bench_panel.py [RUNS]
Tasks are those that Chromium itself reports as long (over 50 ms).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from answers import answer_of
from bench_page import WATCH, paced
from kernels import Kernel
from lab import Lab, Notebook, chromium, write
from loopback import Reply, Service, answer, chunk, event
from panels import Page

SIZE, DELTAS = 36_000, 5_000
STREAMS = {"at full speed": 0.01, "in 11 s": 11.0}
STOP_MS = """() => new Promise(resolve => {
    const began = performance.now();
    const look = () => {
        const badge = document.querySelector('.prem-turns .prem-turn:last-child .pm-badge');
        if (badge && !document.querySelector('.prem-asking:not([hidden])')) resolve(performance.now() - began);
        else requestAnimationFrame(look);
    };
    document.querySelector('.prem-stop').click();
    look();
})"""
ASK_MS = """() => new Promise(resolve => {
    const field = document.querySelector('.prem-field');
    field.value = 'hi';
    const began = performance.now();
    const look = () => {
        if (document.querySelector('.prem-asking:not([hidden]) .pm-body')?.textContent) resolve(performance.now() - began);
        else requestAnimationFrame(look);
    };
    document.querySelector('.prem-send').click();
    look();
})"""
SCROLL = """async () => {
    const scroller = document.querySelector('.prem-scroller');
    const frames = [];
    let before = performance.now();
    scroller.scrollTop = scroller.scrollHeight / 3;
    for (let step = 0; step < 200; step += 1) {
        scroller.scrollTop += 400;
        await new Promise(resolve => requestAnimationFrame(resolve));
        const now = performance.now();
        frames.push(now - before);
        before = now;
    }
    frames.sort((one, other) => one - other);
    return [frames[100], frames[190], frames[199]];
}"""
ALL_LAID_OUT = "() => { const style = document.createElement('style'); style.textContent = '.prem-turn { content-visibility: visible !important }'; document.head.append(style); }"


def setup(service: Service) -> str:
    return f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}\nfrom jupyter_prem import ChatPanel\nimport time"


def opened(lab: Lab, browser: Any, service: Service, name: str, *codes: str) -> Notebook:
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    notebook = Notebook(page, lab, write(lab, f"{name}.ipynb", setup(service), *codes))
    notebook.run(0, 1)
    page.locator(".prem-field").first.wait_for()
    return notebook


def pieces() -> list[bytes]:
    text = answer_of(SIZE) + "\n\nThis is the end.\n"
    return answer(*(text[len(text) * i // DELTAS : len(text) * (i + 1) // DELTAS] for i in range(DELTAS)))


def tasks(lab: Lab, browser: Any, service: Service, name: str, seconds: float, *, cell: bool) -> list[float]:
    events = pieces()
    service.script = lambda _: Reply(paced(events, seconds))
    shown = "%%chat --once\nhi" if cell else "panel = ChatPanel()\npanel"
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    try:
        notebook = Notebook(page, lab, write(lab, f"{name}.ipynb", setup(service), shown))
        notebook.run(0)
        if not cell:
            notebook.run(1)
            page.locator(".prem-field").fill("hi")
        page.wait_for_timeout(1_000)
        page.evaluate(WATCH)
        if cell:
            notebook.run(1)
        else:
            page.keyboard.press("Enter")
        where = page.locator(".jupyter-prem" if cell else ".prem-turns")
        where.get_by_text("This is the end.").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1_500)
        return list(page.evaluate("() => window.tasks"))
    finally:
        page.close()


def streams(lab: Lab, browser: Any, service: Service, runs: int) -> None:
    print(f"{SIZE // 1000} kB in {DELTAS:,} deltas; long tasks of the page, ms\n")
    print("| | longest | how many | sum |\n|---|--:|--:|--:|")
    for label, seconds in STREAMS.items():
        for kind in ("panel", "%%chat"):
            found = [
                tasks(
                    lab,
                    browser,
                    service,
                    f"s-{len(label)}-{kind == 'panel'}-{run}",
                    seconds,
                    cell=kind != "panel",
                )
                for run in range(runs)
            ]
            print(
                f"| {kind}, {label} | {statistics.median(max(times, default=0) for times in found):.0f}"
                f" | {statistics.median(map(len, found)):.0f} | {statistics.median(map(sum, found)):.0f} |"
            )


def traffic(service: Service) -> None:
    kernel = Kernel(env={"PREM_ENDPOINT": service.url})
    try:
        kernel.run("from jupyter_prem import ChatPanel\npanel = ChatPanel()")
        print("\nBytes that go out to the page, for each byte of text\n")
        print("| | bytes / text |\n|---|--:|")
        for label, seconds in STREAMS.items():
            events = pieces()
            service.script = lambda _, events=events, seconds=seconds: Reply(paced(events, seconds))
            page = Page(kernel)
            before = page.bytes
            page.ask("go")
            print(f"| {label} | {(page.bytes - before) / SIZE:.1f} |")
            page.do("bye")
    finally:
        kernel.stop()


def waits(lab: Lab, browser: Any, service: Service, runs: int) -> None:
    notebook = opened(
        lab, browser, service, "waits", "panel = ChatPanel()\npanel", "while True: time.sleep(0.01)"
    )
    page = notebook.page
    times: dict[str, list[float]] = {}
    service.script = lambda _: Reply([event(chunk("Partial words")), threading.Event()])
    for state in ("the kernel is idle", "a cell runs"):
        if state == "a cell runs":
            page.locator(".jp-CodeCell").nth(2).locator(".jp-InputPrompt").click()
            page.keyboard.press("Control+Enter")
            page.locator(".jp-InputPrompt", has_text="*").wait_for()
        for _ in range(3 * runs):
            times.setdefault(f"asked, until the first words | {state}", []).append(page.evaluate(ASK_MS))
            times.setdefault(f"stopped, until it is shown so | {state}", []).append(page.evaluate(STOP_MS))
    page.close()
    print("\nFrom a click to what it does, ms\n")
    print("| | while | median | most |\n|---|---|--:|--:|")
    for label, values in times.items():
        print(f"| {label} | {statistics.median(values):.0f} | {max(values):.0f} |")


def scrolls(lab: Lab, browser: Any, service: Service) -> None:
    text = answer_of(1_500)
    service.script = lambda _: Reply(answer(text))
    show = (
        "for place in range(1000):\n    chat = ChatPanel if place < 0 else panel.conversation.ask(f'question {place}')\n"
        "shown = ChatPanel()\nshown"
    )
    notebook = opened(lab, browser, service, "scrolls", f"panel = ChatPanel()\n{show}")
    page = notebook.page
    page.locator(".prem-turns .prem-answer").last.wait_for()
    page.evaluate(SCROLL)
    page.wait_for_timeout(3_000)
    page.evaluate(SCROLL)
    lazy = page.evaluate(SCROLL)
    page.evaluate(ALL_LAID_OUT)
    page.wait_for_timeout(2_000)
    everything = page.evaluate(SCROLL)
    print("\nA thousand turns of 1.5 kB scrolled by 400 px a frame; ms a frame\n")
    print("| | median | 95 % | longest |\n|---|--:|--:|--:|")
    for label, row in (("laid out where they are seen", lazy), ("all laid out", everything)):
        print(f"| {label} | {row[0]:.0f} | {row[1]:.0f} | {row[2]:.0f} |")
    page.close()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    service = Service()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        lab = Lab(Path(folder))
        try:
            streams(lab, browser, service, runs)
            waits(lab, browser, service, runs)
            scrolls(lab, browser, service)
        finally:
            lab.stop()
        traffic(service)
        service.stop()


if __name__ == "__main__":
    main()
