"""The block structure of Markdown, found without rendering it; the standard library is all it needs."""

from ._blocks import Blocks
from ._fences import CodeBlock, code_blocks, language
from ._formulas import ENVIRONMENTS
from ._node import Node
from ._tables import MAX_FILLED, cells
from ._unfence import unfenced

__all__ = [
    "ENVIRONMENTS",
    "MAX_FILLED",
    "Blocks",
    "CodeBlock",
    "Node",
    "cells",
    "code_blocks",
    "language",
    "unfenced",
]
