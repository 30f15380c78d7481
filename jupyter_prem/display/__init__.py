"""x."""
from ._markdown import render
