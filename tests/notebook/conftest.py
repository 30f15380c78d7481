"""Kernels and pages that several files of this folder ask for."""

from __future__ import annotations

import pytest
from kernels import NOBODY, Kernel
from resumed import Page


@pytest.fixture
def begin(tmp_path):
    """Start kernels in one folder, which nothing tells that they are watched by a test."""
    running = []

    def start(**env):
        kernel = Kernel({**NOBODY, **env}, cwd=str(tmp_path))
        running.append(kernel)
        ran = kernel.run("%load_ext jupyter_prem")
        assert ran.status == "ok", ran.error
        return kernel

    yield start
    for kernel in running:
        kernel.stop()


@pytest.fixture
def folder(tmp_path):
    return tmp_path


FUNCTIONS = '''
import asyncio, enum, time
from typing import Optional
made = []

def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: the first
        b: the second
    """
    made.append((a, b))
    return a + b

async def later(name: str) -> str:
    "Answers later."
    await asyncio.sleep(0.01)
    return f"hello {name}"

def fails(x: int = 0):
    raise ValueError(f"not {x}")

def hangs():
    made.append("began")
    time.sleep(60)

def prints():
    print("printed by a tool")
    return None
'''


@pytest.fixture
def tools(kernel):
    assert kernel.run(FUNCTIONS).status == "ok"
    return kernel


TYPES = """
import dataclasses
from typing import Optional, TypedDict
import pydantic

class Person(pydantic.BaseModel):
    name: str
    age: int
    tags: list[str] = []

@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0

class Inner(TypedDict):
    text: str

class Film(TypedDict, total=False):
    title: str
    inner: Inner

shape = {"title": "a shape", "type": "object", "properties": {"n": {"type": "integer", "minimum": 1}},
         "required": ["n"], "additionalProperties": False}
people = list[Person]
instance = Point(1)
"""


@pytest.fixture
def typed(kernel):
    assert kernel.run(TYPES).status == "ok"
    return kernel


@pytest.fixture
def page(kernel, tmp_path):
    page = Page(kernel, tmp_path / "page.ipynb")
    for name in "abc":
        page.run(name, f"%%chat{' -s brief' if name == 'a' else ''}\n{name}")
    return page
