"""What the gateway tells Lunary, PromptLayer, Traceloop and Helicone, held against what their own SDKs
tell of the very same calls.

callback_sdks.py makes the calls, through the gateway, with the SDKs (tests/sdks.txt) watching: each
call is told of twice, to two stand-ins. Whatever differs must be in DIFFERENCES with the reason; what
is there and differs no more fails, too. Of an SDK that is too large to install, callback_fields.json
holds the names and types (test_callbacks.py).
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from destination import attributes, destination
from programs import ROOT, wait_for
from test_callbacks import MESSAGES, TOOLS, start

HERE = pathlib.Path(__file__).resolve().parent
SDKS = pathlib.Path(os.environ.get("LINTEL_TEST_SDKS", ROOT / "build-test/sdks"))
NAMES = ["lunary", "promptlayer", "helicone", "traceloop"]

CHAT = {"model": "claude", "messages": MESSAGES, "max_tokens": 20, "temperature": 0.5, "tools": TOOLS}
FAILURE = {"model": "claude", "messages": [{"role": "user", "content": "[[sim:throttle]]"}], "max_tokens": 20}
MESSAGE = {"model": "claude", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 20}


@pytest.fixture(scope="module")
def told(launch, simulator):
    """Both stand-ins: what the gateway told, what the SDKs did."""
    with destination() as ours, destination() as theirs:
        gateway = start(launch, simulator, ours.url, NAMES)
        url = gateway.base_url.removesuffix("/v1")
        facts = {"gateway": url, "key": gateway.key, "url": theirs.url, "chat": CHAT, "failure": FAILURE, "message": MESSAGE}
        env = {**os.environ, "PYTHONPATH": str(SDKS), "FACTS": json.dumps(facts)}
        script = [sys.executable, "-W", "ignore", str(HERE / "callback_sdks.py")]
        done = subprocess.run(script, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        collect = [globals()[f"of_{name}"] for name in NAMES]
        wait_for(lambda: all(len(of(ours)) == len(of(theirs)) for of in collect), 60, "all calls")
        yield ours, theirs


# ---- the same call on both sides -----------------------------------------------------------------


def envelope(request, body):
    names = ("content-type", "authorization", "x-api-key", "content-encoding")
    headers = {n: request.headers[n] for n in names if n in request.headers}
    return {"method": request.method, "path": request.path.split("?")[0], "headers": headers, "body": body}


def of_lunary(d):
    events = [(r, e) for r in d.at("/v1/runs/ingest") for e in r.json()["events"]]
    begun = [e["runId"] for _, e in events if e["event"] == "start" and e.get("userId") == "lunary"]
    runs = [[(r, e) for r, e in events if e["runId"] == run] for run in begun]
    return [envelope(run[0][0], {e["event"]: e for _, e in run}) for run in runs]


def of_promptlayer(d):
    tracked = [(r, r.json()) for r in d.at("/track-request")]
    return [envelope(r, b) for r, b in tracked if b["metadata"] is None or b["metadata"].get("sdk") == "promptlayer"]


def of_helicone(d):
    logs = [(r, r.json()) for r in d.received if r.path.endswith("/v1/log")]
    answers = [(r, b) for r, b in logs if "helicone" in (r.headers.get("helicone-user-id"), b["providerRequest"]["meta"].get("Helicone-User-Id"))]
    return [envelope(r, b) for r, b in answers]


def of_traceloop(d):
    found = []
    for r in d.at("/traceloop/v1/traces"):
        for resource in r.traces()["resourceSpans"]:
            told = attributes(resource["resource"])
            spans = [s for scope in resource["scopeSpans"] for s in scope["spans"]]
            for span in spans:
                a = attributes(span)
                if a.get("gen_ai.user") == "traceloop":
                    found.append(envelope(r, {**span, "attributes": a, "resource": told}))
    return found


# ---- what differs --------------------------------------------------------------------------------


def opened(value):
    """JSON within a text is compared as JSON."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def kind(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


TIMES = re.compile("(timestamp|seconds|UnixNano|_time)$")  # of one call, but told by two


def differences(ours, theirs, path=""):
    """"-x": only they say it; "+x": only we do; "~x": the types differ; "=x": the values do."""
    ours, theirs = opened(ours), opened(theirs)
    if kind(ours) != kind(theirs):
        return {f"~{path}"}
    if isinstance(ours, dict):
        found = set()
        for key in {**ours, **theirs}:
            below = f"{path}.{key}" if path else key
            if theirs.get(key) is None and ours.get(key) is None:
                continue
            if theirs.get(key) is None or ours.get(key) is None:
                found.add(("+" if theirs.get(key) is None else "-") + below)
            else:
                found |= differences(ours[key], theirs[key], below)
        return found
    if isinstance(ours, list):
        found = {f"={path}"} if len(ours) != len(theirs) else set()
        for pair in zip(ours, theirs):
            found |= differences(*pair, f"{path}[]")
        return found
    return set() if ours == theirs or TIMES.search(path) else {f"={path}"}


BEDROCK = "the client asks for the group, the provider knows the model"
RICHER = "the gateway's own answer says more than LiteLLM's payload"
REST = "the SDK does not send on what only the gateway is told"
FACT = "a fact that only a gateway knows"
LIBRARY = "about the OpenTelemetry library, which the gateway has none of"

DIFFERENCES = {
    "lunary": {
        "+body.end.tokensUsage.prompt": "of a stream the SDK counts chunks, and no prompt",
        "+body.end.tokensUsage.promptCached": "the same",
        "=body.end.tokensUsage.completion": "the same",
        "=body.end.output.content": "of a stream the SDK has the first chunk twice",
        "+body.error.name": "tells which model failed",
        "+body.start.metadata.sdk": REST,
        "+body.start.metadata.tags": REST,
        "-body.start.params.extra_body": REST,
        "+body.start.params.stream_options": "the SDK has a list of parameters that it knows",
        "=body.start.name": BEDROCK,
        "=body.end.name": BEDROCK,
        "=body.start.runId": "the request's own id, so that one finds the other; the SDK makes one up",
        "=body.end.runId": "the same",
        "=body.error.runId": "the same",
        "=body.start.runtime": "LiteLLM's, not the SDK's",
        "=body.end.runtime": "the same",
        "=body.error.runtime": "the same",
        "=body.error.error.message": "the SDK has the text of its client's exception",
        "=body.error.error.stack": "the SDK has the stack of its client",
    },
    "promptlayer": {
        "+body.metadata": "the SDK tells of it in a call of its own",
        "-body.kwargs.extra_body": "the same",
        "+body.request_response.choices[].message": "of a stream the SDK tells the last chunk only",
        "-body.request_response.choices[].delta": "the same",
        "=body.request_response.object": "the same",
        "+body.request_response.usage": "the same",
        "-body.request_response.usage.completion_tokens_details": RICHER,
        "-body.request_response.usage.cost": RICHER,
        "-body.request_response.usage.prompt_tokens_details.cache_creation_tokens": RICHER,
        "-body.request_response.usage.prompt_tokens_details.cache_write_tokens": RICHER,
        "-body.request_response.usage.prompt_tokens_details.text_tokens": RICHER,
        "=body.kwargs.model": BEDROCK,
        "=body.request_response.model": BEDROCK,
    },
    "helicone": {
        "+body.providerRequest.json.user": "the SDK was told metadata.user_id apart",
        "+body.providerRequest.meta.Helicone-Auth": "as LiteLLM has it: the SDK sends headers",
        "+body.providerRequest.meta.Helicone-User-Id": "the same",
        "-body.providerResponse.json._type": "of the SDK's tools",
        "-body.providerResponse.json.toolName": "the same",
        "=body.providerRequest.json.model": BEDROCK,
        "=body.providerResponse.json.model": BEDROCK,
        "=body.providerRequest.url": "as LiteLLM has it: the SDK knows no provider",
        "=body.providerResponse.json.id": "OpenAI's form of the same id",
    },
    "traceloop": {
        **{f"+body.attributes.{name}": FACT for name in (
            "client.address", "gen_ai.server.time_to_first_token", "gen_ai.usage.cost", "http.request.method",
            "http.response.status_code", "http.route", "litellm.cache_hit", "litellm.call_id", "litellm.deployment.id",
            "litellm.key.hash", "litellm.model_group", "user_agent.original")},
        "+body.attributes.gen_ai.request.stream": "OpenTelemetry's name besides Traceloop's",
        "+body.attributes.user.id": "the same",
        "+body.attributes.metadata.colour": "the same",
        "+body.attributes.traceloop.entity.name": "the SDK names what its decorators wrap",
        "+body.attributes.gen_ai.usage.reasoning_tokens": "of a stream the SDK leaves it out",
        "+body.attributes.gen_ai.response.id": "of a failure the SDK has none",
        "+body.attributes.gen_ai.response.model": "the same",
        "=body.attributes.gen_ai.response.model": BEDROCK,
        "=body.attributes.gen_ai.provider.name": "aws.bedrock, behind the gateway",
        "-body.attributes.gen_ai.openai.api_base": "the same",
        "+body.parentSpanId": "the SDK's span is the parent of ours",
        "=body.spanId": "the same",
        "=body.kind": "a server's",
        "=body.name": "as OpenTelemetry's conventions have it",
        "-body.flags": LIBRARY,
        "-body.resource.service.instance.id": LIBRARY,
        "-body.resource.telemetry.sdk.language": LIBRARY,
        "-body.resource.telemetry.sdk.name": LIBRARY,
        "-body.resource.telemetry.sdk.version": LIBRARY,
        "+body.resource.service.version": FACT,
        "-body.events": "the arrival of each chunk, the stack of an exception",
        "-body.status": "nothing is said of what went well",
        "=body.status.message": "the SDK has the text of its client's exception",
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_the_sdk_says_the_same(told, name):
    ours, theirs = (globals()[f"of_{name}"](d) for d in told)
    assert len(ours) == len(theirs) == {"helicone": 1, "promptlayer": 2}.get(name, 3)  # no failures there
    found = set().union(*(differences(*pair) for pair in zip(ours, theirs)))
    assert found == set(DIFFERENCES[name])


def test_our_spans_continue_the_sdks(told):
    ours, theirs = ([e["body"] for e in of_traceloop(d)] for d in told)
    assert [(s["traceId"], s["parentSpanId"]) for s in ours] == [(s["traceId"], s["spanId"]) for s in theirs]
