"""/v1/messages and /v1/messages/count_tokens, asked by Anthropic's own Python SDK and by hand."""

import base64
import http.server
import json
import struct
import threading
import typing
import zlib

import anthropic
import pydantic
import pytest
from conftest import KEY, configuration, deployment
from programs import wait_for

CLAUDE = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SETTINGS = {
    "litellm_settings": {"sse_keepalive_ping_interval_seconds": 1},
    "extra_models": [deployment("nowhere", CLAUDE, "http://127.0.0.1:9")],
}
WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
THINKING = {"type": "enabled", "budget_tokens": 1024}


def anthropic_client(gateway, **options):
    options = {"api_key": gateway.key, "max_retries": 0, "timeout": 20, **options}
    return anthropic.Anthropic(base_url=f"http://{gateway.netloc}", **options)


@pytest.fixture
def claude(gateway):
    with anthropic_client(gateway) as client:
        yield client


def user(content):
    return {"role": "user", "content": content}


def ask(client, stream, content, **more):
    messages = content if isinstance(content, list) else [user(content)]
    request = {"model": "claude", "max_tokens": 4096, "messages": messages, **more}
    if not stream:
        return client.messages.create(**request)
    with client.messages.stream(**request) as events:
        return events.get_final_message()


def last_call(simulator, mark):
    calls = simulator.since(mark)
    assert calls, "nothing reached Bedrock"
    return calls[-1]


# ---- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", "bedrock-converse-us-claude-3-7-sonnet-v1", "nova"])
def test_text(claude, simulator, model, stream):
    mark = simulator.mark()
    message = ask(claude, stream, "Grüße aus 東京!", model=model, system="Be kind.")
    assert message.model == model and message.role == "assistant" and message.stop_reason == "end_turn"
    assert "Grüße aus 東京!" in message.content[0].text
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 10
    native = model == "claude"
    path = last_call(simulator, mark)["path"]
    assert ("/invoke" in path) == native and ("/converse" in path) != native


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", "bedrock-converse-us-claude-3-7-sonnet-v1"])
def test_thinking_tool_loop(claude, simulator, model, stream):
    """The SDK's own objects go back into the history, signatures and all."""
    messages = [user("What is the weather in Paris and Tokyo?")]
    more = {"model": model, "tools": [WEATHER], "thinking": THINKING}
    first = ask(claude, stream, messages, **more)
    calls = [b for b in first.content if b.type == "tool_use"]
    assert first.stop_reason == "tool_use" and [c.input["city"] for c in calls] == ["Paris", "Tokyo"]
    assert first.content[0].type == "thinking" and first.content[0].signature
    messages += [
        {"role": "assistant", "content": first.content},
        user([{"type": "tool_result", "tool_use_id": c.id, "content": "22 C"} for c in calls]),
    ]
    second = ask(claude, stream, messages, **more)
    assert second.stop_reason == "end_turn" and "22 C" in second.content[-1].text


def test_interleaved_thinking(claude, simulator):
    """A thought before each call of one turn of the user's; all of them go back as they were signed."""
    mark = simulator.mark()
    more = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "tools": [WEATHER], "max_tokens": 4096}
    more["extra_headers"] = {"anthropic-beta": "interleaved-thinking-2025-05-14"}
    prompt = "Go. " + "".join(f'[[sim:turn({i})]][[sim:tool(get_weather,{{"city":"Rome"}})]]' for i in range(2))
    messages = [user(prompt + "[[sim:turn(2)]][[sim:reply(Fine.)]]")]
    for _ in range(3):
        raw = claude.messages.with_raw_response.create(model="claude", messages=messages, **more)
        assert "beta" not in raw.headers.get("x-lintel-repairs", "")
        answer = raw.parse()
        messages.append({"role": "assistant", "content": answer.content})
        results = [{"type": "tool_result", "tool_use_id": b.id, "content": "fine"} for b in answer.content if b.type == "tool_use"]
        messages.append(user(results))
    assert answer.content[-1].text == "Fine."
    bodies = [c["body"] for c in simulator.since(mark)]
    assert all("interleaved-thinking-2025-05-14" in b["anthropic_beta"] for b in bodies)
    turns = [m["content"] for m in bodies[-1]["messages"] if m["role"] == "assistant"]
    assert [[b["type"] for b in turn] for turn in turns] == [["thinking", "tool_use"]] * 2
    assert all(turn[0]["signature"] for turn in turns)


@pytest.mark.parametrize("stream", [False, True])
def test_redacted_thinking(claude, stream):
    message = ask(claude, stream, "Hm. [[sim:redacted]]", thinking=THINKING)
    assert message.content[0].type == "redacted_thinking" and message.content[0].data
    back = [user("Hm."), {"role": "assistant", "content": message.content}, user("Go on.")]
    assert ask(claude, stream, back, thinking=THINKING).stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True])
def test_usage_of_the_cache(claude, stream):
    message = ask(claude, stream, "Hi [[sim:usage(10,20,3000,500)]]")
    usage = message.usage
    assert (usage.input_tokens, usage.output_tokens) == (10, 20)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (3000, 500)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", "bedrock-converse-us-claude-3-7-sonnet-v1"])
def test_citations(claude, model, stream):
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "The sky is blue. Grass is green."},
        "citations": {"enabled": True},
    }
    prompt = [document, {"type": "text", "text": "Which colour? [[sim:cite(The sky is blue.)]]"}]
    message = ask(claude, stream, [user(prompt)], model=model)
    cited = [c for b in message.content if b.type == "text" for c in b.citations or []]
    assert cited and cited[0].cited_text == "The sky is blue." and cited[0].document_index == 0


def test_stop_reasons(claude):
    assert ask(claude, False, "Hi [[sim:chunks(9,20)]]", max_tokens=3).stop_reason == "max_tokens"
    stopped = ask(claude, False, "[[sim:reply(one two three)]]", stop_sequences=["two"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "two")
    assert ask(claude, True, "Hi [[sim:stop(refusal)]]").stop_reason == "refusal"


# ---- what the SDK does by itself -------------------------------------------------------------------

RUNNER = (
    '[[sim:turn(0)]][[sim:tool(get_weather,{"city":"Oslo"})]][[sim:tool(get_time,{"city":"Oslo"})]]'
    '[[sim:turn(1)]][[sim:tool(get_weather,{"city":"Rome"})]][[sim:turn(2)]][[sim:reply(Fine.)]]'
)


@anthropic.beta_tool
def get_weather(city: str) -> str:
    """Tells the weather."""
    return f"sunny in {city}"


@anthropic.beta_tool
def get_time(city: str) -> str:
    """Tells the time."""
    return f"noon in {city}"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", "bedrock-converse-us-claude-3-7-sonnet-v1"])
def test_tool_runner(claude, simulator, model, stream):
    mark = simulator.mark()
    runner = claude.beta.messages.tool_runner(
        model=model,
        max_tokens=4096,
        messages=[user("Go. " + RUNNER)],
        tools=[get_weather, get_time],
        thinking=THINKING,
        stream=stream,
    )
    final = runner.until_done()
    assert final.content[-1].text == "Fine." and final.stop_reason == "end_turn"
    calls = simulator.since(mark)
    # The SDK asks for a thread first, which the gateway refuses in words the SDK understands.
    assert len(calls) == 3 and "sunny in Rome" in json.dumps(calls[-1]["body"])
    # A follow-up turn, with all of it behind.
    history = [user("Go."), {"role": "assistant", "content": final.content}, user("And?")]
    assert ask(claude, stream, history, model=model, thinking=THINKING).stop_reason == "end_turn"


class Report(pydantic.BaseModel):
    city: str
    sky: typing.Literal["clear", "cloudy"]


@pytest.mark.parametrize("model", ["claude", "bedrock-converse-us-claude-3-7-sonnet-v1", "nova"])
def test_parsed_output(claude, model):
    request = {"model": model, "max_tokens": 999, "messages": [user("How is it in Paris?")]}
    parsed = claude.messages.parse(output_format=Report, **request).parsed_output
    assert isinstance(parsed, Report) and parsed.sky == "clear"


def test_text_stream_and_events(claude):
    request = {"model": "claude", "max_tokens": 4096, "thinking": THINKING}
    kinds = []
    with claude.messages.stream(messages=[user("[[sim:reply(Grüße 🦜)]]")], **request) as stream:
        for event in stream:
            kinds.append(event.type)
        assert stream.get_final_text() == "Grüße 🦜"
    assert {"thinking", "signature", "text", "message_stop"} <= set(kinds)


def test_client_leaves(claude, simulator):
    before = simulator.stats()["cancelled"]
    prompt = "[[sim:chunks(2000,50)]] [[sim:gap(20)]]"
    with claude.messages.stream(model="claude", max_tokens=64000, messages=[user(prompt)]) as stream:
        next(iter(stream))
    wait_for(lambda: simulator.stats()["cancelled"] == before + 1, 5, "the call cancelled")


# ---- requests --------------------------------------------------------------------------------------


def test_what_reaches_bedrock(claude, simulator):
    mark = simulator.mark()
    answer = claude.messages.with_raw_response.create(
        model="claude",
        max_tokens=64,
        system=[{"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}}],
        messages=[user("Hi")],
        metadata={"user_id": "u-1"},
        tools=[WEATHER],
        tool_choice={"type": "auto"},
        extra_headers={"anthropic-beta": "claude-code-20250219,context-1m-2025-08-07"},
        extra_body={"context_management": {"edits": []}, "speed": "fast"},
        extra_query={"beta": "true"},
    )
    assert answer.headers["x-lintel-repairs"] == "beta, fields"
    assert answer.headers["request-id"] == answer.headers["x-litellm-call-id"]
    assert float(answer.headers["x-litellm-response-cost"]) > 0
    body = last_call(simulator, mark)["body"]
    assert body["anthropic_beta"] == ["context-management-2025-06-27", "context-1m-2025-08-07"] or body[
        "anthropic_beta"
    ] == ["context-1m-2025-08-07", "context-management-2025-06-27"]
    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert body["metadata"] == {"user_id": "u-1"} and "speed" not in body
    assert body["tools"] == [WEATHER] and body["tool_choice"] == {"type": "auto"}


REFUSED = "Extra inputs are not permitted"


def test_what_bedrock_refuses_by_name_is_learned(launch, simulator):
    """The first request finds out and is tried again without; from then on it is not sent."""
    with anthropic_client(launch(configuration(simulator.url))) as client:

        def sent(prompt, **more):
            mark = simulator.mark()
            answer = client.messages.with_raw_response.create(
                model="claude", max_tokens=99, messages=[user(prompt)], **more
            )
            return [c["body"] for c in simulator.since(mark)], answer.headers.get("x-lintel-repairs", "")

        context = {"extra_body": {"context_management": {"edits": []}}}
        for stream in (False, True):
            error = f"[[sim:error(400,context_management: {REFUSED})]][[sim:times(1)]]"
            bodies, repairs = sent(error, stream=stream, **context)
            assert ["context_management" in b for b in bodies] == ([False] if stream else [True, False])
            assert repairs == "fields"
        search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
        tools = [search, {**WEATHER, "defer_loading": True}]
        error = f"[[sim:error(400,tools.1.custom.defer_loading: {REFUSED})]][[sim:times(1)]]"
        bodies, repairs = sent(error, tools=tools)
        assert ["defer_loading" in b["tools"][1] for b in bodies] == [True, False] and repairs == "fields"
        bodies, _ = sent("Hi", tools=tools)
        assert ["defer_loading" in b["tools"][1] for b in bodies] == [False]


def test_what_cannot_be_left_out_is_not_tried_again(claude, simulator):
    mark = simulator.mark()
    kind = refused(claude, f"Hi [[sim:error(400,messages.0.content: {REFUSED})]]")[1]
    assert kind == "invalid_request_error" and len(simulator.since(mark)) == 1


@pytest.mark.parametrize("path", ["/v1/messages", "/messages", "/anthropic/v1/messages"])
@pytest.mark.parametrize("header", ["x-api-key: {}", "Authorization: Bearer {}"])
def test_paths_and_keys(gateway, curl, path, header):
    body = json.dumps({"model": "claude", "max_tokens": 9, "messages": [user("Hi")]})
    status, _, text = curl("-H", header.format(KEY), "-d", body, f"http://{gateway.netloc}{path}?beta=true")
    assert status == 200 and json.loads(text)["type"] == "message"


def test_probes(gateway, curl):
    assert curl("-I", f"http://{gateway.netloc}/")[0] == 200
    origin = ["-H", "Origin: http://x", "-H", "Access-Control-Request-Method: POST"]
    status, headers, _ = curl("-X", "OPTIONS", *origin, f"http://{gateway.netloc}/v1/messages")
    assert status == 200 and "POST" in headers["access-control-allow-methods"]
    status, headers, _ = curl("-I", f"http://{gateway.netloc}/v1/messages")
    assert status == 405 and headers["allow"] == "POST"


# ---- streams ---------------------------------------------------------------------------------------


def sse(gateway, curl, prompt, **more):
    body = {"model": "claude", "max_tokens": 4096, "stream": True, "messages": [user(prompt)], **more}
    status, headers, text = curl(
        "-N", "-H", f"x-api-key: {KEY}", "-d", json.dumps(body), f"http://{gateway.netloc}/v1/messages"
    )
    if status != 200:
        return status, headers, json.loads(text)
    events = []
    for event in text.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        data = json.loads(data.removeprefix("data: "))
        assert name == f"event: {data['type']}"
        events.append(data)
    return status, headers, events


def test_pings_while_the_model_is_silent(gateway, curl):
    status, headers, events = sse(gateway, curl, "Hi [[sim:silence(1700,2)]]")
    kinds = [e["type"] for e in events]
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    assert "ping" in kinds[kinds.index("content_block_delta") :]


def test_pings_before_the_beginning(gateway, curl):
    _, _, events = sse(gateway, curl, "Hi [[sim:silence(1700)]]")
    kinds = [e["type"] for e in events]
    assert kinds[0] == "ping" and [k for k in kinds if k != "ping"][0] == "message_start"


def test_the_beginning_does_not_wait_for_the_first_text(launch, simulator):
    """message_start is with the client while the model is still thinking of its first word."""
    quiet = launch(configuration(simulator.url, litellm_settings={"sse_keepalive_ping_interval_seconds": 0}))
    with anthropic_client(quiet) as client:
        mark = simulator.mark()
        with client.messages.create(
            model="claude",
            max_tokens=99,
            stream=True,
            messages=[user("[[sim:chunks(2,9)]][[sim:silence(1500,1)]]")],
        ) as events:
            first = next(iter(events))
            assert first.type == "message_start"
            assert last_call(simulator, mark)["outcome"] == "live"
            assert [e.type for e in events][-1] == "message_stop"


# ---- failures --------------------------------------------------------------------------------------


def refused(client, prompt="Hi", stream=False, **more):
    with pytest.raises(anthropic.APIStatusError) as error:
        ask(client, stream, prompt, **more)
    body = error.value.body
    assert body["type"] == "error" and body["error"]["message"]
    return error.value.status_code, body["error"]["type"], body["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "directive, status, kind",
    [
        ("throttle", 429, "rate_limit_error"),
        ("error(403)", 403, "permission_error"),
        ("error(404)", 404, "not_found_error"),
        ("error(408)", 408, "timeout_error"),
        ("error(500)", 500, "api_error"),
        ("error(503)", 503, "api_error"),
        ("error(400,Nonsense.)", 400, "invalid_request_error"),
        ("exception(throttlingException)", 429, "rate_limit_error"),
    ],
)
def test_failures_of_bedrock(claude, directive, status, kind, stream):
    assert refused(claude, f"Hi [[sim:{directive}]]", stream)[:2] == (status, kind)


def test_context_overflow(claude):
    prompt = "Hi [[sim:error(400,Input is too long for requested model.)]]"
    status, kind, message = refused(claude, prompt)
    assert (status, kind) == (400, "invalid_request_error") and "prompt is too long" in message


def test_failures_of_our_own(gateway, claude):
    with anthropic_client(gateway, api_key="sk-wrong") as stranger:
        assert refused(stranger)[:2] == (401, "authentication_error")
    assert refused(claude, model="nobody")[:2] == (400, "invalid_request_error")
    assert refused(claude, [user([{"type": "audio"}])])[1] == "invalid_request_error"
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert "Bedrock does not have them" in refused(claude, tools=[search])[2]


def test_bad_json(gateway, curl):
    url = f"http://{gateway.netloc}/v1/messages"
    status, _, text = curl("-H", f"x-api-key: {KEY}", "-d", "{", url)
    assert status == 400 and json.loads(text)["error"]["type"] == "invalid_request_error"
    status, _, text = curl("-d", "{}", url)
    assert status == 401 and json.loads(text)["type"] == "error"


def test_too_large(launch, simulator, curl):
    small = launch(configuration(simulator.url, general_settings={"max_request_size_mb": 1}))
    body = json.dumps({"model": "claude", "max_tokens": 9, "messages": [user("x" * 1_100_000)]})
    url = f"http://{small.netloc}/v1/messages"
    status, _, text = curl("-H", f"x-api-key: {KEY}", "-d", "@-", url, stdin=body.encode())
    assert status == 413 and json.loads(text)["error"]["type"] == "request_too_large"


def test_an_error_in_midstream(gateway, curl):
    prompt = "[[sim:chunks(9,9)]][[sim:exception(internalServerException,4)]]"
    _, _, events = sse(gateway, curl, prompt)
    assert events[-1]["type"] == "error" and events[-1]["error"]["type"] == "api_error"
    assert sum(e["type"] == "content_block_delta" for e in events) == 4


def test_fallback_after_an_exception_frame(launch, simulator):
    config = configuration(
        simulator.url,
        extra_models=[deployment("spare", "bedrock/us.amazon.nova-pro-v1:0", simulator.url)],
        router_settings={"fallbacks": [{"claude": ["spare"]}], "num_retries": 0},
    )
    with anthropic_client(launch(config)) as client:
        prompt = "Hi [[sim:exception(throttlingException)]][[sim:times(1)]]"
        message = ask(client, True, prompt)
        assert message.model == "spare" and message.stop_reason == "end_turn"


def frame(payload, **headers):
    """One message of AWS's event stream."""
    head = b""
    for name, value in headers.items():
        name = ":" + name.replace("_", "-")
        head += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def chunk(event):
    data = base64.b64encode(json.dumps(event).encode()).decode()
    return frame(json.dumps({"bytes": data}).encode(), message_type="event", event_type="chunk")


@pytest.fixture
def breaking_off():
    """An upstream whose streams begin and break off: its URL."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_0", "type": "message", "role": "assistant", "content": [], "usage": usage}
    exception = frame(
        b'{"message":"Too many requests."}', message_type="exception", exception_type="throttlingException"
    )
    answer = chunk({"type": "message_start", "message": message}) + exception

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/vnd.amazon.eventstream")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_fallback_after_the_beginning_alone(launch, simulator, breaking_off):
    """message_start is out, but nothing was said: another model may still begin."""
    config = configuration(
        simulator.url,
        extra_models=[
            deployment("weak", CLAUDE, breaking_off),
            deployment("spare", "bedrock/us.amazon.nova-pro-v1:0", simulator.url),
        ],
        router_settings={"fallbacks": [{"weak": ["spare"]}], "num_retries": 0},
    )
    with anthropic_client(launch(config)) as client:
        message = ask(client, True, "[[sim:reply(Here I am.)]]", model="weak")
        assert message.content[0].text == "Here I am." and message.stop_reason == "end_turn"
        assert message.usage.output_tokens > 1


def test_nobody_goes_on(launch, simulator, breaking_off):
    config = configuration(simulator.url, extra_models=[deployment("weak", CLAUDE, breaking_off)])
    with anthropic_client(launch(config)) as client:
        with pytest.raises(anthropic.APIStatusError) as error:
            ask(client, True, "Hi", model="weak")
        assert error.value.body["error"]["type"] == "rate_limit_error"


# ---- count_tokens ----------------------------------------------------------------------------------


def count(client, content="Hello there", **more):
    answer = client.messages.with_raw_response.count_tokens(
        **{"model": "claude", "messages": [user(content)], **more}
    )
    return answer.parse().input_tokens, answer.headers


def test_count_tokens(claude, simulator):
    mark = simulator.mark()
    tokens, headers = count(claude, system="Be terse.", tools=[WEATHER], thinking=THINKING)
    call = last_call(simulator, mark)
    assert tokens > 10 and "x-lintel-estimated" not in headers
    assert call["path"].endswith("/count-tokens") and "us." not in call["path"]
    assert "toolConfig" in call["body"]["input"]["converse"]


def test_estimated_tokens(claude, simulator):
    mark = simulator.mark()
    tokens, headers = count(claude, model="nova")
    assert 1 <= tokens < 20 and headers["x-lintel-estimated"] == "true"
    assert not simulator.since(mark)


def test_count_tokens_of_urls(claude):
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    tokens, headers = count(claude, [image])
    assert tokens > 100 and headers["x-lintel-estimated"] == "true"


def test_failure_of_count_tokens(claude):
    with pytest.raises(anthropic.APIStatusError) as error:
        count(claude, model="nowhere")
    assert error.value.status_code == 502 and error.value.body["error"]["type"] == "api_error"
