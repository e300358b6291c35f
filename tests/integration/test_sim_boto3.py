"""bedrock-sim on its own, used by boto3: its signatures, its event stream and its errors are read by a
client that nobody here wrote."""

import json
import threading
import time
import urllib.error
import urllib.request

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from programs import Simulator, wait_for

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{SONNET}"
KEY = {"aws_access_key_id": "AKIASIMULATEDBEDROCK", "aws_secret_access_key": "simulated-bedrock-secret-key"}
SESSION = {
    "aws_access_key_id": "ASIASESSION",
    "aws_secret_access_key": "s/e+c",
    "aws_session_token": "to/k+en==",
}
EXPIRED = {"aws_access_key_id": "ASIAEXPIRED", "aws_secret_access_key": "old"}
API_KEY = "bedrock-api-key-1234"

WEATHER = {
    "toolSpec": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "inputSchema": {
            "json": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                    "days": {"type": "integer", "minimum": 2},
                },
                "required": ["city", "unit", "days"],
            }
        },
    }
}
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c63646061f80f0001050101cfa02ee50000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    def given(keys):
        return ":".join(keys.values())

    program = Simulator(
        tmp_path_factory.mktemp("sim"),
        *("--credentials", given(KEY), "--credentials", given(SESSION)),
        *("--expired-credentials", given(EXPIRED), "--api-key", API_KEY),
    )
    yield program
    program.stop()


def connect(sim, keys=KEY, **config):
    config = {"retries": {"total_max_attempts": 1}, "read_timeout": 15, **config}
    return boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=sim.url, config=Config(**config), **keys
    )


@pytest.fixture(scope="module")
def bedrock(sim):
    return connect(sim)


def user(*blocks):
    return [{"role": "user", "content": [{"text": b} if isinstance(b, str) else b for b in blocks]}]


def fold(events):
    """The blocks of a streamed message as Converse would have told them, and the rest."""
    blocks, order, rest = {}, [], {}
    for event in events:
        (name, value), *_ = event.items()
        order.append(name)
        if name == "contentBlockStart":
            blocks[value["contentBlockIndex"]] = {"toolUse": {**value["start"]["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            (kind, piece), *_ = value["delta"].items()
            block = blocks.setdefault(value["contentBlockIndex"], {})
            if kind == "text":
                block["text"] = block.get("text", "") + piece
            elif kind == "toolUse":
                block["toolUse"]["input"] += piece["input"]
            else:
                text = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
                text["text"] += piece.get("text", "")
                text.update({k: v for k, v in piece.items() if k == "signature"})
        elif name in ("messageStop", "metadata"):
            rest[name] = value
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return [blocks[i] for i in sorted(blocks)], rest, order


# ---- answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [SONNET, PROFILE, "anthropic.claude-3-5-sonnet-20241022-v2:0", "amazon.nova-pro-v1:0"]
)
def test_converse(bedrock, model):
    answer = bedrock.converse(modelId=model, messages=user("Grüße aus 東京!"), system=[{"text": "Be kind."}])
    (block,) = answer["output"]["message"]["content"]
    assert "Grüße aus 東京!" in block["text"] and answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 10
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


@pytest.mark.parametrize("model", [SONNET, PROFILE])
def test_stream_tells_the_same(bedrock, model):
    request = {"modelId": model, "messages": user("Grüße aus 東京!")}
    whole = bedrock.converse(**request)
    blocks, rest, order = fold(bedrock.converse_stream(**request)["stream"])
    assert blocks == whole["output"]["message"]["content"]
    assert rest["messageStop"] == {"stopReason": "end_turn"}
    assert rest["metadata"]["usage"] == whole["usage"] and "latencyMs" in rest["metadata"]["metrics"]
    assert order[0] == "messageStart" and order[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert order.count("contentBlockDelta") > 5


@pytest.mark.parametrize("stream", [False, True])
def test_tool_loop(bedrock, stream):
    def ask(messages):
        request = {"modelId": SONNET, "messages": messages, "toolConfig": {"tools": [WEATHER]}}
        if stream:
            blocks, rest, _ = fold(bedrock.converse_stream(**request)["stream"])
            return blocks, rest["messageStop"]["stopReason"]
        answer = bedrock.converse(**request)
        return answer["output"]["message"]["content"], answer["stopReason"]

    messages = user("What is the weather in Paris and Tokyo?")
    blocks, reason = ask(messages)
    calls = [b["toolUse"] for b in blocks if "toolUse" in b]
    assert reason == "tool_use" and [c["input"]["city"] for c in calls] == ["Paris", "Tokyo"]
    assert all(c["input"] == {**c["input"], "unit": "celsius", "days": 2} for c in calls)
    results = [
        {"toolResult": {"toolUseId": c["toolUseId"], "content": [{"text": f"{20 + i} °C"}]}}
        for i, c in enumerate(calls)
    ]
    messages += [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]
    blocks, reason = ask(messages)
    assert reason == "end_turn" and "20 °C" in blocks[0]["text"] and "21 °C" in blocks[0]["text"]


def test_tool_choice(bedrock):
    def names(choice):
        config = {"tools": [WEATHER], "toolChoice": choice}
        answer = bedrock.converse(modelId=SONNET, messages=user("Hello"), toolConfig=config)
        return [b["toolUse"]["name"] for b in answer["output"]["message"]["content"] if "toolUse" in b]

    assert names({"auto": {}}) == []
    assert names({"any": {}}) == names({"tool": {"name": "get_weather"}}) == ["get_weather"]


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_and_its_signature(bedrock, stream):
    def ask(messages):
        request = {
            "modelId": SONNET,
            "messages": messages,
            "toolConfig": {"tools": [WEATHER]},
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        }
        if stream:
            return fold(bedrock.converse_stream(**request)["stream"])[0]
        return bedrock.converse(**request)["output"]["message"]["content"]

    messages = user("What is the weather in Paris?")
    blocks = ask(messages)
    thinking = blocks[0]["reasoningContent"]["reasoningText"]
    assert thinking["text"] and thinking["signature"]
    call = blocks[-1]["toolUse"]
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "21 °C"}]}}
    loop = [*messages, {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    assert "21 °C" in ask(loop)[-1]["text"]
    thinking["text"] += "!"
    with pytest.raises(
        bedrock.exceptions.ValidationException, match="Invalid `signature` in `thinking` block"
    ):
        ask(loop)
    blocks.pop(0)
    with pytest.raises(
        bedrock.exceptions.ValidationException, match="Expected `thinking` or `redacted_thinking`"
    ):
        ask(loop)


@pytest.mark.parametrize("stream", [False, True])
def test_redacted_thinking(bedrock, stream):
    def ask(messages):
        request = {
            "modelId": SONNET,
            "messages": messages,
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        }
        if not stream:
            return bedrock.converse(**request)["output"]["message"]["content"][0]["reasoningContent"]
        deltas = [e["contentBlockDelta"]["delta"] for e in bedrock.converse_stream(**request)["stream"] if "contentBlockDelta" in e]
        return deltas[0]["reasoningContent"]

    data = ask(user("[[sim:redacted]] Hello"))["redactedContent"]
    assert isinstance(data, bytes) and data
    turn = {"role": "assistant", "content": [{"reasoningContent": {"redactedContent": data}}, {"text": "Hi"}]}
    assert "text" in str(ask([*user("Hello"), turn, *user("And?")]))
    turn["content"][0]["reasoningContent"]["redactedContent"] = data[:-1] + b"?"
    with pytest.raises(bedrock.exceptions.ValidationException, match="Invalid `data` in `redacted_thinking` block"):
        ask([*user("Hello"), turn, *user("And?")])


def test_image(bedrock):
    image = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    answer = bedrock.converse(modelId=SONNET, messages=user("What is this?", image))
    assert "1 image" in answer["output"]["message"]["content"][0]["text"]
    image["image"]["format"] = "jpeg"
    with pytest.raises(
        bedrock.exceptions.ValidationException, match="does not match the provided media type"
    ):
        bedrock.converse(modelId=SONNET, messages=user("What is this?", image))


def test_limits(bedrock):
    answer = bedrock.converse(modelId=SONNET, messages=user("Hello"), inferenceConfig={"maxTokens": 3})
    assert answer["stopReason"] == "max_tokens" and answer["usage"]["outputTokens"] == 3
    answer = bedrock.converse(
        modelId=SONNET,
        messages=user("Hello"),
        inferenceConfig={"stopSequences": ["simulated"]},
        additionalModelResponseFieldPaths=["/stop_sequence"],
    )
    assert answer["stopReason"] == "stop_sequence"
    assert answer["additionalModelResponseFields"] == {"stop_sequence": "simulated"}
    assert "simulated" not in answer["output"]["message"]["content"][0]["text"]


def test_prompt_cache(bedrock):
    system = [{"text": f"{time.time_ns()} " + "word " * 3000}, {"cachePoint": {"type": "default"}}]
    first = bedrock.converse(modelId=SONNET, messages=user("Hello"), system=system)["usage"]
    second = bedrock.converse(modelId=SONNET, messages=user("Hello again"), system=system)["usage"]
    assert first["cacheWriteInputTokens"] > 3000 and first["cacheReadInputTokens"] == 0
    assert (
        second["cacheReadInputTokens"] == first["cacheWriteInputTokens"]
        and second["cacheWriteInputTokens"] == 0
    )


def test_structured_output(bedrock):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    text_format = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema)}}}
    answer = bedrock.converse(
        modelId=SONNET, messages=user("I met Ada, 36"), outputConfig={"textFormat": text_format}
    )
    assert json.loads(answer["output"]["message"]["content"][0]["text"]) == {"name": "Ada", "age": 36}


@pytest.mark.parametrize("stream", [False, True])
def test_citations(bedrock, stream):
    document = {"format": "txt", "name": "notes", "source": {"text": "Grüße"}, "citations": {"enabled": True}}
    request = {"modelId": SONNET, "messages": user("[[sim:cite]] [[sim:reply(See the notes.)]]", {"document": document})}
    location = {"documentChar": {"documentIndex": 0, "start": 0, "end": 5}}
    citation = {"title": "notes", "sourceContent": [{"text": "Grüße"}], "location": location}
    if stream:
        deltas = [e["contentBlockDelta"]["delta"] for e in bedrock.converse_stream(**request)["stream"] if "contentBlockDelta" in e]
        assert "".join(d.get("text", "") for d in deltas) == "See the notes." and deltas[-1] == {"citation": citation}
        return
    content = bedrock.converse(**request)["output"]["message"]["content"]
    assert content == [{"citationsContent": {"content": [{"text": "See the notes."}], "citations": [citation]}}]
    turns = [{"role": "assistant", "content": content}, *user("And now?")]
    assert bedrock.converse(modelId=SONNET, messages=[*request["messages"], *turns])["stopReason"] == "end_turn"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_tokens(bedrock, stream):
    request = {
        "modelId": SONNET,
        "messages": user("Hello"),
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        "additionalModelResponseFieldPaths": ["/usage/output_tokens_details"],
    }
    if stream:
        rest = fold(bedrock.converse_stream(**request)["stream"])[1]
        told, output = rest["messageStop"], rest["metadata"]["usage"]["outputTokens"]
    else:
        told = bedrock.converse(**request)
        output = told["usage"]["outputTokens"]
    details = told["additionalModelResponseFields"]["usage"]["output_tokens_details"]
    assert 0 < details["thinking_tokens"] < output


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_told_back(bedrock, stream):
    more = {"serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "optimized"}}
    request = {"modelId": SONNET, "messages": user({"guardContent": {"text": {"text": "Hello"}}}), **more}
    told = fold(bedrock.converse_stream(**request)["stream"])[1]["metadata"] if stream else bedrock.converse(**request)
    assert {k: told[k] for k in more} == more


def test_video(bedrock):
    video = {"video": {"format": "mp4", "source": {"bytes": b"video"}}}
    answer = bedrock.converse(modelId="us.amazon.nova-lite-v1:0", messages=user("What is this?", video))
    assert "1 video" in answer["output"]["message"]["content"][0]["text"]
    with pytest.raises(bedrock.exceptions.ValidationException, match="doesn't support the video field"):
        bedrock.converse(modelId=SONNET, messages=user("What is this?", video))


def test_count_tokens(bedrock):
    count = bedrock.count_tokens(
        modelId=SONNET.removeprefix("us."), input={"converse": {"messages": user("Hello there")}}
    )
    answer = bedrock.converse(modelId=SONNET, messages=user("Hello there"))
    assert count["inputTokens"] == answer["usage"]["inputTokens"]


# ---- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault, exception, status",
    [
        ("throttle", "ThrottlingException", 429),
        ("error(ModelNotReadyException)", "ModelNotReadyException", 429),
        ("error(400)", "ValidationException", 400),
        ("error(403)", "AccessDeniedException", 403),
        ("error(404)", "ResourceNotFoundException", 404),
        ("error(408)", "ModelTimeoutException", 408),
        ("error(424)", "ModelErrorException", 424),
        ("error(500)", "InternalServerException", 500),
        ("error(503)", "ServiceUnavailableException", 503),
    ],
)
def test_exceptions(bedrock, fault, exception, status, stream):
    call = bedrock.converse_stream if stream else bedrock.converse
    with pytest.raises(getattr(bedrock.exceptions, exception)) as caught:
        call(modelId=SONNET, messages=user(f"[[sim:{fault}]]"))
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status and response["Error"]["Message"]
    assert len(response["ResponseMetadata"]["RequestId"]) == 36


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize(
    "name",
    [
        "internalServerException",
        "modelStreamErrorException",
        "validationException",
        "throttlingException",
        "serviceUnavailableException",
    ],
)
def test_exceptions_in_the_stream(bedrock, name, after):
    stream = bedrock.converse_stream(modelId=SONNET, messages=user(f"[[sim:exception({name},{after})]]"))[
        "stream"
    ]
    seen = []
    with pytest.raises(botocore.exceptions.EventStreamError) as caught:
        for event in stream:
            seen.append(event)
    assert caught.value.response["Error"]["Code"] == name and caught.value.response["Error"]["Message"]
    assert sum("contentBlockDelta" in e for e in seen) == after and bool(seen) == bool(after)


def test_broken_checksum(bedrock):
    stream = bedrock.converse_stream(modelId=SONNET, messages=user("[[sim:badcrc(2)]]"))["stream"]
    with pytest.raises(botocore.eventstream.ChecksumMismatch):
        list(stream)


def test_cut_stream(bedrock):
    stream = bedrock.converse_stream(modelId=SONNET, messages=user("[[sim:cut(2)]]"))["stream"]
    with pytest.raises(Exception, match="ended prematurely|IncompleteRead"):
        list(stream)


def test_stream_that_ends_early(bedrock):
    stream = bedrock.converse_stream(modelId=SONNET, messages=user("[[sim:end(2)]]"))["stream"]
    assert fold(stream)[2] == ["messageStart", "contentBlockDelta", "contentBlockDelta"]


def test_sdk_retries_what_passes(sim):
    client = connect(sim, retries={"total_max_attempts": 4, "mode": "standard"})
    answer = client.converse(modelId=SONNET, messages=user(f"[[sim:throttle(2)]] at {time.time_ns()}"))
    assert answer["stopReason"] == "end_turn"
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


def test_never_answered(sim):
    client = connect(sim, read_timeout=1)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        client.converse(modelId=SONNET, messages=user("[[sim:hang]]"))


@pytest.mark.parametrize(
    "keys, error, message",
    [
        (
            {**KEY, "aws_secret_access_key": "wrong"},
            "InvalidSignatureException",
            "does not match the signature",
        ),
        (
            {**KEY, "aws_access_key_id": "AKIANOBODY"},
            "UnrecognizedClientException",
            "security token .* is invalid",
        ),
        (
            {**SESSION, "aws_session_token": "other"},
            "UnrecognizedClientException",
            "security token .* is invalid",
        ),
        (EXPIRED, "ExpiredTokenException", "security token .* is expired"),
    ],
)
def test_refused_keys(sim, keys, error, message):
    with pytest.raises(botocore.exceptions.ClientError, match=message) as caught:
        connect(sim, keys).converse(modelId=SONNET, messages=user("Hello"))
    assert caught.value.response["Error"]["Code"] == error
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_session_token(sim):
    answer = connect(sim, SESSION).converse(modelId=SONNET, messages=user("Hello"))
    assert answer["stopReason"] == "end_turn"


@pytest.mark.parametrize("key, status", [(API_KEY, 200), ("another", 403)])
def test_api_key(sim, key, status):
    """By hand: the SDKs send such a key over TLS only."""
    request = urllib.request.Request(
        f"{sim.url}/model/{SONNET}/converse",
        json.dumps({"messages": user("Hello")}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == status == 200
    except urllib.error.HTTPError as error:
        with error:
            assert error.code == status
            assert error.headers["x-amzn-ErrorType"].startswith("AccessDeniedException:")
            assert "API Key" in json.load(error)["message"]


def test_unsigned(sim):
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=sim.url,
        config=Config(signature_version=botocore.UNSIGNED, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.converse(modelId=SONNET, messages=user("Hello"))
    assert caught.value.response["Error"]["Code"] == "MissingAuthenticationTokenException"


def test_other_operations(bedrock):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        bedrock.apply_guardrail(guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=[])
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.converse(modelId="gpt-4o", messages=user("Hello"))


# ---- the simulator's own routes ---------------------------------------------------------------------


def own(sim, path, method="GET"):
    request = urllib.request.Request(sim.url + path, method=method)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def test_requests_are_remembered(sim, bedrock):
    bedrock.converse(modelId=SONNET, messages=user("Remember me"), requestMetadata={"a": "b"})
    (last,) = own(sim, "/_sim/requests?last=1")
    assert (
        last["path"].endswith("v1%3A0/converse") and last["outcome"] == "completed" and last["status"] == 200
    )
    assert last["body"] == {"messages": user("Remember me"), "requestMetadata": {"a": "b"}}
    assert last["headers"]["Authorization"].endswith("Signature=")


def test_a_client_that_leaves_is_counted(sim):
    before = own(sim, "/_sim/stats")
    client = connect(sim)
    stream = client.converse_stream(modelId=SONNET, messages=user("[[sim:chunks(1000,10)]] [[sim:gap(50)]]"))[
        "stream"
    ]
    next(iter(stream))
    assert own(sim, "/_sim/stats")["live"] == before["live"] + 1
    stream.close()
    client.close()
    after = wait_for(lambda: (s := own(sim, "/_sim/stats"))["cancelled"] > before["cancelled"] and s)
    assert after["live"] == before["live"] and after["last_cancel_ms"] < 5000
    assert abs(after["last_cancel_at"] - after["now"]) < 5000


def test_many_at_once(sim):
    failures = []

    def run(i):
        client = connect(sim)
        for _ in range(5):
            blocks, _, _ = fold(
                client.converse_stream(modelId=SONNET, messages=user(f"[[sim:reply(this is {i})]]"))["stream"]
            )
            if blocks != [{"text": f"this is {i}"}]:
                failures.append(blocks)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and not any(t.is_alive() for t in threads)


def test_reset(tmp_path):
    program = Simulator(tmp_path)
    connect(program).converse(modelId=SONNET, messages=user("Hello"))
    assert own(program, "/_sim/health") == {"status": "ok"}
    assert own(program, "/_sim/stats")["requests"] == 1
    own(program, "/_sim/reset", "POST")
    assert own(program, "/_sim/stats")["requests"] == 0 and own(program, "/_sim/requests") == []
    program.stop()


def test_too_many_at_once(tmp_path):
    program = Simulator(tmp_path, "--live-max", 1)
    client = connect(program)
    stream = client.converse_stream(modelId=SONNET, messages=user("[[sim:chunks(1000,10)]] [[sim:gap(50)]]"))["stream"]
    with pytest.raises(client.exceptions.ServiceUnavailableException, match="Too many connections"):
        client.converse(modelId=SONNET, messages=user("Hello"))
    stream.close()
    wait_for(lambda: own(program, "/_sim/stats")["live"] == 0)
    assert client.converse(modelId=SONNET, messages=user("Hello"))["stopReason"] == "end_turn"
    program.stop()


def test_body_beyond_the_limit(sim):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        connect(sim).converse(modelId=SONNET, messages=user("x" * 25_000_000))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_slow_reader(sim):
    """Bounded in the simulator too: what a client does not read is not sent ahead for ever."""
    stream = connect(sim).converse_stream(modelId=SONNET, messages=user("[[sim:chunks(2000,5000)]] [[sim:gap(0)]]"))["stream"]
    time.sleep(0.5)
    blocks, rest, _ = fold(stream)
    assert len(blocks[0]["text"]) == 10_000_000 and rest["messageStop"]["stopReason"] == "end_turn"


def test_bench_mode(tmp_path):
    program = Simulator(tmp_path, "--chunks", 30, "--chunk-bytes", 20, "--fast")
    client = connect(program, {**KEY, "aws_secret_access_key": "not looked at"})
    for _ in range(3):
        blocks, rest, order = fold(client.converse_stream(modelId=SONNET, messages=user("Hello"))["stream"])
        assert len(blocks[0]["text"]) == 600 and order.count("contentBlockDelta") == 30
        assert (
            rest["messageStop"]["stopReason"] == "end_turn"
            and rest["metadata"]["usage"]["outputTokens"] == 150
        )
    whole = client.converse(modelId=SONNET, messages=user("Hello"))
    assert whole["output"]["message"]["content"] == blocks
    program.stop()


def test_ends_on_a_signal_with_calls_open(tmp_path):
    program = Simulator(tmp_path)
    client = connect(program)
    stream = client.converse_stream(modelId=SONNET, messages=user("[[sim:chunks(1000,10)]] [[sim:gap(50)]]"))[
        "stream"
    ]
    next(iter(stream))
    begun = time.monotonic()
    program.stop()
    assert time.monotonic() - begun < 5
