"""The panel: chat beside the code, on the notebook's own conversations."""

from ._panel import ChatPanel

__all__ = ["ChatPanel"]
