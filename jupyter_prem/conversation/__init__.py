"""Conversations: their turns, the way of one question, and prompt templates."""

from ._conversation import Conversation, ConversationBusyError, Turn, body_hash
from ._session import Backend, Outcome, Question, Sink, ask, prepare
from ._template import TemplateError, expand

__all__ = [
    "Backend",
    "Conversation",
    "ConversationBusyError",
    "Outcome",
    "Question",
    "Sink",
    "TemplateError",
    "Turn",
    "ask",
    "body_hash",
    "expand",
    "prepare",
]
