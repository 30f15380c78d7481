"""Voilà: a notebook as a page without its code, run for each reader."""

from __future__ import annotations

import threading

import pytest
from lab import write
from loopback import Reply, answer, chunk, event

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def shown(lab, browser, service, request):
    pages = []

    def shown(*codes):
        setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
        name = write(lab, f"{request.node.name}.ipynb", setup, *codes)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        pages.append(page)
        page.goto(lab.url_in("voila/render", name))
        return page

    yield shown
    for page in pages:
        page.close()


def test_the_answer_of_a_cell_is_on_the_page(shown, service):
    text = "A **mean** of $x^2$.\n\n<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
    service.script = lambda _: Reply(answer(*(text[at : at + 7] for at in range(0, len(text), 7))))
    page = shown("%%chat\nhi")
    page.locator(".jupyter-prem strong", has_text="mean").wait_for(timeout=60_000)
    page.locator(".jupyter-prem", has_text="<script>window.hit = 1</script>").wait_for()
    assert page.locator(".jupyter-prem").count() == 1
    page.locator(".jupyter-prem .MathJax", has_text="x").wait_for()
    # MathJax 2 keeps a formula's source in a script of a type that no browser runs.
    assert page.locator(".jupyter-prem :is(script:not([type='math/tex']), img)").count() == 0
    assert page.evaluate("() => window.hit") is None
    assert page.get_by_text("%%chat").count() == 0
    assert len(service.questions) == 1


def test_the_panel_answers_a_reader(shown, service):
    more = threading.Event()
    page = shown("from jupyter_prem import ChatPanel\npanel = ChatPanel()\npanel")
    field = page.locator(".prem-field")
    field.wait_for(timeout=60_000)
    service.script = lambda _: Reply([event(chunk("Partial **words**")), more, *answer(" the rest")])
    field.fill("from a reader")
    field.press("Enter")
    page.locator(".prem-asking strong", has_text="words").wait_for()
    more.set()
    page.locator(".prem-turns .prem-answer", has_text="Partial words the rest").wait_for()
    assert service.questions[0].body["messages"][-1]["content"] == "from a reader"
