"""bedrock-sim's embedding models and Titan text over InvokeModel, and CountTokens, used by boto3."""

import base64
import json
import math
import struct

import botocore.exceptions
import pytest
from programs import Simulator
from test_sim_boto3 import PIXEL, SONNET, connect
from test_sim_invoke import request

TITAN1, TITAN2 = "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"
TITAN_IMAGE = "amazon.titan-embed-image-v1"
COHERE3, COHERE4 = "cohere.embed-english-v3", "us.cohere.embed-v4:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
TITAN_TEXT = "amazon.titan-text-express-v1"
IMAGE = base64.b64encode(PIXEL).decode()
DATA_URL = f"data:image/png;base64,{IMAGE}"


@pytest.fixture(scope="module")
def bedrock(tmp_path_factory):
    program = Simulator(tmp_path_factory.mktemp("sim"))
    yield connect(program)
    program.stop()


def ask(bedrock, model, **body):
    reply = bedrock.invoke_model(modelId=model, body=json.dumps(body))
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    return json.load(reply["body"]), int(headers["x-amzn-bedrock-input-token-count"])


def length(vector):
    return math.sqrt(sum(x * x for x in vector))


def near(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / length(a) / length(b)


def nova(**what):
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX", **what}}


def nova_text(text):
    return {"text": {"truncationMode": "END", "value": text}}


# ---- vectors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model, body, find, dimensions",
    [
        (TITAN1, {"inputText": "{}"}, lambda a: a["embedding"], 1536),
        (TITAN2, {"inputText": "{}"}, lambda a: a["embedding"], 1024),
        (TITAN2, {"inputText": "{}", "dimensions": 256}, lambda a: a["embeddingsByType"]["float"], 256),
        (TITAN_IMAGE, {"inputText": "{}"}, lambda a: a["embedding"], 1024),
        (TITAN_IMAGE, {"inputText": "{}", "embeddingConfig": {"outputEmbeddingLength": 384}}, lambda a: a["embedding"], 384),
        (COHERE3, {"texts": ["{}"], "input_type": "search_query"}, lambda a: a["embeddings"][0], 1024),
        (COHERE4, {"texts": ["{}"], "input_type": "search_query"}, lambda a: a["embeddings"][0], 1536),
        (COHERE4, {"texts": ["{}"], "input_type": "search_query", "output_dimension": 512}, lambda a: a["embeddings"][0], 512),
        (NOVA, nova(**nova_text("{}")), lambda a: a["embeddings"][0]["embedding"], 3072),
        (NOVA, nova(embeddingDimension=384, **nova_text("{}")), lambda a: a["embeddings"][0]["embedding"], 384),
    ],
)
def test_vectors(bedrock, model, body, find, dimensions):
    def vector(text):
        return find(ask(bedrock, model, **json.loads(json.dumps(body).replace("{}", text)))[0])

    paris, again = vector("the weather in Paris"), vector("the weather in Paris")
    assert len(paris) == dimensions and paris == again
    assert length(paris) == pytest.approx(1, abs=1e-6)
    assert near(paris, vector("weather in Tokyo")) > near(paris, vector("a recipe for bread")) + 0.1


def test_titan_v2(bedrock):
    answer, tokens = ask(bedrock, TITAN2, inputText="hello world")
    assert set(answer) == {"embedding", "embeddingsByType", "inputTextTokenCount"}
    assert answer["embeddingsByType"] == {"float": answer["embedding"]}
    assert answer["inputTextTokenCount"] == tokens == 3
    plain, _ = ask(bedrock, TITAN2, inputText="hello world", normalize=False, embeddingTypes=["binary", "float"])
    assert length(plain["embedding"]) > 1.5 and near(plain["embedding"], answer["embedding"]) > 0.999
    assert plain["embeddingsByType"]["binary"] == [int(x > 0) for x in answer["embedding"]]


def test_titan_multimodal(bedrock):
    text, _ = ask(bedrock, TITAN_IMAGE, inputText="a red house")
    image, tokens = ask(bedrock, TITAN_IMAGE, inputImage=IMAGE)
    both, _ = ask(bedrock, TITAN_IMAGE, inputText="a red house", inputImage=IMAGE)
    assert text["message"] is None and tokens == image["inputTextTokenCount"] == 0
    assert len({tuple(a["embedding"]) for a in (text, image, both)}) == 3


def test_cohere(bedrock):
    answer, tokens = ask(bedrock, COHERE3, texts=["hello", "world wide"], input_type="search_document", truncate="END")
    assert answer["response_type"] == "embeddings_floats" and answer["texts"] == ["hello", "world wide"]
    assert len(answer["embeddings"]) == 2 and len(answer["id"]) == 36 and tokens == 5
    kinds = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    typed, _ = ask(bedrock, COHERE4, texts=["hello"], input_type="clustering", embedding_types=kinds, output_dimension=256)
    assert typed["response_type"] == "embeddings_by_type" and set(typed["embeddings"]) == set(kinds)
    (floats,), (int8,), (uint8,), (packed,), (bits,), (text,) = typed["embeddings"].values()
    assert max(map(abs, int8)) == 127 and [x - 128 for x in uint8] == int8
    assert len(packed) == len(bits) == 32 and [x - 128 for x in bits] == packed
    assert "".join(f"{x:08b}" for x in bits) == "".join("1" if x > 0 else "0" for x in floats)
    assert struct.unpack("<256f", base64.b64decode(text)) == pytest.approx(floats, abs=1e-6)


def test_cohere_images_and_parts(bedrock):
    image, _ = ask(bedrock, COHERE3, images=[DATA_URL], input_type="image")
    assert len(image["embeddings"]) == 1 and image["texts"] == []
    parts = [{"type": "text", "text": "a house"}, {"type": "image_url", "image_url": {"url": DATA_URL}}]
    mixed, _ = ask(bedrock, COHERE4, inputs=[{"content": parts}, {"content": parts[:1]}], input_type="search_document")
    assert len(mixed["embeddings"]) == 2 and mixed["embeddings"][0] != mixed["embeddings"][1]


def test_nova(bedrock):
    answer, tokens = ask(bedrock, NOVA, schemaVersion="nova-multimodal-embed-v1", **nova(**nova_text("hello")))
    assert answer["embeddings"][0]["embeddingType"] == "TEXT" and tokens == 2
    image = {"image": {"format": "png", "source": {"bytes": IMAGE}, "detailLevel": "STANDARD_IMAGE"}}
    assert ask(bedrock, NOVA, **nova(**image))[0]["embeddings"][0]["embeddingType"] == "IMAGE"


@pytest.mark.parametrize(
    "model, body, message",
    [
        (TITAN1, {}, "#: required key [inputText] not found"),
        (TITAN1, {"inputText": "a", "dimensions": 256}, "#: extraneous key [dimensions] is not permitted"),
        (TITAN1, {"inputText": ""}, "#/inputText: expected minLength: 1, actual: 0"),
        (TITAN2, {"inputText": ["a"]}, "#/inputText: expected type: String, found: JSONArray"),
        (TITAN2, {"inputText": "a", "dimensions": 300}, "#/dimensions: 300 is not a valid enum value"),
        (TITAN2, {"inputText": "a", "normalize": 1, "embeddingTypes": ["int8"]}, "2 schema violations found"),
        (TITAN2, {"inputText": "word " * 8000}, "Too many input tokens. Max input tokens: 8192"),
        (TITAN2, {"inputText": "word " * 12000}, "#/inputText: expected maxLength: 50000, actual: 60000"),
        (TITAN_IMAGE, {}, "inputText or inputImage is required"),
        (TITAN_IMAGE, {"inputImage": "AAAA"}, "the image is malformed"),
        (TITAN_IMAGE, {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 512}}, "#/embeddingConfig/outputEmbeddingLength: 512"),
        (COHERE3, {"texts": ["a"]}, "#: required key [input_type] not found"),
        (COHERE3, {"input_type": "search_query"}, "#: required key [texts] not found"),
        (COHERE3, {"texts": ["a"] * 97, "input_type": "search_query"}, "#/texts: expected maximum item count: 96, found: 97"),
        (COHERE3, {"texts": ["a" * 2049], "input_type": "search_query"}, "#/texts/0: expected maxLength: 2048, actual: 2049"),
        (COHERE3, {"texts": ["a"], "input_type": "query"}, "#/input_type: query is not a valid enum value"),
        (COHERE3, {"texts": ["a"], "input_type": "search_query", "output_dimension": 256}, "extraneous key [output_dimension]"),
        (COHERE3, {"texts": ["a"], "images": [DATA_URL], "input_type": "image"}, "only one of texts, images or inputs"),
        (COHERE3, {"images": [IMAGE], "input_type": "image"}, "the image is malformed"),
        (COHERE3, {"images": [DATA_URL], "input_type": "search_query"}, "images need input_type"),
        (COHERE4, {"texts": ["a"], "input_type": "search_query", "truncate": "START"}, "#/truncate: START is not a valid enum value"),
        (COHERE4, {"texts": ["a"], "input_type": "search_query", "output_dimension": 384}, "#/output_dimension: 384"),
        (NOVA, {"taskType": "SEGMENTED_EMBEDDING"}, "2 schema violations found"),
        (NOVA, nova(), "exactly one of text, image"),
        (NOVA, nova(text={"value": "a"}), "#/singleEmbeddingParams/text: required key [truncationMode] not found"),
    ],
)
def test_refusals(bedrock, model, body, message):
    with pytest.raises(bedrock.exceptions.ValidationException) as caught:
        ask(bedrock, model, **body)
    text = caught.value.response["Error"]["Message"]
    assert message in text
    if message.startswith("#"):
        assert text.startswith("Malformed input request: ") and text.endswith(", please reformat your input and try again.")


def test_only_invoked(bedrock):
    with pytest.raises(bedrock.exceptions.ValidationException, match="doesn't support the model"):
        bedrock.converse(modelId=TITAN2, messages=[{"role": "user", "content": [{"text": "Hello"}]}])
    with pytest.raises(bedrock.exceptions.ValidationException, match="unsupported for streaming"):
        bedrock.invoke_model_with_response_stream(modelId=TITAN2, body='{"inputText":"Hello"}')


@pytest.mark.parametrize("model", [TITAN2, COHERE3])
def test_faults(bedrock, model):
    text = "[[sim:throttle]]"
    body = {"inputText": text} if model == TITAN2 else {"texts": ["a", text], "input_type": "search_query"}
    with pytest.raises(bedrock.exceptions.ThrottlingException):
        ask(bedrock, model, **body)


# ---- Titan text -------------------------------------------------------------------------------------


def titan(bedrock, body):
    """The whole answer, and the chunks of the streamed one."""
    whole, tokens = ask(bedrock, TITAN_TEXT, **body)
    stream = bedrock.invoke_model_with_response_stream(modelId=TITAN_TEXT, body=json.dumps(body))
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]
    assert whole["inputTextTokenCount"] == tokens
    return whole, chunks


def test_titan_text(bedrock):
    whole, chunks = titan(bedrock, {"inputText": "\n\nUser: Grüße aus 東京!\n\nBot: "})
    (result,) = whole["results"]
    assert "Grüße aus 東京!" in result["outputText"] and result["completionReason"] == "FINISH"
    assert "".join(c["outputText"] for c in chunks) == result["outputText"] and len(chunks) > 3
    assert [c["inputTextTokenCount"] for c in chunks] == [whole["inputTextTokenCount"]] + [None] * (len(chunks) - 1)
    assert all(c["index"] == 0 for c in chunks)
    assert all(c["totalOutputTextTokenCount"] is c["completionReason"] is None for c in chunks[:-1])
    last = chunks[-1]
    assert last["totalOutputTextTokenCount"] == result["tokenCount"] and last["completionReason"] == "FINISH"
    assert last["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == result["tokenCount"]


@pytest.mark.parametrize(
    "config, reason", [({"maxTokenCount": 3}, "LENGTH"), ({"stopSequences": ["simulated"]}, "STOP_CRITERIA_MET")]
)
def test_titan_text_limits(bedrock, config, reason):
    config = {"temperature": 0.5, "topP": 0.9, **config}
    whole, chunks = titan(bedrock, {"inputText": "Hello", "textGenerationConfig": config})
    assert whole["results"][0]["completionReason"] == chunks[-1]["completionReason"] == reason


def test_titan_text_empty(bedrock):
    whole, chunks = titan(bedrock, {"inputText": "[[sim:empty]]"})
    assert whole["results"][0]["outputText"] == "" and [c["outputText"] for c in chunks] == [""]
    assert chunks[0]["inputTextTokenCount"] and chunks[0]["completionReason"] == "FINISH"


def test_titan_text_refusals(bedrock):
    for body, message in [
        ({"inputText": "a", "system": "b"}, "#: extraneous key [system] is not permitted"),
        ({"inputText": "a", "textGenerationConfig": {"temperature": 2}}, "#/textGenerationConfig/temperature: 2 is not less or equal to 1"),
        ({"inputText": "a", "textGenerationConfig": {"maxTokenCount": 9000}}, "9000 is not less or equal to 8192"),
    ]:
        with pytest.raises(bedrock.exceptions.ValidationException) as caught:
            ask(bedrock, TITAN_TEXT, **body)
        assert message in caught.value.response["Error"]["Message"]


def test_titan_text_exception_in_the_stream(bedrock):
    body = {"inputText": "[[sim:exception(modelTimeoutException,2)]]"}
    stream = bedrock.invoke_model_with_response_stream(modelId=TITAN_TEXT, body=json.dumps(body))["body"]
    seen = []
    with pytest.raises(botocore.exceptions.EventStreamError, match="modelTimeoutException"):
        for event in stream:
            seen.append(event)
    assert len(seen) == 2


# ---- heads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_tier_and_latency(bedrock, stream):
    call = bedrock.invoke_model_with_response_stream if stream else bedrock.invoke_model
    more = {"serviceTier": "priority", "performanceConfigLatency": "optimized", "requestMetadata": '{"team":"a"}'}
    reply = call(modelId=SONNET, body=json.dumps(request("Hello")), **more)
    assert reply["serviceTier"] == "priority" and reply["performanceConfigLatency"] == "optimized"
    assert reply["contentType"] == "application/json"
    for wrong, message in [({"serviceTier": "gold"}, "gold"), ({"requestMetadata": '{"a":1}'}, "String"), ({"requestMetadata": "a"}, "JSON")]:
        with pytest.raises(botocore.exceptions.ClientError, match=message):
            call(modelId=SONNET, body=json.dumps(request("Hello")), **wrong)


# ---- CountTokens ------------------------------------------------------------------------------------


def test_count_tokens(bedrock):
    body = request("What is the weather?", system=[{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}])
    counted = bedrock.count_tokens(modelId=SONNET[3:], input={"invokeModel": {"body": json.dumps(body)}})
    usage = json.load(bedrock.invoke_model(modelId=SONNET, body=json.dumps(body))["body"])["usage"]
    assert counted["inputTokens"] == usage["input_tokens"]


@pytest.mark.parametrize(
    "model, body, message",
    [
        (SONNET, request("Hello"), "doesn't support counting tokens"),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{SONNET}", request("Hello"), "doesn't support"),
        (TITAN_TEXT, {"inputText": "Hello"}, "doesn't support counting tokens"),
        (SONNET[3:], {"messages": []}, "anthropic_version: Field required"),
        (SONNET[3:], "text", "object"),
    ],
)
def test_count_tokens_refusals(bedrock, model, body, message):
    with pytest.raises(bedrock.exceptions.ValidationException, match=message):
        bedrock.count_tokens(modelId=model, input={"invokeModel": {"body": json.dumps(body)}})


def test_count_tokens_needs_json(bedrock):
    with pytest.raises(bedrock.exceptions.ValidationException, match="Invalid JSON"):
        bedrock.count_tokens(modelId=SONNET[3:], input={"invokeModel": {"body": b"{"}})
