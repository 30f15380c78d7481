"""An answer with a status that is no success."""

from __future__ import annotations

from typing import ClassVar

from ._base import APIError

__all__ = [
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "ContextWindowExceededError",
    "InternalServerError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RedirectRefused",
    "UnprocessableEntityError",
]


class APIStatusError(APIError):
    """The service answered with a status that is no success.

    Args:
        status_code: HTTP status.
        request_id: The service's own id of the request, where it sent one.
        code: What the service calls it, where it says so.
        retry_after: Seconds after which to ask again, where the service said so.
        should_retry: Whether to ask again, where the service said so.
        what: See PremError, as for the other arguments.
    """

    fixed_hint: ClassVar[str] = ""

    def __init__(
        self,
        what: str,
        *,
        status_code: int,
        request_id: str = "",
        code: str = "",
        retry_after: float | None = None,
        should_retry: bool | None = None,
        where: str = "",
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(what, where=where, hint=hint or self.fixed_hint, detail=detail)
        self.code = code
        self.status_code = status_code
        self.request_id = request_id
        self.retry_after = retry_after
        self.should_retry = should_retry


class BadRequestError(APIStatusError):
    """400."""


class ContextWindowExceededError(BadRequestError):
    """The messages do not fit into the model's context window; 400 as a rule, 413, 422 or 500 of some."""

    fixed_hint = "Send fewer exchanges (--window N), or start afresh (--new, %prem reset); nothing is lost."


class AuthenticationError(APIStatusError):
    """401."""

    fixed_hint = "Give the key to %prem login, or set PREMAI_API_KEY where the kernel starts, and ask again."


class PermissionDeniedError(APIStatusError):
    """403."""

    fixed_hint = "The key is valid but not allowed to do this; check its project and the model's access."


class NotFoundError(APIStatusError):
    """404."""

    fixed_hint = "%prem models lists the models of this service; %prem status shows its address."


class ConflictError(APIStatusError):
    """409."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429."""

    fixed_hint = "Wait a moment and ask again, or check the plan's limits."


class InternalServerError(APIStatusError):
    """5xx."""

    fixed_hint = "The service failed; ask again in a moment."


class RedirectRefused(APIStatusError):
    """3xx: a question is never sent on to where a redirect points."""

    fixed_hint = "Set the endpoint to the final address yourself if you trust it."
