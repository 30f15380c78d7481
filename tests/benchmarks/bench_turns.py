"""What a turn costs in a long conversation, beside building and sending its request by hand.

    python tests/benchmarks/bench_turns.py [RUNS]

Both build the same messages into the same JSON, send it to the same server on loopback and read the same
stream; CPU is that of the asking thread, so the server's is in neither. Medians over alternating runs.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from loopback import Service

from jupyter_prem import Client, Conversation
from jupyter_prem.client import Message
from jupyter_prem.conversation import Turn
from jupyter_prem.notebook._outcome import bundle_of_turn, data_of_turn


def conversation(turns: int, client: Client) -> Conversation:
    chat = Conversation(client=client)
    for number in range(turns - 1):
        pair = (Message("user", f"Question {number}? " * 5), Message("assistant", f"Answer {number}. " * 20))
        chat.commit(Turn(pair, None, chat.head))
    chat.ask("Question?", model="m")
    return chat


def bare(client: httpx.Client, url: str, messages: list[Message], question: str) -> str:
    said = [{"role": message.role, "content": message.content} for message in messages]
    body = {"messages": [*said, {"role": "user", "content": question}], "model": "m", "stream": True}
    text = []
    with client.stream("POST", url, json=body) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                text += [choices[0]["delta"].get("content") or ""] if choices else []
    return "".join(text)


def measured(work) -> float:
    started = time.thread_time()
    work()
    return (time.thread_time() - started) * 1000


def row(turns: int, runs: int, service: Service) -> tuple[float, float, float, float]:
    client = Client(service.url)
    chat = conversation(turns, client)
    head, messages = chat.head, list(chat.messages)
    url = f"{service.url}/api/v1/chat/completions"
    costs: dict[str, list[float]] = {"bare": [], "ask": [], "bundle": [], "window": []}
    with httpx.Client() as plain:
        for _ in range(runs + 1):
            costs["bare"].append(measured(lambda: bare(plain, url, messages, "Question?")))
            costs["ask"].append(measured(lambda: chat.ask("Question?", model="m")))
            costs["bundle"].append(
                measured(lambda: bundle_of_turn(chat.head, data_of_turn(chat.head, chat.name)))
            )
            chat.go(head)
            costs["window"].append(measured(lambda: chat.ask("Question?", model="m", window=10)))
            chat.go(head)
            service.requests.clear()
    client.close()
    return tuple(statistics.median(values[1:]) for values in costs.values())


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    service = Service()
    print("turns   bare request   Conversation.ask   with the cell's bundle   --window 10")
    for turns in (10, 1_000, 10_000):
        base, asked, drawn, window = row(turns, runs, service)
        print(
            f"{turns:>6}  {base:>8.2f} ms    {asked:>8.2f} ms {asked / base:>5.2f} x"
            f"   {asked + drawn:>8.2f} ms {(asked + drawn) / base:>5.2f} x   {window:>8.2f} ms"
        )
    service.stop()


if __name__ == "__main__":
    main()
