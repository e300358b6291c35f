"""What callbacks are told of each kind of request: its words in their places, all of them or none, and no keys."""

import json

import httpx
import pytest
from conftest import KEY, configuration, deployment
from destination import attributes, destination
from programs import wait_for
from test_callbacks import NAMES, check_payload, other_variables, variables
from test_guardrails import MASK, SECRET, filter_

SAID = "the words"
USER = {"role": "user", "content": SAID}
SYSTEM = {"role": "system", "content": f"system of {SAID}"}
PART = [{"text": SAID}]
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": SAID}
LONG = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object", "description": "x" * 20000}}}

# Route, body, the messages that are told, and the parameters.
KINDS = {
    "chat": ("/v1/chat/completions", {"messages": [USER], "max_tokens": 9}, [USER], {"max_tokens": 9}),
    "long": ("/v1/chat/completions", {"messages": [USER], "response_format": LONG, "top_p": 0.5}, [USER], {"top_p": 0.5}),
    "messages": ("/v1/messages", {"system": SYSTEM["content"], "messages": [USER], "max_tokens": 9}, [SYSTEM, USER], {"max_tokens": 9}),
    "blocks": ("/v1/messages", {"system": [{"type": "text", "text": SAID}], "messages": [USER], "max_tokens": 9, "stream": True},
               [{"role": "system", "content": [{"type": "text", "text": SAID}]}, USER], {"max_tokens": 9, "stream": True}),
    "responses": ("/v1/responses", {"instructions": SYSTEM["content"], "input": SAID, "max_output_tokens": 99}, [SYSTEM, USER], {"max_output_tokens": 99}),
    "items": ("/v1/responses", {"input": [USER, CALL, RESULT], "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]},
              [USER, CALL, RESULT], {}),
    "completions": ("/v1/completions", {"prompt": SAID, "max_tokens": 9}, SAID, {"max_tokens": 9}),
    "embeddings": ("/v1/embeddings", {"model": "embedder", "input": SAID}, SAID, {}),
    "rerank": ("/v1/rerank", {"model": "ranker", "query": SAID, "documents": [SAID], "top_n": 1}, SAID, {"documents": [SAID], "top_n": 1}),
    "converse": ("/bedrock/model/claude/converse", {"system": PART, "messages": [{"role": "user", "content": PART}]},
                 [{"role": "system", "content": PART}, {"role": "user", "content": PART}], {}),
    "converse-stream": ("/bedrock/model/claude/converse-stream", {"messages": [{"role": "user", "content": PART}]},
                        [{"role": "user", "content": PART}], {}),
    "invoke": ("/bedrock/model/claude/invoke", {"anthropic_version": "bedrock-2023-05-31", "messages": [USER], "max_tokens": 9},
               [USER], {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9}),
}
OPERATIONS = {"completions": "text_completion", "embeddings": "embeddings", "rerank": "rerank"}
SILENT = ("embeddings", "rerank")  # nothing is said


@pytest.fixture(scope="module")
def place():
    with destination() as d:
        yield d


@pytest.fixture(scope="module")
def gateway(launch, simulator, place, tmp_path_factory):
    """One with all callbacks; its database is for keys."""
    models = [
        deployment("embedder", "bedrock/amazon.titan-embed-text-v2:0", simulator.url),
        deployment("ranker", "bedrock/cohere.rerank-v3-5:0", simulator.url),
    ]
    bucket = {"s3_bucket_name": "b", "s3_region_name": "us-east-1", "s3_endpoint_url": f"{place.url}/s3"}
    bucket |= {"s3_aws_access_key_id": "a", "s3_aws_secret_access_key": "s"}
    callbacks = [n for n in NAMES if n != "mine"]
    return launch(
        configuration(
            simulator.url,
            extra_models=models,
            litellm_settings={"callbacks": [*callbacks, "otel", "langfuse"], "s3_callback_params": bucket},
            general_settings={
                "litellm_key_header_name": "X-Litellm-Ours",
                "database_url": f"sqlite:///{tmp_path_factory.mktemp('kinds')}/keys.db",
                "pass_through_endpoints": [{"path": "/elsewhere", "target": f"{place.url}/elsewhere", "auth": True}],
            },
        ),
        env={**variables(place.url), **other_variables(place.url), "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
        warm=False,
    )


def root(gateway):
    return gateway.base_url.removesuffix("/v1")


def ask(gateway, path, body, key=KEY, status=200, **headers):
    """The id of the request."""
    whole = body if "/bedrock/" in path else {"model": "claude", **body}
    answer = httpx.post(root(gateway) + path, json=whole, headers={"Authorization": f"Bearer {key}", **headers}, timeout=20)
    assert answer.status_code == status, answer.text
    return answer.headers["x-litellm-call-id"]


def payload_of(place, request):
    def find():
        return [p for r in place.at("/webhook") for p in r.json() if p["litellm_call_id"] == request]

    return wait_for(find, 20, request)[0]


def span_of(place, request, path="/v1/traces"):
    def find():
        return [a for s in place.spans(path) if (a := attributes(s)).get("litellm.call_id") == request]

    return wait_for(find, 20, request)[0]


def words(messages):
    """The texts in OpenTelemetry's parts."""
    return [p.get("content", p.get("response")) for m in messages for p in m["parts"] if p["type"] != "tool_call"]


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_told(gateway, place, kind):
    path, body, messages, parameters = KINDS[kind]
    request = ask(gateway, path, body)
    payload = payload_of(place, request)
    check_payload(payload)
    assert payload["messages"] == messages and payload["model_parameters"] == parameters
    a = span_of(place, request)
    asked = json.loads(a["gen_ai.input.messages"])
    assert [m["role"] for m in asked] == ["user"] if isinstance(messages, str) else [m.get("role") for m in messages if "role" in m]
    assert all(SAID in w for w in words(asked)) and words(asked)
    assert a["gen_ai.operation.name"] == OPERATIONS.get(kind, "chat") and a["gen_ai.provider.name"] == "aws.bedrock"
    if kind in SILENT:
        assert "gen_ai.output.messages" not in a
        return
    said = payload["response"]["choices"][0]["message"]["content"]
    assert said and words(json.loads(a["gen_ai.output.messages"])) == [said]


def test_items_of_responses_are_messages_of_opentelemetry(gateway, place):
    path, body, *_ = KINDS["items"]
    asked = json.loads(span_of(place, ask(gateway, path, body))["gen_ai.input.messages"])
    assert asked == [
        {"role": "user", "parts": [{"type": "text", "content": SAID}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": "{}"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": SAID}]},
    ]


def test_embeddings_are_no_chat(gateway, place):
    request = ask(gateway, *KINDS["embeddings"][:2])
    payload = payload_of(place, request)
    assert payload["response"]["object"] == "list" and payload["response"]["usage"]["prompt_tokens"] > 0
    told = wait_for(lambda: [r.json() for r in place.at("/oai/v1/log") if "/embeddings" in r.json()["providerRequest"]["url"]], 20, "a log")[0]
    assert told["providerRequest"]["json"]["input"] == SAID and told["providerResponse"]["json"]["object"] == "list"
    told = wait_for(lambda: [r.json() for r in place.at("/track-request") if "embeddings" in r.json()["function_name"]], 20, "a request")[0]
    assert told["kwargs"]["input"] == SAID


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_kept_back(gateway, place, kind):
    """Of no kind of request does any callback get a word, where the client wants it so."""
    path, body, *_ = KINDS[kind]
    before = len(place.received)
    request = ask(gateway, path, body, **{"x-litellm-enable-message-redaction": "true"})
    payload = payload_of(place, request)
    assert payload["messages"] == [{"role": "user", "content": "redacted-by-litellm"}]
    assert words(json.loads(span_of(place, request)["gen_ai.input.messages"])) == ["redacted-by-litellm"]
    wait_for(lambda: all(not c["waiting"] for c in gateway.holds()["callbacks"]), 20, "all of them")
    for r in place.received[before:]:
        assert SAID not in r.body.decode(errors="replace"), r.path


NATIVE = {
    "inputText": ("amazon.titan-embed-text-v2:0", {"inputText": f"so {SECRET}"}),
    "messages": ("claude", {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": SECRET}]}),
}


@pytest.mark.parametrize("kind", NATIVE)
def test_what_guardrails_hide_from_logs_is_hidden(launch, simulator, kind):
    model, body = NATIVE[kind]
    with destination() as d:
        titan = deployment("amazon.titan-embed-text-v2:0", "bedrock/amazon.titan-embed-text-v2:0", simulator.url)
        config = configuration(simulator.url, extra_models=[titan], litellm_settings={"callbacks": ["webhook"]})
        config["guardrails"] = [filter_("shown", "logging_only", "MASK", default_on=True)]
        gateway = launch(config, env=variables(d.url), warm=False)
        payload = payload_of(d, ask(gateway, f"/bedrock/model/{model}/invoke", body))
        assert MASK in json.dumps(payload["messages"]) and SECRET not in json.dumps(payload)


def test_guardrails_are_told(launch, simulator):
    with destination() as d:
        config = configuration(simulator.url, litellm_settings={"callbacks": ["webhook"]})
        config["guardrails"] = [filter_("first", "pre_call", "BLOCK", default_on=True), filter_("second", "pre_call", "MASK")]
        gateway = launch(config, env=variables(d.url), warm=False)
        body = {"messages": [USER], "max_tokens": 9}
        told = payload_of(d, ask(gateway, "/v1/chat/completions", {**body, "guardrails": ["second"]}))
        assert told["metadata"]["applied_guardrails"] == ["first", "second"] and told["status_fields"]["guardrail_status"] == "success"
        told = payload_of(d, ask(gateway, "/v1/chat/completions", {"messages": [{"role": "user", "content": SECRET}]}, status=400))
        assert told["metadata"]["applied_guardrails"] == ["first"]
        assert told["status_fields"] == {"llm_api_status": "failure", "guardrail_status": "guardrail_intervened"}


def test_a_request_for_another_server(gateway, place):
    request = ask(gateway, "/elsewhere", {})
    payload = payload_of(place, request)
    check_payload(payload)
    a = span_of(place, request)
    assert a["gen_ai.operation.name"] == "pass_through" and "gen_ai.provider.name" not in a
    assert payload["call_type"] == "pass_through_endpoint" and payload["custom_llm_provider"] is None


def test_a_stream_that_breaks_off(gateway, place):
    body = {"messages": [{"role": "user", "content": "[[sim:chunks(9,40)]] [[sim:end(5)]]"}], "stream": True}
    request = ask(gateway, "/v1/chat/completions", body)
    payload = payload_of(place, request)
    check_payload(payload)
    assert payload["status"] == "failure" and payload["response_cost"] > 0
    assert payload["error_information"]["error_code"] == "502" and payload["error_information"]["error_class"] == "BadGatewayError"
    told = wait_for(lambda: [r.json() for r in place.at("/anthropic/v1/log") if "sim:end" in r.body.decode()], 20, "a log")[0]
    assert told["providerResponse"]["status"] == 502
    a = span_of(place, request)
    assert a["http.response.status_code"] == 200 and a["error.type"] == "BadGatewayError"


def test_a_client_that_leaves(gateway, place):
    body = {"model": "claude", "messages": [{"role": "user", "content": "[[sim:chunks(99,40)]] [[sim:gap(50)]]"}], "stream": True}
    with httpx.stream("POST", root(gateway) + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"}) as answer:
        next(answer.iter_lines())
    request = answer.headers["x-litellm-call-id"]
    payload = payload_of(place, request)
    assert payload["status"] == "failure" and "client left" in payload["error_str"]
    assert payload["error_information"]["error_code"] == "499" and span_of(place, request)["error.type"] == "499"


def test_what_a_kept_answer_saved(launch, simulator):
    with destination() as d:
        settings = {"callbacks": ["webhook"], "cache": True, "cache_params": {"type": "local"}}
        gateway = launch(configuration(simulator.url, litellm_settings=settings), env=variables(d.url), warm=False)
        paid, kept = (payload_of(d, ask(gateway, "/v1/chat/completions", {"messages": [USER], "max_tokens": 9})) for _ in range(2))
        assert paid["response_cost"] == kept["saved_cache_cost"] > 0 == kept["response_cost"] == paid["saved_cache_cost"]
        assert kept["cache_hit"] is True and kept["cache_key"] == paid["cache_key"] == kept["hidden_params"]["cache_key"] != ""


def test_headers_with_keys_are_told_to_nobody(gateway, place):
    before = len(place.received)
    headers = {"X-Litellm-Ours": KEY, "x-litellm-key": "sk-another", "x-litellm-trace-id": "trace-7"}
    body = {"messages": [USER], "max_tokens": 9, "extra_headers": {"x-inner": "sk-inner"}}
    payload_of(place, ask(gateway, "/v1/chat/completions", {**body, "langfuse_secret_key": "sk-langfuse"}, status=400))
    payload = payload_of(place, ask(gateway, "/v1/chat/completions", body, **headers))
    assert payload["metadata"]["requester_custom_headers"] == {"x-litellm-trace-id": "trace-7"}
    assert payload["trace_id"] == "trace-7"
    wait_for(lambda: all(not c["waiting"] for c in gateway.holds()["callbacks"]), 20, "all of them")
    for r in place.received[before:]:
        for secret in (KEY, "sk-another", "sk-inner", "sk-langfuse"):
            assert secret not in r.body.decode(errors="replace"), (r.path, secret)


def key_with(gateway, **callback):
    body = {"metadata": {"logging": [{"callback_name": "webhook", "callback_type": "success_and_failure", **callback}]}}
    return httpx.post(root(gateway) + "/key/generate", json=body, headers={"Authorization": f"Bearer {KEY}"}).json()["key"]


def test_a_key_that_wants_what_everybody_has_takes_it_from_nobody(gateway, place):
    for key in (key_with(gateway), KEY):
        payload_of(place, ask(gateway, "/v1/chat/completions", {"messages": [USER], "max_tokens": 9}, key=key))


def test_what_a_key_has_left_is_told(gateway, place):
    body = {"messages": [USER], "max_tokens": 9}
    made = httpx.post(root(gateway) + "/key/generate", json={"max_budget": 5}, headers={"Authorization": f"Bearer {KEY}"}).json()
    for key, most, spent in ((made["key"], 5, 0), (KEY, None, None)):
        metadata = payload_of(place, ask(gateway, "/v1/chat/completions", body, key=key))["metadata"]
        assert metadata["user_api_key_max_budget"] == most and metadata["user_api_key_team_max_budget"] is None
        assert metadata["user_api_key_spend"] == pytest.approx(spent, abs=0.01) if most else metadata["user_api_key_spend"] is None


def test_a_header_of_a_key_is_one_header(gateway, place):
    headers = json.dumps({"x-one": "1\r\nx-two: 2", "x-three": "3"})
    key = key_with(gateway, callback_vars={"webhook_url": f"{place.url}/one-header", "webhook_headers": headers})
    ask(gateway, "/v1/chat/completions", {"messages": [USER], "max_tokens": 9}, key=key)
    told = place.wait("/one-header")[0].headers
    assert told["x-three"] == "3" and not {"x-one", "x-two"} & set(told)


def test_a_stream_is_there_when_it_begins(gateway, place):
    body = {"messages": [{"role": "user", "content": "[[sim:chunks(4,10)]] [[sim:gap(100)]]"}], "stream": True}
    payload = payload_of(place, ask(gateway, "/v1/chat/completions", body))
    assert payload["response_time"] == pytest.approx(payload["completionStartTime"] - payload["startTime"], abs=1e-4)
    assert payload["endTime"] - payload["startTime"] > payload["response_time"] + 0.2
