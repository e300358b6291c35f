"""OpenTelemetry: what a collector is told of each request; and what callbacks have in common."""

import base64
import contextlib
import http.client
import json
import pathlib
import re

import openai
import opentelemetry.semconv
import pytest
from conftest import configuration, openai_client
from destination import PROTOBUF, attributes, destination, spans_of
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from programs import wait_for

QUICK = {"DEFAULT_FLUSH_INTERVAL_SECONDS": "0.1"}
MESSAGES = [{"role": "user", "content": "hello"}]


def otel(endpoint, **more):
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=a%20b", **QUICK, **more}


def watched(simulator, **settings):
    return configuration(simulator.url, litellm_settings={"callbacks": ["otel"], **settings})


def sink(gateway, name="otel"):
    return next(c for c in gateway.holds()["callbacks"] if c["name"] == name)


@pytest.fixture(scope="module")
def traced(launch, simulator, server):
    return launch(watched(simulator), env=otel(server.url))


def ask(gateway, **more):
    with openai_client(gateway) as client:
        answer = client.chat.completions.create(
            **{"model": "claude", "messages": MESSAGES, "max_tokens": 20, **more}
        )
        return list(answer) if more.get("stream") else answer


def trace_of(server, **wanted):
    """The spans of the request whose root has these attributes, the root first."""

    def find():
        for root in server.spans():
            a = attributes(root)
            if root["kind"] == 2 and all(a.get(k) == v for k, v in wanted.items()):
                children = [s for s in server.spans() if s.get("parentSpanId") == root["spanId"]]
                return [root, *children]
        return None

    return wait_for(find, 30, f"a trace with {wanted}")


def test_one_trace_for_a_request_with_a_span_for_its_call(traced, server, simulator):
    mark = simulator.mark()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = ask(
        traced,
        temperature=0.5,
        user="ada",
        metadata={"session_id": "s-1", "project": "blue"},
        extra_headers={"traceparent": parent, "tracestate": "vendor=1"},
    )
    root, call = trace_of(server, **{"user.id": "ada"})
    a = attributes(root)
    assert root["name"] == "chat claude" and root["parentSpanId"] == "00f067aa0ba902b7"
    assert {root["traceId"], call["traceId"]} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    assert root["traceState"] == "vendor=1"
    assert a["gen_ai.operation.name"] == "chat" and a["gen_ai.provider.name"] == "aws.bedrock"
    assert a["gen_ai.request.max_tokens"] == 20 and a["gen_ai.request.temperature"] == 0.5
    assert a["gen_ai.response.id"] == answer.id
    assert a["gen_ai.response.finish_reasons"] == [answer.choices[0].finish_reason]
    assert a["gen_ai.usage.input_tokens"] == answer.usage.prompt_tokens
    assert a["gen_ai.usage.output_tokens"] == answer.usage.completion_tokens
    assert a["session.id"] == "s-1" and a["metadata.project"] == "blue"
    assert a["http.response.status_code"] == 200 and a["http.route"] == "/v1/chat/completions"
    assert "gen_ai.input.messages" not in a  # nobody asked for content
    assert int(root["startTimeUnixNano"]) <= int(call["startTimeUnixNano"])
    assert int(call["endTimeUnixNano"]) <= int(root["endTimeUnixNano"])
    assert call["kind"] == 3 and attributes(call)["http.response.status_code"] == 200
    sent = simulator.since(mark)[-1]["headers"]
    assert sent["traceparent"] == f"00-4bf92f3577b34da6a3ce929d0e0e4736-{call['spanId']}-01"
    request = server.at("/v1/traces")[0]
    assert request.headers["x-tenant"] == "a b" and request.headers["content-type"] == PROTOBUF


@pytest.mark.parametrize(
    "variable", ["OTEL_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]
)
def test_json_where_it_was_asked_for(launch, simulator, variable):
    """Protobuf's own reader takes it, and nothing in it is unknown to it."""
    with destination() as d:
        gateway = launch(watched(simulator), env=otel(d.url, **{variable: "http/json"}), warm=False)
        for _ in range(2):  # the second has much of the first
            ask(gateway, user="ada", stop=["END"], metadata={"tags": ["red"]}, stream=True)
        gateway.stop()
        root, call, *again = d.spans()
        assert attributes(root)["user.id"] == "ada" and attributes(root)["gen_ai.request.stop_sequences"] == ["END"]
        assert call["parentSpanId"] == root["spanId"] and len(root["traceId"]) == 32
        assert [(s["name"], set(attributes(s))) for s in again] == [(s["name"], set(attributes(s))) for s in (root, call)]
        for request in d.at("/v1/traces"):
            assert request.headers["content-type"] == "application/json"
            json_format.Parse(hexless(request.json()), ExportTraceServiceRequest())


def hexless(request):
    """OTLP's JSON has ids in hexadecimal where protobuf's has base64."""
    for span in spans_of(request):
        for key in {"traceId", "spanId", "parentSpanId"} & set(span):
            span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    return json.dumps(request)


def test_what_is_no_utf8_does_not_spoil_the_rest(traced, server):
    """A reader of protobuf refuses a whole request for one such text."""
    headers = {"User-Agent": "caf\xe9 \xf0\x9f\x98", "tracestate": "vendor=\xff"}
    headers |= {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "Authorization": f"Bearer {traced.key}"}
    body = json.dumps({"model": "claude", "messages": MESSAGES, "user": "latin"})
    with contextlib.closing(http.client.HTTPConnection(traced.host, traced.port)) as raw:
        raw.request("POST", "/v1/chat/completions", body, headers)
        assert raw.getresponse().status == 200
    root, _ = trace_of(server, **{"user.id": "latin"})
    assert attributes(root)["user_agent.original"].startswith("caf\ufffd \ufffd")


def test_names_are_those_of_the_conventions(traced, server):
    """Whatever has no prefix of ours stands in OpenTelemetry's package of semantic conventions."""
    files = pathlib.Path(opentelemetry.semconv.__file__).parent.rglob("*.py")
    known = {name for f in files for name in re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', f.read_text())}
    ask(traced, user="by the book", stream=True, temperature=0.5, stop=["END"], metadata={"session_id": "s-2"})
    used = {name for span in trace_of(server, **{"user.id": "by the book"}) for name in attributes(span)}
    used = {name for name in used if not name.startswith(("litellm.", "metadata."))}
    assert len(used) > 20 and used - known == {"gen_ai.usage.cost"}


def test_a_request_without_a_trace_gets_one_of_its_own(traced, server, simulator):
    mark = simulator.mark()
    with openai_client(traced) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="claude", messages=MESSAGES, user="grace", stream=True
        )
        raw.parse().response.read()
    root, call = trace_of(server, **{"user.id": "grace"})
    assert root["traceId"] == raw.headers["x-litellm-call-id"].replace("-", "")
    assert "traceparent" not in simulator.since(mark)[-1]["headers"]
    assert "parentSpanId" not in root
    assert root["spanId"] != call["spanId"]
    assert attributes(root)["gen_ai.request.stream"] is True
    assert attributes(root)["gen_ai.server.time_to_first_token"] >= 0


def test_each_attempt_is_a_span_and_failures_say_what(traced, server):
    with pytest.raises(openai.RateLimitError):
        ask(traced, user="lin", messages=[{"role": "user", "content": "[[sim:throttle]]"}], extra_body={"num_retries": 1})
    root, first, second = trace_of(server, **{"user.id": "lin"})
    assert root["status"]["code"] == 2 and attributes(root)["error.type"] == "RateLimitError"
    for call in (first, second):
        assert attributes(call)["http.response.status_code"] == 429
        assert attributes(call)["error.type"] == "RateLimitError"
    assert first["spanId"] != second["spanId"]


def test_what_fails_before_a_call_is_a_trace_too(traced, server):
    with pytest.raises(openai.BadRequestError):
        ask(traced, model="no-such-model", user="mary")
    (root,) = trace_of(server, **{"user.id": "mary"})
    assert root["name"] == "chat no-such-model" and attributes(root)["http.response.status_code"] == 400


def test_content_is_told_where_it_was_asked_for(launch, simulator, server):
    content = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    gateway = launch(watched(simulator), env=otel(server.url, **content))
    answer = ask(gateway, user="content").choices[0].message.content
    for stream in (False, True):
        ask(gateway, user=f"content-{stream}", stream=stream)
        a = attributes(trace_of(server, **{"user.id": f"content-{stream}"})[0])
        (asked,), (told,) = (json.loads(a[f"gen_ai.{k}.messages"]) for k in ("input", "output"))
        assert asked == {"role": "user", "parts": [{"type": "text", "content": "hello"}]}
        assert told["role"] == "assistant" and told["finish_reason"] == "length"
        assert told["parts"] == [{"type": "text", "content": answer}]


def test_redacted_content_is_not_told(launch, simulator, server):
    content = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    settings = {"turn_off_message_logging": True, "forward_traceparent_to_llm_provider": True}
    gateway = launch(watched(simulator, **settings), env=otel(server.url, **content))
    mark = simulator.mark()
    ask(gateway, user="secret")
    root, call = trace_of(server, **{"user.id": "secret"})
    assert simulator.since(mark)[-1]["headers"]["traceparent"] == f"00-{root['traceId']}-{call['spanId']}-01"
    a = attributes(root)
    assert "hello" not in json.dumps(a)
    assert json.loads(a["gen_ai.output.messages"])[0]["parts"][0]["content"] == "redacted-by-litellm"


@pytest.mark.parametrize("sampler, kept", [("always_off", False), ("parentbased_traceidratio", True)])
def test_sampling(launch, simulator, sampler, kept):
    with destination() as d:
        env = otel(d.url, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG="0")
        gateway = launch(watched(simulator), env=env, warm=False)
        ask(gateway, user="dropped")
        ask(gateway, user="kept", extra_headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
        wait_for(lambda: sink(gateway)["taken"] == 2)
        gateway.stop()
        assert [attributes(s).get("user.id") for s in d.spans() if s["kind"] == 2] == ["kept"] * kept


def test_the_lowest_bit_says_whether_a_trace_is_sampled(launch, simulator):
    with destination() as d:
        gateway = launch(watched(simulator), env=otel(d.url), warm=False)
        for flags in ("0a", "0b", "02", "03"):
            ask(gateway, user=flags, extra_headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-{flags}"})
        wait_for(lambda: sink(gateway)["taken"] == 4)
        gateway.stop()
        assert [attributes(s).get("user.id") for s in d.spans() if s["kind"] == 2] == ["0b", "03"]


def test_what_waits_is_told_at_the_end(launch, simulator):
    with destination() as d:
        gateway = launch(watched(simulator), env=otel(d.url), warm=False)
        ask(gateway, user="last")
        gateway.stop()
        assert [attributes(s)["user.id"] for s in d.spans() if s["kind"] == 2] == ["last"]


def test_a_callback_that_cannot_be_used_is_said(launch, simulator):
    gateway = launch(
        configuration(simulator.url, litellm_settings={"success_callback": ["otel", "nonsense"]}),
        env={"OTEL_EXPORTER": "otlp_grpc"},
        warm=False,
    )
    assert "callback otel is not used: OTEL_EXPORTER" in gateway.log()
    assert "callback nonsense is not used" in gateway.log()
    ask(gateway)
    assert gateway.holds()["callbacks"] == []


def test_success_callbacks_hear_nothing_of_failures(launch, simulator):
    with destination() as d:
        settings = {"success_callback": ["otel"]}
        gateway = launch(configuration(simulator.url, litellm_settings=settings), env=otel(d.url), warm=False)
        with pytest.raises(openai.BadRequestError):
            ask(gateway, model="no-such-model")
        ask(gateway, user="good")
        gateway.stop()
        assert [attributes(s)["user.id"] for s in d.spans() if s["kind"] == 2] == ["good"]


def test_the_words_of_an_error_can_be_kept_back(launch, simulator, server):
    """The client is told them; the log and callbacks only what kind of error it was."""
    gateway = launch(watched(simulator, redact_messages_in_exceptions=True), env=otel(server.url), warm=False)
    with pytest.raises(openai.BadRequestError) as e:
        ask(gateway, user="quoted", messages=[{"role": "user", "content": "[[sim:error(400,you said hush)]]"}])
    assert "hush" in str(e.value)
    root, call = trace_of(server, **{"user.id": "quoted"})
    assert attributes(root)["error.type"] == attributes(call)["error.type"] == "BadRequestError"
    assert root["status"]["message"] == call["status"]["message"] == "redacted-by-litellm"
    with pytest.raises(openai.BadRequestError):
        ask(gateway, user="own", model="no-such-model")
    (root,) = trace_of(server, **{"user.id": "own"})
    assert "no-such-model" in root["status"]["message"]  # the gateway's own words
    gateway.stop()
    assert "hush" not in gateway.log() and "redacted-by-litellm" in gateway.log()
