"""llama.cpp in this process, behind one blocking call that speaks the contract's fields."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ._errors import EmbeddedError, require_extra
from ._tools import WORDING, plain_history, template_knows_tools, translation_of
from ._weights import SMOLLM2, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SEED_MAXIMUM", "Engine", "EngineError"]

SEED_MAXIMUM: Final = 2**32 - 2
"""Highest seed that is one: llama.cpp takes seeds mod 2**32, and 2**32 - 1 means random."""

_SETTINGS: Final[dict[str, Any]] = {
    "cache_ram_mib": 0,
    "ctx_shift": False,
    "fit_params": False,
    "n_batch": 128,
    "n_ctx": 8192,
    "n_parallel": 1,
    "n_ubatch": 128,
    "use_jinja": True,
}
"""What decides the text beside the request. A batch of 128 reads prompts as fast as one of 512, and a
request can be cancelled between two."""

_DEFAULTS: Final[dict[str, Any]] = {"temperature": 0.7, "top_p": 1.0}
"""The contract's defaults where they are not llama.cpp's, also for null."""

_SMOLLM2_DEFAULTS: Final = {**_DEFAULTS, "max_completion_tokens": 1024}
"""With the maximum that the contract leaves to the model. Past it the small model repeats itself, and would
to the end of its window, which takes minutes: in a grammar's string without a bound, for one."""

_SAMPLING: Final[dict[str, Any]] = {"top_k": 40, "min_p": 0.05, "repeat_penalty": 1.0}
"""What the contract has no field for: llama.cpp's defaults, pinned."""

_THREADS_MAXIMUM: Final = 4
_HEAD: Final = 1 << 24  # bytes at the beginning of a model file that hold its chat template


class EngineError(EmbeddedError):
    """The engine refused a request, or failed at it.

    Args:
        message: The engine's words.
        code: HTTP status.
        kind: The engine's name of the error.
    """

    def __init__(self, message: str, *, code: int = 500, kind: str = "server_error") -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind


class Engine:
    """One loaded model. `complete` may be called from any thread; requests queue in its one slot.

    A process that holds an Engine should end with `os._exit`: the interpreter's own end can hang in it.

    Args:
        path: A GGUF file.
        expected: SHA-256 that the file must have; None takes any.

    Raises:
        MissingExtraError: xllamacpp is not installed.
        EmbeddedError: The file is damaged or llama.cpp cannot load it.
    """

    def __init__(self, path: Path, *, expected: str | None = None) -> None:
        require_extra()
        # OpenMP's threads wait for each other spinning. With its default, two engines on two cores fell from
        # 95 to 1 token/s; with this, to 22, and alone they are as fast.
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        import xllamacpp

        with ThreadPoolExecutor(1) as pool:
            hashing = pool.submit(sha256_of, path)
            on_cpu = path.stat().st_size == SMOLLM2.size
            failure = ""
            try:
                self._server = xllamacpp.Server(_parameters(xllamacpp, path, on_cpu=on_cpu))
            except (RuntimeError, ValueError) as error:
                failure = str(error)
            self.sha256 = hashing.result()
        if expected is not None and self.sha256 != expected:
            raise EmbeddedError(
                f"The model file {path} is damaged (SHA-256 {self.sha256[:12]}, expected {expected[:12]})."
            )
        if failure:
            raise EmbeddedError(f"llama.cpp cannot load {path}: {failure}", hint="Is it a whole GGUF file?")
        known = self.sha256 == SMOLLM2.sha256
        self.model_id: str = SMOLLM2.model_id if known else path.stem
        # A file is asked for by its name before anybody knows which model it holds.
        names = {self.model_id, path.stem, "embedded", *(("smollm2",) if known else ())}
        self.aliases = frozenset(name.lower() for name in names)
        self.created = int(path.stat().st_mtime)
        with path.open("rb") as file:
            self._native_tools = template_knows_tools(file.read(_HEAD))
        self._defaults = _SMOLLM2_DEFAULTS if known else _DEFAULTS
        pinned = [_SETTINGS, self._defaults, _SAMPLING, WORDING, on_cpu, xllamacpp.get_system_info()]
        digest = hashlib.sha256(json.dumps(pinned, sort_keys=True).encode()).hexdigest()
        self.fingerprint = f"{self.sha256[:12]}-{xllamacpp.__version__}-{digest[:8]}"

    def knows(self, model: str) -> bool:
        """Whether `model` names the loaded model: its id or an alias, in any case."""
        return model.lower() in self.aliases

    def complete(self, body: Mapping[str, Any], on_chunk: Callable[[dict[str, Any]], bool]) -> None:
        """Answer one request of the contract, blocking until it is done or cancelled.

        Args:
            body: A request of the contract, already checked. With a seed, the answer depends on
                nothing but the body, the file and the machine's kind of CPU.
            on_chunk: Called in this thread with each `chat.completion.chunk`, the last of which has
                the usage; also between two batches of the prompt, with a chunk that has
                `prompt_progress`. True cancels.

        Raises:
            EngineError: The engine refused the request, or failed.
        """
        raised: list[BaseException] = []
        tools = translation_of(body, native=self._native_tools)
        asked = dict(body) if tools is None else tools.body
        if not self._native_tools:
            asked["messages"] = plain_history(asked["messages"])
            asked = {name: value for name, value in asked.items() if name not in {"tools", "tool_choice"}}

        def receive(text: str) -> bool:
            try:
                chunk = json.loads(text)
                if "error" in chunk:
                    raised.append(_engine_error(chunk["error"]))
                    return True
                chunk = self._of_contract(chunk)
                return on_chunk(chunk if tools is None else tools.chunk(chunk))
            except BaseException as error:  # noqa: BLE001 - raised below, outside of the engine's frames
                raised.append(error)
                return True

        try:
            self._server.handle_chat_completions(json.dumps(_engine_body(asked, self._defaults)), receive)
        except (ValueError, RuntimeError) as error:
            raise EngineError(str(error), code=400, kind="invalid_request_error") from None
        if raised:
            raise raised[0]

    def _of_contract(self, chunk: dict[str, Any]) -> dict[str, Any]:
        chunk.update(model=self.model_id, system_fingerprint=self.fingerprint)
        chunk.pop("timings", None)
        if "usage" in chunk:
            # How much of a prompt was cached differs from run to run, and is nobody's cost here.
            chunk["usage"].pop("prompt_tokens_details", None)
        return chunk


def _parameters(xllamacpp: Any, path: Path, *, on_cpu: bool) -> Any:
    # On Vertex AI's notebooks this variable makes the engine's own HTTP server take another port.
    os.environ.pop("AIP_MODE", None)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    for name, value in _SETTINGS.items():
        setattr(parameters, name, value)
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = _threads()
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    if on_cpu:
        parameters.n_gpu_layers = 0
    parameters.verbosity = -1
    # It cannot be told to open no HTTP server: so that nobody can use it, nobody knows its key.
    parameters.api_keys = [secrets.token_urlsafe(32)]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_threads_http = 1
    parameters.ui = False
    parameters.endpoint_slots = False
    return parameters


def _threads() -> int:
    """Return how many threads generate: the cores this process may use, at most 4; the text is the same.

    The threads wait for each other hundreds of times a token, so that on more cores a small model is slower.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # a container's share: "max 100000" where it has none
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        cores = min(cores, int(quota) // int(period))
    return max(1, min(cores, _THREADS_MAXIMUM))


def _engine_body(body: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the engine's own request for one of the contract."""
    sent = {name: value for name, value in body.items() if value is not None and name != "model"}
    tools = [tool for tool in sent.pop("tools", ()) if tool is not None]
    if tools:
        sent["tools"] = tools
    else:
        sent.pop("tool_choice", None)
    return {
        **defaults,
        **_SAMPLING,
        **sent,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        # With a warm prompt cache the same seed gives another text.
        "cache_prompt": "seed" not in sent,
    }


def _engine_error(error: Mapping[str, Any]) -> EngineError:
    code = error.get("code", 500)
    status = code if isinstance(code, int) and 400 <= code < 600 else 500  # noqa: PLR2004 - HTTP's errors
    kind = str(error.get("type", "server_error"))
    return EngineError(str(error.get("message", "the engine failed")), code=status, kind=kind)
