"""Importing jsonschema without its grammar of IRIs, which is compiled when something is first held to it.

Where JupyterLab is installed, so is rfc3987-syntax, whose import takes two seconds; jsonschema imports it for
two formats that few schemas name (python-jsonschema/jsonschema issue 1428).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any

__all__ = ["load"]

_GRAMMAR = "rfc3987_syntax"
_lock = threading.Lock()


def load() -> None:
    """Import jsonschema, if nobody has; its checks stay what they are."""
    with _lock:
        if "jsonschema" in sys.modules or _GRAMMAR in sys.modules or not importlib.util.find_spec(_GRAMMAR):
            return
        sys.modules[_GRAMMAR] = _Later(_GRAMMAR)
        try:
            importlib.import_module("jsonschema")
        finally:
            sys.modules.pop(_GRAMMAR, None)


class _Later(ModuleType):
    """Stands for the grammar while jsonschema takes from it what it will call."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **named: Any) -> Any:
            return getattr(importlib.import_module(_GRAMMAR), name)(*args, **named)

        return call
