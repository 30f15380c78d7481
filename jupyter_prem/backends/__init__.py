"""Who answers: Prem Studio, any endpoint of its contract, or the embedded model."""

from ._again import asking_again
from ._async_client import AsyncClient
from ._client import Client, ClientPool
from ._embedded import EmbeddedEndpoint
from ._errors import EmbeddedError, MissingExtraError, WeightsError
from ._resolve import API_KEY_VARIABLE, Resolved, environment_key, resolve, shared_embedded

__all__ = [
    "API_KEY_VARIABLE",
    "AsyncClient",
    "Client",
    "ClientPool",
    "EmbeddedEndpoint",
    "EmbeddedError",
    "MissingExtraError",
    "Resolved",
    "WeightsError",
    "asking_again",
    "environment_key",
    "resolve",
    "shared_embedded",
]
