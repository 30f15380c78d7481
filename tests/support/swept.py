"""Cells that sweep, what was asked for them, and what they left behind."""

from __future__ import annotations

import json


def said(service):
    return [request.body["messages"][-1]["content"] for request in service.questions]


def fields(service, *names):
    """The fields that went out, in no order: eight are asked at once."""
    return sorted(
        (tuple(request.body.get(name, "absent") for name in names) for request in service.questions), key=repr
    )


def swept(kernel, code, cell_id=None):
    ran = kernel.run(code, cell_id)
    assert ran.status == "ok", ran.error
    return ran


def column(kernel, name, runs="runs"):
    return json.loads(kernel.run(f"import json\nprint(json.dumps([row[{name!r}] for row in {runs}]))").text)
