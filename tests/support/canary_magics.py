"""Magics that are given the key, or tell what they were given."""

from __future__ import annotations

from canary_way import KEY, Way

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
        (
            "panel = ChatPanel(); panel.ask('hi'); panel.wait(20)",
            "print(panel.get_state(), repr(panel.error), panel.error)",
        ),
        echo=True,
    ),
    "resume": Way(("%prem resume a.ipynb",), None),
    "tab": Way(("print(get_ipython().complete('', '%chat -m ', 9))",)),
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
            f"try:\n    Client('https://example.invalid', {KEY}).chat('hi')\nfinally: del os.environ['HTTPS_PROXY']",
        ),
        "APIConnectionError",
    ),
    "proxy of no scheme": Way(
        (
            "from urllib.parse import quote\nos.environ['HTTPS_PROXY'] = 'wrong://me:' + quote("
            + KEY
            + ".reveal(), safe='') + '@127.0.0.1:9'",
            f"try:\n    Client('https://example.invalid', {KEY}).chat('hi')\nfinally: del os.environ['HTTPS_PROXY']",
        ),
        "ConfigurationError",
    ),
    "unload": Way(("%unload_ext jupyter_prem", "Client().chosen", "%load_ext jupyter_prem")),
}
