"""Langfuse: what it is told, over its OpenTelemetry endpoint and over the ingestion API of older servers.

The Python SDK, sent to the same stand-in, is the oracle of the first; the models of its API client
are the oracle of the second.
"""

import base64
import datetime
import hashlib
import json
import re

import openai
import pytest
from conftest import configuration, openai_client
from destination import PROTOBUF, attributes, destination
from langfuse import Langfuse
from langfuse.api.ingestion import types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from programs import wait_for

SPANS, INGESTION = "/api/public/otel/v1/traces", "/api/public/ingestion"
KEYS = {"LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-2"}
MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]


def start(launch, simulator, host, name, **settings):
    return launch(
        configuration(
            simulator.url,
            litellm_settings={
                "success_callback": [name],
                "failure_callback": [name],
                "disable_add_user_agent_to_request_tags": True,
                **settings,
            },
        ),
        env={**KEYS, "LANGFUSE_HOST": host, "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.1", "LANGFUSE_RELEASE": "r7"},
    )


@pytest.fixture(scope="module")
def traced(launch, simulator, server):
    return start(launch, simulator, server.url, "langfuse", langfuse_enable_update_trace_keys=True)


@pytest.fixture(scope="module")
def old_server():
    with destination() as d:
        d.missing.add(SPANS)
        d.status = 207
        yield d


@pytest.fixture(scope="module")
def ingested(launch, simulator, old_server):
    return start(launch, simulator, old_server.url, "langfuse", langfuse_enable_update_trace_keys=True)


def ask(gateway, metadata=None, **more):
    with openai_client(gateway) as client:
        answer = client.chat.completions.create(
            **{"model": "claude", "messages": MESSAGES, "max_tokens": 20, **more},
            **({"metadata": metadata} if metadata else {}),
        )
        return list(answer) if more.get("stream") else answer


def until(find, what):
    return wait_for(find, 30, what)


def told(server, session):
    """The attributes of the span of that session, and the span."""
    spans = until(
        lambda: [s for s in server.spans(SPANS) if attributes(s).get("session.id") == session], session
    )
    assert len(spans) == 1
    return attributes(spans[0]), spans[0]


def events(server, session):
    """The bodies of trace and generation of that session."""

    def find():
        all_events = [e for r in server.at(INGESTION) for e in r.json()["batch"]]
        traces = [e for e in all_events if e["body"].get("sessionId") == session]
        return traces and (traces, [e for e in all_events if e["body"].get("traceId") == traces[0]["body"]["id"]])

    traces, generations = until(find, session)
    assert len(traces) == len(generations) == 1
    return traces[0]["body"], generations[0]["body"]


# ---- the OpenTelemetry endpoint -----------------------------------------------------------------


def test_a_generation(traced, server):
    metadata = {"session_id": "s-1", "trace_name": "shop", "trace_user_id": "ada", "generation_name": "greet"}
    metadata |= {"tags": ["a", "b"], "colour": "blue", "version": "v3", "environment": "staging"}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    answer = ask(traced, metadata, temperature=0.5, tools=tools, stop=["END"])
    a, span = told(server, "s-1")
    assert span["name"] == "greet" and a["langfuse.trace.name"] == "shop" and a["user.id"] == "ada"
    assert a["langfuse.trace.tags"] == ["a", "b"] and a["langfuse.environment"] == "staging"
    assert a["langfuse.release"] == "r7" and a["langfuse.version"] == "v3"
    assert a["langfuse.observation.type"] == "generation" and a["langfuse.observation.level"] == "DEFAULT"
    assert json.loads(a["langfuse.observation.input"]) == {"messages": MESSAGES, "tools": tools}
    output = json.loads(a["langfuse.observation.output"])
    assert output == answer.choices[0].message.model_dump(exclude_unset=True) | output
    assert output["role"] == "assistant" and output["content"] == answer.choices[0].message.content
    parameters = json.loads(a["langfuse.observation.model.parameters"])
    assert parameters == {"max_tokens": 20, "temperature": 0.5, "stop": '["END"]'}
    usage = json.loads(a["langfuse.observation.usage_details"])
    assert usage == {
        "input": answer.usage.prompt_tokens,
        "output": answer.usage.completion_tokens,
        "total": answer.usage.total_tokens,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    assert json.loads(a["langfuse.observation.cost_details"]) == {"total": pytest.approx(answer.usage.cost)}
    known = json.loads(a["langfuse.observation.metadata"])
    assert known["colour"] == "blue" and known["aws_region_name"] == "us-east-1"
    assert json.loads(a["langfuse.trace.metadata"]) == {"colour": "blue", "environment": "staging"}
    request = server.at(SPANS)[0]
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"pk-lf-1:sk-lf-2").decode()
    assert request.headers["x-langfuse-ingestion-version"] == "4"
    assert not server.at(INGESTION)


def test_a_stream_says_when_it_began(traced, server):
    ask(traced, {"session_id": "s-2"}, stream=True)
    a, span = told(server, "s-2")
    began = datetime.datetime.fromisoformat(json.loads(a["langfuse.observation.completion_start_time"]))
    start_s, end_s = (int(span[f"{k}TimeUnixNano"]) / 1e9 for k in ("start", "end"))
    assert start_s - 0.001 <= began.timestamp() <= end_s + 0.001
    assert json.loads(a["langfuse.observation.output"])["content"]


def test_a_failure(traced, server):
    with pytest.raises(openai.RateLimitError):
        ask(traced, {"session_id": "s-3"}, messages=[{"role": "user", "content": "[[sim:throttle]]"}])
    a, span = told(server, "s-3")
    assert a["langfuse.observation.level"] == "ERROR" and span["status"]["code"] == 2
    assert a["langfuse.observation.status_message"] and "langfuse.observation.usage_details" not in a


def test_headers_steer_too_and_win(traced, server):
    headers = {"langfuse_session_id": "s-4", "langfuse_trace_user_id": "grace", "langfuse_tags": "x, y"}
    ask(traced, {"session_id": "no", "trace_user_id": "no"}, extra_headers=headers)
    a, _ = told(server, "s-4")
    assert a["user.id"] == "grace" and a["langfuse.trace.tags"] == ["x", "y"]


def seeded(text):
    return Langfuse.create_trace_id(seed=text)


def parsed(name):
    return lambda a, span: json.loads(a[f"langfuse.{name}"])


# Everything that LiteLLM lets a client say: a value, what is told of it, and where. The session is how
# each is found.
SAID = {
    "trace_id": ("order-1", seeded("order-1"), lambda a, span: span["traceId"]),
    "trace_name": ("shop", "shop", lambda a, span: a["langfuse.trace.name"]),
    "trace_user_id": ("ada", "ada", lambda a, span: a["user.id"]),
    "user_id": ("lin", "lin", lambda a, span: a["user.id"]),
    "trace_public": ("true", True, lambda a, span: a["langfuse.trace.public"]),
    "trace_release": ("r8", "r8", lambda a, span: a["langfuse.release"]),
    "generation_name": ("greet", "greet", lambda a, span: span["name"]),
    "parent_observation_id": ("ab" * 8, "ab" * 8, lambda a, span: span["parentSpanId"]),
    "version": ("v3", "v3", lambda a, span: a["langfuse.version"]),
    "environment": ("staging", "staging", lambda a, span: a["langfuse.environment"]),
    "prompt_name": ("p", "p", lambda a, span: a["langfuse.observation.prompt.name"]),
    "prompt_version": ("3", 3, lambda a, span: a["langfuse.observation.prompt.version"]),
    "mask_input": ("true", "redacted-by-litellm", parsed("observation.input")),
    "mask_output": ("true", "redacted-by-litellm", parsed("observation.output")),
}
ONLY_METADATA = {
    "tags": (["a", "b"], ["a", "b"], lambda a, span: a["langfuse.trace.tags"]),
    "trace_metadata": ({"floor": 2}, {"floor": 2}, parsed("trace.metadata")),
    "colour": ("blue", "blue", lambda a, span: parsed("observation.metadata")(a, span)["colour"]),
}


@pytest.mark.parametrize("name", [*SAID, *ONLY_METADATA])
def test_what_a_client_may_say_in_metadata(traced, server, name):
    value, wanted, found = {**SAID, **ONLY_METADATA}[name]
    ask(traced, {"session_id": f"m-{name}", name: value})
    assert found(*told(server, f"m-{name}")) == wanted


@pytest.mark.parametrize("name", SAID)
def test_what_a_client_may_say_in_headers(traced, server, name):
    value, wanted, found = SAID[name]
    ask(traced, {name: "nobody"}, extra_headers={"langfuse_session_id": f"h-{name}", f"langfuse_{name}": value})
    assert found(*told(server, f"h-{name}")) == wanted


def test_masks(traced, server):
    ask(traced, {"session_id": "s-5", "mask_input": "true"})
    a, _ = told(server, "s-5")
    assert json.loads(a["langfuse.observation.input"]) == "redacted-by-litellm"
    assert json.loads(a["langfuse.observation.output"])["content"]
    ask(traced, {"session_id": "s-6", "mask_output": "true"})
    a, _ = told(server, "s-6")
    assert json.loads(a["langfuse.observation.output"]) == "redacted-by-litellm"


def test_traces_are_joined_by_their_id(traced, server):
    ask(traced, {"session_id": "s-7", "trace_id": "order-17"})
    _, seeded = told(server, "s-7")
    assert seeded["traceId"] == Langfuse.create_trace_id(seed="order-17")
    ask(traced, {"session_id": "s-8", "trace_id": "ab" * 16}, extra_headers={"traceparent": f"00-{'c' * 32}-{'d' * 16}-01"})
    _, given = told(server, "s-8")
    assert given["traceId"] == "ab" * 16 and "parentSpanId" not in given
    ask(traced, {"session_id": "s-9"}, extra_headers={"traceparent": f"00-{'c' * 32}-{'d' * 16}-01"})
    _, continued = told(server, "s-9")
    assert (continued["traceId"], continued["parentSpanId"]) == ("c" * 32, "d" * 16)


def generation_of(server, name):
    """The span of that name."""
    (span,) = until(lambda: [s for s in server.spans(SPANS) if s["name"] == name], name)
    return attributes(span), span


def test_ids_are_made_as_by_litellm(traced, server):
    """Any case, dashes or not; what is no id is a seed, of generations too: so one can lie under another."""
    said = {"trace_id": "ABCDEF12-0000-0000-0000-0000000000EF", "generation_id": "first", "generation_name": "ids-1"}
    ask(traced, said)
    _, first = generation_of(server, "ids-1")
    assert first["traceId"] == "abcdef120000000000000000000000ef"
    assert first["spanId"] == hashlib.sha256(b"first").hexdigest()[:16]
    ask(traced, {**said, "generation_id": "AB" * 8, "parent_observation_id": "first", "generation_name": "ids-2"})
    _, second = generation_of(server, "ids-2")
    assert second["spanId"] == "ab" * 8 and second["parentSpanId"] == first["spanId"]


def test_a_trace_that_exists_is_left_as_it_is(traced, server):
    """Langfuse shows of a trace what its root says: this is none."""
    said = {"existing_trace_id": "order-18", "session_id": "s", "trace_name": "new", "trace_metadata": {"floor": 2}, "tags": ["t"]}
    ask(traced, {**said, "generation_name": "left"})
    a, span = generation_of(server, "left")
    assert span["traceId"] == seeded("order-18") and len(span["parentSpanId"]) == 16
    assert not [n for n in a if n.startswith("langfuse.trace.") or n in ("user.id", "session.id")]
    keys = ["trace_name", "trace_metadata", "input", "output", "tags"]
    ask(traced, {**said, "generation_name": "changed", "update_trace_keys": keys})
    a, _ = generation_of(server, "changed")
    assert (a["langfuse.trace.name"], json.loads(a["langfuse.trace.metadata"]), a["langfuse.trace.tags"]) == ("new", {"floor": 2}, ["t"])
    for part in ("input", "output"):
        assert a[f"langfuse.trace.{part}"] == a[f"langfuse.observation.{part}"]
    assert "user.id" not in a
    ask(traced, said, extra_headers={"langfuse_update_trace_keys": "output, trace_name", "langfuse_generation_name": "by-head"})
    a, _ = generation_of(server, "by-head")
    assert {n for n in a if n.startswith("langfuse.trace.")} == {"langfuse.trace.name", "langfuse.trace.output"}


def test_what_broke_off_has_its_price(traced, server):
    with pytest.raises(openai.APIError):
        ask(traced, {"session_id": "s-cut"}, messages=[{"role": "user", "content": "[[sim:chunks(9,40)]] [[sim:end(5)]]"}], stream=True)
    a, _ = told(server, "s-cut")
    assert a["langfuse.observation.level"] == "ERROR" and json.loads(a["langfuse.observation.output"])["content"]
    assert json.loads(a["langfuse.observation.usage_details"])["output"] > 0
    assert json.loads(a["langfuse.observation.cost_details"])["total"] > 0


def test_it_is_opentelemetrys_protocol(traced, server):
    """Protobuf's own reader takes each request, and nothing in it is unknown to it."""
    ask(traced, {"session_id": "s-10"})
    told(server, "s-10")
    for r in server.at(SPANS):
        assert r.headers["content-type"] == PROTOBUF
        message = ExportTraceServiceRequest.FromString(r.body)
        whole = message.SerializeToString()
        message.DiscardUnknownFields()
        assert message.SerializeToString() == whole


def test_the_sdk_says_the_same(traced, server):
    """A generation of the Python SDK, made of the same facts: attributes of one name are equal."""
    ask(traced, {"session_id": "s-11", "trace_user_id": "ada", "generation_name": "greet"}, temperature=0.5)
    ours, _ = told(server, "s-11")
    sdk = Langfuse(public_key="pk-lf-1", secret_key="sk-lf-2", base_url=server.url, tracer_provider=TracerProvider())
    generation = sdk.start_observation(
        name="greet",
        as_type="generation",
        model=ours["langfuse.observation.model.name"],
        input={"messages": MESSAGES},
        output=json.loads(ours["langfuse.observation.output"]),
        model_parameters={"max_tokens": 20, "temperature": 0.5},
        usage_details=json.loads(ours["langfuse.observation.usage_details"]),
        cost_details=json.loads(ours["langfuse.observation.cost_details"]),
    )
    generation.end()
    sdk.flush()
    theirs = {}
    for r in server.at(SPANS):
        (resource,) = ExportTraceServiceRequest.FromString(r.body).resource_spans
        (scope,) = resource.scope_spans
        for span in scope.spans if scope.scope.name != "lintel" else []:
            theirs |= {a.key: a.value.string_value for a in span.attributes}
    sdk.shutdown()
    shared = [k for k in theirs if k in ours and theirs[k]]
    assert {f"langfuse.observation.{k}" for k in ("type", "input", "output", "model.name", "model.parameters")} <= set(shared)
    assert {"langfuse.observation.usage_details", "langfuse.observation.cost_details"} <= set(shared)
    for key in shared:
        if key not in ("langfuse.environment", "langfuse.release"):
            assert same(ours[key], theirs[key]), key


def same(ours, theirs):
    try:
        return json.loads(ours) == json.loads(theirs)
    except ValueError:
        return ours == theirs


# ---- the ingestion API --------------------------------------------------------------------------


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def test_an_older_server_is_told_by_ingestion(ingested, old_server):
    metadata = {"session_id": "i-1", "trace_name": "shop", "trace_user_id": "ada", "trace_id": "order-17"}
    metadata |= {"tags": ["a"], "generation_name": "greet", "generation_id": "g-1", "parent_observation_id": "p"}
    answer = ask(ingested, metadata, temperature=0.5)
    trace, generation = events(old_server, "i-1")
    assert (trace["id"], trace["name"], trace["userId"], trace["tags"]) == ("order-17", "shop", "ada", ["a"])
    assert trace["input"] == generation["input"] == {"messages": MESSAGES}
    assert generation["traceId"] == "order-17" and generation["id"] == "g-1"
    assert generation["name"] == "greet" and generation["parentObservationId"] == "p"
    assert generation["output"]["content"] == answer.choices[0].message.content
    assert generation["modelParameters"] == {"max_tokens": 20, "temperature": 0.5}
    assert generation["usageDetails"]["total"] == answer.usage.total_tokens
    assert generation["costDetails"]["total"] == pytest.approx(answer.usage.cost)
    assert trace["timestamp"] == generation["startTime"] <= generation["endTime"]
    assert len(old_server.at(SPANS)) == 1  # asked once, and never again


def test_bodies_are_what_the_api_knows(ingested, old_server):
    ask(ingested, {"session_id": "i-2", "prompt_name": "p", "prompt_version": "3"}, stream=True)
    trace, generation = events(old_server, "i-2")
    for body, model in ((trace, types.TraceBody), (generation, types.CreateGenerationBody)):
        known = {camel(f) for f in model.model_fields}
        assert set(body) <= known, set(body) - known
        model.model_validate(body)
    assert generation["completionStartTime"] >= generation["startTime"]
    assert generation["promptVersion"] == 3
    batch = [e for r in old_server.at(INGESTION) for e in r.json()["batch"]]
    assert len({e["id"] for e in batch}) == len(batch)
    assert {e["type"] for e in batch} == {"trace-create", "generation-create"}
    for e in batch:
        datetime.datetime.fromisoformat(e["timestamp"])


def test_the_sdk_for_node_says_the_same(ingested, old_server, node):
    """A trace and a generation of the SDK, made of what the gateway told: the same request, but for
    what the SDK itself adds."""
    metadata = {"session_id": "i-5", "trace_name": "shop", "trace_user_id": "ada", "tags": ["a"], "generation_name": "greet"}
    ask(ingested, {**metadata, "version": "v3", "environment": "staging"}, temperature=0.5, stream=True)
    trace, generation = events(old_server, "i-5")
    ours = next(r for r in old_server.at(INGESTION) if trace in [e["body"] for e in r.json()["batch"]])
    before = len(old_server.at(INGESTION))
    facts = {
        "trace": {**trace, "id": "theirs"},
        "generation": {k: v for k, v in generation.items() if k != "traceId"} | {"id": "theirs-too"},
        "keys": {"publicKey": "pk-lf-1", "secretKey": "sk-lf-2"},
    }
    assert node("langfuse_client.mjs", BASE_URL=old_server.url, FACTS=json.dumps(facts)) == {"done": True}
    (theirs,) = [r for r in old_server.at(INGESTION)[before:] if "theirs" in r.body.decode()]
    assert theirs.headers["authorization"] == ours.headers["authorization"]
    made, begun = theirs.json()["batch"]
    assert [made["type"], begun["type"]] == ["trace-create", "generation-create"]
    assert set(made) == set(begun) == set(ours.json()["batch"][0])
    assert made["body"] == {**trace, "id": "theirs"}
    known = {k: v for k, v in begun["body"].items() if v is not None}
    assert known == {**generation, "id": "theirs-too", "traceId": "theirs"}


def test_an_existing_trace_is_not_written_over(ingested, old_server):
    def trace_of(generation, keys, **more):
        said = {"existing_trace_id": "order-17", "update_trace_keys": keys, "generation_id": generation, "trace_metadata": {"a": "b"}}
        ask(ingested, {**said, **more})

        def find():
            all_events = [e for r in old_server.at(INGESTION) for e in r.json()["batch"]]
            found = [i for i, e in enumerate(all_events) if e["body"]["id"] == generation]
            return found and all_events[found[0] - 1]["body"]

        return until(find, generation)

    assert trace_of("g-3", []) == {"id": "order-17"}
    assert trace_of("g-4", ["trace_metadata"]) == {"id": "order-17", "metadata": {"a": "b"}}
    assert trace_of("g-5", ["trace_name"]) == {"id": "order-17"}
    assert trace_of("g-6", ["trace_name"], trace_name="new", trace_public="true") == {"id": "order-17", "name": "new"}
    assert trace_of("g-7", ["trace_public"], trace_public="true") == {"id": "order-17", "public": True}


@pytest.mark.parametrize("way", ["metadata", "headers"])
def test_what_only_the_ingestion_api_has_a_place_for(ingested, old_server, way):
    said = {"trace_version": "t9", "version": "v3", "generation_id": f"g-{way}", "parent_observation_id": "p"}
    session = f"i-{way}"
    if way == "metadata":
        ask(ingested, {"session_id": session, **said})
    else:
        ask(ingested, extra_headers={f"langfuse_{k}": v for k, v in {"session_id": session, **said}.items()})
    trace, generation = events(old_server, session)
    assert (trace["version"], generation["version"]) == ("t9", "v3")
    assert (generation["id"], generation["parentObservationId"]) == (f"g-{way}", "p")


def test_a_failure_is_ingested(ingested, old_server):
    with pytest.raises(openai.BadRequestError):
        ask(ingested, {"session_id": "i-4"}, model="no-such-model")
    _, generation = events(old_server, "i-4")
    assert generation["level"] == "ERROR" and "no-such-model" in generation["statusMessage"]
    assert "usageDetails" not in generation


@pytest.mark.parametrize("way", [SPANS, INGESTION])
def test_what_it_does_not_take_is_said(launch, simulator, way):
    """With a 200, or 207: it is lost, and does not count as taken."""
    errors = {"successes": [{"id": "a", "status": 201}], "errors": [{"id": "b", "status": 400, "message": "bad environment"}]}
    with destination() as d:
        d.missing |= {SPANS} - {way}
        d.status, d.answer = 207, json.dumps(errors).encode()
        if way == SPANS:
            d.status, d.answer = 200, ExportTraceServiceResponse(
                partial_success={"rejected_spans": 1, "error_message": "bad environment"}
            ).SerializeToString()
        gateway = start(launch, simulator, d.url, "langfuse")
        ask(gateway)
        until(lambda: gateway.holds()["callbacks"][0]["dropped"], "a loss")
        assert re.search("1 of [12] records were not taken: .*bad environment", gateway.log())


# ---- set-up -------------------------------------------------------------------------------------


def test_without_keys_it_is_not_used(launch, simulator):
    settings = {"success_callback": ["langfuse"]}
    gateway = launch(configuration(simulator.url, litellm_settings=settings), warm=False)
    assert "callback langfuse is not used: LANGFUSE_PUBLIC_KEY is not set" in gateway.log()


def test_the_otel_callback_and_redaction(launch, simulator):
    with destination() as d:
        gateway = start(launch, simulator, f"{d.url}/", "langfuse_otel", turn_off_message_logging=True)
        ask(gateway, {"session_id": "o-1"})
        a, _ = told(d, "o-1")
        assert json.loads(a["langfuse.observation.input"]) == "redacted-by-litellm"
        assert json.loads(a["langfuse.observation.output"])["content"] == "redacted-by-litellm"
        assert "hello" not in json.dumps(a)
