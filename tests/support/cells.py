"""What cells ask, and what they leave behind."""

from __future__ import annotations

import json


def sent(service):
    return [[(m["role"], m["content"]) for m in request.body["messages"]] for request in service.questions]


def said(kernel):
    return json.loads(
        kernel.run("import json; print(json.dumps([m.content for m in chat_conversation.messages]))").text
    )


def text(ran):
    assert ran.status == "ok", ran.error
    return ran.bundles[0]["text/plain"]


def ask(kernel, text, cell=None, options=""):
    ran = kernel.run(f"%%chat {options}\n{text}", cell)
    assert ran.status == "ok", ran.error
    return ran
