"""/bedrock/model/…: clients that speak Bedrock themselves. boto3 and Anthropic's client for Bedrock in front
of the gateway, and the bytes they would have sent and got without it."""

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request

import anthropic
import boto3
import botocore.exceptions
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from conftest import ACCESS_KEY_ID, KEY, MODELS, SECRET_ACCESS_KEY, configuration, deployment
from programs import wait_for

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
COUNTED = "anthropic.claude-3-5-sonnet-20241022-v2:0"
ARN = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{SONNET}"
TITAN = "amazon.titan-embed-text-v2:0"
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SMALL_KEY = "sk-small-0001"


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [
        deployment("by-arn", f"bedrock/converse/{ARN}", simulator.url, model_info={"base_model": SONNET}),
        deployment("embedder", f"bedrock/{TITAN}", simulator.url),
        deployment("other/*", "bedrock/*", simulator.url),
        deployment("bedrock/us.amazon.*", "bedrock/us.amazon.*", simulator.url),
        deployment("flaky", MODELS["claude"], simulator.url, num_retries=1),
        deployment("flaky", MODELS["claude"], simulator.url, num_retries=1),
        deployment("first", MODELS["claude"], "http://127.0.0.1:9"),
    ]
    keys = [{"key": SMALL_KEY, "models": ["nova"], "rpm_limit": 2}]
    return launch(
        configuration(
            simulator.url,
            extra_models=models,
            litellm_settings={"mid_stream_fallbacks": True},
            general_settings={"api_keys": keys},
            router_settings={"disable_cooldowns": True, "fallbacks": [{"first": ["claude"]}]},
        )
    )


def client_for(gateway, key=KEY, **options):
    """The key travels as the access key id; what is signed with is nobody's secret."""
    return boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=f"http://{gateway.netloc}/bedrock",
        aws_access_key_id=f"Bearer {key}",
        aws_secret_access_key="not checked",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=20, **options),
    )


@pytest.fixture
def bedrock(gateway):
    client = client_for(gateway)
    yield client
    client.close()


def user(text):
    return [{"role": "user", "content": [{"text": text}]}]


def post(url, body, headers):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json", **headers})
    try:
        with LOCAL.open(request, timeout=20) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def through(gateway, model, call, body, **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()} or {"Authorization": f"Bearer {KEY}"}
    return post(f"{gateway.url}/bedrock/model/{urllib.parse.quote(model, safe='')}/{call}", body, headers)


def direct(simulator, model, call, body):
    url = f"{simulator.url}/model/{urllib.parse.quote(model, safe='')}/{call}"
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "bedrock", "us-east-1").add_auth(request)
    return post(url, body, dict(request.headers))


# ---- bytes -----------------------------------------------------------------------------------------

TEXT = "Grüße \\u0041 [[sim:chunks(9,7)]]"
CONVERSE = f'{{ "messages":[ {{"role":"user", "content":[{{"text":"{TEXT}"}}]}} ] , "inferenceConfig":{{"maxTokens":50}}}}'
CLAUDE = f'{{"anthropic_version":"bedrock-2023-05-31" ,"max_tokens":50,"messages":[{{"role":"user","content":"{TEXT}"}}]}}'
CALLS = [
    (SONNET, "converse", CONVERSE),
    (SONNET, "converse-stream", CONVERSE),
    (SONNET, "invoke", CLAUDE),
    (SONNET, "invoke-with-response-stream", CLAUDE),
    (COUNTED, "count-tokens", '{"input" : {"converse": {"messages":[{"role":"user","content":[{"text":"one two"}]}]}}}'),
    (TITAN, "invoke", '{"inputText": "some words" }'),
]


def frames(data):
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(e.headers, without_times(e.payload)) for e in buffer]


def without_times(body):
    """How long it took differs, and nothing else."""
    parsed = json.loads(body)
    if "metrics" in parsed:
        del parsed["metrics"]
    return parsed if "metrics" in body.decode() or "bytes" in parsed else body


@pytest.mark.parametrize("model, call, body", CALLS, ids=[f"{c}-{m[:9]}" for m, c, _ in CALLS])
def test_the_same_bytes(gateway, simulator, model, call, body):
    mark = simulator.mark()
    status, headers, answer = through(gateway, model, call, body.encode())
    expected_status, expected_headers, expected = direct(simulator, model, call, body.encode())
    assert (status, expected_status) == (200, 200), answer
    assert headers["content-type"] == expected_headers["content-type"]
    ours, theirs = simulator.since(mark)
    assert ours["path"] == theirs["path"] and ours["body"] == theirs["body"]
    assert ours["body_bytes"] == theirs["body_bytes"] == len(body.encode())
    if "stream" in call:
        if call == "converse-stream":
            assert frames(answer) == frames(expected) and len(frames(answer)) > 9
        else:
            assert len(answer) > 500 and frames(answer)[:-1] == frames(expected)[:-1]
    else:
        assert without_times(answer) == without_times(expected)
    for name, value in expected_headers.items():
        if name.lower().startswith("x-amzn-bedrock-") and "latency" not in name.lower():
            assert headers[name] == value


def test_nothing_of_the_body_changes(gateway):
    body = '{ "messages" :[{"role":"user","content":[{"text":"[[sim:echo]]"}]}],\n"additionalModelRequestFields": {}}'
    _, _, answer = through(gateway, "claude", "converse", body.encode())
    assert json.loads(answer)["output"]["message"]["content"][0]["text"] == body


# ---- boto3 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["claude", SONNET, ARN, "nova", "us.amazon.nova-lite-v1:0", "other/us.amazon.nova-lite-v1:0"])
def test_models(bedrock, simulator, model):
    """A group of the configuration, the id or ARN of one, or what a wildcard takes."""
    mark = simulator.mark()
    answer = bedrock.converse(modelId=model, messages=user("[[sim:reply(Hi 🦜)]]"))
    assert answer["output"]["message"]["content"] == [{"text": "Hi 🦜"}] and answer["usage"]["outputTokens"] > 0
    called = urllib.parse.unquote(simulator.since(mark)[-1]["path"])
    expected = {"claude": SONNET, "nova": "us.amazon.nova-pro-v1:0"}.get(model, model.removeprefix("other/"))
    assert called == f"/model/{expected}/converse"


def test_converse_stream(bedrock):
    answer = bedrock.converse_stream(modelId="claude", messages=user("[[sim:chunks(5,8)]] [[sim:usage(11,7)]]"))
    events = list(answer["stream"])
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    assert len(text) == 40 and events[-1]["metadata"]["usage"]["inputTokens"] == 11


def test_invoke(bedrock):
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": [{"role": "user", "content": "[[sim:reply(Hi)]]"}]})
    answer = bedrock.invoke_model(modelId="claude", body=body)
    assert json.loads(answer["body"].read())["content"] == [{"type": "text", "text": "Hi"}]
    chunks = bedrock.invoke_model_with_response_stream(modelId="claude", body=body)["body"]
    kinds = [json.loads(c["chunk"]["bytes"])["type"] for c in chunks]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    vector = bedrock.invoke_model(modelId="embedder", body=json.dumps({"inputText": "words", "dimensions": 256}))
    assert len(json.loads(vector["body"].read())["embedding"]) == 256
    assert int(vector["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"]) > 0


def test_count_tokens(bedrock):
    """Of a profile Bedrock does not count: its model is asked."""
    given = {"converse": {"messages": user("one two three")}}
    assert bedrock.count_tokens(modelId="claude", input=given)["inputTokens"] > 0


def test_tool_loop(bedrock):
    tools = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}}]}
    messages = user("What is the weather in Paris and Tokyo?")
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    for expected in ("tool_use", "end_turn"):
        answer = bedrock.converse(modelId="claude", messages=messages, toolConfig=tools, additionalModelRequestFields=thinking, inferenceConfig={"maxTokens": 4096})
        assert answer["stopReason"] == expected
        content = answer["output"]["message"]["content"]
        results = [{"toolResult": {"toolUseId": c["toolUse"]["toolUseId"], "content": [{"text": "22 C"}]}} for c in content if "toolUse" in c]
        messages = [*messages, answer["output"]["message"], {"role": "user", "content": results}]


def test_anthropic_bedrock(gateway):
    with anthropic.AnthropicBedrock(
        base_url=f"http://{gateway.netloc}/bedrock",
        aws_access_key="not-a-key",
        aws_secret_key="not checked",
        aws_region="us-east-1",
        default_headers={"x-api-key": KEY},
        max_retries=0,
    ) as client:
        request = {"model": SONNET, "max_tokens": 99, "messages": [{"role": "user", "content": "[[sim:reply(Hi)]]"}]}
        assert client.messages.create(**request).content[0].text == "Hi"
        with client.messages.stream(**request) as stream:
            assert stream.get_final_message().content[0].text == "Hi"


# ---- keys, limits, failures ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"x_api_key": KEY},
        {"x_litellm_api_key": KEY},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0", "x_api_key": KEY},
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0"},
    ],
)
def test_keys(gateway, headers):
    assert through(gateway, "claude", "converse", CONVERSE.encode(), **headers)[0] == 200


def refusal(client):
    """The error's code; the error itself would keep the connection."""
    try:
        client.converse(modelId="claude", messages=user("Hi"))
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def test_limits(gateway):
    """By group, whichever name the client has for it."""
    client = client_for(gateway, SMALL_KEY)
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.converse(modelId=SONNET, messages=user("Hi"))
    for _ in range(2):
        client.converse(modelId="us.amazon.nova-pro-v1:0", messages=user("Hi"))
    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse(modelId="nova", messages=user("Hi"))
    client.close()


def test_wrong_keys(gateway):
    with contextlib.closing(client_for(gateway, "sk-wrong")) as client:
        assert refusal(client) == "UnrecognizedClientException"
    status, _, answer = through(gateway, "claude", "converse", b"{}", Accept="application/json")
    assert status == 401 and "message" in json.loads(answer)


@pytest.mark.parametrize(
    "script, name, status",
    [
        ("error(400,The text)", "ValidationException", 400),
        ("error(ModelErrorException,It broke)", "ModelErrorException", 424),
        ("error(403,Not you)", "AccessDeniedException", 403),
        ("throttle", "ThrottlingException", 429),
    ],
)
def test_errors_of_bedrock(gateway, simulator, script, name, status):
    body = json.dumps({"messages": user(f"[[sim:{script}]]")}).encode()
    ours = through(gateway, "claude", "converse", body)
    theirs = direct(simulator, SONNET, "converse", body)
    assert ours[0] == theirs[0] == status
    assert ours[1]["x-amzn-errortype"] == theirs[1]["x-amzn-errortype"].split(":")[0] == name
    assert json.loads(ours[2])["message"] == json.loads(theirs[2])["message"]


def test_errors_of_the_gateway(bedrock, gateway):
    with pytest.raises(bedrock.exceptions.ValidationException, match="Invalid model name"):
        bedrock.converse(modelId="nobody.knows-it-v1:0", messages=user("Hi"))
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.converse(modelId="claude", messages=[])
    status, headers, answer = through(gateway, "claude", "chat", b"{}")
    assert status == 404 and headers["x-amzn-errortype"] == "UnknownOperationException"
    assert "not supported" in json.loads(answer)["message"]
    agents = boto3.client(
        "bedrock-agent-runtime",
        region_name="us-east-1",
        endpoint_url=f"http://{gateway.netloc}/bedrock",
        aws_access_key_id=f"Bearer {KEY}",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    with pytest.raises(botocore.exceptions.ClientError, match="not supported"):
        agents.retrieve(knowledgeBaseId="KB12345678", retrievalQuery={"text": "x"})
    agents.close()


def test_a_stream_that_breaks(bedrock):
    """An exception before the first frame is one of the call; later it is one of the stream, and nothing goes
    on elsewhere."""
    with pytest.raises(bedrock.exceptions.ThrottlingException):
        bedrock.converse_stream(modelId="claude", messages=user("[[sim:throttle]] [[sim:chunks(5,5)]]"))
    for fault, name in (("exception(modelStreamErrorException,3)", "modelStreamErrorException"), ("end(3)", "internalServerException"), ("badcrc(3)", "internalServerException")):
        stream = bedrock.converse_stream(modelId="flaky", messages=user(f"[[sim:chunks(5,5)]] [[sim:{fault}]]"))
        with pytest.raises(botocore.exceptions.EventStreamError) as error:
            list(stream["stream"])
        stream["stream"].close()
        assert error.value.response["Error"]["Code"] == name


def test_retries_and_fallbacks(bedrock, gateway, simulator):
    mark = simulator.mark()
    answer = bedrock.converse(modelId="flaky", messages=user("[[sim:throttle(1)]] [[sim:reply(Hi)]] retried"))
    assert answer["output"]["message"]["content"] == [{"text": "Hi"}] and len(simulator.since(mark)) == 2
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-litellm-attempted-retries"] == "1"
    stream = bedrock.converse_stream(modelId="first", messages=user("[[sim:reply(Hi)]]"))
    assert stream["ResponseMetadata"]["HTTPHeaders"]["x-litellm-attempted-fallbacks"] == "1"
    assert "metadata" in list(stream["stream"])[-1]


def test_cost(bedrock):
    priced = bedrock.converse(modelId="claude", messages=user("[[sim:usage(1000,100)]]"))
    cost = float(priced["ResponseMetadata"]["HTTPHeaders"]["x-litellm-response-cost"])
    assert cost == pytest.approx(1000 * 3e-6 + 100 * 15e-6, rel=0.11)


def test_a_client_that_leaves(gateway, simulator):
    client = client_for(gateway)
    cancelled = simulator.stats()["cancelled"]
    stream = client.converse_stream(modelId="claude", messages=user("[[sim:chunks(2000,5)]] [[sim:gap(20)]]"))
    next(iter(stream["stream"]))
    stream["stream"].close()
    client.close()
    wait_for(lambda: simulator.stats()["cancelled"] > cancelled, 10, "the call's end")
