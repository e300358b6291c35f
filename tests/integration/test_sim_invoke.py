"""bedrock-sim's InvokeModel of Claude, used by boto3: Anthropic's Messages in, messages and chunks out."""

import base64
import json
import time

import botocore.exceptions
import pytest
from programs import Simulator
from test_sim_boto3 import PIXEL, SONNET, connect, own

VERSION = "bedrock-2023-05-31"
HAIKU3 = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET37 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
OPUS47 = "us.anthropic.claude-opus-4-7"
WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
    },
}
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    program = Simulator(tmp_path_factory.mktemp("sim"))
    yield program
    program.stop()


@pytest.fixture(scope="module")
def bedrock(sim):
    return connect(sim)


def request(*content, **more):
    message = content[0] if len(content) == 1 and isinstance(content[0], str) else list(content)
    body = {"anthropic_version": VERSION, "max_tokens": 1000, "messages": [{"role": "user", "content": message}]}
    return {**body, **more}


def invoke(bedrock, body, model=SONNET, **more):
    return json.load(bedrock.invoke_model(modelId=model, body=json.dumps(body), **more)["body"])


def events(bedrock, body, model=SONNET):
    stream = bedrock.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"]
    return [json.loads(event["chunk"]["bytes"]) for event in stream]


def fold(chunks):
    """The message that the events of a stream build up."""
    message, partial = None, {}
    for event in chunks:
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            if delta["type"] == "input_json_delta":
                partial[event["index"]] = partial.get(event["index"], "") + delta["partial_json"]
            else:
                (name,) = set(delta) - {"type"}
                block[name] += delta[name]
        elif event["type"] == "message_delta":
            message.update(event["delta"])
            message["usage"].update(event["usage"])
        elif event["type"] == "message_stop":
            message["usage"].update(event.get("usage", {}))
    for index, text in partial.items():
        message["content"][index]["input"] = json.loads(text)
    return message


def ask(bedrock, body, stream, model=SONNET):
    return fold(events(bedrock, body, model)) if stream else invoke(bedrock, body, model)


# ---- answers ----------------------------------------------------------------------------------------


def test_message(bedrock):
    reply = bedrock.invoke_model(modelId=SONNET, body=json.dumps(request("Grüße aus 東京!")))
    message = json.load(reply["body"])
    assert message["type"] == "message" and message["role"] == "assistant"
    assert message["id"].startswith("msg_bdrk_") and message["model"] == "claude-sonnet-4-5-20250929"
    (block,) = message["content"]
    assert block["type"] == "text" and "Grüße aus 東京!" in block["text"]
    assert message["stop_reason"] == "end_turn" and message["stop_sequence"] is None
    usage = message["usage"]
    assert usage["cache_creation_input_tokens"] == usage["cache_read_input_tokens"] == 0
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-input-token-count"] == str(usage["input_tokens"])
    assert headers["x-amzn-bedrock-output-token-count"] == str(usage["output_tokens"])
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("model", [SONNET, HAIKU3, "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"])
@pytest.mark.parametrize("more", [{}, BUDGET, {"tools": [WEATHER]}])
def test_stream_tells_the_same(bedrock, model, more):
    if model == HAIKU3:
        more = {k: v for k, v in more.items() if k == "tools"}
    body = request("What is the weather in Paris and Tokyo?", **more)
    chunks = events(bedrock, body, model)
    assert fold(chunks) == invoke(bedrock, body, model)
    kinds = [c["type"] for c in chunks]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop")
    metrics = chunks[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["inputTokenCount"] > 0 and metrics["outputTokenCount"] > 0
    assert {"invocationLatency", "firstByteLatency"} <= set(metrics)


def test_answers_as_converse_does(bedrock):
    message = invoke(bedrock, request("Hello there"))
    answer = bedrock.converse(modelId=SONNET, messages=[{"role": "user", "content": [{"text": "Hello there"}]}])
    assert message["content"][0]["text"] == answer["output"]["message"]["content"][0]["text"]
    assert message["usage"]["input_tokens"] == answer["usage"]["inputTokens"]
    assert message["usage"]["output_tokens"] == answer["usage"]["outputTokens"]


@pytest.mark.parametrize("stream", [False, True])
def test_tool_loop(bedrock, stream):
    body = request("What is the weather in Paris and Tokyo?", tools=[WEATHER])
    message = ask(bedrock, body, stream)
    calls = [b for b in message["content"] if b["type"] == "tool_use"]
    assert message["stop_reason"] == "tool_use" and message["content"][0]["type"] == "text"
    assert [c["input"] for c in calls] == [{"city": "Paris", "unit": "celsius"}, {"city": "Tokyo", "unit": "celsius"}]
    assert all(c["id"].startswith("toolu_bdrk_") for c in calls)
    results = [
        {"type": "tool_result", "tool_use_id": calls[0]["id"], "content": "20 °C"},
        {"type": "tool_result", "tool_use_id": calls[1]["id"], "content": [{"type": "text", "text": "snow"}], "is_error": True},
    ]
    body["messages"] += [{"role": "assistant", "content": message["content"]}, {"role": "user", "content": results}]
    text = ask(bedrock, body, stream)["content"][0]["text"]
    assert "get_weather returned: 20 °C" in text and "get_weather failed with: snow" in text


def test_tool_choice(bedrock):
    def names(prompt, **choice):
        content = invoke(bedrock, request(prompt, tools=[WEATHER], tool_choice=choice))["content"]
        return [b["name"] for b in content if b["type"] == "tool_use"]

    weather = "What is the weather in Paris and Tokyo?"
    assert names("Hello", type="auto") == names(weather, type="none") == []
    assert names("Hello", type="any") == names("Hello", type="tool", name="get_weather") == ["get_weather"]
    assert len(names(weather, type="auto")) == 2
    assert len(names(weather, type="auto", disable_parallel_tool_use=True)) == 1
    assert len(names(weather, type="any", disable_parallel_tool_use=True)) == 1


@pytest.mark.parametrize("redacted", ["", "[[sim:redacted]] "])
@pytest.mark.parametrize("stream", [False, True])
def test_thinking_holds_across_operations(bedrock, stream, redacted):
    """A loop begun with InvokeModel goes on with Converse, and the other way."""
    body = request(redacted + "What is the weather in Paris?", tools=[WEATHER], **BUDGET)
    message = ask(bedrock, body, stream)
    thought, call = message["content"][0], message["content"][-1]
    assert thought["type"] == ("redacted_thinking" if redacted else "thinking")
    assert message["usage"]["output_tokens_details"]["thinking_tokens"] > 0
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "21 °C"}
    body["messages"] += [{"role": "assistant", "content": message["content"]}, {"role": "user", "content": [result]}]
    assert "21 °C" in ask(bedrock, body, stream)["content"][-1]["text"]

    reasoning = (
        {"redactedContent": base64.b64decode(thought["data"])}
        if redacted
        else {"reasoningText": {"text": thought["thinking"], "signature": thought["signature"]}}
    )
    use = {"toolUse": {"toolUseId": call["id"], "name": call["name"], "input": call["input"]}}
    answer = bedrock.converse(
        modelId=SONNET,
        messages=[
            {"role": "user", "content": [{"text": "What is the weather in Paris?"}]},
            {"role": "assistant", "content": [{"reasoningContent": reasoning}, use]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": call["id"], "content": [{"text": "22 °C"}]}}]},
        ],
        toolConfig={"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": WEATHER["input_schema"]}}}]},
        additionalModelRequestFields={"thinking": BUDGET["thinking"]},
    )
    blocks = answer["output"]["message"]["content"]
    assert "22 °C" in blocks[-1]["text"]
    text = blocks[0]["reasoningContent"]["reasoningText"]
    back = [{"type": "thinking", "thinking": text["text"], "signature": text["signature"]}, {"type": "text", "text": "ok"}]
    turns = [{"role": "assistant", "content": back}, {"role": "user", "content": "And now?"}]
    assert invoke(bedrock, {**body, "messages": [*body["messages"][:1], *turns]})["stop_reason"] == "end_turn"


def test_thinking_not_shown(bedrock):
    thought = invoke(bedrock, request("Hello", thinking={"type": "adaptive"}), OPUS47)["content"][0]
    assert thought["thinking"] == "" and thought["signature"]
    shown = {"type": "adaptive", "display": "summarized"}
    assert invoke(bedrock, request("Hello", thinking=shown), OPUS47)["content"][0]["thinking"]


def test_structured_output(bedrock):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    body = request("I met Ada, 36", output_config={"format": {"type": "json_schema", "schema": schema}})
    assert json.loads(invoke(bedrock, body)["content"][0]["text"]) == {"name": "Ada", "age": 36}


def test_images_and_documents(bedrock):
    def source(kind, data):
        return {"type": "base64", "media_type": kind, "data": base64.b64encode(data).decode()}

    image = {"type": "image", "source": source("image/png", PIXEL)}
    pdf = {"type": "document", "title": "a/b", "source": source("application/pdf", b"%PDF-1.4 words"), "citations": {"enabled": True}}
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "citations": {"enabled": True}}
    text = invoke(bedrock, request({"type": "text", "text": "What is this?"}, image, pdf, plain))["content"][0]["text"]
    assert "1 image" in text and "2 documents" in text


@pytest.mark.parametrize("model, where", [(SONNET, "message_stop"), ("us-gov." + SONNET[3:], "message_start")])
def test_prompt_cache(bedrock, model, where):
    system = [{"type": "text", "text": f"{time.time_ns()} " + "word " * 3000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    first = invoke(bedrock, request("Hello", system=system), model)["usage"]
    chunks = events(bedrock, request("Hello again", system=system), model)
    assert first["cache_creation_input_tokens"] > 3000 and first["cache_read_input_tokens"] == 0
    assert first["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": first["cache_creation_input_tokens"]}
    start, stop = chunks[0]["message"]["usage"], chunks[-1].get("usage", {})
    usage, other = (stop, start) if where == "message_stop" else (start, stop)
    assert usage["cache_read_input_tokens"] == first["cache_creation_input_tokens"]
    assert usage["cache_creation_input_tokens"] == 0 and "cache_read_input_tokens" not in other
    assert ("cacheReadInputTokenCount" in chunks[-1]["amazon-bedrock-invocationMetrics"]) == (where == "message_stop")
    again = bedrock.converse(
        modelId=model,
        system=[{"text": system[0]["text"]}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        messages=[{"role": "user", "content": [{"text": "And again"}]}],
    )
    assert again["usage"]["cacheReadInputTokens"] == first["cache_creation_input_tokens"]


def test_limits(bedrock):
    message = invoke(bedrock, request("Hello", max_tokens=3))
    assert message["stop_reason"] == "max_tokens" and message["usage"]["output_tokens"] == 3
    message = invoke(bedrock, request("Hello", stop_sequences=["simulated"]))
    assert message["stop_reason"] == "stop_sequence" and message["stop_sequence"] == "simulated"


def test_application_profile(bedrock):
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456"
    assert invoke(bedrock, request("Hello"), arn)["stop_reason"] == "end_turn"


# ---- errors -----------------------------------------------------------------------------------------


def refused(bedrock, body, model=SONNET):
    with pytest.raises(bedrock.exceptions.ValidationException) as caught:
        invoke(bedrock, body, model)
    with pytest.raises(bedrock.exceptions.ValidationException) as streamed:
        events(bedrock, body, model)
    assert str(caught.value).split(": ", 1)[1] == str(streamed.value).split(": ", 1)[1]
    return caught.value.response["Error"]["Message"]


def test_refusals(bedrock):
    thought = {"type": "thinking", "thinking": "hmm", "signature": "bm8="}
    cached = {**thought, "cache_control": {"type": "ephemeral"}}

    def history(block):
        turn = {"role": "assistant", "content": [block, {"type": "text", "text": "x"}]}
        return {"messages": [*request("Hi")["messages"], turn, *request("And?")["messages"]]}

    def without(name):
        return {k: v for k, v in request("Hi").items() if k != name}

    cases = {
        "model: Extra inputs are not permitted": request("Hi", model="claude"),
        "stream: Extra inputs are not permitted": request("Hi", stream=True),
        "anthropic_version: Field required": without("anthropic_version"),
        "max_tokens: Field required": without("max_tokens"),
        "invalid beta flag": request("Hi", anthropic_beta=["oauth-2025-04-20"]),
        "context_management: Extra inputs are not permitted": request("Hi", context_management={"edits": []}),
        "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted": request("Hi", **history(cached)),
        "messages.1.content.0: Invalid `signature` in `thinking` block": request("Hi", **history(thought)),
    }
    for message, body in cases.items():
        assert refused(bedrock, body) == message


def test_other_models(bedrock):
    with pytest.raises(bedrock.exceptions.ValidationException, match="not simulated"):
        invoke(bedrock, {"prompt": "Hello"}, "meta.llama3-1-70b-instruct-v1:0")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name, status", [("throttle", 429), ("error(403)", 403), ("error(408)", 408), ("error(ModelErrorException)", 424), ("error(503)", 503)])
def test_errors(bedrock, name, status, stream):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        ask(bedrock, request(f"[[sim:{name}]]"), stream)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize(
    "name",
    [
        "internalServerException",
        "modelStreamErrorException",
        "validationException",
        "throttlingException",
        "modelTimeoutException",
        "serviceUnavailableException",
    ],
)
def test_exceptions_in_the_stream(bedrock, name, after):
    body = request(f"[[sim:exception({name},{after})]]")
    stream = bedrock.invoke_model_with_response_stream(modelId=SONNET, body=json.dumps(body))["body"]
    seen = []
    with pytest.raises(botocore.exceptions.EventStreamError) as caught:
        for event in stream:
            seen.append(json.loads(event["chunk"]["bytes"]))
    assert caught.value.response["Error"]["Code"] == name and caught.value.response["Error"]["Message"]
    assert sum(e["type"] == "content_block_delta" for e in seen) == after and bool(seen) == bool(after)


def test_converse_has_no_model_timeout_in_its_stream(bedrock):
    messages = [{"role": "user", "content": [{"text": "[[sim:exception(modelTimeoutException)]]"}]}]
    with pytest.raises(bedrock.exceptions.ValidationException, match="bedrock-sim"):
        bedrock.converse_stream(modelId=SONNET, messages=messages)


def test_broken_streams(bedrock):
    with pytest.raises(botocore.eventstream.ChecksumMismatch):
        events(bedrock, request("[[sim:badcrc(2)]]"))
    assert [e["type"] for e in events(bedrock, request("[[sim:end(2)]]"))][-1] == "content_block_delta"


def test_requests_are_remembered(sim, bedrock):
    invoke(bedrock, request("Remember me"))
    (last,) = own(sim, "/_sim/requests?last=1")
    assert last["path"].endswith("/invoke") and last["body"] == request("Remember me")
