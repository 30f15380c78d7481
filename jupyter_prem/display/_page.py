"""Where outputs go: IPython's display, behind three verbs."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Page(Protocol):
    """A cell's output area."""

    def display(
        self,
        data: Mapping[str, object],
        display_id: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Add an output.

        Args:
            data: MIME type to content.
            display_id: The name by which it can be updated.
            metadata: The output's metadata.
        """

    def update(
        self,
        data: Mapping[str, object],
        display_id: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Replace an output.

        Args:
            data: MIME type to content.
            display_id: The name it was added by.
            metadata: The output's metadata.
        """

    def clear(self, *, wait: bool) -> None:
        """Empty the area.

        Args:
            wait: Whether only the next output does so, which does not flicker.
        """

    def watch(self, cleared: Callable[[], None]) -> Callable[[], None]:
        """Have a function called whenever somebody empties the area.

        Args:
            cleared: The function.

        Returns:
            What ends it.
        """


class IPythonPage:
    """The output area of the cell that runs."""

    def display(
        self,
        data: Mapping[str, object],
        display_id: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Add an output; see :meth:`Page.display`."""
        from IPython.display import publish_display_data

        transient = {"display_id": display_id} if display_id else None
        publish_display_data(dict(data), dict(metadata or {}), transient=transient)

    def update(
        self,
        data: Mapping[str, object],
        display_id: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Replace an output; see :meth:`Page.update`."""
        from IPython.display import publish_display_data

        transient = {"display_id": display_id}
        publish_display_data(dict(data), dict(metadata or {}), transient=transient, update=True)

    def clear(self, *, wait: bool) -> None:
        """Empty the area; see :meth:`Page.clear`."""
        from IPython.display import clear_output

        clear_output(wait=wait)

    def watch(self, cleared: Callable[[], None]) -> Callable[[], None]:
        """Have a bound method called whenever somebody empties the area, while its object lives."""
        from IPython.core.getipython import get_ipython

        publisher = getattr(get_ipython(), "display_pub", None)
        register = getattr(publisher, "register_hook", None)
        if publisher is None or register is None:
            return lambda: None

        # A question that is refused, or interrupted before it begins, ends no watch of its answer's.
        watching = weakref.WeakMethod(cleared)

        def hook(message: dict[str, Any]) -> dict[str, Any]:
            call = watching() if message["header"]["msg_type"] == "clear_output" else None
            if call is not None:
                call()
            return message

        register(hook)
        weakref.finalize(cleared.__self__, publisher.unregister_hook, hook).atexit = False  # type: ignore[attr-defined]  # it is a method's
        return lambda: publisher.unregister_hook(hook)
