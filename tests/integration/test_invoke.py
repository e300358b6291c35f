"""Chat over InvokeModel: Claude with bedrock/invoke/… and Titan text, through the OpenAI SDK.

Claude over InvokeModel must look to a client as Claude over Converse does, and what the simulator gets must
be what Anthropic's own SDK (AnthropicBedrock) sends for the same conversation."""

import base64
import json
import urllib.request

import openai
import pytest
from anthropic import AnthropicBedrock
from conftest import ACCESS_KEY_ID, SECRET_ACCESS_KEY, configuration, deployment
from test_openai_python import collect, function, png, user

SONNET45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SONNET37 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
OPUS47 = "us.anthropic.claude-opus-4-7"
MODELS = {
    "invoke": f"bedrock/invoke/{SONNET45}",
    "invoke-37": f"bedrock/invoke/{SONNET37}",
    "opus": f"bedrock/{OPUS47}",
    "invoke-opus": f"bedrock/invoke/{OPUS47}",
    "titan": "bedrock/amazon.titan-text-express-v1",
    "bedrock/*": "bedrock/*",
}
WEATHER = function("get_weather", city="string")
CITIES = "What is the weather in Paris and Tokyo?"
BUDGET = {"max_tokens": 4000, "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
PNG = base64.b64encode(png(4, 4)).decode()
PDF = "JVBERi0xLjQKJSVFT0YK"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    extra = [deployment(name, model, simulator.url) for name, model in MODELS.items()]
    return launch(configuration(simulator.url, extra_models=extra))


@pytest.fixture(scope="module")
def claude(simulator):
    with AnthropicBedrock(
        aws_access_key=ACCESS_KEY_ID,
        aws_secret_key=SECRET_ACCESS_KEY,
        aws_region="us-east-1",
        base_url=simulator.url,
        max_retries=0,
        timeout=15,
    ) as client:
        yield client


def last_call(simulator):
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last=1", timeout=10) as reply:
        (call,) = json.load(reply)
    return call


def picture(name="png", data=PNG):
    return {"type": "image_url", "image_url": {"url": f"data:image/{name};base64,{data}"}}


def ask(client, model, messages, stream, **more):
    """What a client makes of the answer: text, calls, reasons, thinking with its signatures, usage."""
    request = {"model": model, "messages": messages, **more}
    if stream:
        chunks = list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
        text, calls, reasons, usages = collect(chunks)
        deltas = [c.choices[0].delta for c in chunks if c.choices]
        thinking = "".join(getattr(d, "reasoning_content", None) or "" for d in deltas)
        blocks = [b for d in deltas for b in getattr(d, "thinking_blocks", None) or []]
        (usage,) = usages
    else:
        answer = client.chat.completions.create(**request)
        (choice,), usage = answer.choices, answer.usage
        message = choice.message
        text, reasons = message.content or "", [choice.finish_reason]
        calls = [
            {"id": c.id, "name": c.function.name, "arguments": c.function.arguments}
            for c in message.tool_calls or []
        ]
        thinking = getattr(message, "reasoning_content", None) or ""
        blocks = getattr(message, "thinking_blocks", None) or []
    signature = "".join(b.get("signature", "") for b in blocks)
    redacted = [b["data"] for b in blocks if b["type"] == "redacted_thinking"]
    counts = usage.model_dump(exclude={"cost"})
    return {
        "text": text,
        "calls": [{"name": c["name"], "arguments": json.loads(c["arguments"])} for c in calls],
        "reasons": reasons,
        "thinking": thinking,
        "signed": bool(signature),
        "redacted": len(redacted),
        "usage": counts,
    }


# ---- as over Converse -------------------------------------------------------------------------------

CONVERSATIONS = {
    "plain": (user("Grüße aus 東京!"), {}),
    "system": ([{"role": "system", "content": "Be kind."}, *user("Hello")], {"temperature": 0.5, "stop": ["never"]}),
    "tools": (user(CITIES), {"tools": [WEATHER]}),
    "forced": (user("Hello"), {"tools": [WEATHER], "tool_choice": "required"}),
    "one call": (user(CITIES), {"tools": [WEATHER], "parallel_tool_calls": False}),
    "thinking": (user("Why?"), BUDGET),
    "thinking tools": (user(CITIES), {"tools": [WEATHER], **BUDGET}),
    "redacted": (user("[[sim:redacted]] Why?"), BUDGET),
    "image": (user([{"type": "text", "text": "What is it?"}, picture()]), {}),
    "short": (user("[[sim:chunks(50,20)]]"), {"max_tokens": 3}),
    "counts": (user("[[sim:usage(100,20,30,40)]] Hello"), {}),
    "json": (
        user("Who?"),
        {"response_format": {"type": "json_schema", "json_schema": {"name": "who", "schema": SCHEMA, "strict": True}}},
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_as_over_converse(client, simulator, name, stream):
    messages, more = CONVERSATIONS[name]
    invoked = ask(client, "invoke", messages, stream, **more)
    call = last_call(simulator)
    assert call["path"].endswith("/invoke-with-response-stream" if stream else "/invoke")
    assert SONNET45 in call["path"] and call["body"]["anthropic_version"] == "bedrock-2023-05-31"
    conversed = ask(client, "claude", messages, stream, **more)
    assert "/converse" in last_call(simulator)["path"]
    assert invoked["usage"].pop("prompt_tokens") > 0 and conversed["usage"].pop("prompt_tokens") > 0
    for counts in (invoked["usage"], conversed["usage"]):  # the bodies differ, and so does their size
        counts.pop("total_tokens")
        counts["prompt_tokens_details"].pop("text_tokens")
    assert invoked == conversed


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_adaptive_thinking(client, simulator, stream):
    answer = ask(client, "invoke-opus", user("Why?"), stream, reasoning_effort="high")
    body = last_call(simulator)["body"]
    assert body["thinking"]["type"] == "adaptive" and body["output_config"]["effort"] == "high"
    assert answer["thinking"] and answer["signed"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_json_by_a_tool(client, simulator, stream):
    """Where the model has no structured output of its own."""
    format = {"type": "json_schema", "json_schema": {"name": "who", "schema": SCHEMA}}
    answer = ask(client, "invoke-37", user("Who?"), stream, response_format=format)
    assert last_call(simulator)["body"]["tool_choice"] == {"type": "tool", "name": "json_tool_call"}
    assert set(json.loads(answer["text"])) == {"name", "age"}
    assert answer["reasons"] == ["stop"] and not answer["calls"]


@pytest.mark.parametrize("model", ["invoke", "invoke-37"])
def test_tool_loop_without_the_thinking(client, model):
    """The client drops the thinking; the gateway puts it back, or the strict simulator refuses."""
    messages = user(CITIES)
    for _ in range(2):
        message = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER], **BUDGET).choices[0].message
        if not message.tool_calls:
            break
        messages.append(
            {"role": "assistant", "content": message.content, "tool_calls": [c.model_dump() for c in message.tool_calls]}
        )
        messages += [
            {"role": "tool", "tool_call_id": c.id, "content": [{"type": "text", "text": "21 °C"}, picture()]}
            for c in message.tool_calls
        ]
    assert "21 °C" in message.content


def test_thinking_sent_back(client):
    """The client keeps the blocks: they go back as they came, redacted ones too."""
    for prompt in (CITIES, f"[[sim:redacted]] {CITIES}"):
        messages = user(prompt)
        message = client.chat.completions.create(
            model="invoke-37", messages=messages, tools=[WEATHER], **BUDGET
        ).choices[0].message
        calls = [c.model_dump() for c in message.tool_calls]
        messages.append(
            {
                "role": "assistant",
                "content": message.content,
                "tool_calls": calls,
                "thinking_blocks": message.thinking_blocks,
            }
        )
        messages += [{"role": "tool", "tool_call_id": c["id"], "content": "21 °C"} for c in calls]
        answer = client.chat.completions.with_raw_response.create(
            model="invoke-37", messages=messages, tools=[WEATHER], **BUDGET
        )
        assert "21 °C" in answer.parse().choices[0].message.content
        assert "thinking" not in answer.headers.get("x-lintel-repairs", "")


def test_prompt_cache(client):
    """Written once, read the next time, in streams too; both APIs share the cache."""
    cached = {"type": "text", "text": "word " * 3000 + "of invoke", "cache_control": {"type": "ephemeral"}}
    messages = [{"role": "system", "content": [cached]}, *user("Hello")]
    first = ask(client, "invoke", messages, False)["usage"]
    second = ask(client, "invoke", messages, True)["usage"]
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] > 3000
    assert first["cache_read_input_tokens"] == second["cache_creation_input_tokens"] == 0


def test_wildcard(client, simulator):
    """The route word comes with the name the client asks for."""
    client.chat.completions.create(model=f"bedrock/invoke/{SONNET37}", messages=user("Hello"))
    assert last_call(simulator)["path"].endswith("/invoke")
    client.chat.completions.create(model=f"bedrock/{SONNET37}", messages=user("Hello"))
    assert last_call(simulator)["path"].endswith("/converse")


def test_headers(client, simulator):
    client.chat.completions.create(
        model="invoke",
        messages=user("Hello"),
        extra_body={
            "guardrailConfig": {"guardrailIdentifier": "gr1", "guardrailVersion": "1", "trace": "enabled"},
            "performanceConfig": {"latency": "optimized"},
            "requestMetadata": {"team": "a"},
            "service_tier": "priority",
        },
    )
    headers = {k.lower(): v for k, v in last_call(simulator)["headers"].items()}
    assert headers["x-amzn-bedrock-guardrailidentifier"] == "gr1"
    assert headers["x-amzn-bedrock-guardrailversion"] == "1"
    assert headers["x-amzn-bedrock-trace"] == "ENABLED"
    assert headers["x-amzn-bedrock-performanceconfig-latency"] == "optimized"
    assert json.loads(headers["x-amzn-bedrock-request-metadata"]) == {"team": "a"}
    assert headers["x-amzn-bedrock-service-tier"] == "priority"


# ---- what goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["invoke", "titan"])
@pytest.mark.parametrize(
    "fault, error",
    [
        ("throttle", openai.RateLimitError),
        ("error(ValidationException,prompt is too long: 9 tokens > 8 maximum)", openai.BadRequestError),
        ("error(AccessDeniedException)", openai.PermissionDeniedError),
        ("exception(throttlingException)", openai.RateLimitError),
        ("http(502,<html>)", openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_errors(client, model, fault, error, stream):
    with pytest.raises(error) as raised:
        client.chat.completions.create(model=model, messages=user(f"[[sim:{fault}]]"), stream=stream)
    if "too long" in fault:
        assert "ContextWindowExceeded" in str(raised.value)


@pytest.mark.parametrize("model", ["invoke", "titan"])
@pytest.mark.parametrize("fault", ["cut(2)", "end(2)", "badcrc(2)", "exception(modelTimeoutException,2)"])
def test_half_a_stream_is_no_answer(client, model, fault):
    stream = client.chat.completions.create(
        model=model, messages=user(f"[[sim:chunks(5,10)]] [[sim:{fault}]]"), stream=True
    )
    reasons = []
    with pytest.raises(openai.APIError):
        for chunk in stream:
            reasons += [c.finish_reason for c in chunk.choices if c.finish_reason]
    assert not reasons


# ---- as Anthropic's own SDK does it -----------------------------------------------------------------


def parts(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def normal(body):
    """What two bodies of one meaning may differ in: a string for one text, and the name of the version."""
    body = json.loads(json.dumps(body))
    assert body.pop("anthropic_version")
    for message in body["messages"]:
        message["content"] = parts(message["content"])
        for block in message["content"]:
            if block["type"] == "tool_result":
                block["content"] = parts(block["content"])
    if "system" in body:
        body["system"] = parts(body["system"])
    for tool in body.get("tools", ()):
        tool.setdefault("type", "custom")
    return body


def same(simulator, client, claude, request, native):
    client.chat.completions.create(model="invoke", **request)
    ours = last_call(simulator)
    claude.messages.create(model=SONNET45, **native)
    theirs = last_call(simulator)
    assert ours["path"] == theirs["path"] and ours["method"] == theirs["method"]
    assert normal(ours["body"]) == normal(theirs["body"])


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
NATIVE_WEATHER = {
    "name": "get_weather",
    "description": WEATHER["function"]["description"],
    "input_schema": WEATHER["function"]["parameters"],
}
EPHEMERAL = {"cache_control": {"type": "ephemeral"}}


def test_sdk_conversation(simulator, client, claude):
    same(
        simulator,
        client,
        claude,
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "Be kind.", **EPHEMERAL}]},
                *user([{"type": "text", "text": "What is it? " * 2000, **EPHEMERAL}, picture()]),
                {"role": "assistant", "content": "A pixel."},
                *user([{"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}}]),
            ],
            "max_tokens": 100,
            "temperature": 0.25,
            "stop": ["a", "b"],
            "extra_body": {"top_k": 5},
        },
        {
            "system": [{"type": "text", "text": "Be kind.", **EPHEMERAL}],
            "messages": [
                *user([{"type": "text", "text": "What is it? " * 2000, **EPHEMERAL}, IMAGE]),
                {"role": "assistant", "content": "A pixel."},
                *user(
                    [
                        {
                            "type": "document",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                        }
                    ]
                ),
            ],
            "max_tokens": 100,
            "stop_sequences": ["a", "b"],
            "extra_body": {"temperature": 0.25, "top_k": 5},
        },
    )


def test_sdk_tool_loop(simulator, client, claude):
    calls = [
        {"id": f"toolu_{i}", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps({"city": c})}}
        for i, c in enumerate(["Paris", "Tokyo"])
    ]
    same(
        simulator,
        client,
        claude,
        {
            "messages": [
                *user(CITIES),
                {"role": "assistant", "content": "Let me look.", "tool_calls": calls},
                {"role": "tool", "tool_call_id": "toolu_0", "content": "21 °C"},
                {
                    "role": "tool",
                    "tool_call_id": "toolu_1",
                    "content": [{"type": "text", "text": "see"}, picture()],
                },
                *user("And now?"),
            ],
            "tools": [{**WEATHER, **EPHEMERAL}],
            "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
            "parallel_tool_calls": False,
            "max_tokens": 1000,
        },
        {
            "messages": [
                *user(CITIES),
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me look."},
                        {"type": "tool_use", "id": "toolu_0", "name": "get_weather", "input": {"city": "Paris"}},
                        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Tokyo"}},
                    ],
                },
                *user(
                    [
                        {"type": "tool_result", "tool_use_id": "toolu_0", "content": "21 °C"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": [{"type": "text", "text": "see"}, IMAGE],
                        },
                        {"type": "text", "text": "And now?"},
                    ]
                ),
            ],
            "tools": [{**NATIVE_WEATHER, **EPHEMERAL}],
            "tool_choice": {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
            "max_tokens": 1000,
        },
    )


def test_sdk_thinking_loop(simulator, client, claude):
    """Each side thinks by itself; the blocks go back in its own words and are the same."""
    thinking = {"type": "enabled", "budget_tokens": 1024}
    native = {"tools": [NATIVE_WEATHER], "thinking": thinking, "max_tokens": 4000}
    message = claude.messages.create(model=SONNET45, messages=user(CITIES), **native)
    calls = [b for b in message.content if b.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": b.id, "content": "21 °C"} for b in calls]
    history = {
        "role": "assistant",
        "content": "".join(b.text for b in message.content if b.type == "text"),
        "thinking_blocks": [b.model_dump() for b in message.content if b.type == "thinking"],
        "tool_calls": [
            {"id": b.id, "type": "function", "function": {"name": b.name, "arguments": json.dumps(b.input)}}
            for b in calls
        ],
    }
    same(
        simulator,
        client,
        claude,
        {
            "messages": [
                *user(CITIES),
                history,
                *({"role": "tool", "tool_call_id": b.id, "content": "21 °C"} for b in calls),
            ],
            "tools": [WEATHER],
            **BUDGET,
        },
        {
            "messages": [
                *user(CITIES),
                {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in message.content]},
                *user(results),
            ],
            **native,
        },
    )


def test_sdk_structured_output(simulator, client, claude):
    same(
        simulator,
        client,
        claude,
        {
            "messages": user("Who?"),
            "response_format": {"type": "json_schema", "json_schema": {"name": "who", "schema": SCHEMA}},
            "max_tokens": 500,
        },
        {
            "messages": user("Who?"),
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            "max_tokens": 500,
        },
    )


# ---- Titan ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_titan(client, simulator, stream):
    messages = [{"role": "system", "content": "Be kind."}, *user("Hello")]
    answer = ask(client, "titan", messages, stream, max_tokens=500, temperature=0.5, stop=["never"])
    call = last_call(simulator)
    assert call["path"].endswith("/invoke-with-response-stream" if stream else "/invoke")
    assert call["body"] == {
        "inputText": "\n\nUser: <admin>Be kind.</admin>\n\nUser: Hello\n\nBot: ",
        "textGenerationConfig": {"temperature": 0.5, "stopSequences": ["never"], "maxTokenCount": 500},
    }
    assert answer["text"] and answer["reasons"] == ["stop"]
    assert answer["usage"]["prompt_tokens"] > 5 and answer["usage"]["completion_tokens"] > 0


def test_titan_has_no_tools(client):
    with pytest.raises(openai.BadRequestError, match="tools"):
        client.chat.completions.create(model="titan", messages=user("Hello"), tools=[WEATHER])
    dropped = client.chat.completions.create(
        model="titan", messages=user("Hello"), tools=[WEATHER], extra_body={"drop_params": True}
    )
    assert dropped.choices[0].message.content
