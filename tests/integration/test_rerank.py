"""POST /rerank: documents in the order that Bedrock gives them."""

import json

import pytest
from conftest import configuration, deployment

ARN = "arn:aws:bedrock:eu-central-1::foundation-model/cohere.rerank-v3-5:0"
DOCUMENTS = ["The capital of Germany is Berlin", "The capital of France is Paris", "Bread is baked"]
QUERY = "the capital of France"


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    ranker = "bedrock/cohere.rerank-v3-5:0"
    models = [
        deployment("cohere", ranker, simulator.url),
        deployment("amazon", "bedrock/amazon.rerank-v1:0", simulator.url),
        deployment("by-arn", f"bedrock/{ARN}", simulator.url),
        deployment("away", ranker, "http://127.0.0.1:9"),
        deployment("flaky", ranker, simulator.url, num_retries=1),
    ]
    return launch(
        configuration(
            simulator.url,
            extra_models=models,
            general_settings={"api_keys": [{"key": "sk-small-0001", "models": ["amazon"]}]},
            router_settings={"fallbacks": [{"away": ["cohere"]}], "disable_cooldowns": True},
        )
    )


@pytest.fixture
def rerank(gateway, curl):
    def ask(path="/v1/rerank", key=gateway.key, **body):
        body = {"model": "cohere", "query": QUERY, "documents": DOCUMENTS, **body}
        body = json.dumps({k: v for k, v in body.items() if v is not None})
        head = ["-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"]
        status, headers, answer = curl(gateway.url + path, *head, "-d", body)
        return status, headers, json.loads(answer)

    return ask


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_order(rerank, simulator, path):
    mark = simulator.mark()
    status, headers, answer = rerank(path)
    assert status == 200 and set(answer) == {"id", "results", "meta"}
    assert [r["index"] for r in answer["results"]][0] == 1 and len(answer["results"]) == 3
    scores = [r["relevance_score"] for r in answer["results"]]
    assert scores == sorted(scores, reverse=True) and all(set(r) == {"index", "relevance_score"} for r in answer["results"])
    assert answer["meta"] == {"billed_units": {"search_units": 1}, "tokens": {}}
    assert headers["x-litellm-response-cost"] == "0.002"
    (call,) = simulator.since(mark)
    assert call["path"] == "/rerank"
    ranking = call["body"]["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert ranking["modelConfiguration"] == {"modelArn": "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"}


def test_some_with_their_documents(rerank, simulator):
    objects = [{"title": "Germany", "text": t, "n": 1} for t in DOCUMENTS]
    _, _, answer = rerank(documents=[*objects, DOCUMENTS[1]], top_n=2, return_documents=True)
    documents = {r["index"]: r["document"] for r in answer["results"]}
    assert len(documents) == 2 and documents[3] == {"text": DOCUMENTS[1]}
    mark = simulator.mark()
    rerank(documents=objects, rank_fields=["text", "none"], top_n=99, max_tokens_per_doc=300, max_chunks_per_doc=3)
    body = simulator.since(mark)[0]["body"]
    assert [s["inlineDocumentSource"]["jsonDocument"] for s in body["sources"]] == [{"text": t} for t in DOCUMENTS]
    ranking = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert ranking["modelConfiguration"]["additionalModelRequestFields"] == {"max_tokens_per_doc": 300}
    assert ranking["numberOfResults"] == 3


@pytest.mark.parametrize("model, cost", [("amazon", 0.001), ("by-arn", 0.002)])
def test_models_and_prices(rerank, simulator, model, cost):
    mark = simulator.mark()
    status, headers, answer = rerank(model=model, documents=[f"text {i}" for i in range(101)])
    assert status == 200 and answer["meta"]["billed_units"]["search_units"] == 2
    assert float(headers["x-litellm-response-cost"]) == pytest.approx(2 * cost)
    arn = simulator.since(mark)[0]["body"]["rerankingConfiguration"]["bedrockRerankingConfiguration"]["modelConfiguration"]["modelArn"]
    assert arn == ARN if model == "by-arn" else arn.endswith("/amazon.rerank-v1:0")


@pytest.mark.parametrize(
    "body, words",
    [
        ({"query": None}, "query"),
        ({"query": 3}, "query: expected a string"),
        ({"documents": None}, "documents"),
        ({"documents": []}, "documents: expected a list"),
        ({"documents": ["a", 1]}, r"documents[1]: expected a string or an object"),
        ({"top_n": 0}, "top_n"),
        ({"return_documents": "yes"}, "return_documents"),
        ({"rank_fields": "text"}, "rank_fields"),
        ({"model": "nobody"}, "Invalid model name"),
        ({"model": "claude"}, "doesn't support reranking"),
        ({"documents": ["a"] * 1001}, "1000"),
    ],
)
def test_mistakes_of_the_client(rerank, body, words):
    status, _, answer = rerank(**body)
    assert status == 400 and words in answer["error"]["message"]


def test_failures(rerank, simulator):
    assert rerank(query="[[sim:throttle]] x")[0] == 429
    assert rerank(key="sk-wrong")[0] == 401
    assert rerank(key="sk-small-0001")[0] == 403
    mark = simulator.mark()
    assert rerank(model="flaky", query="[[sim:throttle(1)]] y")[0] == 200 and len(simulator.since(mark)) == 2
    status, headers, _ = rerank(model="away")
    assert status == 200 and headers["x-litellm-attempted-fallbacks"] == "1"


def test_health(gateway, simulator):
    mark = simulator.mark()
    assert gateway.get("/health?model=amazon", gateway.key)[1]["healthy_count"] == 1
    assert simulator.since(mark)[0]["path"] == "/rerank"
