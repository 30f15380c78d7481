"""What is known of a service, and how it is asked, whether a thread waits for it or a running loop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from ._errors import ConfigurationError, NotAnAPI, NotFoundError, RequestError
from ._request import UNSET, ChatRequest, Messages, as_messages
from ._response import Model
from ._status import json_body, status_error, succeeded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._address import Address, Endpoint
    from ._errors import PremError
    from ._reply import Head
    from ._request import Body

__all__ = ["DEFAULT_TIMEOUT", "Attempt", "Service", "StreamUsage"]

DEFAULT_TIMEOUT = 300.0
"""Seconds of silence after which a service counts as lost."""

StreamUsage = Literal["auto", "always", "never"]

_REFUSALS = (400, 422)  # of a field that a service does not know


class Service:
    """One endpoint, as far as it is known.

    Args:
        endpoint: Who answers.
        stream_usage: Whether a stream asks for its usage; "auto" stops asking a service that refuses.
    """

    def __init__(self, endpoint: Endpoint, stream_usage: StreamUsage) -> None:
        self.endpoint = endpoint
        self.stream_usage = stream_usage
        self.takes_usage: bool | None = {"auto": None, "always": True, "never": False}[stream_usage]
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
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")  # noqa: PLR2004 - a line of names
        raise ConfigurationError(
            f"No model is named, and the service has {len(names)}: {shown}"
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

    def _refused(self, reply: Head, body: bytes, address: Address) -> PremError:
        """Return the error of a status that is no success."""
        error = status_error(reply, body, address)
        if isinstance(error, NotFoundError):
            self._model = None
        return error

    def _listed(self, data: bytes, reply: Head, address: Address) -> list[Model]:
        """Return the models of a list's body.

        Raises:
            NotAnAPI: It is no list of models.
        """
        body = json_body(data, reply, address)
        items = body.get("data") if isinstance(body, dict) else None
        if not isinstance(items, list):
            raise NotAnAPI("The list of models is not of the API's shape.", where=f"at {address.host}")
        return [
            Model(item["id"], str(item.get("owned_by") or ""), item.get("created"))
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

    @property
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
        return True
