"""nbclassic, the page that Notebook 7 replaced: cells without ids, RequireJS and MathJax 2."""

from __future__ import annotations

import re
import threading

import nbformat
import pytest
from lab import write
from loopback import Reply, answer, chunk, event

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MIME = "application/vnd.jupyter-prem+json"
IDLE = "() => window.Jupyter?.notebook?.kernel?.is_connected() && !Jupyter.notebook.kernel_busy"
DONE = "() => [...document.querySelectorAll('.code_cell .input_prompt')].every(e => /\\d/.test(e.innerText))"


class Classic:
    """One notebook, open in nbclassic."""

    def __init__(self, page, lab, name):
        self.page = page
        page.goto(lab.url_in("nbclassic/notebooks", name))
        page.wait_for_function(IDLE, timeout=60_000)

    def start_all(self):
        self.page.locator("#menubar a.dropdown-toggle", has_text=re.compile("^Cell$")).click()
        self.page.locator("#run_all_cells").click()

    def run_all(self):
        self.start_all()
        self.page.wait_for_function(DONE, timeout=60_000)

    def save(self):
        with self.page.expect_response(lambda r: r.request.method == "PUT" and "/api/contents/" in r.url):
            self.page.keyboard.press("Control+s")

    def output(self, place):
        return self.page.locator(".code_cell").nth(place).locator(".output_area")


@pytest.fixture
def opened(lab, browser, service, request):
    pages = []

    def opened(*codes, name=None):
        if name is None:
            setup = f"%load_ext jupyter_prem\n%config PremMagics.endpoint = {service.url!r}"
            name = write(lab, f"{request.node.name}.ipynb", setup, *codes)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        pages.append(page)
        return Classic(page, lab, name)

    yield opened
    for page in pages:
        page.close()


def test_an_answer_streams_is_saved_and_is_there_when_the_notebook_is_opened_again(
    lab, opened, service, request
):
    more = threading.Event()
    service.script = lambda _: Reply([event(chunk("Partial **words**")), more, *answer(" and $x^2$.")])
    classic = opened("%%chat\nhi")
    classic.start_all()
    classic.output(1).locator("strong", has_text="words").wait_for(timeout=30_000)
    assert "*" in classic.page.locator(".code_cell .input_prompt").nth(1).inner_text()
    more.set()
    classic.page.wait_for_function(DONE)
    classic.output(1).get_by_text("8 tokens").or_(classic.output(1).get_by_text("3 + 5 tokens")).wait_for()
    assert classic.output(1).count() == 1
    classic.save()
    name = f"{request.node.name}.ipynb"
    (output,) = nbformat.read(lab.folder / name, 4).cells[1].outputs
    assert set(output.data) == {"text/html", "text/markdown", "text/plain", MIME}
    assert output.data["text/plain"] == "Partial **words** and $x^2$."
    again = opened(name=name)
    again.output(1).locator("strong", has_text="words").wait_for()
    assert again.output(1).locator(".jupyter-prem").count() == 1


def test_a_hostile_answer_does_nothing(opened, service):
    attack = (
        "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>\n\n[a](javascript:window.hit=1)"
    )
    service.script = lambda _: Reply(answer(*(attack[at : at + 7] for at in range(0, len(attack), 7))))
    classic = opened("%%chat\nhi")
    classic.run_all()
    classic.output(1).get_by_text("<script>window.hit = 1</script>").wait_for()
    assert classic.output(1).locator("script, img, a").count() == 0
    assert classic.page.evaluate("() => window.hit") is None


def test_code_goes_into_a_new_cell_below(opened, service):
    service.script = lambda _: Reply(answer("```python\nx = 41 + 1\n```"))
    classic = opened("%%chat --code\nhi")
    classic.start_all()
    classic.page.wait_for_function("() => Jupyter.notebook.get_cells().length === 3")
    assert classic.page.evaluate("() => Jupyter.notebook.get_cell(2).get_text()") == "x = 41 + 1"


def test_the_panel_asks_and_streams(opened, service):
    more = threading.Event()
    classic = opened("from jupyter_prem import ChatPanel\npanel = ChatPanel()\npanel")
    classic.run_all()
    page = classic.page
    field = page.locator(".prem-field")
    field.wait_for(timeout=30_000)
    service.script = lambda _: Reply([event(chunk("Partial **words**")), more, *answer(" the rest")])
    field.fill("from nbclassic")
    field.press("Enter")
    page.locator(".prem-asking strong", has_text="words").wait_for()
    more.set()
    page.locator(".prem-turns .prem-answer", has_text="Partial words the rest").wait_for()
    assert service.questions[0].body["messages"][-1]["content"] == "from nbclassic"
