"""Embeddings through the OpenAI SDK for Python and LangChain: every family, both encodings, batches,
what fails in the middle of one, and a client that leaves."""

import base64
import json
import math
import struct
import threading
import time
import urllib.request

import openai
import pytest
from conftest import configuration, deployment, openai_client
from langchain_openai import OpenAIEmbeddings
from programs import wait_for
from raw import Raw
from test_sim_boto3 import PIXEL

EMBEDDERS = {
    "titan1": "bedrock/amazon.titan-embed-text-v1",
    "titan2": "bedrock/amazon.titan-embed-text-v2:0",
    "titan-image": "bedrock/amazon.titan-embed-image-v1",
    "cohere3": "bedrock/cohere.embed-english-v3",
    "cohere4": "bedrock/us.cohere.embed-v4:0",
    "nova-embed": "bedrock/amazon.nova-2-multimodal-embeddings-v1:0",
}
DATA_URL = "data:image/png;base64," + base64.b64encode(PIXEL).decode()


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [deployment(name, model, simulator.url) for name, model in EMBEDDERS.items()]
    models += [
        deployment("titan2-small", EMBEDDERS["titan2"], simulator.url, dimensions=256),
        deployment("query", EMBEDDERS["cohere3"], simulator.url, input_type="search_query"),
        deployment("titan1-drops", EMBEDDERS["titan1"], simulator.url, drop_params=True),
        deployment("stubborn", EMBEDDERS["titan2"], simulator.url, num_retries=2),
        deployment("first", EMBEDDERS["titan2"], simulator.url),
        deployment("hasty", EMBEDDERS["titan2"], simulator.url, timeout=1),
    ]
    router = {"fallbacks": [{"first": ["titan1"]}]}
    return launch(configuration(simulator.url, extra_models=models, router_settings=router))


def near(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


def last_body(simulator):
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last=1", timeout=10) as reply:
        (call,) = json.load(reply)
    return call["body"] if isinstance(call["body"], dict) else json.loads(call["body"])


@pytest.mark.parametrize(
    "model, size",
    [("titan1", 1536), ("titan2", 1024), ("titan-image", 1024), ("cohere3", 1024), ("cohere4", 1536), ("nova-embed", 3072)],
)
def test_every_family(client, model, size):
    """The SDK asks for base64 unless told otherwise; both give the same vector."""
    packed = client.embeddings.create(model=model, input="the weather in Paris")
    plain = client.embeddings.create(model=model, input="the weather in Paris", encoding_format="float")
    (a,), (b,) = packed.data, plain.data
    assert packed.object == "list" and packed.model == model and a.object == "embedding" and a.index == 0
    assert len(a.embedding) == len(b.embedding) == size
    assert a.embedding == pytest.approx(b.embedding, abs=1e-6) and set(a.embedding) - {0.0, 1.0}
    assert packed.usage.prompt_tokens == packed.usage.total_tokens > 0


def test_meaning_survives(client):
    paris, tokyo, bread = (
        v.embedding
        for v in client.embeddings.create(
            model="titan2", input=["the weather in Paris", "weather in Tokyo", "a recipe for bread"]
        ).data
    )
    assert near(paris, tokyo) > near(paris, bread) + 0.1


@pytest.mark.parametrize("model, size", [("titan2", 256), ("titan-image", 384), ("cohere4", 512), ("nova-embed", 384)])
def test_dimensions(client, model, size):
    (item,) = client.embeddings.create(model=model, input="a", dimensions=size).data
    assert len(item.embedding) == size


def test_dimensions_of_a_fixed_size(client):
    with pytest.raises(openai.BadRequestError, match="'dimensions'"):
        client.embeddings.create(model="titan1", input="a", dimensions=256)
    (item,) = client.embeddings.create(model="titan1-drops", input="a", dimensions=256).data
    assert len(item.embedding) == 1536


def test_presets_of_the_deployment(client, simulator):
    (item,) = client.embeddings.create(model="titan2-small", input="a").data
    assert len(item.embedding) == 256
    (item,) = client.embeddings.create(model="titan2-small", input="a", dimensions=512).data
    assert len(item.embedding) == 512
    for more, kind in (({}, "search_query"), ({"input_type": "clustering"}, "clustering")):
        client.embeddings.create(model="query", input="a", extra_body=more)
        assert last_body(simulator)["input_type"] == kind


def test_parameters_of_the_model(client):
    options = {"model": "titan2", "input": "a b c", "encoding_format": "float"}
    (unit,) = client.embeddings.create(**options).data
    (raw,) = client.embeddings.create(**options, extra_body={"normalize": False}).data
    assert math.hypot(*unit.embedding) == pytest.approx(1, abs=1e-4)
    assert math.hypot(*raw.embedding) != pytest.approx(1, abs=1e-2)


def test_images(client):
    for model in ("titan-image", "cohere3", "nova-embed"):
        mixed = client.embeddings.create(model=model, input=[DATA_URL, "a red pixel", DATA_URL])
        assert [d.index for d in mixed.data] == [0, 1, 2]
        assert mixed.data[0].embedding == mixed.data[2].embedding != mixed.data[1].embedding


@pytest.mark.parametrize("model, calls", [("titan2", 100), ("cohere3", 2)])
def test_batches_keep_their_order(client, simulator, model, calls):
    texts = [f"text number {i}" for i in range(100)]
    before = simulator.stats()["requests"]
    whole = client.embeddings.create(model=model, input=texts)
    assert simulator.stats()["requests"] == before + calls
    assert [d.index for d in whole.data] == list(range(100))
    for i in (0, 7, 95, 96, 99):
        (alone,) = client.embeddings.create(model=model, input=texts[i]).data
        assert alone.embedding == whole.data[i].embedding
    assert whole.usage.prompt_tokens >= 300


def test_nothing_to_do(client, simulator):
    before = simulator.stats()["requests"]
    empty = client.embeddings.create(model="titan2", input=[], encoding_format="float")
    assert empty.data == [] and empty.usage.prompt_tokens == 0
    assert simulator.stats()["requests"] == before


def test_cost(client):
    answer = client.embeddings.with_raw_response.create(model="titan2", input=["a b c d", "e f g h"])
    usage = json.loads(answer.text)["usage"]
    assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(usage["prompt_tokens"] * 2e-8)
    assert usage["cost"] == pytest.approx(usage["prompt_tokens"] * 2e-8)
    assert answer.headers["x-litellm-model-group"] == "titan2"
    image = client.embeddings.with_raw_response.create(model="titan-image", input=DATA_URL)
    assert float(image.headers["x-litellm-response-cost"]) >= 6e-5


@pytest.mark.parametrize(
    "path",
    ["/v1/embeddings", "/embeddings", "/openai/deployments/titan2/embeddings", "/engines/titan2/embeddings"],
)
def test_paths(gateway, curl, path):
    body = json.dumps({"model": "titan2", "input": "a", "encoding_format": "base64"})
    status, headers, answer = curl(
        gateway.url + path, "-H", f"Authorization: Bearer {gateway.key}", "-H", "Content-Type: application/json", "-d", body
    )
    assert status == 200 and headers["content-type"] == "application/json"
    (item,) = json.loads(answer)["data"]
    vector = base64.b64decode(item["embedding"])
    assert len(struct.unpack("<1024f", vector)) == 1024


# ---- what fails -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ({"model": "claude", "input": "a"}, "makes no embeddings"),
        ({"model": "nobody", "input": "a"}, "Invalid model name"),
        ({"model": "titan2", "input": [1, 2, 3]}, "token ids are not supported"),
        ({"model": "titan2", "input": [[1, 2], [3]]}, "token ids are not supported"),
        ({"model": "titan2", "input": ["a", {"b": 1}]}, r"input\[1\]"),
        ({"model": "titan2", "input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"model": "titan2", "input": "a", "dimensions": 7}, "dimensions"),
    ],
)
def test_mistakes_of_the_client(client, options, message):
    with pytest.raises(openai.BadRequestError, match=message):
        client.embeddings.create(**options)


def test_the_first_failure_ends_it(client, simulator):
    """One of the texts makes the simulator throttle: that is the answer, and the rest is not sent."""
    texts = ["[[sim:throttle]]"] + ["[[sim:slow_head(300)]] a"] * 60
    before = simulator.stats()["requests"]
    with pytest.raises(openai.RateLimitError) as caught:
        client.embeddings.create(model="titan2", input=texts)
    assert caught.value.response.headers["retry-after"]
    assert simulator.stats()["requests"] <= before + 16


def test_eight_at_once(client, simulator):
    texts = ["[[sim:slow_head(200)]] a"] * 16
    begin = time.monotonic()
    client.embeddings.create(model="titan2", input=texts)
    took = time.monotonic() - begin
    assert 0.4 <= took < 1.5, took


def test_the_timeout_is_of_the_whole_answer(client, simulator):
    """Each call alone is in time; all of them are not."""
    before = simulator.stats()["cancelled"]
    begin = time.monotonic()
    with pytest.raises(openai.APIStatusError) as caught:
        client.embeddings.create(model="hasty", input=["[[sim:slow_head(400)]] a"] * 80)
    assert caught.value.status_code == 408 and time.monotonic() - begin < 3
    wait_for(lambda: simulator.stats()["cancelled"] > before, 2, "the calls that ran cancelled")


def test_the_client_leaves(gateway, simulator):
    before = simulator.stats()["cancelled"]
    body = json.dumps({"model": "titan2", "input": ["[[sim:hang]] a"] * 20}).encode()
    with Raw(gateway) as raw:
        raw.request("POST", "/v1/embeddings", ["Content-Type: application/json"], body)
        time.sleep(0.3)
    wait_for(lambda: simulator.stats()["cancelled"] >= before + 8, 2, "all running calls cancelled")
    wait_for(lambda: simulator.stats()["cancelled"] == before + 8, 1, "no further call begun")


def test_many_clients(gateway, simulator):
    failures = []

    def work(n):
        with openai_client(gateway) as c:
            for i in range(5):
                texts = [f"{n} {i} {k}" for k in range(12)]
                found = c.embeddings.create(model="titan2", input=texts)
                if len(found.data) != 12:
                    failures.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not failures


# ---- LangChain --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["titan2", "cohere3", "nova-embed"])
def test_langchain(gateway, model):
    with openai.DefaultHttpxClient() as pool:
        store = OpenAIEmbeddings(
            model=model,
            api_key=gateway.key,
            base_url=gateway.base_url,
            check_embedding_ctx_length=False,
            max_retries=0,
            http_client=pool,
        )
        texts = ["the weather in Paris", "weather in Tokyo", "a recipe for bread"]
        documents = store.embed_documents(texts)
        query = store.embed_query("what is the weather like in Paris")
    scores = [near(query, d) for d in documents]
    assert scores.index(max(scores)) == 0 and scores[2] == min(scores)


# ---- the SDK for Node -------------------------------------------------------------------------------


def test_node(gateway, node):
    found = node("openai_embeddings.mjs", BASE_URL=gateway.base_url, API_KEY=gateway.key)
    packed, plain = found["packed"], found["plain"]
    assert packed["indexes"] == [0, 1] and packed["usage"] == plain["usage"]
    for a, b in zip(packed["vectors"], plain["vectors"], strict=True):
        assert len(a) == 1024 and a == pytest.approx(b, abs=1e-6)
    assert len(found["small"]["vectors"][0]) == 256
    assert found["refused"] == {"name": "BadRequestError", "status": 400}
    assert found["completion"] == {"text": "Grüße 🦜", "reasons": ["stop"], "usages": 1}


# ---- once more --------------------------------------------------------------------------------------


def create(client, model, inputs, **more):
    return client.embeddings.with_raw_response.create(model=model, input=inputs, **more)


@pytest.mark.parametrize("fault", ["error(500)", "throttle", "cut(0)"])
def test_a_retry_helps(client, simulator, fault, request):
    """One input of three fails once: all are asked for anew, the other two are not paid for twice."""
    name = f"{request.node.name} {fault}"
    inputs = ["one " + name, f"[[sim:{fault}]] [[sim:times(1)]] two {name}", "three " + name]
    before = simulator.stats()["requests"]
    raw = create(client, "stubborn", inputs)
    assert raw.headers["x-litellm-attempted-retries"] == "1"
    assert [d.index for d in raw.parse().data] == [0, 1, 2]
    assert before + 4 <= simulator.stats()["requests"] <= before + 6
    again = create(client, "stubborn", inputs)
    assert again.headers["x-litellm-attempted-retries"] == "0"
    assert again.parse().usage == raw.parse().usage
    assert again.headers["x-litellm-response-cost"] == raw.headers["x-litellm-response-cost"]
    assert [d.embedding for d in again.parse().data] == [d.embedding for d in raw.parse().data]


def test_retries_end(client, simulator, request):
    before = simulator.stats()["requests"]
    with pytest.raises(openai.InternalServerError):
        create(client, "stubborn", f"[[sim:error(503)]] {request.node.name}")
    assert simulator.stats()["requests"] == before + 3
    with pytest.raises(openai.BadRequestError):
        create(client, "stubborn", f"[[sim:error(400)]] {request.node.name}")
    assert simulator.stats()["requests"] == before + 4


def test_a_fallback(client, simulator, request):
    before = simulator.stats()["requests"]
    raw = create(client, "first", [f"[[sim:error(400)]] [[sim:times(1)]] {request.node.name}", "two"])
    assert raw.headers["x-litellm-attempted-fallbacks"] == "1"
    assert raw.headers["x-litellm-model-group"] == "titan1"
    assert len(raw.parse().data) == 2
    assert before + 3 <= simulator.stats()["requests"] <= before + 4
    with pytest.raises(openai.BadRequestError):
        create(client, "first", f"[[sim:error(400)]] {request.node.name}", extra_body={"disable_fallbacks": True})


def test_what_cannot_be_asked_is_not_retried(client, simulator):
    before = simulator.stats()["requests"]
    with pytest.raises(openai.BadRequestError):
        create(client, "titan1", "x", dimensions=256)
    assert simulator.stats()["requests"] == before
