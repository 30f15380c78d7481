"""Types and functions of which tools are made, and what a model is told of them."""

from __future__ import annotations

import enum
import functools

import pydantic

from jupyter_prem.objects import tool_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Person(pydantic.BaseModel):
    name: str


def described(function, name=None):
    return tool_of(function, name).to_dict()["function"]


class Thing:
    """A thing that can be called."""

    def __init__(self, n: int = 1):
        self.n = n

    def __call__(self, m: int) -> int:
        """Add to it."""
        return self.n + m

    def method(self, m: int) -> int:
        """Add."""
        return self.n + m

    @classmethod
    def make(cls, n: int) -> str:
        """Make one."""
        return str(n)

    @staticmethod
    def plain(n: int) -> int:
        return n


def decorated(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


@decorated
def wrapped(n: int) -> int:
    """Wrapped."""
    return n
