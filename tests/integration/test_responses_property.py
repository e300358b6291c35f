"""Conversations that OpenAI's chat and its Responses can both say: Bedrock gets the same call for both.

The conversations are those of test_property.py, in all their disorder. What Responses cannot say is taken out of
both: stop sequences, functions of the old kind, cache marks on calls, on results and on whole messages, and which
of its assistant's items were one message (neighbours are joined, so the repairs that join them differ)."""

import json

import pytest
from conftest import configuration, deployment
from hypothesis import strategies as st
from test_messages_property import CLAUDES, EXAMPLES, OTHERS, Both, holds_for
from test_property import EFFORTS, MODELS, PARAMETERS, THINKING, Senses, conversation, simulator, with_tools

__all__ = ["simulator"]  # the fixture

SHARED = ("anthropic_beta", "output_config", "temperature", "top_p", "top_k", "max_tokens", "response_format", "service_tier")
NAMES = {"max_tokens": "max_output_tokens"}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    both = {f"{api}/{model}" for api in ("converse", "invoke") for model in CLAUDES}
    names = sorted({*both, *OTHERS, *MODELS})
    models = [deployment(name, f"bedrock/{name}", simulator.url) for name in names]
    return launch(
        configuration(simulator.url, extra_models=models, litellm_settings={"drop_params": True})
    )


@pytest.fixture
def asker(gateway, simulator):
    asker = Both(gateway, simulator)
    yield asker
    asker.close()


# ---- chat → Responses -----------------------------------------------------------------------------


def settle(message):
    """Of a chat message: only what Responses can say, too."""
    message.pop("cache_control", None)
    for one in message.get("tool_calls", []):
        one.pop("cache_control", None)
    return message


def part_of(part, assistant):
    if part["type"] == "image_url":
        return {**part, "type": "input_image", "image_url": part["image_url"]["url"]}
    if part["type"] == "file":
        return {k: v for k, v in part.items() if k != "file"} | {"type": "input_file", **part["file"]}
    if part["type"] == "text":
        return {**part, "type": "output_text" if assistant else "input_text"}
    return part


def content_of(content, assistant=False):
    return [part_of(p, assistant) for p in content] if isinstance(content, list) else content


def items_of_assistant(message):
    items = []
    if message.get("thinking_blocks"):
        items.append({"type": "reasoning", "summary": [], "encrypted_content": json.dumps(message["thinking_blocks"])})
    content = content_of(message["content"], True)
    if message.get("refusal"):
        said = [{"type": "output_text", "text": content}] if isinstance(content, str) else content or []
        content = [*said, {"type": "refusal", "refusal": message["refusal"]}]
    items.append({"type": "message", "role": "assistant", "content": content})
    for one in message.get("tool_calls", []):
        items.append({"type": "function_call", "call_id": one["id"], **one["function"]})
    return items


def items_of(message):
    if message["role"] == "assistant":
        return items_of_assistant(message)
    if message["role"] == "tool":
        output = content_of(message["content"])
        return [{"type": "function_call_output", "call_id": message["tool_call_id"], "output": output}]
    return [{"type": "message", "role": message["role"], "content": content_of(message["content"])}]


def format_of(given):
    if given["type"] == "json_schema":
        return {"format": {"type": "json_schema", **given["json_schema"]}}
    return {"format": given}


def as_responses(chat):
    """The same in the words of Responses; what those cannot say is taken out of both."""
    legacy = {"function", "function_call"}
    chat["messages"] = [
        settle(m) for m in chat["messages"] if m["role"] not in legacy and "function_call" not in m
    ] or [{"role": "user", "content": "Hi"}]
    body = {NAMES.get(k, k): v for k, v in chat.items() if k not in ("messages", "response_format", "reasoning_effort")}
    body["input"] = [item for m in chat["messages"] for item in items_of(m)]
    if "tools" in chat:
        body["tools"] = [{k: v for k, v in t.items() if k != "function"} | t["function"] for t in chat["tools"]]
    if isinstance(chat.get("tool_choice"), dict):
        body["tool_choice"] = {"type": "function", "name": chat["tool_choice"]["function"]["name"]}
    if "response_format" in chat:
        body["text"] = format_of(chat["response_format"])
    if "reasoning_effort" in chat:
        body["reasoning"] = {"effort": chat["reasoning_effort"]}
    return body


@st.composite
def pairs(draw, thoughts):
    """(chat, Responses) of one meaning."""
    model = draw(st.sampled_from(CLAUDES + OTHERS))
    senses = Senses(MODELS[model], thoughts)
    name = draw(st.sampled_from(["converse/", "invoke/"])) + model if model in CLAUDES else model
    chat = {"model": name, "messages": conversation(draw, senses)}
    with_tools(draw, chat)
    for name in draw(st.lists(st.sampled_from(SHARED), max_size=4, unique=True)):
        chat[name] = draw(PARAMETERS[name])
    if draw(st.booleans()):
        name, values = draw(st.sampled_from([("thinking", THINKING), ("reasoning_effort", EFFORTS)]))
        chat[name] = draw(st.sampled_from(values))
    chat["stream"] = draw(st.booleans())
    chat = json.loads(json.dumps(chat))
    return chat, as_responses(chat)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["fixed", "own"])
def test_both_dialects_meet(asker, kind, record_property):
    def check(pair):
        chat, body = pair
        expected = asker.call("/v1/chat/completions", chat)
        got = asker.call("/v1/responses", body)
        assert got[:2] == expected[:2], f"--- chat\n{json.dumps(chat, ensure_ascii=False)}"

    holds_for(kind, pairs(asker.thoughts()), check, asker, record_property, EXAMPLES // 4)
