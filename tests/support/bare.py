"""The endpoint of the contract, asked by bare HTTP."""

from __future__ import annotations

import json

PATH = "/api/v1/chat/completions"
ASK = {"model": "embedded", "messages": [{"role": "user", "content": "Say hi"}], "max_completion_tokens": 8}


def ask(api, **fields):
    return api.post(PATH, content=json.dumps({**ASK, **fields}))
