"""Every hostile string on every surface of a real JupyterLab, armed, beside a server that hears what it reaches."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import hostile
import nbformat
import pytest
from allowed import find_faults
from beacon import WATCH, Beacon
from lab import Lab, Notebook, chromium
from loopback import DONE, Reply, Service, answer, as_json, calls, chunk, event
from wire_asked import until

from jupyter_prem.display import TerminalText, bundle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PER_CELL = 40  # JupyterLab folds what is past 50 outputs
LEAVES_THE_PAGE = {"P13", "P14", "P53"}  # in the control these end the page before it can be looked at


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


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A JupyterLab, a browser, a beacon, and a service that says what the hostile strings say."""
    folder, beacon, service = tmp_path_factory.mktemp("hostile"), Beacon(), Service()
    texts = [beacon.arm(text, number) for number, (_, text) in enumerate(hostile.ALL)]
    service.script = lambda request: reply(texts, request.body["messages"][-1])
    service.models = [text for text in texts if "\n" not in text]
    (folder / "texts.json").write_text(json.dumps(texts))
    lab = Lab(folder)
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        context.add_init_script(WATCH)
        yield SimpleNamespace(
            lab=lab, context=context, beacon=beacon, service=service, texts=texts, folder=folder
        )
    lab.stop()
    service.stop()
    beacon.stop()


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
    """Cells that run `body` for each text `t` with its number `n`, so many a cell."""
    count = len(place.texts)
    return [
        f"for n in range({start}, {min(start + PER_CELL, count)}):\n    t = texts[n]\n    {body}"
        for start in range(0, count, PER_CELL)
    ]


def write(place, name, *codes):
    setup = (
        f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {place.service.url!r}\n"
        "%config PremMagics.model = 'm'\n%config PremMagics.live = 'always'\n"
        "import json\nfrom IPython.display import Markdown, display\n"
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


def test_there_are_enough():
    assert len({text for _, text in hostile.ALL}) >= 250


def test_answers_as_they_stream_then_reopened_and_exported(place):
    plain = [f"%%chat --once\ntext {number}" for number in range(0, len(place.texts), 40)]
    notebook = run(place, "answers.ipynb", *loop(place, "chat('--once', f'text {n}')"), *plain)
    page, count = notebook.page, len(place.texts)
    assert_harmless(place, page, count)
    for number, (family, text) in enumerate(hostile.ALL):
        if family in {"P17", "P18"} and "evil.example" in text:
            link = page.locator(f".jupyter-prem a[href*='/passive/{number}']", has_text="[image").first
            assert place.beacon.host in link.inner_text(), text
    notebook.save()
    page.close()

    again = Notebook(place.context.new_page(), place.lab, "answers.ipynb")
    assert again.page.locator("[data-icon='ui-components:trusted']").count() == 1
    assert_harmless(place, again.page, count)
    again.page.close()

    changed = nbformat.read(place.folder / "answers.ipynb", 4)
    changed.cells[-1].source = "print('still ' + 'here', 1)"
    nbformat.write(changed, place.folder / "untrusted.ipynb")
    other = Notebook(place.context.new_page(), place.lab, "untrusted.ipynb")
    assert other.page.locator("[data-icon='ui-components:not-trusted']").count() == 1
    assert_harmless(place, other.page, count)
    other.run(len(changed.cells) - 1)
    assert other.page.get_by_text("still here 1").count() == 1
    other.page.close()

    export(place, "answers.ipynb", count)


def export(place, name, count):
    """Look at what nbconvert makes of a saved notebook; its own scripts come from elsewhere and are cut off."""
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", name],
        cwd=place.folder,
        check=True,
        capture_output=True,
    )
    page = place.context.new_page()
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    page.goto((place.folder / name).with_suffix(".html").as_uri())
    assert_harmless(place, page, count)
    page.close()


def test_errors(place):
    cells = [*loop(place, "chat('--once', f'status {n}')"), *loop(place, "chat('--once', f'event {n}')")]
    notebook = run(place, "errors.ipynb", *cells)
    assert_harmless(place, notebook.page, 2 * len(place.texts))
    notebook.page.close()


def test_fields_and_tables(place):
    notebook = run(place, "fields.ipynb", *loop(place, "chat('--once', f'fields {n}')"), "%prem models")
    assert_harmless(place, notebook.page, len(place.texts) + 1)
    notebook.page.close()


def test_calls_and_data(place):
    kinds = {"calls": "--tools echo,fails", "data": "--schema anything", "text": "--schema anything"}
    cells = [
        cell
        for kind, options in kinds.items()
        for cell in loop(place, f"chat('--once {options}', f'{kind} {{n}}')")
    ]
    live = [
        f"%%chat --once {options}\n{kind} {number}"
        for kind, options in list(kinds.items())[:2]  # the third is no JSON, at which the page would stop
        for number in range(0, len(place.texts), 40)
    ]
    notebook = run(
        place,
        "calls.ipynb",
        "%config PremMagics.live = 'auto'",
        *live,
        "%config PremMagics.live = 'never'",
        *cells,
    )
    page, count = notebook.page, len(place.texts)
    assert page.locator(".pm-call").count() >= 4 * count
    assert page.locator(".pm-data").count() >= count
    assert_harmless(place, page, 3 * count)
    notebook.save()
    page.close()
    export(place, "calls.ipynb", 3 * count)


PANEL = """
panel = ChatPanel()
def ask(text):
    panel.ask(text)
    while panel.asking:
        time.sleep(0.001)
def every(kind, step):
    for n in range(0, len(texts), step):
        ask(f'{kind} {n}')
"""
LOAD_ALL = """async () => {
    const scroller = document.querySelector('.prem-scroller');
    for (let at = 0; at < scroller.scrollHeight; at += 400) {
        scroller.scrollTop = at;
        for (let waited = 0; waited < 1000; waited += 1) {
            const box = scroller.getBoundingClientRect();
            const open = [...document.querySelectorAll('.prem-unloaded')].some(e => {
                const place = e.getBoundingClientRect();
                return place.bottom > box.top && place.top < box.bottom;
            });
            if (!open) break;
            await new Promise(resolve => setTimeout(resolve, 10));
        }
    }
    return document.querySelectorAll('.prem-unloaded').length;
}"""
PANEL_TEXTS = {
    "answers, streamed": "every('text', 3)",
    "questions": "for t in texts[::2]: ask(t)",
    "names, reasoning, refusals": "every('fields', 4)",
    "calls": "panel._chat.controls.set('tools', 'echo,fails')\nevery('calls', 6)",
    "data": "panel._chat.controls.set('schema', 'anything')\nevery('data', 6)",
}


@pytest.mark.parametrize("what", list(PANEL_TEXTS))
def test_what_was_said_in_a_panel(place, what):
    name = f"panel-{what.split(',')[0].replace(' ', '-')}.ipynb"
    notebook = run(place, name, "import time" + PANEL + "panel", PANEL_TEXTS[what])
    page = notebook.page
    page.locator(".prem-turns .prem-answer").last.wait_for()
    assert page.evaluate(LOAD_ALL) == 0
    assert page.locator(".prem-turns .prem-turn").count() >= len(place.texts) // 6
    assert_harmless(place, page, 2)
    assert page.locator(".pm-transcript").count() == 1
    notebook.save()
    page.close()
    export(place, name, 2)


def test_what_else_a_panel_shows(place):
    """Errors, what had arrived before them, drafts, names of conversations, systems, values and their faults."""
    code = (
        "import time" + PANEL + "panel",
        "%config PremMagics.live = 'never'",
        "for n in range(0, len(texts), 5):\n    for kind in ('status', 'event'):\n        ask(f'{kind} {n}')\n"
        "        time.sleep(0.02)",
        "def say(kind, **more): panel._clicks.hear({'type': kind, 'view': 'another', 'id': '', **more})\n"
        "for n in range(0, len(texts), 8):\n"
        "    say('switch', name=texts[n])\n"
        "    for name in ('model', 'temperature', 'stop', 'schema', 'tools', 'name', 'system'):\n"
        "        say('set', name=name, value=texts[n])\n"
        "    say('draft', text=texts[n], conversation=panel.conversation.name)\n"
        "    say('ask', text=texts[n])\n"
        "    while panel.asking: time.sleep(0.01)",
    )
    notebook = run(place, "panel-rest.ipynb", *code)
    page = notebook.page
    page.locator(".prem-chips").click()
    page.locator(".prem-fault").first.wait_for()
    assert_harmless(place, page, 1)
    page.close()


def test_markdown_alone(place):
    cells = loop(
        place, "display({'text/markdown': bundle(t, notes=[t], badge=t)['text/markdown']}, raw=True)"
    )
    notebook = run(place, "markdown.ipynb", *cells)
    assert_harmless(place, notebook.page, len(place.texts))
    notebook.page.close()


def test_every_prefix(place):
    cells = [
        f"for t in texts[{start}::{len(place.texts) // 60}][:30]:\n"
        "    frames = (frame(render(t[:end]), style=False) for end in range(len(t) + 1))\n"
        "    display({'text/html': ''.join(frames)}, raw=True)"
        for start in (0, 1)
    ]
    notebook = run(place, "prefixes.ipynb", *cells)
    assert notebook.page.locator(".jupyter-prem").count() > 1_000
    assert_harmless(place, notebook.page, 60)
    notebook.page.close()


def test_a_terminal(place):
    for text in place.texts:
        out = io.StringIO()
        sink = TerminalText(out)
        for at in range(0, len(text), 3):
            sink.feed(text[at : at + 3])
        sink.finish(bundle(text, footer=[text], badge=text))
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out.getvalue())


def test_the_same_strings_act_where_nothing_stops_them(place):
    """Without this the tests above would prove nothing."""
    numbers = [n for n, (family, _) in enumerate(hostile.ALL) if family not in LEAVES_THE_PAGE]
    cells = [
        f"for n in {numbers[start : start + PER_CELL]}:\n    display(Markdown(texts[n]))"
        for start in range(0, len(numbers), PER_CELL)
    ]
    page = place.context.new_page()
    notebook = Notebook(page, place.lab, write(place, "control.ipynb", *cells))
    notebook.start_all()
    page.wait_for_function("() => new Set(window.hits || []).size >= 5", timeout=60_000)
    settle(place, page)

    def reached():
        return {path for path in list(place.beacon.paths) if "/passive/" in path}

    until(lambda: len(reached()) >= 5, 30)  # a busy browser asks late
    found = reached()
    place.beacon.paths.clear()
    assert len(found) >= 5
    page.close()
