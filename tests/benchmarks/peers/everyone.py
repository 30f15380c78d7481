"""Who is measured, each as its own documentation uses it."""

from __future__ import annotations

from peer import Peer

OURS = Peer(
    # README: "%load_ext jupyter_prem", a `%%chat` cell, "After a restart, `%prem resume`", `client.stream`.
    name="jupyter_prem",
    installs=(),
    versions=("jupyter_prem", "ipykernel"),
    load="%load_ext jupyter_prem",
    connect="%config PremMagics.endpoint = URL\n%config PremMagics.model = 'm'",
    ask="%%chat\n{text}",
    fresh="%prem reset",
    kept="chat_conversation.messages[-1].content",
    drive="""
from jupyter_prem import Client
def drive(url, seconds):
    timeout = {"first_byte": seconds, "progress": seconds, "total": seconds}
    with Client(url, "key", timeout=timeout) as client, client.stream("hi", model="m") as stream:
        for delta in stream:
            if delta.index == 0:
                yield delta.text
""",
    restore="%prem resume NOTEBOOK",
    how="`%prem resume`, from the saved notebook",
)

MAGICS_2 = Peer(
    # User guide: "%load_ext jupyter_ai_magics"; "%config AiMagics.default_language_model"; "%%ai" and the prompt;
    # "OpenAI (general interface)" for other services; "%ai reset" clears the history, which is kept "in memory".
    name="jupyter-ai-magics",
    installs=("jupyter-ai-magics<3", "langchain-openai"),
    versions=("jupyter-ai-magics", "langchain-openai", "openai", "ipykernel"),
    load="%load_ext jupyter_ai_magics",
    connect=(
        "%config AiMagics.default_language_model = 'openai-chat-custom:m'\n"
        "import os; os.environ['OPENAI_API_BASE'] = URL + '/v1'"
    ),
    ask="%%ai\n{text}",
    fresh="%ai reset",
)

MAGICS_3 = Peer(
    # Magic commands: "pip install jupyter-ai-magic-commands", "%load_ext jupyter_ai_magic_commands", "%ai alias",
    # whose help has "--api-base: Base URL for the API endpoint", "%%ai ALIAS" and the prompt, "%ai reset".
    name="jupyter-ai v3 magics",
    installs=("jupyter-ai-magic-commands",),
    versions=("jupyter-ai-magic-commands", "litellm", "openai", "ipykernel"),
    load="%load_ext jupyter_ai_magic_commands",
    connect="get_ipython().run_line_magic('ai', 'alias here openai/m --api-base ' + URL + '/v1')",
    ask="%%ai here\n{text}",
    fresh="%ai reset",
)

CHATLAS = Peer(
    # Hello chat: "Use the .chat() method [to] get a streaming response echoed back to … a notebook"; Streams: "the
    # .stream() method returns a generator"; "Serializing history": Turn.model_dump_json, then .set_turns.
    name="chatlas",
    installs=("chatlas", "openai"),
    versions=("chatlas", "openai", "ipykernel"),
    load="import chatlas",
    connect="chat = chatlas.ChatOpenAICompletions(base_url=URL + '/v1', api_key='key', model='m')",
    ask="chat.chat({literal})",
    fresh="chat.set_turns([])",
    kept="chat.get_last_turn().text",
    drive="""
import chatlas
def drive(url, seconds):
    more = {"timeout": seconds}
    chat = chatlas.ChatOpenAICompletions(base_url=url + "/v1", api_key="key", model="m", kwargs=more)
    yield from chat.stream("hi")
""",
    save="import json\njson.dump([turn.model_dump_json() for turn in chat.get_turns()], open('turns.json', 'w'))",
    restore=(
        "import json\nfrom chatlas import Turn\n"
        "chat.set_turns([Turn.model_validate_json(turn) for turn in json.load(open('turns.json'))])"
    ),
    how="code of one's own, before and after: turns as JSON",
)

COSETTE = Peer(
    # Installed with what there was at its release: the newest toolslm has no toolslm.funccall, which it imports, and
    # the newest openai does not take the ResponseUsage that it makes.
    # README: `chat = Chat(model)`, `chat("I'm Jeremy")` shows Markdown; "use stream=True to stream the results":
    # `for o in chat("…", stream=True): print(o, end='')`; Chat's "hist: Initialize history".
    # Its Client asks the Responses API and no other.
    name="cosette",
    installs=("cosette", "toolslm<0.3.37", "openai<2.20"),
    versions=("cosette", "toolslm", "openai", "ipykernel"),
    load="from cosette import *",
    connect="client = Client('m', base_url=URL + '/v1')\nchat = Chat(cli=client)",
    ask="for o in chat({literal}, stream=True): print(o, end='')",
    show="chat({literal})",
    fresh="chat = Chat(cli=client)",
    save="import pickle\npickle.dump(chat.h, open('history.pickle', 'wb'))",
    restore="import pickle\nchat = Chat(cli=client, hist=pickle.load(open('history.pickle', 'rb')))",
    how="code of one's own, before and after: pickle, `Chat(hist=…)`",
    speaks="responses",
)

PANEL = Peer(
    # ChatInterface reference, OpenAI example: an async callback that yields the message so far; "messages =
    # instance.serialize()"; "Stop" cancels the callback, as .stop() does; .send(respond=False) adds what was said.
    name="panel",
    installs=("panel", "openai", "jupyter_bokeh"),
    versions=("panel", "openai", "ipykernel"),
    load="import panel as pn\npn.extension()",
    connect="""
import asyncio
from openai import AsyncOpenAI
aclient = AsyncOpenAI(base_url=URL + "/v1", api_key="key")
async def callback(contents, user, instance):
    response = await aclient.chat.completions.create(model="m", messages=instance.serialize(), stream=True)
    message = ""
    async for chunk in response:
        part = chunk.choices[0].delta.content
        if part is not None:
            message += part
            yield message
chat = pn.chat.ChatInterface(callback=callback, callback_user="assistant")
display(chat)
async def whole():
    await asyncio.sleep(0.02)
    while chat.disabled:
        await asyncio.sleep(0.02)
""",
    ask="chat.send({literal})\nawait whole()",
    begin="chat.send({literal})",
    fresh="chat.clear()",
    save="import json\njson.dump(chat.serialize(), open('messages.json', 'w'))",
    restore="""
import json
for message in json.load(open("messages.json")):
    chat.send(message["content"], user=message["role"].replace("user", "User"), respond=False)
""",
    how="code of one's own, before and after: `.serialize()`, `.send(…, respond=False)`",
    opens="[name for name in get_ipython().kernel.comm_manager.targets if len(name) == 32]",
    stop="chat.stop()",
    kept="chat.objects[-1].object if chat.objects[-1].user == 'assistant' else ''",
    drive="""
async def drive(url, seconds):
    global aclient
    aclient = AsyncOpenAI(base_url=url + "/v1", api_key="key", timeout=seconds)
    chat.clear()
    chat.send("hi")
    await whole()
    last = chat.objects[-1]
    if last.user == "Exception":
        raise RuntimeError(last.object)
    return [last.object if last.user == "assistant" else ""]
""",
)

LLM = Peer(
    # Python API, "Streaming responses": `for chunk in response: print(chunk, end="")`; "OpenAI-compatible models":
    # api_base in extra-openai-models.yaml; Serialization: `Response.from_dict` and `response.reply()` "to
    # continue a conversation across a process boundary". No timeout can be set.
    name="llm",
    installs=("llm",),
    versions=("llm", "openai", "ipykernel"),
    load="import llm",
    connect="""
import os, pathlib, tempfile
os.environ["LLM_USER_PATH"] = tempfile.mkdtemp()
listed = pathlib.Path(os.environ["LLM_USER_PATH"], "extra-openai-models.yaml")
listed.write_text(f"- model_id: here\\n  model_name: m\\n  api_base: {URL}/v1\\n")
model = llm.get_model("here")
conversation = model.conversation()
""",
    ask='response = conversation.prompt({literal})\nfor chunk in response:\n    print(chunk, end="")',
    fresh="conversation = model.conversation()",
    drive="""
def drive(url, seconds):
    listed.write_text(f"- model_id: here\\n  model_name: m\\n  api_base: {url}/v1\\n")
    yield from llm.get_model("here").prompt("hi")
""",
    save="import json, pathlib\npathlib.Path('turn.json').write_text(json.dumps(response.to_dict()))",
    restore=(
        "import json, pathlib\n"
        "response = llm.Response.from_dict(json.loads(pathlib.Path('turn.json').read_text()))"
    ),
    again='response = response.reply({literal})\nfor chunk in response:\n    print(chunk, end="")',
    how="code of one's own, before and after: the response as JSON",
)
EVERYONE = [OURS, MAGICS_2, MAGICS_3, CHATLAS, COSETTE, PANEL, LLM]
