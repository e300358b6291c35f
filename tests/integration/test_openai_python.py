"""The main job through the OpenAI SDK for Python: chat, streams, tools, images, errors, leaving."""

import base64
import json
import struct
import time
import zlib

import openai
import pytest
from conftest import openai_client
from programs import wait_for

HELLO = [{"role": "user", "content": "Hello"}]


def user(text):
    return [{"role": "user", "content": text}]


def function(name, **properties):
    schema = {"type": "object", "properties": {k: {"type": v} for k, v in properties.items()}}
    schema["required"] = list(properties)
    return {
        "type": "function",
        "function": {"name": name, "description": f"Does {name}.", "parameters": schema},
    }


WEATHER = function("get_weather", city="string")
TIME = function("get_time", zone="string")


def collect(stream):
    """Text, tool calls by index, finish reasons and usages of a stream, as a client folds them."""
    text, calls, reasons, usages, ids = "", {}, [], [], set()
    for chunk in stream:
        assert chunk.object == "chat.completion.chunk"
        ids.add((chunk.id, chunk.model, chunk.created))
        if chunk.usage:
            usages.append(chunk.usage)
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                into = calls.setdefault(call.index, {"id": None, "name": "", "arguments": ""})
                if call.id:
                    assert into["id"] is None, "the id comes once"
                    into["id"] = call.id
                into["name"] += call.function.name or ""
                into["arguments"] += call.function.arguments or ""
            if choice.finish_reason:
                reasons.append(choice.finish_reason)
    assert len(ids) == 1, ids
    return text, [calls[i] for i in sorted(calls)], reasons, usages


# ---- text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["claude", "nova", "bedrock-converse-us-claude-3-7-sonnet-v1"])
def test_plain(client, model):
    answer = client.chat.completions.create(model=model, messages=HELLO)
    assert answer.object == "chat.completion" and answer.model == model
    assert answer.id.startswith("chatcmpl-") and abs(answer.created - time.time()) < 60
    (choice,) = answer.choices
    assert choice.index == 0 and choice.finish_reason == "stop"
    assert choice.message.role == "assistant" and choice.message.content
    assert not choice.message.tool_calls
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_stream(client):
    text, calls, reasons, usages = collect(
        client.chat.completions.create(model="claude", messages=HELLO, stream=True)
    )
    assert text and not calls and reasons == ["stop"] and not usages
    whole = client.chat.completions.create(model="claude", messages=HELLO)
    assert text == whole.choices[0].message.content


def test_stream_comes_in_pieces(client):
    stream = client.chat.completions.create(
        model="claude", messages=user("[[sim:chunks(20,10)]]"), stream=True
    )
    pieces = [c.choices[0].delta.content for c in stream if c.choices and c.choices[0].delta.content]
    assert len(pieces) == 20 and all(len(p.encode()) == 10 for p in pieces)


def test_no_byte_is_held_back(client):
    """Each piece arrives long before the next one is made."""
    prompt = user("[[sim:chunks(6,10)]] [[sim:gap(150)]]")
    times = []
    for chunk in client.chat.completions.create(model="claude", messages=prompt, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            times.append(time.monotonic())
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert len(gaps) == 5 and min(gaps) > 0.05, gaps


def test_usage_chunk(client):
    prompt = user("[[sim:usage(100,20,30,40)]] Hello")
    stream = client.chat.completions.create(
        model="claude", messages=prompt, stream=True, stream_options={"include_usage": True}
    )
    _, _, reasons, usages = collect(stream)
    assert reasons == ["stop"] and len(usages) == 1
    whole = client.chat.completions.create(model="claude", messages=prompt).usage
    for usage in (usages[0], whole):
        assert usage.prompt_tokens == 100 + 30 + 40
        assert usage.completion_tokens == 20 and usage.total_tokens == 190
        assert usage.prompt_tokens_details.cached_tokens == 30


def test_role_comes_first_and_once(client):
    roles = [
        c.choices[0].delta.role
        for c in client.chat.completions.create(model="claude", messages=HELLO, stream=True)
    ]
    assert roles[0] == "assistant" and not any(roles[1:])


def test_unicode(client):
    text = 'Grüße, 日本語 と 🦜🏽‍♀️, "quotes" \\ back\u2028slash, tab\tand\nline — end'
    prompt = user(f"[[sim:reply({text})]]")
    assert client.chat.completions.create(model="claude", messages=prompt).choices[0].message.content == text
    assert collect(client.chat.completions.create(model="claude", messages=prompt, stream=True))[0] == text


def sent(client, messages=None, **parameters):
    """The body of the Converse call that a chat request became: the simulator says it back."""
    messages = messages or user("[[sim:echo]]")
    answer = client.chat.completions.create(model="claude", messages=messages, **parameters)
    return json.loads(answer.choices[0].message.content)


def test_what_must_be_escaped_arrives(client):
    text = "[[sim:echo]]\u00e9\u0001\u001f\u007f\ufffd\U0001f600\u2028 </script> \\u0041 \r\n\t\"'."
    assert sent(client, user(text))["messages"] == [{"role": "user", "content": [{"text": text}]}]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions(client, role):
    parts = [{"type": "text", "text": "Be kind."}]
    body = sent(
        client,
        [{"role": role, "content": "Be terse."}, {"role": role, "content": parts}, *user("[[sim:echo]]")],
    )
    assert body["system"] == [{"text": "Be terse."}, {"text": "Be kind."}]


def test_neighbours_of_one_role_become_one_turn(client):
    body = sent(
        client,
        [
            {"role": "user", "content": "a"},
            {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
            {"role": "assistant", "content": "d"},
            {"role": "assistant", "content": ""},
            {"role": "assistant", "content": "e"},
            {"role": "user", "content": "[[sim:echo]]"},
        ],
    )
    turns = [(m["role"], [part["text"] for part in m["content"]]) for m in body["messages"]]
    assert turns == [("user", ["a", "b", "c"]), ("assistant", ["d", "e"]), ("user", ["[[sim:echo]]"])]


def test_parameters_reach_bedrock(client):
    body = sent(client, temperature=0.25, max_tokens=4000, stop=["a", "b"])
    assert body["inferenceConfig"] == {"temperature": 0.25, "maxTokens": 4000, "stopSequences": ["a", "b"]}
    assert sent(client, max_tokens=1, max_completion_tokens=4001)["inferenceConfig"] == {"maxTokens": 4001}
    assert sent(client, top_p=0.5, n=1, user="u-1", metadata={"a": "b"}) == {
        "messages": [{"role": "user", "content": [{"text": "[[sim:echo]]"}]}],
        "inferenceConfig": {"topP": 0.5},
    }


def test_cache_control_becomes_cache_points(client):
    cached = {"cache_control": {"type": "ephemeral"}}
    body = sent(
        client,
        [
            {"role": "system", "content": [{"type": "text", "text": "s", **cached}]},
            {"role": "user", "content": [{"type": "text", "text": "[[sim:echo]]", **cached}]},
        ],
    )
    point = {"cachePoint": {"type": "default"}}
    assert body["system"] == [{"text": "s"}, point]
    assert body["messages"][0]["content"] == [{"text": "[[sim:echo]]"}, point]


def test_max_tokens(client):
    for name in ("max_tokens", "max_completion_tokens"):
        answer = client.chat.completions.create(
            model="claude", messages=user("[[sim:chunks(50,20)]]"), **{name: 3}
        )
        assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens <= 3
    stream = client.chat.completions.create(
        model="claude", messages=user("[[sim:chunks(50,20)]]"), max_tokens=3, stream=True
    )
    assert collect(stream)[2] == ["length"]


@pytest.mark.parametrize("stop", ["STOP", ["never", "STOP"]])
def test_stop(client, stop):
    prompt = user("[[sim:reply(before STOP behind)]]")
    answer = client.chat.completions.create(model="claude", messages=prompt, stop=stop)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content.strip() == "before"


@pytest.mark.parametrize(
    "reason, expected",
    [
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop"),
    ],
)
def test_finish_reasons(client, reason, expected):
    prompt = user(f"[[sim:stop({reason})]] Hello")
    assert (
        client.chat.completions.create(model="claude", messages=prompt).choices[0].finish_reason == expected
    )
    assert collect(client.chat.completions.create(model="claude", messages=prompt, stream=True))[2] == [
        expected
    ]


# ---- images -----------------------------------------------------------------------------------------


def png(width, height):
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    header = struct.pack("!IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def image(url, **more):
    return [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": url, **more}},
            ],
        }
    ]


def test_image_by_data_url(client):
    data = base64.b64encode(png(8, 8)).decode()
    messages = image(f"data:image/png;base64,{data}", detail="low")
    messages[0]["content"][0]["text"] = "[[sim:echo]]"
    (turn,) = sent(client, messages)["messages"]
    assert turn["content"] == [
        {"text": "[[sim:echo]]"},
        {"image": {"format": "png", "source": {"bytes": data}}},
    ]


@pytest.mark.parametrize(
    "url",
    [
        "data:image/tiff;base64,AAAA",
        "data:image/png;base64,not base64!",
        "data:image/png,AAAA",
        "file:///etc/passwd",
        "http://127.0.0.1:1/x.png",
    ],
)
def test_image_that_cannot_be_sent(client, url):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="claude", messages=image(url))


# ---- tools ------------------------------------------------------------------------------------------


def test_tool_call(client):
    prompt = user('[[sim:tool(get_weather,{"city":"Tōkyō"})]]')
    answer = client.chat.completions.create(model="claude", messages=prompt, tools=[WEATHER, TIME])
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.type == "function" and call.id and call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Tōkyō"}


def test_tool_call_streamed(client):
    prompt = user('[[sim:tool(get_weather,{"city":"Tōkyō","days":[1,2,3],"note":"a \\"b\\" c"})]]')
    stream = client.chat.completions.create(model="claude", messages=prompt, tools=[WEATHER], stream=True)
    _, calls, reasons, _ = collect(stream)
    assert reasons == ["tool_calls"]
    assert [c["name"] for c in calls] == ["get_weather"] and calls[0]["id"]
    assert json.loads(calls[0]["arguments"]) == {"city": "Tōkyō", "days": [1, 2, 3], "note": 'a "b" c'}


def test_tool_without_arguments(client):
    tools = [{"type": "function", "function": {"name": "now"}}]
    prompt = user("[[sim:tool(now)]]")
    whole = client.chat.completions.create(model="claude", messages=prompt, tools=tools)
    assert json.loads(whole.choices[0].message.tool_calls[0].function.arguments) == {}
    _, calls, _, _ = collect(
        client.chat.completions.create(model="claude", messages=prompt, tools=tools, stream=True)
    )
    assert json.loads(calls[0]["arguments"]) == {}


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tool_calls(client, stream):
    prompt = user('[[sim:tool(get_weather,{"city":"Oslo"})]] [[sim:tool(get_time,{"zone":"CET"})]]')
    answer = client.chat.completions.create(
        model="claude", messages=prompt, tools=[WEATHER, TIME], stream=stream
    )
    if stream:
        _, calls, reasons, _ = collect(answer)
    else:
        reasons = [answer.choices[0].finish_reason]
        calls = [{"id": c.id, **c.function.model_dump()} for c in answer.choices[0].message.tool_calls]
    assert reasons == ["tool_calls"]
    assert [(c["name"], json.loads(c["arguments"])) for c in calls] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_time", {"zone": "CET"}),
    ]
    assert len({c["id"] for c in calls}) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_tool_loop(client, stream):
    """Asks, is called, answers the call, and gets a final answer: the round every agent makes."""
    messages = user('[[sim:tool(get_weather,{"city":"Oslo"})]] [[sim:tool(get_time,{"zone":"CET"})]]')
    first = client.chat.completions.create(model="claude", messages=messages, tools=[WEATHER, TIME])
    message = first.choices[0].message
    messages.append(message.model_dump(exclude_none=True))
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name}: fine"})
    final = client.chat.completions.create(
        model="claude", messages=messages, tools=[WEATHER, TIME], stream=stream
    )
    if stream:
        text, calls, reasons, _ = collect(final)
    else:
        choice = final.choices[0]
        text, calls, reasons = choice.message.content, choice.message.tool_calls, [choice.finish_reason]
    assert text and not calls and reasons == ["stop"]


def test_tool_choice(client):
    def names(choice):
        answer = client.chat.completions.create(
            model="claude", messages=HELLO, tools=[WEATHER, TIME], tool_choice=choice, max_tokens=200
        )
        return [c.function.name for c in answer.choices[0].message.tool_calls or []]

    assert names("auto") == []
    assert len(names("required")) == 1
    assert names({"type": "function", "function": {"name": "get_time"}}) == ["get_time"]


def test_tool_result_without_a_call(client):
    messages = [*HELLO, {"role": "tool", "tool_call_id": "call_1", "content": "fine"}]
    answer = client.chat.completions.with_raw_response.create(model="claude", messages=messages)
    assert answer.headers["x-lintel-repairs"] == "tool-result-orphan"
    assert answer.parse().choices[0].message.content


# ---- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault, exception, status, kind",
    [
        ("throttle", openai.RateLimitError, 429, "throttling_error"),
        ("error(400)", openai.BadRequestError, 400, "invalid_request_error"),
        ("error(403)", openai.PermissionDeniedError, 403, "permission_error"),
        ("error(404)", openai.NotFoundError, 404, "invalid_request_error"),
        ("error(424)", openai.APIStatusError, 424, "invalid_request_error"),
        ("error(500)", openai.InternalServerError, 500, "internal_server_error"),
        ("error(503)", openai.InternalServerError, 503, "internal_server_error"),
    ],
)
def test_errors_of_bedrock(client, fault, exception, status, kind, stream):
    with pytest.raises(exception) as caught:
        client.chat.completions.create(model="claude", messages=user(f"[[sim:{fault}]]"), stream=stream)
    error = caught.value
    assert error.status_code == status and error.code == str(status) and error.type == kind
    assert error.request_id == error.response.headers["x-litellm-call-id"]
    assert ("retry-after" in error.response.headers) == (status == 429)
    assert "BedrockException" in error.message
    assert error.response.headers["content-type"].startswith("application/json")


def test_context_window(client):
    prompt = user("[[sim:error(ValidationException,Input is too long for requested model.)]]")
    with pytest.raises(openai.BadRequestError, match="ContextWindowExceededError"):
        client.chat.completions.create(model="claude", messages=prompt)


def test_unknown_model(client):
    with pytest.raises(openai.BadRequestError, match="gpt-17") as caught:
        client.chat.completions.create(model="gpt-17", messages=HELLO)
    assert caught.value.param is None  # as LiteLLM: the message names it


@pytest.mark.parametrize(
    "parameters",
    [
        {"messages": []},
        {"messages": [{"role": "wizard", "content": "Hello"}]},
        {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
        {"temperature": "hot"},
        {"max_tokens": "many"},
        {"n": 2},
        {"tools": [{"type": "function"}]},
    ],
    ids=lambda p: json.dumps(p)[:40],
)
def test_parameters_that_are_refused(client, parameters):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "claude", "messages": HELLO, **parameters})
    assert caught.value.type == "invalid_request_error" and caught.value.message


def test_the_sdk_retries_what_is_worth_it(gateway, simulator):
    """Two throttles, then an answer: the SDK must see a retryable status with a usable body."""
    prompt = user(f"[[sim:throttle(2)]] Hello at {time.time_ns()}")
    with openai_client(gateway, max_retries=3) as client:
        answer = client.chat.completions.create(model="claude", messages=prompt)
    assert answer.choices[0].finish_reason == "stop"


# ---- leaving ----------------------------------------------------------------------------------------


def test_abort_in_mid_stream(client, gateway, simulator):
    before = simulator.stats()["cancelled"]
    stream = client.chat.completions.create(
        model="claude", messages=user("[[sim:chunks(2000,50)]] [[sim:gap(20)]]"), stream=True
    )
    assert next(iter(stream)).choices
    assert gateway.holds()["upstream"] == 1
    stream.close()
    wait_for(lambda: simulator.stats()["cancelled"] == before + 1, 1, "the upstream call cancelled")
    wait_for(lambda: gateway.holds()["live"] == 0, 1, "no live exchange")


def test_abort_before_the_first_byte(gateway, simulator):
    before = simulator.stats()["cancelled"]
    for stream in (True, False):
        with openai_client(gateway, timeout=0.3) as client:
            with pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(
                    model="claude", messages=user("[[sim:slow_head(20000)]]"), stream=stream
                )
    wait_for(lambda: simulator.stats()["cancelled"] == before + 2, 1, "the upstream calls cancelled")


def test_many_aborts(gateway):
    for i in range(30):
        with openai_client(gateway) as client:
            stream = client.chat.completions.create(
                model="claude", messages=user("[[sim:chunks(500,50)]] [[sim:gap(5)]]"), stream=True
            )
            for _, _ in zip(range(i % 7), stream):
                pass
            stream.close()


# ---- headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_headers(client, stream):
    raw = client.chat.completions.with_raw_response.create(model="claude", messages=HELLO, stream=stream)
    headers = raw.headers
    assert headers["x-litellm-model-group"] == "claude"
    assert headers["x-litellm-model-id"] and headers["x-litellm-version"]
    assert len(headers["x-litellm-call-id"]) == 36
    assert headers["x-litellm-attempted-retries"] == "0" and headers["x-litellm-attempted-fallbacks"] == "0"
    assert headers["llm_provider-x-amzn-requestid"]
    if stream:
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-cache" and headers["x-accel-buffering"] == "no"
    else:
        assert headers["content-type"] == "application/json"
        assert (
            int(headers["x-litellm-response-duration-ms"])
            >= int(headers["x-litellm-overhead-duration-ms"])
            >= 0
        )
    if stream:
        assert collect(raw.parse())[2] == ["stop"]


def test_headers_of_an_error(client):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="claude", messages=user("[[sim:throttle]]"))
    assert len(caught.value.response.headers["x-litellm-call-id"]) == 36


def test_call_ids_differ(client):
    ids = set()
    for _ in range(5):
        raw = client.chat.completions.with_raw_response.create(model="claude", messages=HELLO)
        ids |= {raw.headers["x-litellm-call-id"], raw.parse().id}
    assert len(ids) == 10


def test_a_long_prompt_is_forgotten_once_the_answer_begins(gateway, client):
    """A prompt of 300 KB must not lie in memory for as long as its answer streams."""
    prompt = "x" * 300_000 + " [[sim:chunks(40,20)]] [[sim:gap(50)]]"
    stream = client.chat.completions.create(model="claude", messages=user(prompt), stream=True)
    next(iter(stream))
    (running,) = gateway.holds()["exchanges"]
    assert running["request_bytes"] == 0 and running["arena_bytes"] < 64 * 1024
    stream.close()
