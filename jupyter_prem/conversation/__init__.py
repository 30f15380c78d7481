"""Conversations: their turns, the way of one question, and prompt templates."""

from ._conversation import Conversation
from ._expressions import expression_end, expressions
from ._files import ConversationFileError, write
from ._host import ConversationStream, Host
from ._interrupts import uninterrupted
from ._question import CONTINUE, MAX_TOOL_ROUNDS, Place, Question, asked_again
from ._session import Sink, ask, prepare
from ._template import Template, TemplateError, evaluate, expand
from ._tree import ConversationBusyError, ConversationError, Tree
from ._turn import Cell, SentBody, Turn, answer_place, body_hash, branch
from ._watch import CallMade, Outcome, Round

__all__ = [
    "CONTINUE",
    "MAX_TOOL_ROUNDS",
    "CallMade",
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
    "Round",
    "SentBody",
    "Sink",
    "Template",
    "TemplateError",
    "Tree",
    "Turn",
    "answer_place",
    "ask",
    "asked_again",
    "body_hash",
    "branch",
    "evaluate",
    "expand",
    "expression_end",
    "expressions",
    "prepare",
    "uninterrupted",
    "write",
]
