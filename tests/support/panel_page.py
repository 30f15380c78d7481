"""A panel on a page, as a person uses it."""

from __future__ import annotations

SHOW = "panel = ChatPanel()\npanel"
CODE = 'Use this:\n\n```python\nx = 1\n\nprint(f"{x}")\n```\n\nwhere $e^{i\\pi} = -1$.'


def ask(page, text, *, wait=True):
    page.locator(".prem-field").first.fill(text)
    page.keyboard.press("Enter")
    if wait:
        page.locator(".prem-turns .prem-question", has_text=text).first.wait_for()
        page.locator(".prem-send").first.wait_for()


def questions(page):
    return page.locator(".prem-turn:not([hidden]) .prem-question").all_inner_texts()
