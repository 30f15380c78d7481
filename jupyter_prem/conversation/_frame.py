"""A conversation as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._tree import ConversationError
from ._turn import answer_place

if TYPE_CHECKING:
    import pandas as pd

    from ._tree import Tree
    from ._turn import Turn

__all__ = ["to_frame"]

COLUMNS = (
    "turn",
    "role",
    "content",
    "name",
    "model",
    "finish_reason",
    "interrupted",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "latency",
)


def to_frame(tree: Tree) -> pd.DataFrame:
    """Return the branch of a conversation, one row a message; see `Conversation.to_frame`.

    Raises:
        ConversationError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ConversationError(
            "to_frame needs pandas, which is not installed.", hint='pip install "jupyter_prem[experiments]"'
        ) from None
    rows: list[dict[str, Any]] = []
    if tree.system:
        rows.append({"turn": 0, "role": "system", "content": tree.system})
    for number, turn in enumerate(tree.turns, 1):
        rows += _rows(number, turn)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    counts = {name: "Int64" for name in COLUMNS if name.endswith("_tokens")}
    return frame.astype({"turn": "int64", **counts, "interrupted": "boolean", "latency": "float64"})


def _rows(number: int, turn: Turn) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"turn": number, "role": message.role, "content": message.content, "name": message.name}
        for message in turn.messages
    ]
    response = turn.response
    if response is not None:
        usage = response.usage.to_dict() if response.usage is not None else {}
        rows[answer_place(turn.messages)] |= {
            "model": response.model,
            "finish_reason": response.finish_reason,
            "interrupted": response.interrupted,
            "latency": response.latency,
            **usage,
        }
    return rows
