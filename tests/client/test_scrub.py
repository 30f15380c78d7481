"""What is hidden in words that come from elsewhere: keys of every provider, one that is known in every form."""

from __future__ import annotations

import base64
import html
import importlib.metadata
import json
import random
import re
import string
import sysconfig
import time
import weakref
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from jupyter_prem.client import Key, _keys, scrub

SECRET = 'Zq7wKv3+/Xw"\\&K9vT3%mC8yL2dR5wN'
LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def of(length: int, letters: str = LETTERS) -> str:
    """Return characters that a key may consist of, the same in every run."""
    draw = random.Random(f"{length}{letters}")  # noqa: S311 - no secret
    return "".join(draw.choice(letters) for _ in range(length - 2)) + letters[1] + "7"


SHAPES = {
    "openai": f"sk-{of(48)}",
    "openai_project": f"sk-proj-{of(74, LETTERS + '_-')}",
    "openai_service": f"sk-svcacct-{of(74, LETTERS + '_-')}",
    "openai_admin": f"sk-admin-{of(74, LETTERS + '_-')}",
    "anthropic": f"sk-ant-api03-{of(93, LETTERS + '_-')}AA",
    "openrouter": f"sk-or-v1-{of(64, HEX)}",
    "deepseek": f"sk-{of(32, HEX)}",
    "langfuse": f"sk-lf-{of(8, HEX)}{of(24, HEX)}",
    "langsmith": f"lsv2_pt_{of(32, HEX)}_{of(10, HEX)}",
    "prem": f"premKey_{of(32)}",
    "premai": f"premai-{of(32)}",
    "google": f"AIza{of(35, LETTERS + '_-')}",
    "google_oauth": f"ya29.{of(60, LETTERS + '_-')}",
    "aws": f"AKIA{of(16, string.ascii_uppercase + '234567')}",
    "aws_session": f"ASIA{of(16, string.ascii_uppercase + '234567')}",
    "github": f"ghp_{of(36)}",
    "github_app": f"ghs_{of(36)}",
    "github_fine": f"github_pat_{of(22)}_{of(59)}",
    "gitlab": f"glpat-{of(20, LETTERS + '_-')}",
    "hugging_face": f"hf_{of(34)}",
    "groq": f"gsk_{of(52)}",
    "replicate": f"r8_{of(37)}",
    "perplexity": f"pplx-{of(48)}",
    "xai": f"xai-{of(80)}",
    "fireworks": f"fw_{of(24)}",
    "nvidia": f"nvapi-{of(64, LETTERS + '_-')}",
    "cerebras": f"csk-{of(48, string.ascii_lowercase + string.digits)}",
    "together": f"tgp_v1_{of(43, LETTERS + '_-')}",
    "voyage": f"pa-{of(43, LETTERS + '_-')}",
    "jina": f"jina_{of(32, HEX)}{of(28)}",
    "tavily": f"tvly-dev-{of(32)}",
    "pinecone": f"pcsk_{of(6)}_{of(63)}",
    "databricks": f"dapi{of(32, HEX)}",
    "slack": f"xoxb-{of(12, string.digits)}-{of(24)}",
    "slack_app": f"xapp-1-{of(10, string.ascii_uppercase)}-{of(12, string.digits)}-{of(64, HEX)}",
    "stripe": f"sk_live_{of(24)}",
    "stripe_restricted": f"rk_live_{of(24)}",
    "sendgrid": f"SG.{of(22)}.{of(43)}",
    "twilio": f"SK{of(32, HEX)}",
    "mailgun": f"key-{of(32, HEX)}",
    "npm": f"npm_{of(36)}",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{of(80, LETTERS + '_-')}",
    "digitalocean": f"dop_v1_{of(64, HEX)}",
    "shopify": f"shpat_{of(32, HEX)}",
    "linear": f"lin_api_{of(40)}",
    "notion": f"ntn_{of(46)}",
    "figma": f"figd_{of(42, LETTERS + '_-')}",
    "airtable": f"pat{of(14)}.{of(64, HEX)}",
    "docker": f"dckr_pat_{of(27, LETTERS + '_-')}",
    "vault": f"hvs.{of(90, LETTERS + '_-')}",
    "azure": f"{of(52)}JQQJ99{of(20)}ACY{of(10)}",
    "web_token": f"eyJ{of(20)}.eyJ{of(40)}.{of(43, LETTERS + '_-')}",
}
PLACES = {
    "bearer": ("Authorization: Bearer {}", of(40)),
    "basic": ("authorization: basic {}", base64.b64encode(b"ada:lovelace1815-open").decode()),
    "url": ("cannot reach https://ada:{}@proxy.example:3128/x", of(16)),
    "mistral": ('{{"api_key": "{}"}}', of(32)),
    "cohere": ("COHERE_API_KEY={}", of(40)),
    "azure_older": ("api-key: {}", of(32, HEX)),
    "aws_secret": ("aws_secret_key = {}", of(40)),
    "told_back": ("Incorrect API key provided: {}.", of(32)),
    "private_key": (
        "{}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{of(64)}\n{of(64)}\n-----END RSA PRIVATE KEY-----",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("around", ["{}", "Incorrect key: {}.", '{{"key":"{}"}}', "?key={}&x=1", "'{}',"])
def test_what_has_the_shape_of_a_key_is_hidden(name, around):
    key = SHAPES[name]
    shown = scrub(around.format(key), None)
    assert shown == around.format("[key]")


@pytest.mark.parametrize("name", PLACES)
def test_what_stands_where_a_key_does_is_hidden(name):
    around, key = PLACES[name]
    assert key not in scrub(around.format(key), None)
    assert "[key]" in scrub(around.format(key), None)


def texts() -> list[str]:
    """Return sources of the standard library, and what our dependencies say of themselves: code and prose."""
    library = Path(sysconfig.get_path("stdlib"))
    paths = [path for path in sorted(library.glob("*.py")) if not path.name.startswith("_sysconfigdata")]
    paths += [
        path
        for room in ("asyncio", "email", "http", "json", "logging", "unittest", "xml")
        for path in sorted((library / room).glob("*.py"))
    ]
    found = [path.read_text("utf-8") for path in paths]
    needs = importlib.metadata.requires("jupyter_prem") or []
    for name in sorted({re.split(r"[^\w.-]", need)[0] for need in needs if "extra" not in need}):
        about = importlib.metadata.distribution(name)
        found.append(str(about.read_text("METADATA")))
        licences = [
            path for path in about.files or () if "licen" in path.name.lower() and path.suffix != ".py"
        ]
        found += [path.read_text("utf-8") for path in licences]
    return found


def test_prose_and_code_are_left_alone(monkeypatch):
    monkeypatch.setattr(
        _keys, "_held", weakref.WeakSet()
    )  # keys of other tests consist of 0123456789 and the like
    draw = random.Random(5_000)  # noqa: S311 - no secret
    sources = [text for text in texts() if len(text) > 400]
    key = Key(SECRET)
    samples = set()
    while len(samples) < 5_000:
        text = draw.choice(sources)
        start = draw.randrange(len(text) - 300)
        samples.add(text[start : start + draw.randrange(100, 1_500)])
    changed = [sample for sample in sorted(samples) if scrub(sample, None) != sample]
    assert changed == []
    assert [sample for sample in sorted(samples)[:500] if scrub(sample, key) != sample] == []


FORMS = {
    "raw": str,
    "url": lambda text: quote(text, safe=""),
    "url_lower": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "url_path": quote,
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json_slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json_codes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "html": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64_after_1": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64_after_2": lambda text: base64.b64encode(b"x:" + text.encode()).decode(),
    "base64_url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "utf16": lambda text: text.encode("utf-16-le").decode(),
    "utf16_big": lambda text: text.encode("utf-16-be").decode(),
    "hex": lambda text: text.encode().hex(),
    "reversed": lambda text: text[::-1],
}


@pytest.mark.parametrize("part", [slice(None), slice(12), slice(-12, None), slice(9, 24)], ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_a_known_key_and_its_fragments_are_hidden_in_every_form(form, part):
    written = FORMS[form](SECRET[part])
    shown = scrub(f"The key {written} is wrong.", Key(SECRET))
    assert shown.startswith("The key ")
    assert shown.endswith(" is wrong.")
    assert "[key]" in shown
    middle = len(written) // 2
    assert written[middle - 2 : middle + 2] not in shown


def test_what_stands_beside_a_fragment_is_hidden():
    key = Key(SECRET)
    assert scrub(f"key {SECRET[:9]}****{SECRET[-4:]}", key) == "key [key]"
    assert scrub(f"key {SECRET[:2]}...{SECRET[-9:]}.", key) == "key [key]"
    assert scrub(f"{SECRET[:7]} {SECRET[-7:]}", key) == f"{SECRET[:7]} {SECRET[-7:]}"
    assert scrub("a short one: abc", Key("abc")) == "a short one: [key]"


@pytest.mark.parametrize(
    "text", ["a", "sk-", "://", "Bearer ", "api_key=", "-----BEGIN PRIVATE KEY-----", "eyJ", SECRET[:8], "x@"]
)
def test_it_takes_time_in_proportion_to_the_text(text):
    key = Key(SECRET)

    def seconds(length: int) -> float:
        started = time.perf_counter()
        scrub(text * (length // len(text)), key)
        return time.perf_counter() - started

    seconds(1_000)
    assert seconds(80_000) < 20 * max(seconds(20_000), 0.005)
