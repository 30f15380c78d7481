"""Who answers: Prem Studio, any endpoint of its contract, or the embedded model."""

from ._again import asking_again
from ._async_client import AsyncClient
from ._client import Client, ClientPool
from ._embedded import EmbeddedEndpoint
from ._errors import EmbeddedError, MissingExtraError, WeightsError
from ._keyring import KeyringError, keep_key, open_keyring
from ._own_key import API_KEY_VARIABLE, KeySource, set_login
from ._resolve import Resolved, keyed_host, resolve, shared_embedded

__all__ = [
    "API_KEY_VARIABLE",
    "AsyncClient",
    "Client",
    "ClientPool",
    "EmbeddedEndpoint",
    "EmbeddedError",
    "KeySource",
    "KeyringError",
    "MissingExtraError",
    "Resolved",
    "WeightsError",
    "asking_again",
    "keep_key",
    "keyed_host",
    "open_keyring",
    "resolve",
    "set_login",
    "shared_embedded",
]
