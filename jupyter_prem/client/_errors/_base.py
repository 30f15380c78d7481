"""What every error has, and those without an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_prem.client._response import ChatResponse

__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "ConfigurationError",
    "Interrupted",
    "InvalidKeyError",
    "PremError",
    "RequestError",
    "SchemaError",
]


class PremError(Exception):
    """Base of every error of this package.

    Args:
        what: One line: what happened. `where`: one line: at which host, request, file or option.
        hint: One line: what to do next.
        detail: Words quoted from elsewhere, at most 20 lines of which a page shows.
        response: What had arrived of the answer when it failed, if anything.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        hint: str = "",
        detail: str = "",
        response: ChatResponse | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.detail = detail
        self.response = response

    def __str__(self) -> str:
        return "\n".join(line for line in (self.what, self.where, self.hint, self.detail) if line)

    def __reduce__(self) -> tuple[object, ...]:
        state = {name: value for name, value in vars(self).items() if not callable(value)}
        return _restored, (type(self), self.args, state)

    @property
    def partial(self) -> str:
        """The text that had arrived when it failed; empty if none had."""
        return self.response.text if self.response is not None else ""


class ConfigurationError(PremError):
    """An endpoint, key or setting that cannot work; nothing was sent."""


class InvalidKeyError(ConfigurationError):
    """An API key that no header can carry; the text shows none of it.

    IPython is given its lines, because a verbose traceback would show the frames that read the key.
    """

    def _render_traceback_(self) -> list[str]:
        return f"{type(self).__name__}: {self}".split("\n")


class SchemaError(ConfigurationError):
    """An object that can be no schema of an answer, or no tool; nothing was sent."""


class RequestError(PremError, ValueError):
    """A field of a request that the API does not take; nothing was sent.

    Args:
        field: Name of the field on the wire.
        value: The refused value.
        reason: What the field takes, such as "must be between 0 and 2".
    """

    def __init__(self, field: str, value: object, reason: str) -> None:
        shown = repr(value)
        if len(shown) > 60:  # noqa: PLR2004 - an error line stays a line
            shown = f"{shown[:57]}..."
        super().__init__(f"{field} is {shown}: {reason}.")
        self.field = field
        self.value = value
        self.reason = reason


class Interrupted(PremError):
    """The person who asked stopped the answer; what had arrived is kept."""


class APIError(PremError):
    """The service, or the way to it, failed."""


class APIConnectionError(APIError):
    """No answer began: name not found, connection refused, TLS failed.

    Args:
        again: Whether to ask again may help, and cannot be billed twice.
        dropped: Whether there was a connection: one that had waited may have been closed meanwhile.
        what: See PremError, as for the other arguments.
    """

    def __init__(
        self,
        what: str,
        *,
        again: bool = False,
        dropped: bool = False,
        where: str = "",
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(what, where=where, hint=hint, detail=detail)
        self.again = again
        self.dropped = dropped


class APITimeoutError(APIConnectionError):
    """The service stayed silent for longer than the timeout."""


def _restored(kind: type[PremError], args: tuple[object, ...], state: dict[str, object]) -> PremError:
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error
