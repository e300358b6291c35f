"""Conversations that OpenAI's chat and Anthropic's Messages can both say: Bedrock gets the same call for
both. And what only Messages can say: Bedrock takes what becomes of it.

The conversations are those of test_property.py, in all their disorder; LINTEL_PROPERTY_SEED and
LINTEL_PROPERTY_EXAMPLES work as there."""

import json
import os
import random

import hypothesis
import pytest
from conftest import KEY, configuration, deployment
from hypothesis import HealthCheck
from hypothesis import strategies as st
from test_property import MODELS, PARAMETERS, PDF, PNG, THINKING, Asker, Senses, conversation, simulator, texts, with_tools

__all__ = ["simulator"]  # the fixture

EXAMPLES = int(os.environ.get("LINTEL_PROPERTY_EXAMPLES", 400))
CLAUDES = [
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-5-5",
]
OTHERS = ["us.amazon.nova-pro-v1:0", "meta.llama3-1-70b-instruct-v1:0", "openai.gpt-oss-120b-1:0"]
# What both APIs have under one meaning.
SHARED = ("anthropic_beta", "output_config", "temperature", "top_p", "top_k", "max_tokens", "stop")
COMMON = {name: PARAMETERS[name] for name in SHARED}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    both = [f"{api}/{model}" for api in ("converse", "invoke") for model in CLAUDES]
    names = sorted({*both, *OTHERS, *MODELS})
    return launch(
        configuration(
            simulator.url, extra_models=[deployment(name, f"bedrock/{name}", simulator.url) for name in names]
        )
    )


# ---- chat → Messages ------------------------------------------------------------------------------


def settle(message):
    """Of a chat message: only what Messages can say, too."""
    message = {k: v for k, v in message.items() if k != "refusal" or v}
    for one in message.get("tool_calls", []):
        function = one["function"]
        try:
            good = isinstance(json.loads(function["arguments"]), dict)
        except ValueError:
            good = False
        function["arguments"] = function["arguments"] if good else "{}"
    return message


def with_control(blocks, holder):
    """The mark of a whole message stands on its last block; without one there is no place for it."""
    control = holder.get("cache_control")
    if control and blocks and "cache_control" not in blocks[-1] and "thinking" not in blocks[-1]["type"]:
        blocks[-1]["cache_control"] = control
    else:
        holder.pop("cache_control", None)
    return blocks


def block_of(part):
    control = {k: v for k, v in part.items() if k == "cache_control"}
    if part["type"] == "image_url":
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        return {"type": "image", "source": source, **control}
    if part["type"] == "file":
        source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
        return {"type": "document", "source": source, "title": part["file"]["filename"], **control}
    return dict(part)


def blocks_of(content):
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block_of(part) for part in content or []]


def assistant_of(message):
    blocks = [dict(b) for b in message.get("thinking_blocks", [])] + blocks_of(message["content"])
    if message.get("refusal"):
        blocks.append({"type": "text", "text": message["refusal"]})
    for one in message.get("tool_calls", []):
        control = {k: v for k, v in one.items() if k == "cache_control"}
        use = {"type": "tool_use", "id": one["id"], "name": one["function"]["name"]}
        blocks.append({**use, "input": json.loads(one["function"]["arguments"]), **control})
    return {"role": "assistant", "content": with_control(blocks, message)}


def message_of(message):
    role = message["role"]
    if role == "assistant":
        return assistant_of(message)
    if role == "tool":
        content = message["content"]
        result = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
        if content is not None:
            result["content"] = content if isinstance(content, str) else blocks_of(content)
        return {"role": "user", "content": with_control([result], message)}
    blocks = with_control(blocks_of(message["content"]), message)
    return {"role": "system" if role in ("system", "developer") else "user", "content": blocks}


def tool_of(tool):
    function = tool["function"]
    function.setdefault("parameters", {})
    control = {k: v for k, v in tool.items() if k == "cache_control"}
    own = {k: v for k, v in function.items() if k in ("name", "description", "strict")}
    return {"type": "custom", **own, "input_schema": function["parameters"], **control}


def choice_of(choice):
    if isinstance(choice, dict):
        return {"type": "tool", "name": choice["function"]["name"]}
    return {"type": {"required": "any"}.get(choice, choice)}


def as_messages(chat):
    """The same in Anthropic's words; what those cannot say is taken out of both."""
    legacy = {"function", "function_call"}
    chat["messages"] = [
        settle(m) for m in chat["messages"] if m["role"] not in legacy and "function_call" not in m
    ] or [{"role": "user", "content": "Hi"}]
    if all(m["role"] in ("system", "developer") for m in chat["messages"]):
        chat["messages"].append({"role": "user", "content": "Hi"})
    body = {k: v for k, v in chat.items() if k not in ("messages", "tools", "tool_choice", "stop")}
    body["messages"] = [message_of(m) for m in chat["messages"]]
    if "tools" in chat:
        body["tools"] = [tool_of(t) for t in chat["tools"]]
    if "stop" in chat:
        body["stop_sequences"] = chat["stop"]
    if not chat.get("parallel_tool_calls", True) and chat.get("tool_choice", "none") == "none":
        del chat["parallel_tool_calls"]
    if "tool_choice" in chat:
        body["tool_choice"] = choice_of(chat["tool_choice"])
        if chat.get("parallel_tool_calls") is False:
            body["tool_choice"]["disable_parallel_tool_use"] = True
    body.pop("parallel_tool_calls", None)
    return body


@st.composite
def pairs(draw, thoughts):
    """(chat, Messages) of one meaning."""
    model = draw(st.sampled_from(CLAUDES + OTHERS))
    senses = Senses(MODELS[model], thoughts)
    name = draw(st.sampled_from(["converse/", "invoke/"])) + model if model in CLAUDES else model
    chat = {"model": name, "messages": conversation(draw, senses), "drop_params": True}
    with_tools(draw, chat)
    for name in draw(st.lists(st.sampled_from(list(COMMON)), max_size=4, unique=True)):
        chat[name] = draw(COMMON[name])
    if draw(st.booleans()):
        chat["thinking"] = draw(st.sampled_from(THINKING))
    chat["stream"] = draw(st.booleans())
    chat = json.loads(json.dumps(chat))
    return chat, as_messages(chat)


# ---- what only Messages can say -------------------------------------------------------------------

SEARCH = {"type": "search_result", "source": "https://example.com", "title": "T", "content": [{"type": "text", "text": "Found."}]}
PIECES = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "One."}]}, "title": "P"}
SERVER = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "it"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
]
ONLY = {
    "metadata": {"user_id": "u"},
    "container": "c",
    "context_management": {"edits": []},
    "speed": "fast",
    "service_tier": "auto",
    "cache_control": {"type": "ephemeral"},
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}}},
}
OWN_TOOLS = [
    {"type": "bash_20250124", "name": "bash"},
    {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
    {"type": "memory_20250818", "name": "memory"},
]


@st.composite
def messages(draw, thoughts):
    model = draw(st.sampled_from([m for m in MODELS if "titan" not in m]))
    senses = Senses(MODELS[model], thoughts)
    chat = {"model": model, "messages": conversation(draw, senses), "drop_params": True}
    with_tools(draw, chat)
    chat = json.loads(json.dumps(chat))
    body = as_messages(chat)
    for name in draw(st.lists(st.sampled_from(list(ONLY)), max_size=3, unique=True)):
        body[name] = ONLY[name]
    if draw(st.booleans()):
        body["thinking"] = draw(st.sampled_from(THINKING))
    if draw(st.booleans()):
        body["system"] = draw(texts)
    claude = "anthropic" in model
    extras = [SEARCH] + ([PIECES] if "d" in MODELS[model] else [])
    for message in body["messages"]:
        if message["role"] == "user" and draw(st.integers(0, 4)) == 0:
            message["content"].append(draw(st.sampled_from(extras)))
        if message["role"] == "assistant" and draw(st.integers(0, 4)) == 0:
            message["content"] = [*SERVER, *message["content"]]
    if claude and draw(st.integers(0, 3)) == 0:
        body["tools"] = [*body.get("tools", []), draw(st.sampled_from(OWN_TOOLS))]
    for tool in body.get("tools", []):
        if draw(st.integers(0, 4)) == 0 and tool.get("type") == "custom":
            tool["eager_input_streaming"] = True
            del tool["type"]
    body["stream"] = draw(st.booleans())
    return body


# ---- asking ---------------------------------------------------------------------------------------


class Both(Asker):
    def post(self, path, body):
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        reply = self.connection.getresponse()
        self.count += 1
        return reply.status, reply.read().decode(), reply.getheader("x-lintel-repairs")

    def call(self, path, body):
        """Path and body of what Bedrock got, and the repairs."""
        mark = self.simulator.mark()
        status, text, repairs = self.post(path, body)
        calls = self.simulator.since(mark)
        assert status == 200 and len(calls) == 1, f"{path} {status}: {text[-1500:]}\n{json.dumps(body, ensure_ascii=False)}"
        return calls[0]["path"], calls[0]["body"], repairs

    def messages_accepted(self, body):
        status, text, _ = self.post("/v1/messages", body)
        good = status == 200 and "event: error" not in text
        if body.get("stream"):
            good = good and text.endswith('data: {"type":"message_stop"}\n\n')
        assert good, (
            f"{status}: {text[-2000:]}\n--- the client's request\n{json.dumps(body, ensure_ascii=False)}\n"
            f"--- what the simulator got last\n{self.sent()}"
        )


@pytest.fixture
def asker(gateway, simulator):
    asker = Both(gateway, simulator)
    yield asker
    asker.close()


def holds_for(kind, strategy, check, asker, record_property, examples=EXAMPLES):
    own = int(os.environ.get("LINTEL_PROPERTY_SEED", random.SystemRandom().randrange(1 << 32)))
    seed = 1 if kind == "fixed" else own

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @hypothesis.given(strategy)
    def holds(case):
        check(case)

    try:
        holds()
    finally:
        print(f"LINTEL_PROPERTY_SEED={seed}")
        record_property("report", f"seed {seed}: {asker.count} requests")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["fixed", "own"])
def test_both_dialects_meet(asker, kind, record_property):
    def check(pair):
        chat, body = pair
        expected = asker.call("/v1/chat/completions", chat)
        got = asker.call("/v1/messages", body)
        assert got == expected, f"--- chat\n{json.dumps(chat, ensure_ascii=False)}"

    holds_for(kind, pairs(asker.thoughts()), check, asker, record_property)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["fixed", "own"])
def test_any_messages_are_accepted(asker, kind, record_property):
    holds_for(kind, messages(asker.thoughts()), asker.messages_accepted, asker, record_property)


def test_the_conversations_need_their_repairs(gateway):
    """Those that only Messages can need; test_property.py looks at the others."""
    made = gateway.holds()["repairs"]
    assert made.get("fields") and made.get("server-blocks")
