"""What is known of a service, and how it is asked, whether a thread waits for it or a running loop."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ._errors import ConfigurationError, NotAnAPI, NotFoundError, RequestError
from ._fields import UNSET
from ._request import ChatRequest, Messages, as_messages
from ._response import Model
from ._retry import MAX_RETRIES, check_retries
from ._status import json_body, status_error, succeeded
from ._timeouts import DEFAULT_TIMEOUT, Timeouts
from ._veil import veil_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from ._address import Address, Endpoint
    from ._backend import Status
    from ._errors import APIStatusError, PremError
    from ._request import Body
    from ._status import Head

__all__ = ["Attempt", "Options", "Service", "StreamUsage", "fetching", "waiting"]

StreamUsage = Literal["auto", "always", "never"]

_SENDABLE = re.compile(r"[\t -~]*")  # RFC 9110 section 5.5, less what is obsolete
_REFUSALS = (400, 422)  # of a field that a service does not know


@dataclass(frozen=True, slots=True)
class Options:
    """How a client asks.

    Args:
        timeout: How long a service may take; as seconds, how long it may be silent.
        max_retries: How often a question is asked again that nobody can have answered.
        headers: Sent with every request.
        verify: Whether, or with which `ssl.SSLContext`, certificates are checked.
        stream_usage: Whether a stream asks for its usage: "auto" (until a service refuses), "always"
            or "never".
        strict: Whether habits of servers that no standard allows are errors, rather than met.

    Raises:
        ConfigurationError: A timeout or a number is none.
    """

    timeout: float | Timeouts | Mapping[str, Any] = DEFAULT_TIMEOUT
    max_retries: int = MAX_RETRIES
    headers: Mapping[str, str] | None = field(default=None, repr=False, hash=False)  # one may be a key
    verify: bool | ssl.SSLContext = True
    stream_usage: StreamUsage = "auto"
    strict: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "timeout", Timeouts.of(self.timeout))
        check_retries(self.max_retries)
        for name, value in (self.headers or {}).items():
            if not _SENDABLE.fullmatch(str(value)):
                raise ConfigurationError(
                    f"The header {name!r} holds a line break, or a character that is no ASCII.",
                    hint="Copy its value again, alone and on one line.",
                )

    @property
    def timeouts(self) -> Timeouts:
        """How long a service may take."""
        return Timeouts.of(self.timeout)

    def arguments(self) -> dict[str, Any]:
        """Return them all as the public clients take them."""
        return {option.name: getattr(self, option.name) for option in fields(self)}


class Service:
    """One endpoint, as far as it is known.

    Args:
        endpoint: Who answers.
        options: How it is asked.
    """

    def __init__(self, endpoint: Endpoint, options: Options) -> None:
        self.endpoint = endpoint
        self.options = options
        self.stream_usage = options.stream_usage
        usage = {"auto": None, "always": True, "never": False}
        self.takes_usage: bool | None = usage[options.stream_usage]
        self._model: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self.endpoint.name!r})"

    @property
    def known_model(self) -> str | None:
        """The model that a request without one goes to, if that is known without asking the service."""
        return self._model or getattr(self.endpoint, "model", None)

    def body_of(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body that `request` goes out with, in its order: a stream also asks for its usage."""
        body: dict[str, Any] = json.loads(self._attempt(request).content)
        return body

    def _draft(self, messages: Messages, fields: Mapping[str, Any]) -> tuple[ChatRequest, bool]:
        """Return the checked request, and whether its model is still to be named.

        Raises:
            RequestError: A field is out of its range.
        """
        model = fields.get("model")
        body = {**fields, "messages": as_messages(messages), "model": model or "-"}
        return ChatRequest.from_body(body), not model

    def _only(self, models: Sequence[Model]) -> str:
        """Return the service's only model, and know it from now on.

        Raises:
            ConfigurationError: It has none, or several; the text lists them.
        """
        names = [model.id for model in models]
        if len(names) == 1:
            self._model = names[0]
            return names[0]
        raise ConfigurationError(
            f"No model is named, and the service has {len(names)}: {_line(names, 20)}"
            if names
            else "The service has no model.",
            where=f"at {self.endpoint.name}",
            hint="Name one: -m MODEL, %config PremMagics.model, or PREM_MODEL.",
        )

    def _attempt(self, request: ChatRequest) -> Attempt:
        """Return how `request` is sent.

        Raises:
            RequestError: The endpoint is not known to take it.
        """
        if request.tool_choice == "required" and not self.endpoint.takes_required:
            raise RequestError(
                "tool_choice", "required", f"{self.endpoint.name} takes none, auto, or the name of a tool"
            )
        return Attempt(self, request)

    def _refused(self, reply: Head, body: bytes, address: Address, size: int) -> APIStatusError:
        """Return the error of a status that is no success; `size` is how many bytes were sent."""
        error = status_error(reply, body, address, size)
        if isinstance(error, NotFoundError):
            self._model = None
        return error

    @staticmethod
    def _unknown(error: PremError, model: str) -> bool:
        """Whether an error says that there is no such model, so that the list of them is worth asking for."""
        words = error.detail.lower()
        return isinstance(error, NotFoundError) and (not words or "model" in words or model.lower() in words)

    @staticmethod
    def _near(error: PremError, model: str, models: Sequence[Model]) -> None:
        """Have an error name the models that a name may have meant."""
        import difflib  # %load_ext need not wait for it

        names = [known.id[:100] for known in models]
        near = difflib.get_close_matches(model, names, n=3, cutoff=0.5)
        near = near or [name for name in names if model.lower() in name.lower()][:3]
        if near:
            error.hint = f"Did you mean {' or '.join(near)}? %prem models lists all {len(names)}."
        elif names:
            error.hint = f"The service has {_line(names, 5)}: %prem models lists them."

    def _listed(self, data: bytes, reply: Head, address: Address) -> list[Model]:
        """Return the models of a list's body.

        Raises:
            NotAnAPI: It is no list of models.
        """
        body = json_body(data, reply, address)
        items = body.get("data") if isinstance(body, dict) else None
        if not isinstance(items, list):
            raise NotAnAPI("The list of models is not of the API's shape.", where=f"at {address.host}")
        veil = veil_of(address.api_key, lambda _: None)
        hidden = str if veil is None else veil.hidden
        return [
            Model(hidden(item["id"]), hidden(str(item.get("owned_by") or "")), item.get("created"))
            for item in items
            if isinstance(item, dict) and isinstance(item.get("id"), str)
        ]


class Attempt:
    """One request on its way: post `content`, and once more while `again` says so.

    Attributes:
        body: What is sent; it changes where the service refuses to tell a stream's usage.
    """

    def __init__(self, service: Service, request: ChatRequest) -> None:
        self._service = service
        self._request = request
        self._without = False
        stream = request.stream is True and request.stream_options is UNSET
        asks = stream and service.takes_usage is not False
        self.body: Body = request.body(**({"stream_options": {"include_usage": True}} if asks else {}))

    @cached_property
    def content(self) -> bytes:
        """The body's bytes."""
        return self.body.to_json(sort_keys=False).encode()

    def again(self, status: int) -> bool:
        """Take the status of a reply; return whether to post `content` again, which is another one then."""
        service, asked = self._service, "stream_options" in self.body.fields
        if service.stream_usage != "auto" or self._request.stream_options is not UNSET:
            return False
        if succeeded(status):
            if asked or self._without:
                service.takes_usage = asked
            return False
        if not asked or service.takes_usage is not None or status not in _REFUSALS:
            return False
        self._without = True
        self.body = self._request.body()
        del self.content
        return True


def fetching(status: Status | None) -> Callable[[int, int], None] | None:
    """Return what is told of a model that is being fetched, in bytes of bytes."""
    if status is None:
        return None

    def progress(done: int, total: int) -> None:
        status(f"Fetching the embedded model, once ({total / 1e6:.0f} MB)", done / total if total else None)

    return progress


def waiting(error: PremError, seconds: float) -> str:
    """Return the line that stands while a question waits to be asked again."""
    return f"{error.what} Asking again in {seconds:.1f} s …"


def _line(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
