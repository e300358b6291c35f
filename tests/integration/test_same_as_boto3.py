"""What the gateway sends to Bedrock is what boto3 sends for the same meaning.

Each row is written twice: as the keyword arguments of the OpenAI SDK, and as those of boto3's
`converse`. Both go to the simulator, which tells what it received: path and body must be equal, but
for the order of members and two things that the gateway says unasked:

- `inferenceConfig` is there even when it is empty;
- with thinking on it asks for the count of reasoning tokens (`additionalModelResponseFieldPaths`).

Names of documents are made from their content, and ids of calls are the simulator's: both are
numbered here.
"""

import base64
import json
import re
import struct
import zlib

import boto3
import pytest
from botocore.config import Config
from conftest import ACCESS_KEY_ID, SECRET_ACCESS_KEY, configuration, deployment

MODELS = {
    "sonnet-4-5": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "sonnet-3-7": "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "sonnet-3-5": "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "opus-4-8": "us.anthropic.claude-opus-4-8",
    "nova": "us.amazon.nova-pro-v1:0",
    "llama": "us.meta.llama3-3-70b-instruct-v1:0",
    "profile": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    more = [deployment(name, f"bedrock/converse/{model}", simulator.url) for name, model in MODELS.items()]
    return launch(configuration(simulator.url, extra_models=more))


@pytest.fixture(scope="module")
def bedrock(simulator):
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=simulator.url,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )


# ---- building blocks -------------------------------------------------------------------------------


def png(side):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + b"\x80" * (3 * side)) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PNG = png(4)
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
CSV = "name,degrees\nParis,21\n".encode()


def data_url(kind, content):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def u(*content):
    """A user's message of OpenAI."""
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def b(role, *content):
    """A message of boto3; strings are texts."""
    return {"role": role, "content": [{"text": c} if isinstance(c, str) else c for c in content]}


def part(text, **more):
    return {"type": "text", "text": text, **more}


SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Ōsaka, München …"},
        "days": {"type": "integer"},
    },
    "required": ["city"],
}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells the weather.", "parameters": SCHEMA},
}
SPEC = {"toolSpec": {"name": "weather", "description": "Tells the weather.", "inputSchema": {"json": SCHEMA}}}
CACHED = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
POINT = {"cachePoint": {"type": "default"}}
HELLO = {"messages": [u("Hello")]}
B_HELLO = {"messages": [b("user", "Hello")]}


def call(i, city):
    arguments = json.dumps({"city": city, "days": 2})
    return {"id": f"call_{i}", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def use(i, city):
    return {"toolUse": {"toolUseId": f"call_{i}", "name": "weather", "input": {"city": city, "days": 2}}}


def result(i, *content):
    return {"toolResult": {"toolUseId": f"call_{i}", "content": list(content)}}


def fields(**members):
    return {"additionalModelRequestFields": members}


ROWS = {
    "text": ("sonnet-4-5", HELLO, B_HELLO),
    "unicode": (
        "nova",
        {"messages": [u('Ōsaka 🦜 "quoted" \\ \n\t\u0001 </script>')]},
        {"messages": [b("user", 'Ōsaka 🦜 "quoted" \\ \n\t\u0001 </script>')]},
    ),
    "profile by ARN": ("profile", HELLO, B_HELLO),
    "system": (
        "sonnet-4-5",
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": "In French."},
                u("Hello"),
            ]
        },
        {**B_HELLO, "system": [{"text": "Be brief."}, {"text": "In French."}]},
    ),
    "turns": (
        "llama",
        {"messages": [u("Hello"), {"role": "assistant", "content": "Hi!"}, u("And now?")]},
        {"messages": [b("user", "Hello"), b("assistant", "Hi!"), b("user", "And now?")]},
    ),
    "prefill": (
        "sonnet-3-5",
        {"messages": [u("A poem, please."), {"role": "assistant", "content": "Roses are"}]},
        {"messages": [b("user", "A poem, please."), b("assistant", "Roses are")]},
    ),
    "sampling": (
        "sonnet-3-5",
        {**HELLO, "temperature": 0.3, "top_p": 0.9, "max_tokens": 77, "stop": ["END", "\n\nHuman:"]},
        {
            **B_HELLO,
            "inferenceConfig": {
                "temperature": 0.3,
                "topP": 0.9,
                "maxTokens": 77,
                "stopSequences": ["END", "\n\nHuman:"],
            },
        },
    ),
    "one stop sequence": (
        "nova",
        {**HELLO, "stop": "END", "max_completion_tokens": 10},
        {**B_HELLO, "inferenceConfig": {"stopSequences": ["END"], "maxTokens": 10}},
    ),
    "top_k": ("sonnet-3-5", {**HELLO, "extra_body": {"top_k": 5}}, {**B_HELLO, **fields(top_k=5)}),
    "top_k of Nova": (
        "nova",
        {**HELLO, "extra_body": {"top_k": 5}},
        {**B_HELLO, **fields(inferenceConfig={"topK": 5})},
    ),
    "further fields": (
        "sonnet-4-5",
        {**HELLO, "extra_body": {"anthropic_beta": ["context-1m-2025-08-07"]}},
        {**B_HELLO, **fields(anthropic_beta=["context-1m-2025-08-07"])},
    ),
    "image": (
        "sonnet-4-5",
        {
            "messages": [
                u(
                    part("What is it?"),
                    {"type": "image_url", "image_url": {"url": data_url("image/png", PNG)}},
                )
            ]
        },
        {"messages": [b("user", "What is it?", {"image": {"format": "png", "source": {"bytes": PNG}}})]},
    ),
    "document": (
        "sonnet-4-5",
        {
            "messages": [
                u(
                    part("Summarize."),
                    {
                        "type": "file",
                        "file": {"filename": "report.pdf", "file_data": data_url("application/pdf", PDF)},
                    },
                )
            ]
        },
        {
            "messages": [
                b(
                    "user",
                    "Summarize.",
                    {
                        "document": {
                            "format": "pdf",
                            "name": "DocumentPDFmessages_1",
                            "source": {"bytes": PDF},
                        }
                    },
                )
            ]
        },
    ),
    "two documents": (
        "nova",
        {
            "messages": [
                u(
                    part("Compare."),
                    {"type": "file", "file": {"filename": "a b.csv", "file_data": data_url("text/csv", CSV)}},
                    {"type": "file", "file": {"filename": "c.csv", "file_data": data_url("text/csv", CSV)}},
                )
            ]
        },
        {
            "messages": [
                b(
                    "user",
                    "Compare.",
                    {
                        "document": {
                            "format": "csv",
                            "name": "DocumentPDFmessages_1",
                            "source": {"bytes": CSV},
                        }
                    },
                    {
                        "document": {
                            "format": "csv",
                            "name": "DocumentPDFmessages_2",
                            "source": {"bytes": CSV},
                        }
                    },
                )
            ]
        },
    ),
    "video": (
        "nova",
        {
            "messages": [
                u(
                    part("What happens?"),
                    {"type": "video_url", "video_url": {"url": data_url("video/mp4", MP4)}},
                )
            ]
        },
        {"messages": [b("user", "What happens?", {"video": {"format": "mp4", "source": {"bytes": MP4}}})]},
    ),
    "tools": ("sonnet-4-5", {**HELLO, "tools": [TOOL]}, {**B_HELLO, "toolConfig": {"tools": [SPEC]}}),
    "tool choice auto": (
        "sonnet-4-5",
        {**HELLO, "tools": [TOOL], "tool_choice": "auto"},
        {**B_HELLO, "toolConfig": {"tools": [SPEC], "toolChoice": {"auto": {}}}},
    ),
    "tool choice required": (
        "nova",
        {**HELLO, "tools": [TOOL], "tool_choice": "required"},
        {**B_HELLO, "toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}}},
    ),
    "tool choice named": (
        "sonnet-4-5",
        {**HELLO, "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
        {**B_HELLO, "toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "weather"}}}},
    ),
    "one call at a time": (
        "sonnet-4-5",
        {**HELLO, "tools": [TOOL], "parallel_tool_calls": False},
        {
            **B_HELLO,
            "toolConfig": {"tools": [SPEC]},
            **fields(tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
        },
    ),
    "functions of old": (
        "sonnet-4-5",
        {**HELLO, "functions": [TOOL["function"]], "function_call": {"name": "weather"}},
        {  # there is room for one call only in the answer
            **B_HELLO,
            "toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "weather"}}},
            **fields(tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True}),
        },
    ),
    "tool results": (
        "sonnet-4-5",
        {
            "messages": [
                u("How is it?"),
                {
                    "role": "assistant",
                    "content": "Let me see.",
                    "tool_calls": [call(1, "Paris"), call(2, "Rome")],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
                {"role": "tool", "tool_call_id": "call_2", "content": [part("rain"), part("wind")]},
                u("Well?"),
            ],
            "tools": [TOOL],
        },
        {
            "messages": [
                b("user", "How is it?"),
                b("assistant", "Let me see.", use(1, "Paris"), use(2, "Rome")),
                b(
                    "user",
                    result(1, {"text": "sunny"}),
                    result(2, {"text": "rain"}, {"text": "wind"}),
                    "Well?",
                ),
            ],
            "toolConfig": {"tools": [SPEC]},
        },
    ),
    "image of a tool": (
        "sonnet-4-5",
        {
            "messages": [
                u("Look."),
                {"role": "assistant", "content": None, "tool_calls": [call(1, "Paris")]},
                {
                    "role": "tool",
                    "tool_call_id": "call_1",
                    "content": [{"type": "image_url", "image_url": {"url": data_url("image/png", PNG)}}],
                },
            ],
            "tools": [TOOL],
        },
        {
            "messages": [
                b("user", "Look."),
                b("assistant", use(1, "Paris")),
                b("user", result(1, {"image": {"format": "png", "source": {"bytes": PNG}}})),
            ],
            "toolConfig": {"tools": [SPEC]},
        },
    ),
    "cache points": (
        "sonnet-3-7",
        {
            "messages": [
                {"role": "system", "content": [part("Be brief.", **CACHED)]},
                u(part("Hello"), part("there", **CACHED)),
            ],
            "tools": [{**TOOL, **CACHED}],
        },
        {
            "system": [{"text": "Be brief."}, POINT],
            "messages": [b("user", "Hello", "there", POINT)],
            "toolConfig": {"tools": [SPEC, POINT]},
        },
    ),
    "cache for an hour": (
        "sonnet-4-5",
        {
            "messages": [
                {"role": "system", "content": [part("Be brief.", **HOUR)]},
                u(part("Hello", **CACHED)),
            ]
        },
        {
            "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
            "messages": [b("user", "Hello", POINT)],
        },
    ),
    "guardrail": (
        "sonnet-4-5",
        {
            **HELLO,
            "extra_body": {
                "guardrailConfig": {
                    "guardrailIdentifier": "gr-1",
                    "guardrailVersion": "1",
                    "trace": "enabled",
                }
            },
        },
        {
            "messages": [b("user", {"guardContent": {"text": {"text": "Hello"}}})],
            "guardrailConfig": {"guardrailIdentifier": "gr-1", "guardrailVersion": "1", "trace": "enabled"},
        },
    ),
    "latency and metadata": (
        "nova",
        {
            **HELLO,
            "extra_body": {
                "performanceConfig": {"latency": "optimized"},
                "requestMetadata": {"team": "a", "cost": "b"},
            },
        },
        {
            **B_HELLO,
            "performanceConfig": {"latency": "optimized"},
            "requestMetadata": {"team": "a", "cost": "b"},
        },
    ),
    "service tier": (
        "nova",
        {**HELLO, "service_tier": "priority"},
        {**B_HELLO, "serviceTier": {"type": "priority"}},
    ),
    "thinking with a budget": (
        "sonnet-3-7",
        {**HELLO, "max_tokens": 4000, "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2000}}},
        {
            **B_HELLO,
            "inferenceConfig": {"maxTokens": 4000},
            **fields(thinking={"type": "enabled", "budget_tokens": 2000}),
        },
    ),
    "thinking with an effort": (
        "opus-4-8",
        {**HELLO, "reasoning_effort": "medium"},
        {
            **B_HELLO,
            **fields(
                thinking={"type": "adaptive", "display": "summarized"}, output_config={"effort": "medium"}
            ),
        },
    ),
    "structured output": (
        "sonnet-4-5",
        {
            **HELLO,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "report", "schema": {**SCHEMA, "additionalProperties": False}},
            },
        },
        {
            **B_HELLO,
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {
                        "jsonSchema": {
                            "name": "report",
                            "schema": json.dumps(
                                {**SCHEMA, "additionalProperties": False},
                                separators=(",", ":"),
                                ensure_ascii=False,
                            ),
                        }
                    },
                }
            },
        },
    ),
}


# ---- the comparison --------------------------------------------------------------------------------


def numbered(body, pattern):
    """The body with each string that matches named after the order in which they come."""
    seen = {}
    text = re.sub(
        f'"({pattern})"', lambda m: json.dumps(f"#{seen.setdefault(m[1], len(seen))}"), json.dumps(body)
    )
    return json.loads(text)


def received(simulator, mark):
    """Path and body of the one call that came; what is always said is left out."""
    (one,) = simulator.since(mark)
    assert (one["outcome"], one["status"]) == ("completed", 200), one
    body = one["body"]
    if not body.get("inferenceConfig", True):
        del body["inferenceConfig"]
    if body.get("additionalModelResponseFieldPaths") == ["/usage/output_tokens_details"]:
        del body["additionalModelResponseFieldPaths"]
    assert {k.lower(): v for k, v in one["headers"].items()}["content-type"] == "application/json"
    return one["path"], numbered(numbered(body, 'DocumentPDFmessages_[^"]*'), 'tooluse_[^"]*')


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", ROWS)
def test_same(client, bedrock, simulator, name, stream):
    model, ours, theirs = ROWS[name]
    mark = simulator.mark()
    answer = client.chat.completions.create(model=model, stream=stream, **ours)
    assert not stream or list(answer)
    got = received(simulator, mark)
    mark = simulator.mark()
    if stream:
        assert list(bedrock.converse_stream(modelId=MODELS[model], **theirs)["stream"])
    else:
        assert bedrock.converse(modelId=MODELS[model], **theirs)["output"]
    assert got == received(simulator, mark)


def test_thinking_back(client, bedrock, simulator):
    """A tool loop in which each side sends back what it was given."""
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    question = 'How is it? [[sim:tool(weather,{"city": "Paris", "days": 2})]]'
    request = {"model": "sonnet-3-7", "tools": [TOOL], "max_tokens": 4000, "extra_body": thinking}
    message = client.chat.completions.create(messages=[u(question)], **request).choices[0].message
    answered = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    mark = simulator.mark()
    client.chat.completions.create(messages=[u(question), message, answered], **request)
    got = received(simulator, mark)

    request = {
        "modelId": MODELS["sonnet-3-7"],
        "toolConfig": {"tools": [SPEC]},
        "inferenceConfig": {"maxTokens": 4000},
        **fields(**thinking),
    }
    message = bedrock.converse(messages=[b("user", question)], **request)["output"]["message"]
    used = message["content"][-1]["toolUse"]["toolUseId"]
    answered = b("user", {"toolResult": {"toolUseId": used, "content": [{"text": "sunny"}]}})
    mark = simulator.mark()
    bedrock.converse(messages=[b("user", question), message, answered], **request)
    assert got == received(simulator, mark)
