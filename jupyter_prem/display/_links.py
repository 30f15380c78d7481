"""Where a link really leads, and whether a page may offer it.

A target is followed only if it is absolute and http, https or mailto; the schemes are those of the
allow-list in ``_sanitize``. A link whose text names another host than its target says where it leads.
"""

import functools
import html
import re
import unicodedata
from urllib.parse import SplitResult, quote, unquote, urlsplit

SCHEMES = frozenset({"http", "https", "mailto"})

_MAX = 4096
_SAFE = "!#$%&'()*+,/:;=?@[]~-._"
_BAD = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029<>\"\\^`{|}]")
_HOST_LIKE = re.compile(r"(?:[^\s/:@.,;()\[\]<>\"']+\.)+[^\W\d_][\w-]+", re.UNICODE)
_AUTHORITY = re.compile(r"\w://(?:[^\s/?#@]*@)?(\[[^\]\s]*\]|[^\s/?#:\\()<>\"']+)")
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_DOMAIN = re.compile(r"@([^\s@,;:?&<>()\"']+)")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2060-\u2064\u3164\ufe00-\ufe0f\ufeff]"
)
_NUMERIC = re.compile(r"[\d.]+$|.*:")


@functools.lru_cache(maxsize=512)
def target(href: str, *, image: bool = False) -> str:
    """The address a page may link to.

    Args:
        href: The target as the text has it, entities included.
        image: Whether it is an image's source, where ``//host`` stands for https.

    Returns:
        An absolute address in ASCII, or nothing if the target is relative or of another scheme.
    """
    href = html.unescape(href).strip()
    if image and href.startswith("//"):
        href = "https:" + href
    if not href or len(href) > _MAX or _split(href) is None:
        return ""
    scheme = href.partition(":")[0].lower()
    if scheme == "mailto":
        return quote(href, safe=_SAFE) if "@" in href and not _BAD.search(href) else ""
    if scheme not in SCHEMES or href[len(scheme) : len(scheme) + 3] != "://":
        return ""
    if _BAD.search(href.split("/", 3)[2]) or not host(href):
        return ""
    return quote(href, safe=_SAFE) if href.isascii() else _ascii(href)


def host(href: str) -> str:
    """The host an address leads to, with its port, in ASCII.

    Args:
        href: An absolute address.

    Returns:
        The host as the DNS sees it (punycode), or the mail address's domain.
    """
    parts = _split(href)
    if parts is None:
        return ""
    if parts.scheme == "mailto":
        return parts.path.rpartition("@")[2]
    try:
        name = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
        port = parts.port
    except ValueError:  # also UnicodeError: a name that IDNA forbids
        return ""
    return f"{name}:{port}" if port else name


def note(text: str, href: str) -> str:
    """What a reader must be told beside a link.

    Args:
        text: The link's visible text.
        href: Its target, as :func:`target` gave it.

    Returns:
        The real host if the text names another one, hides something, or the host is a number, a local
        name or has a login before it; else nothing.
    """
    real = host(href)
    shown = _INVISIBLE.sub("", unicodedata.normalize("NFKC", html.unescape(text))).lower()
    shown = shown.replace("\u3002", ".")  # IDNA's other dot
    if href.startswith("mailto:"):
        reached, named = (dict.fromkeys(_domains(where)) for where in (unquote(href), shown))
        return ", ".join(reached) if named and named != reached else ""
    names = [*_HOST_LIKE.findall(shown), *_AUTHORITY.findall(shown), *_ADDRESS.findall(shown)]
    hosts = {name.rstrip(".,;!'").removeprefix("www.").strip("[]") for name in names}
    plain = real.lower()
    odd = (
        "@" in (urlsplit(href).netloc)
        or "xn--" in plain
        or "." not in plain
        or bool(_NUMERIC.match(plain))
        or (bool(hosts) and (_INVISIBLE.search(text) or hosts != {plain.removeprefix("www.")}))
    )
    return real if odd and text.strip() != href.strip() + f" ({real})" else ""


def _domains(text: str) -> list[str]:
    return [name.rstrip(".").lower() for name in _DOMAIN.findall(text)]


def _split(href: str) -> SplitResult | None:
    try:
        return urlsplit(href)
    except ValueError:
        return None


def _ascii(href: str) -> str:
    parts = urlsplit(href)
    login = parts.netloc.rpartition("@")[0]
    where = (quote(login, safe=_SAFE) + "@" if login else "") + host(href)
    path = quote(parts.path, safe=_SAFE)
    query = "?" + quote(parts.query, safe=_SAFE) if parts.query else ""
    fragment = "#" + quote(parts.fragment, safe=_SAFE) if parts.fragment else ""
    return f"{parts.scheme}://{where}{path}{query}{fragment}"
