"""API keys: checked before the wire sees them, never shown."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import threading
import weakref
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from ._errors import InvalidKeyError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import NoReturn, SupportsIndex

__all__ = ["Key", "scrub"]

_GIVE = "Give it to %prem login, or set PREMAI_API_KEY to it"
_HIDDEN = "[key]"
_SHORTEST_FRAGMENT = 8
_URL_SAFE = str.maketrans("+/", "-_")
# Twelve leading characters name an account to whoever knows it; so what stands beside a fragment goes too.
_BESIDE_LEFT = re.compile(r"[\w*…•.+/=-]{1,64}\Z")
_BESIDE_RIGHT = re.compile(r"[\w*…•.+/=-]{1,64}")

_DIGIT = r"(?=[A-Za-z0-9_\-]*[0-9])"
_SHAPES: Final = (
    r"sk-(?:proj|svcacct|admin|None)-[\w-]{20,}",  # OpenAI
    rf"sk-{_DIGIT}[A-Za-z0-9]{{20,}}",  # OpenAI's older, DeepSeek, Moonshot, LiteLLM, Stability
    r"sk-ant-[a-z0-9]+-[\w-]{20,}",  # Anthropic
    r"sk-or-v1-[0-9a-f]{32,}",  # OpenRouter
    rf"sk-{_DIGIT}(?:[a-z0-9]{{2,10}}-){{1,2}}[A-Za-z0-9]{{24,}}",  # Langfuse and others
    r"pk-lf-[0-9a-f-]{36}",  # Langfuse
    r"ls(?:v2_(?:pt|sk)|)__?[0-9a-f]{32}(?:_[0-9a-f]{10})?",  # LangSmith
    rf"(?i:prem(?:ai)?[_-]?(?:api)?[_-]?key)[_-]{_DIGIT}[\w-]{{16,}}",  # Prem
    rf"(?i:prem(?:ai)?)[_-]{_DIGIT}[A-Za-z0-9]{{20,}}",  # Prem
    r"AIza[\w-]{35}",  # Google
    r"ya29\.[\w-]{20,}",  # Google OAuth
    r"GOCSPX-[\w-]{28}",  # Google OAuth client
    r"(?:AKIA|ASIA|ABIA|ACCA)(?=[A-Z2-7]*[2-7])[A-Z2-7]{16}(?![A-Za-z0-9])",  # AWS
    r"ABSK[A-Za-z0-9+/]{100,}={0,2}",  # AWS Bedrock
    r"gh[pousr]_[A-Za-z0-9]{36,}",  # GitHub
    r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",  # GitHub
    r"gl(?:pat|ptt|dt|rt|cbt|soat|ft|oas|agent)-[\w-]{20,}",  # GitLab
    r"(?:hf|api_org)_[A-Za-z0-9]{34,}",  # Hugging Face
    r"gsk_[A-Za-z0-9]{40,}",  # Groq
    r"r8_[A-Za-z0-9]{37,}",  # Replicate
    r"pplx-[A-Za-z0-9]{40,}",  # Perplexity
    r"xai-[A-Za-z0-9]{60,}",  # xAI
    rf"fw_{_DIGIT}[A-Za-z0-9]{{20,}}",  # Fireworks
    r"nvapi-[\w-]{60,}",  # NVIDIA
    r"csk-[a-z0-9]{40,}",  # Cerebras
    r"tgp_v1_[\w-]{40,}",  # Together
    r"pa-[\w-]{43}(?![\w-])",  # Voyage
    r"jina_[0-9a-f]{32}[\w-]{20,}",  # Jina
    r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{30,}",  # Tavily
    r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,}",  # Pinecone
    r"key-[0-9a-f]{32}(?![0-9a-f])",  # Mailgun
    r"dapi[0-9a-f]{32}(?:-[0-9])?",  # Databricks
    r"xox[abeoprs]-[0-9A-Za-z-]{20,}",  # Slack
    r"xapp-[0-9]-[A-Z0-9]+-[0-9]+-[0-9a-f]{20,}",  # Slack
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{20,}",  # Stripe
    r"whsec_[A-Za-z0-9+/]{32,}",  # Stripe and Svix
    r"SG\.[\w-]{22}\.[\w-]{43}",  # SendGrid
    r"SK[0-9a-f]{32}(?![0-9a-f])",  # Twilio
    r"npm_[A-Za-z0-9]{36}",  # npm
    r"pypi-AgEIcHlwaS5vcmc[\w-]{40,}",  # PyPI
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"lin_api_[A-Za-z0-9]{40}",  # Linear
    r"(?:secret|ntn)_[A-Za-z0-9]{43,}",  # Notion
    r"figd_[\w-]{40,}",  # Figma
    r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",  # Airtable
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",  # Postman
    r"dckr_pat_[\w-]{27,}",  # Docker
    r"hv[sb]\.[\w-]{24,}",  # Vault
    r"age-secret-key-1[a-z0-9]{58}|AGE-SECRET-KEY-1[A-Z0-9]{58}",  # age
    r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{18,}AC[A-Z][A-Za-z0-9]{6,}",  # Azure
    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",  # a JSON Web Token (RFC 7519)
)
_NAMED = (
    r"(?i:api[ _-]?key|access[_-]?token|auth[_-]?token|secret[_-]?key|client[_-]?secret|account_?key)"
    r"(?: provided)?[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
    r"(?=[\w+/-]*[0-9][A-Za-z_+/-]*[0-9][A-Za-z_+/-]*[0-9])[A-Za-z0-9_+/-]{24,}={0,2}"
)
_PLACES: Final = (
    # What follows a scheme (RFC 9110 section 11.4), a user name in a URL, or the name of a header or field.
    r"(?i:(?<=Bearer )|(?<=Basic ))(?=[\w.~+/-]*[0-9])(?=[\w.~+/-]*[A-Za-z])[\w.~+/-]{20,}={0,2}",
    r"(?<=://)[^\s/:@\"'<>{}$%()\[\]|\\]*:(?=[^\s/:@]*[0-9])[^\s/:@\"'<>{}$()\[\]|\\]{8,}(?=@[\w-])",
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[^-]{40,}(?:-----END [A-Z0-9 ]+-----)?",
    _NAMED,
)


_lock = threading.Lock()


class Key:
    """An API key that never prints, pickles or compares its value in the open.

    Args:
        value: The key as it was typed or read; white space around it is dropped.

    Raises:
        InvalidKeyError: It is empty, or holds what no HTTP header can carry
            (RFC 9110 section 5.5). The text shows no character of the key.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value.strip()
        # A traceback can show the names of a frame, so none holds the key when one is made.
        del value
        if not self._value:
            raise InvalidKeyError("The API key is empty.", hint=f"{_GIVE}.")
        bad = next((place for place, char in enumerate(self._value) if not "!" <= char <= "~"), None)
        if bad is not None:
            raise InvalidKeyError(
                f"The API key holds {_name(self._value[bad])} at position {bad + 1} of {len(self._value)}.",
                hint=f"Copy the key again, alone and on one line. {_GIVE}.",
            )
        with _lock:
            _held.add(self)

    def header(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self._value}"

    def reveal(self) -> str:
        """Return the key itself, for the one place that must hand it on."""
        return self._value

    def digest(self) -> str:
        """Return a SHA-256 that tells keys apart without holding one."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    def __repr__(self) -> str:
        return "Key(hidden)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("an API key is not pickled or copied")


_held: weakref.WeakSet[Key] = weakref.WeakSet()
"""The keys of this process: words that one is asked with may come back where another is used, or none."""


def _name(char: str) -> str:
    names = {"\n": "a line break", "\r": "a line break", "\0": "a NUL", " ": "a space", "\t": "a tab"}
    return names.get(char, f"the character U+{ord(char):04X}")


def scrub(text: str, key: Key | None) -> str:
    """Return `text` with what must not be seen of keys hidden.

    That is the key itself and any 8 or more of its characters in a row, also URL-encoded, as base64 or hex,
    escaped as in JSON or HTML, as UTF-16, and backwards; and whatever has the shape of a provider's key.

    Args:
        text: Words that come from elsewhere.
        key: The key that is known; None where none is. Every other one of this process is hidden too, unless
            it is as short as a word.
    """
    with _lock:
        values = {other.reveal() for other in _held if len(other.reveal()) > _SHORTEST_FRAGMENT}
    if key is not None:
        values.add(key.reveal())
    for value in sorted(values, key=len, reverse=True):
        text = _without(text, value)
    return _shapes().sub(_HIDDEN, text)


def _without(text: str, value: str) -> str:
    """Return `text` without `value` and its fragments, in time linear in the text."""
    if len(value) <= _SHORTEST_FRAGMENT:  # a word, such as servers without keys take for one
        return re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", _HIDDEN, text)
    text = text.replace(value, _HIDDEN)
    parts: list[str] = []
    end = 0
    for start, stop in _runs(text, _windows(value)):
        # The few characters beside a fragment may be more of the key, masked or cut.
        before = _BESIDE_LEFT.search(text, max(end, start - 64), start)
        after = _BESIDE_RIGHT.match(text, stop)
        parts += [text[end : before.start() if before else start], _HIDDEN]
        end = after.end() if after else stop
    return "".join([*parts, text[end:]])


def _windows(value: str) -> dict[int, set[str]]:
    """Return every way to write 8 characters in a row of `value`, by its length."""
    windows: dict[int, set[str]] = {}
    for place in range(len(value) - _SHORTEST_FRAGMENT + 1):
        part = value[place : place + _SHORTEST_FRAGMENT]
        for written in _written(part):
            windows.setdefault(len(written), set()).add(written)
    return windows


def _written(part: str) -> Iterator[str]:
    import base64  # at the first error: %load_ext need not wait for them
    import html

    yield part
    yield part[::-1]
    yield quote(part, safe="")
    yield re.sub("%..", lambda code: code[0].lower(), quote(part, safe=""))
    yield quote(part)
    yield quote_plus(part)
    yield json.dumps(part)[1:-1]
    yield json.dumps(part)[1:-1].replace("/", "\\/")
    yield "".join(f"\\u{ord(char):04x}" for char in part)
    yield html.escape(part)
    yield html.escape(part, quote=False)
    yield "\0".join(part)
    yield "\\x00".join(part)
    yield "\\u0000".join(part)
    yield part.encode().hex()
    # Three bytes make four characters; those that other bytes have a part in are left out.
    for shift, cut in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * shift + part.encode()).decode()
        whole = encoded[cut : (shift + len(part)) * 8 // 6]
        yield whole
        yield whole.translate(_URL_SAFE)


def _runs(text: str, windows: Mapping[int, Collection[str]]) -> Iterator[tuple[int, int]]:
    """Yield where `text` holds windows, those that touch as one."""
    hits = sorted(
        (place, place + length)
        for length, known in windows.items()
        for place in range(len(text) - length + 1)
        if text[place : place + length] in known
    )
    start = stop = -1
    for left, right in hits:
        if left > stop:
            if stop >= 0:
                yield start, stop
            start = left
        stop = max(stop, right)
    if stop >= 0:
        yield start, stop


@functools.cache
def _shapes() -> re.Pattern[str]:
    """Return what matches a key of a known provider; compiled at the first error that quotes anything."""
    alone = "|".join(f"(?:{shape})" for shape in _SHAPES)
    return re.compile(rf"(?<![A-Za-z0-9_\-])(?:{alone})|{'|'.join(_PLACES)}")
