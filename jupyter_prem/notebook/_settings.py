"""What `%config PremMagics` says, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_prem.client import DEFAULT_TIMEOUT, MAX_RETRIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_prem.client import Options, StreamUsage, Timeouts

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds where a cell says nothing: `%config PremMagics`."""

    endpoint: str | None = None
    system: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    stream_usage: StreamUsage = "auto"
    allow_http_hosts: tuple[str, ...] = ()
    timeout: float | Timeouts = DEFAULT_TIMEOUT
    max_retries: int = MAX_RETRIES
    window: int | None = None
    budget: int | None = None

    @property
    def options(self) -> Options:
        """How a service is asked."""
        from jupyter_prem.client import Options

        return Options(self.timeout, self.max_retries, stream_usage=self.stream_usage)
