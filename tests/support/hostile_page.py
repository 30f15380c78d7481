"""A JupyterLab whose cells say every hostile string, and what must not have happened on its pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import nbformat
from allowed import find_faults
from lab import Notebook
from loopback import DONE, Reply, answer, as_json, calls, chunk, event
from unmeasured import UNMEASURED

PER_CELL = 40  # JupyterLab folds what is past 50 outputs


FOREIGN = """() => {
    const bad = new Set(['SCRIPT', 'IMG', 'IFRAME', 'OBJECT', 'EMBED', 'LINK', 'META', 'BASE', 'FORM', 'VIDEO', 'AUDIO',
        'TEMPLATE', 'DIALOG', 'MARQUEE', 'FRAMESET', 'PORTAL']);
    const found = [];
    for (const output of document.querySelectorAll('.jp-OutputArea-output'))
        for (const node of output.querySelectorAll('*')) {
            if (bad.has(node.tagName)) found.push(node.outerHTML.slice(0, 200));
            for (const {name, value} of node.attributes)
                if (/^on|^data-commandlinker|^srcdoc$|^formaction$/i.test(name)
                    || (/^(href|src|action|xlink:href)$/i.test(name) && !/^(https?:|mailto:|#|$)/i.test(value))
                    || (name === 'style' && /url\\(|position: *fixed/i.test(value)))
                    found.push(`${node.tagName} ${name}=${value}`.slice(0, 200));
        }
    return found;
}"""
FRAMES = """() => [...document.querySelectorAll('.jupyter-prem')].map(frame => {
    const copy = frame.cloneNode(true);
    // The test itself opened what folds; JupyterLab numbers headings, and writes its own rel over ours.
    copy.querySelectorAll('details[open]').forEach(e => e.removeAttribute('open'));
    copy.querySelectorAll(':is(h1, h2, h3, h4, h5, h6) > .numbering-entry').forEach(e => e.remove());
    copy.querySelectorAll('a[rel="noopener"]').forEach(a => a.setAttribute('rel', 'noopener noreferrer'));
    copy.querySelectorAll('.prem-code-tools').forEach(e => e.remove());
    copy.querySelectorAll('.prem-chunk').forEach(e => e.replaceWith(...e.childNodes));
    copy.querySelectorAll('[tabindex]').forEach(e => e.removeAttribute('tabindex'));
    copy.querySelectorAll('[data-lm-suppress-shortcuts]').forEach(e => e.removeAttribute('data-lm-suppress-shortcuts'));
    copy.querySelectorAll('mjx-container, .MathJax_Preview, script[type^="math"]').forEach(e => e.remove());
    return copy.outerHTML;
})"""
POKE = """() => {
    for (const node of document.querySelectorAll('.jp-OutputArea-output *'))
        if (!node.closest('a, button, input, textarea, select'))
            for (const kind of ['pointerenter', 'mouseover', 'mousemove', 'focus', 'click', 'toggle'])
                node.dispatchEvent(new MouseEvent(kind, {bubbles: kind !== 'focus', cancelable: true}));
}"""


def reply(texts, message):
    """What the service says to `KIND NUMBER`, and to what a function returned."""
    question = message["content"] if message["role"] == "user" else "called"
    kind, _, number = question.partition(" ")
    text = texts[int(number)] if number.isdigit() else question
    if kind == "status":
        return as_json({"error": {"message": text, "type": text, "code": text}}, 400)
    if kind == "event":
        return Reply([event(chunk("before ")), event({"error": {"message": text, "type": text}})])
    if kind == "calls":
        given = json.dumps({"x": text})
        return Reply(calls((text, given), ("echo", given), ("fails", given), ("echo", text), text=text))
    if kind == "data":
        data = json.dumps({text: text, "n": [text, {text: None}]})
        return Reply(answer(*(data[at : at + 50] for at in range(0, len(data), 50))))
    if kind == "fields":
        parts = [{**chunk(reasoning_content=text), "model": text}, {**chunk(refusal=text), "model": text}]
        end = {**chunk("x", finish_reason=text), "model": text, "system_fingerprint": text}
        return Reply([*map(event, [*parts, end]), DONE])
    return Reply(answer(*(text[at : at + 5] for at in range(0, len(text), 5))))


def loop(place, body):
    """Cells that run `body` for each text `t` with its number `n`, so many a cell, at a pace that a page can draw.

    A page of hundreds of outputs lays itself out for each that comes. One that fell minutes behind showed its last
    cells as running for ever, though the kernel had done them all.
    """
    count = len(place.texts)
    return [
        f"for n in range({start}, {min(start + PER_CELL, count)}):\n    t = texts[n]\n    {body}\n    time.sleep(0.05)"
        for start in range(0, count, PER_CELL)
    ]


def write(place, name, *codes):
    setup = (
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {place.service.url!r}\n"
        "%config PremMagics.model = 'm'\n%config PremMagics.live = 'always'\n"
        "import json, time\nfrom IPython.display import Markdown, display\n"
        "from jupyter_prem import ChatPanel\nfrom jupyter_prem.display import bundle, render\n"
        "from jupyter_prem.display._frame import frame\n"
        "texts = json.load(open('texts.json'))\nshell = get_ipython()\n"
        "anything = {'type': 'object'}\ndef echo(x: str): return x\ndef fails(x: str): raise ValueError(x)\n"
        "def chat(line, cell):\n    try:\n        shell.run_cell_magic('chat', line, cell)\n"
        "    except Exception:\n        shell.showtraceback()"
    )
    cells = [nbformat.v4.new_code_cell(code) for code in (setup, *codes, "print('still ' + 'here')")]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), place.folder / name)
    return name


def run(place, name, *codes):
    """A notebook in which the cells were run, by a person."""
    page = place.context.new_page()
    notebook = Notebook(page, place.lab, write(place, name, *codes))
    notebook.run_all(300)
    assert page.get_by_text("still here").count() == 1, notebook.outputs()
    return notebook


def settle(place, page):
    """Wait until whatever the page was to send has been sent."""
    page.evaluate("url => fetch(url)", place.beacon.fence)


def assert_harmless(place, page, outputs):
    page.evaluate(POKE)
    settle(place, page)
    assert page.locator(".jp-OutputArea-output").count() >= outputs
    assert page.evaluate("() => window.hits || []") == []
    assert place.beacon.paths == []
    assert page.evaluate(FOREIGN) == []
    faults = [fault for html in page.evaluate(FRAMES) for fault in find_faults(html)]
    assert faults == []
    assert page.locator(".jp-Dialog").count() == 0
    assert (
        page.evaluate("() => document.body.tagName + typeof document.querySelector + typeof document.cookie")
        == "BODYfunctionstring"
    )


def export(place, name, count):
    """Look at what nbconvert makes of a saved notebook; its own scripts come from elsewhere and are cut off."""
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", name],
        cwd=place.folder,
        check=True,
        capture_output=True,
        env=UNMEASURED,
    )
    page = place.context.new_page()
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    page.goto((place.folder / name).with_suffix(".html").as_uri())
    assert_harmless(place, page, count)
    page.close()
