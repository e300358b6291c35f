"""Requests as Cline and its relatives send them."""

import json

import pytest
from raw import Raw, events

SYSTEM = """You are Cline, a highly skilled software engineer.

====

TOOL USE

You have access to a set of tools. Tool use is formatted using XML-style tags:

<read_file>
<path>src/main.js</path>
</read_file>

====

RULES

- Your current working directory is: /home/dev/projet "é"
"""

ENVIRONMENT = """<environment_details>
# VSCode Visible Files
src/main.c

# Current Time
21/11/2026, 10:00:00 (Europe/Paris, UTC+1:00)
</environment_details>"""


def cline(*turns, **more):
    """The LiteLLM provider of Cline: text parts, cache points on the system text and on the last two
    user messages, temperature 0, usage wanted."""
    cache = {"cache_control": {"type": "ephemeral"}}
    messages = [{"role": "system", "content": [{"type": "text", "text": SYSTEM, **cache}]}]
    users = [i for i, (role, _) in enumerate(turns) if role == "user"]
    for i, (role, text) in enumerate(turns):
        if role == "assistant":
            messages.append({"role": role, "content": text})
            continue
        parts = [{"type": "text", "text": text}, {"type": "text", "text": ENVIRONMENT}]
        if i in users[-2:]:
            parts[-1].update(cache)
        messages.append({"role": role, "content": parts})
    return {
        "model": "claude",
        "messages": messages,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        **more,
    }


def ask(gateway, target="/v1/chat/completions", **body):
    headers = [
        "Content-Type: application/json",
        "User-Agent: OpenAI/JS 4.104.0",
        "X-Stainless-Lang: js",
        "Accept: application/json",
        "HTTP-Referer: https://cline.bot",
        "X-Title: Cline",
    ]
    with Raw(gateway) as raw:
        reply = raw.request("POST", target, headers, json.dumps(body).encode()).reply()
        assert reply.status == 200, reply
        return events(reply.body)


def fold(found):
    assert found[-1] == "[DONE]"
    chunks = found[:-1]
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    usage = [c["usage"] for c in chunks if c.get("usage")]
    reasons = [
        c["choices"][0]["finish_reason"]
        for c in chunks
        if c["choices"] and c["choices"][0].get("finish_reason")
    ]
    return text, reasons, usage


@pytest.mark.parametrize("target", ["/v1/chat/completions", "/chat/completions"])
def test_first_turn(gateway, target):
    text, reasons, usage = fold(ask(gateway, target, **cline(("user", "<task>\nFix the bug\n</task>"))))
    assert text and reasons == ["stop"]
    assert len(usage) == 1 and usage[0]["prompt_tokens"] > 50 and usage[0]["completion_tokens"] > 0


def test_later_turns(gateway):
    turns = [("user", "<task>\nFix the bug\n</task>")]
    for i in range(6):
        turns.append(("assistant", f"<read_file>\n<path>src/{i}.c</path>\n</read_file>"))
        turns.append(
            ("user", f"[read_file for 'src/{i}.c'] Result:\nint main(void) {{ return \"é\"[{i}]; }}\n")
        )
        text, reasons, usage = fold(ask(gateway, **cline(*turns)))
        assert text and reasons == ["stop"] and len(usage) == 1


def test_prompt_cache_counts(gateway):
    """Cline shows cost from these members."""
    big = "x = 1;  // line\n" * 3000
    turns = [("user", f"[[sim:usage(12,34,5600,7800)]] {big}")]
    _, _, usage = fold(ask(gateway, **cline(*turns)))
    assert usage[0]["prompt_tokens"] == 12 + 5600 + 7800
    assert usage[0]["prompt_tokens_details"]["cached_tokens"] == 5600
    assert usage[0]["cache_read_input_tokens"] == 5600 and usage[0]["cache_creation_input_tokens"] == 7800


def test_xml_in_the_answer_is_not_touched(gateway):
    xml = '<write_to_file>\n<path>a.c</path>\n<content>\nif (a < b && c > d) puts("\\n");\n</content>\n</write_to_file>'
    text, _, _ = fold(ask(gateway, **cline(("user", f"[[sim:reply({xml})]]"))))
    assert text == xml


def test_max_tokens_beside_temperature(gateway):
    _, reasons, _ = fold(ask(gateway, **cline(("user", "[[sim:chunks(500,20)]]"), max_tokens=5)))
    assert reasons == ["length"]


def test_image_beside_text(gateway):
    request = cline(("user", "What is in the picture?"))
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    request["messages"][-1]["content"].append(
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel}"}}
    )
    text, reasons, _ = fold(ask(gateway, **request))
    assert text and reasons == ["stop"]


def test_native_tools(gateway):
    """Newer versions offer real tools, and send the results of several calls as single messages."""
    tool = {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Reads a file.",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string", "description": "Where it is."}},
                "required": ["path"],
                "additionalProperties": False,
            },
        },
    }
    request = cline(
        ("user", '[[sim:tool(read_file,{"path":"a.c"})]] [[sim:tool(read_file,{"path":"b.c"})]]'),
        tools=[tool],
    )
    found = ask(gateway, **request)
    calls = {}
    for chunk in found[:-1]:
        for choice in chunk["choices"]:
            for delta in choice["delta"].get("tool_calls") or []:
                call = calls.setdefault(
                    delta["index"], {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
                )
                call["id"] = delta.get("id") or call["id"]
                call["function"]["name"] += delta["function"].get("name") or ""
                call["function"]["arguments"] += delta["function"].get("arguments") or ""
    assert [json.loads(c["function"]["arguments"])["path"] for c in calls.values()] == ["a.c", "b.c"]
    request["messages"].append({"role": "assistant", "content": "", "tool_calls": list(calls.values())})
    for call in calls.values():
        request["messages"].append(
            {"role": "tool", "tool_call_id": call["id"], "content": [{"type": "text", "text": "int x;"}]}
        )
    text, reasons, _ = fold(ask(gateway, **request))
    assert text and reasons == ["stop"]


def test_history_with_tools_and_none_offered(gateway):
    """What context compaction sends: tool turns in the history, no tools in the request."""
    request = cline(("user", "Read a.c"))
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "read_file", "arguments": '{"path":"a.c"}'},
    }
    request["messages"] += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "int x;"},
        {"role": "user", "content": "Summarise the conversation."},
    ]
    text, reasons, _ = fold(ask(gateway, **request))
    assert text and reasons == ["stop"]
