"""What tests of keys share: two keys, and what a kernel and a service know of them."""

from __future__ import annotations

from typing import Any

from kernels import Kernel, Ran
from loopback import Service

KEY = "Zq7w-0123456789abcdefXY"
OTHER = "Hb5n-zyxwvutsrqponmlkj"


def said(ran: Ran) -> str:
    assert ran.status == "ok", ran.error
    return "\n".join(bundle["text/plain"] for bundle in ran.bundles)


def keys(service: Service) -> list[Any]:
    return [request.headers.get("authorization") for request in service.questions]


def key_row(kernel: Kernel) -> str:
    rows = said(kernel.run("%prem status")).split("\n")
    return next(
        row.strip("| ").split("|")[-1].strip(" `") for row in rows if row.strip("| ").startswith("key ")
    )
