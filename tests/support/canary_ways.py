"""Ways by which a kernel tells what it holds: tracebacks, logs, representations, magics, files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """Cells to run; `ends` is the last one's error, `echo` whether the service refuses with the key in its words."""

    cells: tuple[str, ...]
    ends: str = ""
    echo: bool = False
    typed: tuple[str, ...] = ()
    holds: bool = False  # the service does not answer, and the last cell is interrupted


IMPORTS = "from jupyter_prem import AsyncClient, ChatPanel, Client, Conversation, Runs, record, sweep"
FAILS = "Client().chat('hi')"
SENDING = "%xmode Verbose\nfrom unittest import mock"
STOPPED = "with mock.patch('h11.Connection.send', side_effect=KeyboardInterrupt)"
LOGGED = (
    "logging.basicConfig(level=logging.DEBUG, filename='debug.log', force=True)\n"
    "for name in ('httpx', 'httpcore', 'jupyter_prem', 'asyncio', 'openai', 'aiohttp'):\n"
    "    logging.getLogger(name).setLevel(logging.DEBUG)"
)
SILENT = (
    "logging.basicConfig(level=logging.WARNING, force=True)\n"
    "for name in ('httpx', 'httpcore', 'jupyter_prem', 'asyncio', 'openai', 'aiohttp'):\n"
    "    logging.getLogger(name).setLevel(logging.NOTSET)\n"
    "os.remove('debug.log')"
)
KEY = "Client().endpoint.fixed.api_key"


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
    "nobody there": Way(("%xmode Verbose", "Client('http://127.0.0.1:9').chat('hi')"), "APIConnectionError"),
    "no name": Way(
        ("%xmode Verbose", "Client('https://no-such-host.invalid').chat('hi')"), "APIConnectionError"
    ),
    "no TLS there": Way(
        ("%xmode Verbose", "Client(os.environ['PREM_ENDPOINT'].replace('http:', 'https:')).chat('hi')"),
        "APIConnectionError",
    ),
    "timeout": Way(("%xmode Verbose", "Client(timeout=0.05).chat('hi')"), "IdleTimeout", holds=True),
    "plain http": Way(("%xmode Verbose", "Client('http://example.org')"), "ConfigurationError"),
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
    "last_error": Way((f"def ask(): {FAILS}\nask()", "%chat --dry-run {{ last_error }}"), "", echo=True),
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

MAGICS = {
    "who": Way(("client = Client()", "%who", "%whos", "%who_ls")),
    "store": Way(("text = repr(Client())", "%store text", "%store")),
    "store of a client": Way(("client = Client()", "%store client"), "TypeError"),
    "history": Way(("%history -n", "%history -g login")),
    "save": Way(("%save -f saved 1-20", "print(open('saved.py').read())")),
    "notebook": Way(("%notebook saved.ipynb", "print(open('saved.ipynb').read())")),
    "env": Way(("%env", "print(os.environ)")),
    "status": Way(("%prem status", "%prem usage", "%prem history", "%prem conversations")),
    "dry run": Way(("%%chat --dry-run\nhi",)),
    "help": Way(("%prem?", "%%chat?", "%prem"), "PremError"),
    "answer": Way(
        ("%%chat -o mine\nhi", "mine", "print(mine.provenance, chat_conversation, vars(chat_conversation))")
    ),
    "export": Way(("%%chat\nhi", "%prem export a.md", "%prem export a.json", "%prem export a.ipynb")),
    "conversation saved": Way(
        (
            "talk = Conversation(client=Client())\ntalk.ask('hi')\ntalk.save('talk.json')\nprint(open('talk.json').read(), repr(talk), vars(talk))",
        )
    ),
    "cassette": Way(
        (
            "%prem record all a.chat.jsonl",
            "%%chat\nhi",
            "Client().chat('ho')",
            "%prem record",
            "print(open('a.chat.jsonl').read())",
            "%prem verify a.chat.jsonl",
            "%prem record off",
        )
    ),
    "cassette of a refusal": Way(
        ("%prem record all b.chat.jsonl", "%chat hi"), "AuthenticationError", echo=True
    ),
    "sweep": Way(
        (
            "%prem record off",
            "%%sweep seed=0:3\nhi",
            "runs.save('runs.jsonl')",
            "print(runs.to_frame().to_dict(), open('runs.jsonl').read()); runs",
        )
    ),
    "sweep that fails": Way(
        (
            "%%sweep seed=0:3\nhi",
            "runs.save('failed.jsonl')\nprint(runs.to_frame().to_dict(), open('failed.jsonl').read()); runs",
        ),
        echo=True,
    ),
    "panel": Way(
        (
            "panel = ChatPanel()\npanel",
            "panel.ask('hi'); panel.wait(20)",
            "print(panel.get_state(), panel.error)",
        )
    ),
    "panel that fails": Way(
        ("panel.ask('hi'); panel.wait(20)", "print(panel.get_state(), repr(panel.error), panel.error)"),
        echo=True,
    ),
    "resume": Way(("%prem resume a.ipynb",), None),
    "tab": Way(("print([c.text for c in get_ipython().Completer.completions('%chat -m ', 9)])",)),
    "embedded address": Way(
        ("%chat --endpoint {{ 'https://me:' + " + KEY + ".reveal() + '@127.0.0.1' }} hi",),
        "ConfigurationError",
    ),
    "query of an address": Way(
        ("%chat --endpoint {{ 'https://127.0.0.1?k=' + " + KEY + ".reveal() }} hi",), "ConfigurationError"
    ),
    "address that is a key": Way(("%chat --endpoint {{ " + KEY + ".reveal() }} hi",), "ConfigurationError"),
    "option that is a key": Way(("%chat -t {{ " + KEY + ".reveal() }} hi",), "OptionError"),
    "proxy": Way(
        (
            "from urllib.parse import quote\nos.environ['HTTPS_PROXY'] = f'http://me:{quote("
            + KEY
            + ".reveal(), safe=str())}@127.0.0.1:9'",
            "%xmode Verbose",
            "try:\n    Client('https://example.invalid').chat('hi')\nfinally: del os.environ['HTTPS_PROXY']",
        ),
        "APIConnectionError",
    ),
    "proxy of no scheme": Way(
        (
            "os.environ['HTTPS_PROXY'] = 'wrong://me:' + quote("
            + KEY
            + ".reveal(), safe='') + '@127.0.0.1:9'",
            "try:\n    Client('https://example.invalid').chat('hi')\nfinally: del os.environ['HTTPS_PROXY']",
        ),
        "ConfigurationError",
    ),
    "unload": Way(("%unload_ext jupyter_prem", "Client().chosen", "%load_ext jupyter_prem")),
}

WAYS = TRACEBACKS | LOGS | OBJECTS | MAGICS
