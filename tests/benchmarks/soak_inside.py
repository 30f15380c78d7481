"""What the soak asks inside the kernel: what conversations hold, and what is held in all."""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import gc
import json
import linecache
import sys
import threading
import types
from collections import Counter
from typing import Any

import pandas as pd
from IPython.core.getipython import get_ipython
from soak_service import TAG

from jupyter_prem.conversation import Tree, Turn
from jupyter_prem.display._markdown import _renderer
from jupyter_prem.notebook import find_magics

_PASSED = (type, types.ModuleType, types.CodeType, types.FrameType, types.BuiltinFunctionType)


def notebook() -> Any:
    return find_magics(get_ipython()).notebook


def tag_of(turn: Turn) -> str:
    found = TAG.match(turn.title or "")
    return found[0] if found else ""


def tell(name: str | None = None) -> None:
    """Print a conversation's branch, each turn's hash, tag, text, whether it was cut, and its cells; and `chat_response`."""
    branch = [
        [
            turn.hash,
            tag_of(turn),
            turn.response.text,
            turn.response.interrupted,
            [cell.id for cell in turn.cells],
        ]
        for turn in notebook().known(name).turns
    ]
    response = get_ipython().user_ns.get("chat_response")
    told = None if response is None else {"text": response.text, "cut": response.interrupted}
    print(json.dumps({"name": notebook().known(name).name, "branch": branch, "response": told}))


def tell_all() -> None:
    """Print the text of each turn that was not cut and is kept anywhere, by its tag."""
    said: dict[str, list[str]] = {}
    for turn in kept():
        if not turn.response.interrupted:
            said.setdefault(tag_of(turn), []).append(turn.response.text)
    print(json.dumps(said))


def tell_table(runs: Any, unbroken: Any) -> None:
    """Print a sweep's rows, and how it differs from an unbroken run's; nothing where it does not."""
    varies = ["latency", "id", "replayed"]
    tables = [each.to_frame().drop(columns=varies) for each in (runs, unbroken)]
    differs = ""
    try:
        pd.testing.assert_frame_equal(*tables)
    except AssertionError as error:
        differs = str(error)
    print(json.dumps({"texts": tables[0].text.tolist(), "differs": differs}))


def kept() -> list[Turn]:
    """Return every turn of every conversation, once."""
    trees: list[Tree] = list(notebook().conversations.values())
    return list(dict.fromkeys(turn for tree in trees for turn in tree.all_turns))


def measure() -> None:
    """Print what is held: what IPython keeps of cells is dropped before, and memory that is free given back."""
    shell = get_ipython()
    shell.displayhook.flush()
    shell.history_manager.reset()
    linecache.clearcache()
    gc.collect()
    gc.collect()
    name = ctypes.util.find_library("c")
    if name and hasattr(ctypes.CDLL(name), "malloc_trim"):
        ctypes.CDLL(name).malloc_trim(0)
    objects = Counter(
        f"{type(one).__module__}.{type(one).__qualname__}"
        for one in gc.get_objects()
        if str(type(one).__module__).startswith("jupyter_prem")
    )
    turns = kept()
    seen = {id(notebook()), id(shell), id(notebook().settings.__self__)}
    words = sum(len((message.content or "").encode()) for turn in turns for message in turn.messages)
    of_turns = size(list(turns), seen)
    found = {
        "objects": objects,
        "tasks": sum(not one.done() for one in gc.get_objects() if isinstance(one, asyncio.Task)),
        "names": sorted(thread.name for thread in threading.enumerate()),
        "turns": len(turns),
        "words": words,
        "of turns": of_turns,
        "beside": size(list(vars(notebook()).values()), seen),
        "cached": size([_renderer()], set()),
    }
    print(json.dumps(found))


def size(roots: list[Any], seen: set[int]) -> int:
    """Return the bytes of what is reached from some objects and was not seen; code and types are not."""
    total = 0
    stack = roots
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, _PASSED):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        if isinstance(one, types.FunctionType):
            stack += one.__closure__ or ()
        elif not isinstance(one, (threading.Thread, str, bytes, int, float)):
            stack += gc.get_referents(one)
    return total
