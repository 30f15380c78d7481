"""Ways by which a kernel tells what it holds: tracebacks, logs, representations, magics, files."""

from __future__ import annotations

from canary_magics import MAGICS
from canary_way import FAILS, KEY, LOGGED, SENDING, SILENT, STOPPED, Way


def _modes(code: str, ends: str, *, echo: bool = False, holds: bool = False) -> dict[str, Way]:
    return {
        mode: Way((f"%xmode {mode}", code), ends, echo, holds=holds)
        for mode in ("Plain", "Context", "Verbose", "Minimal")
    }


def _named(what: str, ways: dict[str, Way]) -> dict[str, Way]:
    return {f"{what} {name}": way for name, way in ways.items()}


TRACEBACKS = {
    **_named("refused in Python, xmode", _modes(FAILS, "AuthenticationError", echo=True)),
    **_named("interrupted in Python, xmode", _modes(FAILS, "KeyboardInterrupt", holds=True)),
    **_named(
        "interrupted stream, xmode",
        _modes("for d in Client().stream('hi'): pass", "KeyboardInterrupt", holds=True),
    ),
    "refused AsyncClient": Way(
        ("%xmode Verbose", "await AsyncClient().chat('hi')"), "AuthenticationError", echo=True
    ),
    "refused models": Way(("%xmode Verbose", "Client().models()"), "AuthenticationError", echo=True),
    "interrupted while it sends": Way((SENDING, f"{STOPPED}: {FAILS}"), "KeyboardInterrupt"),
    "interrupted magic while it sends": Way((SENDING, f"{STOPPED}:\n    %chat hi"), "Interrupted"),
    "interrupted magic": Way(("%xmode Verbose", "%chat hi"), "Interrupted", holds=True),
    "interrupted AsyncClient": Way(
        ("%xmode Verbose", "await AsyncClient().chat('hi')"), "CancelledError", holds=True
    ),
    "nobody there": Way(
        ("%xmode Verbose", f"Client('http://127.0.0.1:9', {KEY}).chat('hi')"), "APIConnectionError"
    ),
    "no name": Way(
        ("%xmode Verbose", f"Client('https://no-such-host.invalid', {KEY}).chat('hi')"), "APIConnectionError"
    ),
    "no TLS there": Way(
        ("%xmode Verbose", "Client(os.environ['PREM_ENDPOINT'].replace('http:', 'https:')).chat('hi')"),
        "APIConnectionError",
    ),
    "timeout": Way(("%xmode Verbose", "Client(timeout=0.05).chat('hi')"), "IdleTimeout", holds=True),
    "plain http": Way(("%xmode Verbose", f"Client('http://example.org', {KEY})"), "ConfigurationError"),
    "error in the reader": Way(
        ("%xmode Verbose", "with Client().stream('hi') as stream:\n    for delta in stream: 1 / 0"),
        "ZeroDivisionError",
    ),
    "tb": Way(("%xmode Verbose", FAILS, "%tb"), "", echo=True),
    "debug": Way((FAILS, "%debug"), "", echo=True, typed=("w", "a", "u", "a", "u", "a", "d", "a", "q")),
    "locals of all frames": Way(
        (
            "import traceback\n"
            f"try:\n    {FAILS}\n"
            "except Exception as error:\n"
            "    print(''.join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))",
        ),
        echo=True,
    ),
    "logging.exception": Way(
        (f"try:\n    {FAILS}\nexcept Exception: logging.exception('failed')",), echo=True
    ),
    "thread's hook": Way(
        (
            "import threading\nthread = threading.Thread(target=Client().chat, args=('hi',))\nthread.start(); thread.join()",
        ),
        echo=True,
    ),
    "executor": Way(
        (
            "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(Client().chat, 'hi').result()",
        ),
        "AuthenticationError",
        echo=True,
    ),
    "process pool": Way(
        (
            "from concurrent.futures import ProcessPoolExecutor\nimport multiprocessing as mp\n"
            "pool = ProcessPoolExecutor(1, mp_context=mp.get_context('spawn'))\n"
            "print(sweep('hi', seed=[1], executor=pool).to_frame().to_dict())",
            "pool.shutdown()",
        ),
    ),
    "exception of a task nobody awaits": Way(
        (
            "import asyncio, gc\ntask = asyncio.ensure_future(AsyncClient().chat('hi'))\nawait asyncio.wait([task])\nprint(task, repr(task.exception()))\ndel task\n_ = gc.collect()",
        ),
        echo=True,
    ),
    "running task": Way(
        (
            "import asyncio\nasyncio.get_running_loop().set_debug(True)\n"
            "task = asyncio.create_task(AsyncClient().chat('hi'))\nawait asyncio.sleep(0.1)\n"
            "print(task, task.get_coro(), task.get_stack()); task.print_stack(file=sys.stdout)\n"
            "asyncio.get_running_loop().set_debug(False)",
        ),
        echo=True,
    ),
    "faulthandler": Way(
        (
            "import faulthandler\nwith open('fault.log', 'w') as out:\n    faulthandler.dump_traceback(out)\nprint(open('fault.log').read())",
        )
    ),
    "error pickled": Way(
        (
            f"import pickle\ntry:\n    {FAILS}\nexcept Exception as error: print(pickle.dumps(error), vars(error), repr(error), error.args)",
        ),
        echo=True,
    ),
    "last_error": Way(
        (
            f"def ask():\n    try: {FAILS}\n    except Exception as error: raise ValueError(repr(error)) from error\nask()",
            "%chat --dry-run {{ last_error }}",
        ),
        "",
        echo=True,
    ),
}

LOGS = {
    "debug log of a question": Way(
        (
            LOGGED,
            FAILS,
            "%chat hi",
            "await AsyncClient().chat('hi')",
            "print(open('debug.log').read())",
            SILENT,
        )
    ),
    "debug log of a refusal": Way((LOGGED, FAILS, "print(open('debug.log').read())", SILENT), echo=True),
    "debug log of models": Way((LOGGED, "%prem models", "print(open('debug.log').read())", SILENT)),
    "warnings": Way(
        (
            "import warnings, gc\nwarnings.simplefilter('always')\nclient = Client(); client.chat('hi'); del client\n_ = gc.collect()\nwarnings.warn(repr(Client()))",
        )
    ),
    "print of a failed hook": Way(
        (f"class Loud:\n    def __del__(self): {FAILS}\nloud = Loud()\ndel loud",), echo=True
    ),
}

OBJECTS = {
    "repr": Way(
        (
            f"for thing in (Client(), AsyncClient(), {KEY}, Client().endpoint, Client().chosen):\n    print(repr(thing), str(thing), f'{{thing}}', '%s' % (thing,), format(thing))",
        )
    ),
    "vars": Way(
        (
            "import pprint\nfor thing in (Client(), AsyncClient()):\n    print(vars(thing), dir(thing)); pprint.pprint(vars(thing))\n    [print(getattr(thing, name, None)) for name in dir(thing)]",
        )
    ),
    "vars of the notebook": Way(
        (
            "magics = get_ipython().find_line_magic('prem').__self__\nprint(vars(magics), vars(magics.notebook), magics.config, magics.settings(), magics.notebook.answerer())",
        )
    ),
    "display": Way((f"display(Client(), {KEY}, Client().endpoint)",)),
    "last result": Way((KEY, "_", "Client().endpoint.fixed", "Out")),
    "pinfo": Way((f"key = {KEY}", "%pinfo key", "%pinfo2 key", "del key")),
    "config": Way(("%config PremMagics", "%config")),
    "key pickled": Way((f"import pickle\npickle.dumps({KEY})",), "TypeError"),
    "key copied": Way((f"import copy\ncopy.copy({KEY})",), "TypeError"),
    "key in a deep copy": Way(("import copy\ncopy.deepcopy(Client().endpoint)",), "TypeError"),
    "key as a dict": Way(("import dataclasses\ndataclasses.asdict(Client().endpoint)",), "TypeError"),
    "key as JSON": Way((f"json.dumps({KEY})",), "TypeError"),
    "key as bytes": Way((f"bytes({KEY})",), "TypeError"),
    "client pickled": Way(("import pickle\npickle.dumps(Client())",), "TypeError"),
    "client copied": Way(("import copy\ncopy.deepcopy(Client())",), "TypeError"),
    "client as JSON": Way(("json.dumps(Client(), default=vars)",), "TypeError"),
    "headers given": Way(
        (
            f"client = Client(headers={{'X-Key': {KEY}.reveal()}})\nprint(vars(client), repr(client), vars(AsyncClient(headers={{'X-Key': {KEY}.reveal()}})))",
        )
    ),
    "response": Way(
        (
            "response = Client().chat('hi')\nimport pickle\nprint(vars(response) if hasattr(response, '__dict__') else '', repr(response), response.to_dict(), response.request, response.provenance, pickle.dumps(response))",
        )
    ),
}

WAYS = TRACEBACKS | LOGS | OBJECTS | MAGICS
