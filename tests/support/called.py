"""What a cell whose answer called functions leaves behind."""

from __future__ import annotations

import json


def roles(messages):
    return [message["role"] for message in messages]


def html(ran):
    return ran.bundles[-1]["text/html"]


def said(kernel):
    code = "import json; print(json.dumps([m.to_dict() for m in chat_conversation.messages]))"
    return json.loads(kernel.run(code).text)
