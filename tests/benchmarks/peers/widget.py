"""What panel's part in the page has drawn, from the messages that its models were told of their text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

SCRIPT = re.compile(r"<script\b.*?(?:</script\s*>|\Z)", re.IGNORECASE | re.DOTALL)


def drawn(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the HTML of each model at the end; a script is left out where its model is told to run none."""
    texts: dict[str, str] = {}
    inert: set[str] = set()
    for event in _events(messages):
        _take(event, texts, inert)
    for model, text in texts.items():
        page = html.unescape(text)
        yield SCRIPT.sub("", page) if model in inert else page


def _events(messages: list[dict[str, Any]]) -> Iterator[Any]:
    for message in messages:
        data = message["content"].get("data") if message["msg_type"] == "comm_msg" else None
        if isinstance(data, str) and data.startswith('{"events"'):
            yield from json.loads(data)["events"]


def _take(node: Any, texts: dict[str, str], inert: set[str]) -> None:
    if isinstance(node, list):
        for each in node:
            _take(each, texts, inert)
    elif isinstance(node, dict):
        if node.get("name") == "html_stream":
            told = {name: value for name, value in node["values"]["entries"]}  # noqa: C416 - pairs are lists
            model = told["model"]["id"]
            texts[model] = texts.get(model, "")[: told["start"]] + told["patch"]
            return
        if node.get("attr") == "run_scripts" and node["new"] is False:
            inert.add(node["model"]["id"])
        if node.get("attr") == "text" and isinstance(node["new"], str):
            texts[node["model"]["id"]] = node["new"]
        if isinstance(text := node.get("attributes", {}).get("text"), str):
            texts[node["id"]] = text
        for each in node.values():
            _take(each, texts, inert)
