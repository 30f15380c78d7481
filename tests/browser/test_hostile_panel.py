"""Every hostile string in a panel of a real JupyterLab, armed, beside a server that hears what it reaches."""

from __future__ import annotations

import pytest
from hostile_page import assert_harmless, export, run

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


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
