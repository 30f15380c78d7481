"""Conversations: their turns, the way of one question, and prompt templates."""

from ._conversation import Conversation
from ._files import ConversationFileError, write
from ._host import ConversationStream, Host
from ._question import CONTINUE, Place, Question, asked_again
from ._session import Backend, Outcome, Sink, ask, prepare
from ._template import TemplateError, expand
from ._tree import ConversationBusyError, ConversationError, Tree
from ._turn import Cell, SentBody, Turn, body_hash, branch

__all__ = [
    "CONTINUE",
    "Backend",
    "Cell",
    "Conversation",
    "ConversationBusyError",
    "ConversationError",
    "ConversationFileError",
    "ConversationStream",
    "Host",
    "Outcome",
    "Place",
    "Question",
    "SentBody",
    "Sink",
    "TemplateError",
    "Tree",
    "Turn",
    "ask",
    "asked_again",
    "body_hash",
    "branch",
    "expand",
    "prepare",
    "write",
]
