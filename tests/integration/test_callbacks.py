"""The callbacks besides OpenTelemetry and Langfuse: what each destination is told.

One gateway with all of them, one stand-in for all destinations (their paths are different). What LiteLLM
and the destinations' own SDKs send is the reference: callback_fields.json has their names and types.
"""

import base64
import datetime
import json
import pathlib
import signal
import time

import httpx
import openai
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import configuration, openai_client
from destination import attributes, destination
from programs import free_port, wait_for

FIELDS = json.loads((pathlib.Path(__file__).parent / "callback_fields.json").read_text())
MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NAMES = ["weave_otel", "traceloop", "webhook", "generic_api", "mine", "datadog", "s3", "lunary", "helicone", "promptlayer"]
S3 = {"s3_bucket_name": "logs bucket", "s3_region_name": "eu-west-1", "s3_path": "a b/c+d", "s3_use_key_prefix": True}
S3 |= {"s3_aws_access_key_id": "AKIDEXAMPLE", "s3_aws_secret_access_key": "secret", "s3_sse_kms_key_id": "kms-1"}


def variables(url):
    """Where all of them send to that server, and with which keys."""
    return {
        "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.1",
        "WANDB_API_KEY": "wandb-key",
        "WANDB_PROJECT_ID": "team/project",
        "WANDB_HOST": url,
        "TRACELOOP_API_KEY": "traceloop-key",
        "TRACELOOP_BASE_URL": f"{url}/traceloop",
        "WEBHOOK_URL": f"{url}/webhook",
        "WEBHOOK_HEADERS": '{"Authorization": "Bearer hook"}',
        "GENERIC_LOGGER_ENDPOINT": f"{url}/generic",
        "GENERIC_LOGGER_HEADERS": "X-A=1, X-B=from the environment",
        "DD_API_KEY": "dd-key",
        "DD_BASE_URL": url,
        "DD_ENV": "test",
        "LUNARY_PUBLIC_KEY": "lunary-key",
        "LUNARY_API_URL": url,
        "HELICONE_API_KEY": "helicone-key",
        "HELICONE_API_BASE": url,
        "PROMPTLAYER_API_KEY": "promptlayer-key",
        "PROMPTLAYER_BASE_URL": url,
    }


def other_variables(url):
    """The same of those that have a test file of their own."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
        "LANGFUSE_SECRET_KEY": "sk-lf-2",
        "LANGFUSE_HOST": url,
        "SLACK_WEBHOOK_URL": f"{url}/slack",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": url.rpartition(":")[2],
        "SMTP_SENDER_EMAIL": "gateway@example.org",
        "ALERT_EMAIL": "ada@example.org",
    }


def start(launch, simulator, url, callbacks, warm=False, settings=None, env=None, **more):
    mine = {"callback_type": "generic_api", "endpoint": f"{url}/mine", "headers": {"x-mine": "1"}}
    mine |= {"log_format": "ndjson", "event_types": ["llm_api_failure"]}
    litellm = {
        "callbacks": callbacks,
        "disable_add_user_agent_to_request_tags": True,
        "generic_logger_headers": {"X-B": "from the settings", "X-C": "3"},
        "s3_callback_params": {**S3, "s3_endpoint_url": f"{url}/s3"},
        **more,
    }
    return launch(
        configuration(simulator.url, litellm_settings=litellm, callback_settings={"mine": mine, **(settings or {})}),
        env={**variables(url), **(env or {})},
        warm=warm,
    )


def ask(gateway, **more):
    with openai_client(gateway) as client:
        answer = client.chat.completions.create(
            **{"model": "claude", "messages": MESSAGES, "max_tokens": 20, **more}
        )
        return list(answer) if more.get("stream") else answer


@pytest.fixture(scope="module")
def gateway(launch, simulator, server):
    return start(launch, simulator, server.url, NAMES)


@pytest.fixture(scope="module")
def answer(gateway):
    """One request that went well, with all that can be told of one."""
    metadata = {"session_id": "s-1", "colour": "blue", "tags": ["red", "green", "A, b,env:x "], "spend_logs_metadata": {"team": "x"}}
    headers = {"Helicone-Property-Shop": "corner", "Template-Id": "t-7"}
    return ask(gateway, temperature=0.5, user="ada", tools=TOOLS, metadata=metadata, extra_headers=headers)


@pytest.fixture(scope="module")
def failure(gateway):
    with pytest.raises(openai.RateLimitError) as e:
        ask(gateway, messages=[{"role": "user", "content": "[[sim:throttle]]"}], user="lin")
    return e.value


def kind(value):
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "array"}
    return kinds.get(type(value), "null")


def check_fields(body, name, whole=False):
    """Every member is one that the reference knows, of a type that it has there; `whole`: and none is missing."""
    for key, value in body.items():
        assert key in FIELDS[name], f"{name} has no {key}"
        assert kind(value) in FIELDS[name][key], f"{name}.{key} is {kind(value)}"
    missing = set(FIELDS[name]) - set(body)
    assert not (whole and missing), f"{name} lacks {missing}"


def check_payload(payload):
    check_fields(payload, "payload", whole=True)
    for part in ("metadata", "hidden_params", "cost_breakdown", "error_information", "status_fields", "model_map_information"):
        check_fields(payload[part], f"payload.{part}")


def spans(server, path, user):
    return wait_for(lambda: [s for s in server.spans(path) if attributes(s).get("user.id") == user], 10, f"{user} at {path}")


def events(server, path, found):
    """The bodies at that path (or the members of those that are lists) that `found` takes."""

    def find():
        bodies = [r.json() for r in server.at(path)]
        flat = [b for body in bodies for b in (body if isinstance(body, list) else [body])]
        return [b for b in flat if found(b)]

    return wait_for(find, 10, path)


# ---- OTLP ---------------------------------------------------------------------------------------


def test_weave(answer, server):
    (span,) = spans(server, "/otel/v1/traces", "ada")
    a = attributes(span)
    assert json.loads(a["input.value"]) == {"messages": MESSAGES, "tools": TOOLS}
    told = json.loads(a["output.value"])
    assert told["id"] == answer.id and told["choices"][0]["message"]["content"] == answer.choices[0].message.content
    assert a["wandb.display_name"] == f"bedrock__{MODEL}"
    assert a["wandb.thread_id"] == "s-1" and a["wandb.is_turn"] is True
    assert a["llm.model_name"] == MODEL and a["openinference.span.kind"] == "LLM"
    assert a["llm.token_count.total"] == answer.usage.total_tokens
    request = server.at("/otel/v1/traces")[0]
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"api:wandb-key").decode()
    assert request.headers["project_id"] == "team/project"


# Of what Weave's SDK says (to /agents/otel/v1/traces; LiteLLM sends to the older /otel/v1/traces).
WEAVE_UNSAID = {
    **dict.fromkeys(("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"), "input.value and output.value"),
    **dict.fromkeys(("gen_ai.request.top_p", "gen_ai.request.stop_sequences"), "not asked for"),
    **{f"weave.{n}": "the SDK's" for n in ("client_version", "source", "sys_version", "os_name", "os_version", "os_release")},
}


def test_weave_as_its_sdk(answer, failure, server):
    said = [attributes(spans(server, "/otel/v1/traces", user)[0]) for user in ("ada", "lin")]
    for a in said:
        check_fields({k: v for k, v in a.items() if k in FIELDS["weave"]}, "weave")
    assert set(FIELDS["weave"]) - set().union(*said) == set(WEAVE_UNSAID)
    assert FIELDS["weave.headers"].items() <= server.at("/otel/v1/traces")[0].headers.items()


def test_traceloop(answer, server):
    (span,) = spans(server, "/traceloop/v1/traces", "ada")
    a = attributes(span)
    assert a["gen_ai.request.model"] == "claude" and a["gen_ai.usage.total_tokens"] == answer.usage.total_tokens
    assert json.loads(a["gen_ai.input.messages"])[1]["parts"] == [{"type": "text", "content": "hello"}]
    assert a["traceloop.association.properties.colour"] == "blue"
    assert server.at("/traceloop/v1/traces")[0].headers["authorization"] == "Bearer traceloop-key"


# ---- the standard logging payload ----------------------------------------------------------------


def test_webhook(answer, server):
    (payload,) = events(server, "/webhook", lambda b: b["id"] == answer.id)
    check_payload(payload)
    assert payload["status"] == "success" and payload["call_type"] == "acompletion"
    assert payload["messages"] == MESSAGES
    told = payload["response"]["choices"][0]
    assert told["message"]["content"] == answer.choices[0].message.content
    assert told["finish_reason"] == answer.choices[0].finish_reason
    assert payload["model"] == f"bedrock/{MODEL}" and payload["model_group"] == "claude"
    assert payload["model_parameters"] == {"max_tokens": 20, "temperature": 0.5}
    usage = answer.usage
    assert payload["total_tokens"] == usage.total_tokens == payload["metadata"]["usage_object"]["total_tokens"]
    assert payload["response_cost"] == pytest.approx(usage.cost) == payload["cost_breakdown"]["total_cost"]
    assert payload["request_tags"] == ["red", "green", "A, b,env:x "] and payload["end_user"] == "ada"
    assert payload["metadata"]["requester_metadata"]["colour"] == "blue"
    assert payload["metadata"]["spend_logs_metadata"] == {"team": "x"}
    assert payload["session_id"] == "s-1" and payload["requester_ip_address"] == "127.0.0.1"
    assert payload["startTime"] <= payload["completionStartTime"] <= payload["endTime"]
    request = server.at("/webhook")[0]
    assert request.headers["authorization"] == "Bearer hook" and request.headers["content-type"] == "application/json"


def test_a_failure_is_a_payload_too(failure, server):
    (payload,) = events(server, "/webhook", lambda b: b["end_user"] == "lin")
    check_payload(payload)
    assert payload["status"] == "failure" and payload["response"] is None
    assert payload["error_information"]["error_code"] == "429"
    assert payload["error_information"]["error_class"] == "RateLimitError"
    assert payload["error_str"]


def test_a_stream_is_told_of_as_a_whole(gateway, server):
    chunks = ask(gateway, stream=True, user="grace")
    (payload,) = events(server, "/webhook", lambda b: b["end_user"] == "grace")
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert payload["stream"] is True and payload["response"]["choices"][0]["message"]["content"] == said
    assert payload["completionStartTime"] <= payload["endTime"]


def test_generic_api_and_its_headers(answer, server):
    (payload,) = events(server, "/generic", lambda b: b["id"] == answer.id)
    check_payload(payload)
    headers = server.at("/generic")[0].headers
    assert (headers["x-a"], headers["x-b"], headers["x-c"]) == ("1", "from the environment", "3")


def test_a_callback_of_ones_own(answer, failure, server):
    (request,) = wait_for(lambda: server.at("/mine"), 10, "a failure")
    payloads = [json.loads(line) for line in request.body.decode().split("\n")]
    assert [p["status"] for p in payloads] == ["failure"]
    assert request.headers["x-mine"] == "1" and request.headers["x-c"] == "3"


def test_datadog(answer, failure, server):
    logs = {}
    for who in ("ada", "lin"):
        (logs[who],) = events(server, "/api/v2/logs", lambda b, who=who: json.loads(b["message"])["end_user"] == who)
        check_fields(logs[who], "datadog", whole=True)
        check_payload(json.loads(logs[who]["message"]))
    assert logs["ada"]["status"] == "info" and logs["lin"]["status"] == "error"
    assert logs["ada"]["ddsource"] == "litellm" and logs["ada"]["service"] == "litellm-server"
    tags = logs["ada"]["ddtags"].split(",")
    assert "env:test" in tags and [t for t in tags if "request_tag" in t] == [f"request_tag:{t}" for t in ("red", "green", "a_b_env:x")]
    request = server.at("/api/v2/logs")[0]
    assert FIELDS["datadog.headers"].items() <= request.headers.items()


def signed_again(request, url):
    """The Authorization that botocore makes of the same request."""
    names = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    again = AWSRequest(method=request.method, url=url + request.path, data=request.body)
    for name in names:
        again.headers[name] = request.headers[name]
    again.context["timestamp"] = request.headers["x-amz-date"]
    auth = S3SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "s3", "eu-west-1")
    text = auth.string_to_sign(again, auth.canonical_request(again))
    return auth.signature(text, again)


def test_s3(answer, server):
    def find():
        return [r for r in server.received if r.method == "PUT" and r.path.endswith(f"_{answer.id}.json")]

    (request,) = wait_for(find, 10, "an object")
    check_payload(request.json())
    day = datetime.datetime.fromtimestamp(request.json()["startTime"], datetime.timezone.utc)
    assert request.path.startswith(f"/s3/logs%20bucket/a%20b/c%2Bd/{day:%Y-%m-%d}/time-{day:%H-%M-%S-%f}_")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-disposition"] == f'inline; filename="time-{day:%Y-%m-%dT%H-%M-%S-%f}_{answer.id}.json"'
    assert request.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert request.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "kms-1"
    signature = request.headers["authorization"].rsplit("Signature=", 1)[1]
    assert signature == signed_again(request, server.url)


# ---- shapes of their own -------------------------------------------------------------------------


def test_lunary(answer, failure, server):
    def runs():
        found = {}
        for r in server.at("/v1/runs/ingest"):
            for e in r.json()["events"]:
                found.setdefault(e["runId"], []).append(e)
        pairs = {p[0]["userId"]: p for p in found.values() if p[0].get("userId") in ("ada", "lin")}
        return pairs if len(pairs) == 2 else None

    pairs = wait_for(runs, 10, "two runs")
    for pair in pairs.values():
        for event in pair:
            check_fields(event, "lunary")
    begin, end = pairs["ada"]
    assert (begin["event"], end["event"], begin["type"]) == ("start", "end", "llm")
    assert begin["name"] == MODEL and begin["input"] == MESSAGES and begin["tags"] == ["red", "green", "A, b,env:x "]
    assert begin["params"] == {"max_tokens": 20, "temperature": 0.5, "tools": TOOLS} and begin["templateId"] == "t-7"
    assert end["output"]["content"] == answer.choices[0].message.content
    assert end["tokensUsage"] == {"prompt": answer.usage.prompt_tokens, "completion": answer.usage.completion_tokens, "promptCached": 0}
    times = [datetime.datetime.fromisoformat(e["timestamp"]) for e in (begin, end)]
    assert times == sorted(times)
    assert pairs["lin"][1]["event"] == "error" and pairs["lin"][1]["error"]["message"]
    assert server.at("/v1/runs/ingest")[0].headers["authorization"] == "Bearer lunary-key"


def test_helicone(answer, server):
    (log,) = events(server, "/anthropic/v1/log", lambda b: b["providerResponse"]["json"].get("id") == answer.id)
    asked, told = log["providerRequest"], log["providerResponse"]
    assert asked["json"]["model"] == MODEL and asked["json"]["messages"] == MESSAGES
    assert asked["json"]["temperature"] == 0.5 and asked["json"]["tools"] == TOOLS
    meta = {k.lower(): v for k, v in asked["meta"].items()}
    assert meta["helicone-auth"] == "Bearer helicone-key" and meta["helicone-property-shop"] == "corner"
    assert meta["helicone-user-id"] == "ada" and meta["helicone-session-id"] == "s-1"
    assert told["status"] == 200 and told["json"]["role"] == "assistant"
    assert told["json"]["content"] == [{"type": "text", "text": answer.choices[0].message.content}]
    assert told["json"]["usage"]["output_tokens"] == answer.usage.completion_tokens
    for end in ("startTime", "endTime"):
        assert set(log["timing"][end]) == {"seconds", "milliseconds"} and log["timing"][end]["milliseconds"] < 1000
    assert server.at("/anthropic/v1/log")[0].headers["authorization"] == "Bearer helicone-key"


def test_helicone_of_another_model(gateway, server):
    answer = ask(gateway, model="nova", user="tess")
    (log,) = events(server, "/oai/v1/log", lambda b: b["providerRequest"]["meta"].get("Helicone-User-Id") == "tess")
    assert log["providerResponse"]["json"]["choices"][0]["message"]["content"] == answer.choices[0].message.content


def test_promptlayer(answer, failure, server):
    (request,) = events(server, "/track-request", lambda b: b["request_response"]["id"] == answer.id)
    check_fields(request, "promptlayer")
    assert request["kwargs"]["model"] == MODEL and request["kwargs"]["messages"] == MESSAGES
    assert request["kwargs"]["max_tokens"] == 20 and request["tags"] == ["red", "green", "A, b,env:x "]
    assert request["metadata"]["colour"] == "blue" and request["api_key"] == "promptlayer-key"
    assert request["request_start_time"] <= request["request_end_time"]


def test_what_is_no_utf8_is_made_so(gateway, server):
    """JSON's parser sees to bodies; headers may hold any bytes."""
    headers = {"user-agent": b"caf\xe9", "x-litellm-end-user-id": b"bad\xff", "x-litellm-tags": b"\xc3", "x-litellm-session-id": b"\xed\xa0\x80"}
    headers |= {"helicone-property-shop": b"corn\xf0\x9fer", "authorization": f"Bearer {gateway.key}"}
    with openai_client(gateway) as client:
        url = f"{client.base_url}chat/completions"
    answer = httpx.post(url, json={"model": "claude", "messages": MESSAGES}, headers=headers, timeout=30)
    assert answer.status_code == 200
    user = "bad\ufffd"
    (payload,) = events(server, "/webhook", lambda b: b["end_user"] == user)
    assert payload["user_agent"] == "caf\ufffd" and payload["request_tags"] == ["\ufffd"]
    (log,) = events(server, "/anthropic/v1/log", lambda b: b["providerRequest"]["meta"].get("Helicone-User-Id") == user)
    assert log["providerRequest"]["meta"]["helicone-property-shop"] == "corn\ufffd\ufffder"
    for path in ("/otel/v1/traces", "/traceloop/v1/traces"):
        (span,) = spans(server, path, user)
        assert attributes(span)["session.id"] == "\ufffd\ufffd\ufffd"
    wait_for(lambda: [r for r in server.received if r.method == "PUT" and user in r.body.decode()], 10, "an object")
    for path in ("/generic", "/api/v2/logs", "/v1/runs/ingest"):
        wait_for(lambda: any(user in json.dumps(r.json(), ensure_ascii=False) for r in server.at(path)), 10, path)


# ---- destinations that fail ----------------------------------------------------------------------


EVERY = ["otel", "langfuse", "langfuse_otel", *(n for n in NAMES if n != "mine")]


@pytest.mark.parametrize("mode", ["failing", "refusing", "hanging", "slow", "endless", "away"])
def test_bad_destinations_are_not_felt(launch, simulator, mode):
    """All callbacks there are, and all channels of alerts."""
    with destination() as d:
        d.mode = mode
        url = f"http://127.0.0.1:{free_port()}" if mode == "away" else d.url
        channels = ["slack", "webhook", "email"]
        gateway = start(launch, simulator, url, EVERY, env=other_variables(url), alerting=channels)
        with pytest.raises(openai.RateLimitError):
            ask(gateway, messages=[{"role": "user", "content": "[[sim:throttle]]"}])
        asked = 1

        def counters():
            return {c["name"]: c for c in gateway.holds()["callbacks"]}

        def ask_more():
            nonlocal asked
            ask(gateway)
            asked += 1
            return asked >= 10 and all(c["calls"] for c in counters().values())

        wait_for(ask_more, 60, "a call of each")
        before = gateway.resident()
        for _ in range(10):
            ask(gateway)
        assert gateway.resident() - before < 16 << 20
        told = counters()
        assert set(told) == {*EVERY, "alerts:slack", "alerts:webhook", "alerts:email"}
        for name, c in told.items():
            assert c["put"] == c["taken"] + c["dropped"] + c["waiting"], c
            assert c["put"] == asked + 10 if name in EVERY else c["put"], c
        if mode == "hanging":
            gateway.signal(signal.SIGTERM)
            while gateway.running():  # the flush has a deadline, and no rotation cuts it
                gateway.signal(signal.SIGUSR1)
                time.sleep(0.05)
            gateway.stop()
        else:
            gateway.kill()


# ---- who is told, and of what ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def quiet(launch, simulator):
    """A gateway with a webhook and Lunary, and their server."""
    with destination() as d:
        yield start(launch, simulator, d.url, ["webhook", "lunary"]), d


def told(d, user):
    hooks = [p for r in d.at("/webhook") for p in r.json() if p["end_user"] == user]
    runs = [e for r in d.at("/v1/runs/ingest") for e in r.json()["events"] if e.get("userId") == user]
    return hooks, runs


OFF = {
    "no-log": ({"extra_body": {"no-log": True}}, 0, 0),
    "one": ({"extra_headers": {"x-litellm-disable-callbacks": "Lunary"}}, 1, 0),
    "both": ({"extra_headers": {"x-litellm-disable-callbacks": "lunary, generic_api, webhook"}}, 0, 0),
    "none": ({}, 1, 1),
}


@pytest.mark.parametrize("case", OFF)
def test_a_client_may_switch_callbacks_off(quiet, case):
    gateway, d = quiet
    more, hooks, runs = OFF[case]
    ask(gateway, user=f"off-{case}", **more)
    ask(gateway, user=f"off-{case}-after")  # what comes behind it says that it would have come
    wait_for(lambda: all(told(d, f"off-{case}-after")), 10, "the one behind")
    found = told(d, f"off-{case}")
    assert (len(found[0]), len(found[1])) == (hooks, runs)


REDACT = {
    "body": ({"extra_body": {"turn_off_message_logging": True}}, True),
    "header": ({"extra_headers": {"x-litellm-enable-message-redaction": "true"}}, True),
    "disabled": (
        {
            "extra_body": {"turn_off_message_logging": True},
            "extra_headers": {"litellm-disable-message-redaction": "true"},
        },
        False,
    ),
}


@pytest.mark.parametrize("case", REDACT)
def test_a_client_may_keep_its_words_to_itself(quiet, case):
    gateway, d = quiet
    more, redacted = REDACT[case]
    ask(gateway, user=f"redact-{case}", **more)
    wait_for(lambda: all(told(d, f"redact-{case}")), 10, case)
    (payload,), (begin, *_) = told(d, f"redact-{case}")
    assert ("hello" not in json.dumps([payload, begin])) == redacted
    if redacted:
        check_payload(payload)
        assert payload["messages"] == begin["input"] == [{"role": "user", "content": "redacted-by-litellm"}]
        assert payload["response"]["choices"][0]["message"]["content"] == "redacted-by-litellm"


def test_facts_about_keys_can_be_kept_back(launch, simulator):
    with destination() as d:
        gateway = start(launch, simulator, d.url, ["webhook", "prometheus"], redact_user_api_key_info=True)
        ask(gateway, user="ada")
        gateway.stop()
        (payload,) = d.at("/webhook")[0].json()
        assert payload["end_user"] == "ada"
        assert not any(v for k, v in payload["metadata"].items() if k.startswith("user_api_key") and "request" not in k and "end_user" not in k)


def test_keys_have_callbacks_of_their_own(launch, simulator, tmp_path):
    with destination() as d, destination() as theirs:
        own = [{"callback_name": "webhook", "callback_type": "success", "callback_vars": {"webhook_url": f"{theirs.url}/own"}}]
        gateway = launch(
            configuration(
                simulator.url,
                litellm_settings={"callbacks": ["webhook", "lunary"], "callback_url_allowed_hosts": ["127.0.0.1"]},
                general_settings={"database_url": f"sqlite:///{tmp_path}/keys.db"},
            ),
            env=variables(d.url),
            warm=False,
        )

        def key(**metadata):
            url = gateway.base_url.removesuffix("/v1") + "/key/generate"
            made = httpx.post(url, json={"metadata": metadata}, headers={"Authorization": f"Bearer {gateway.key}"})
            return made.json()["key"]

        def ask_with(key, **more):
            with openai.OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0) as client:
                client.chat.completions.create(model="claude", messages=MESSAGES, max_tokens=5, **more)

        ask_with(key(logging=own), user="own")
        ask_with(key(litellm_disabled_callbacks=["webhook"]), user="unheard")
        ask_with(key(), user="usual")
        gateway.stop()
        (payload,) = [p for r in theirs.at("/own") for p in r.json()]
        assert payload["end_user"] == "own"
        assert {p["end_user"] for r in d.at("/webhook") for p in r.json()} == {"usual"}
        runs = {e["userId"] for r in d.at("/v1/runs/ingest") for e in r.json()["events"] if "userId" in e}
        assert runs == {"own", "unheard", "usual"}


# ---- a long conversation -------------------------------------------------------------------------


def cut(text, keep):
    head = keep * 35 // 100
    return f"{text[:head]}... (litellm_truncated skipped {len(text) - keep} chars) ...{text[len(text) - keep + head :]}"


def test_a_long_prompt_is_told_in_part(launch, simulator):
    """callback_prompt_max: the last messages whole, the one before them as far as there is room, of the others' texts
    the ends; to each destination alike, and the model gets all of it."""
    texts = ["a" * 4000 + "z", "b" * 3000, "c" * 50, "hello " + "d" * 1500]
    roles = ["system", "user", "assistant", "user"]
    messages = [{"role": r, "content": t} for r, t in zip(roles, texts)]
    left = 2000 - sum(len(t) for t in [*texts[2:], *roles[1:]])
    shown = [cut(texts[0], 100), cut(texts[1], left), *texts[2:]]
    expected = [{"role": r, "content": t} for r, t in zip(roles, shown)]
    every = [n for n in EVERY if n != "generic_api"]
    with destination() as d:
        env = {**other_variables(d.url), "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
        gateway = start(launch, simulator, d.url, every, env=env, callback_prompt_max=2000)
        answer = ask(gateway, messages=messages, user="ada")
        wait_for(lambda: all(c["taken"] == 1 for c in gateway.holds()["callbacks"]), 30, "all of them")
    assert answer.usage.prompt_tokens > 1000
    assert d.at("/webhook")[0].json()[0]["messages"] == expected
    assert json.loads(d.at("/api/v2/logs")[0].json()[0]["message"])["messages"] == expected
    assert next(r for r in d.received if r.method == "PUT").json()["messages"] == expected
    assert d.at("/v1/runs/ingest")[0].json()["events"][0]["input"] == expected
    assert d.at("/anthropic/v1/log")[0].json()["providerRequest"]["json"]["messages"] == expected
    assert d.at("/track-request")[0].json()["kwargs"]["messages"] == expected
    assert json.loads(attributes(d.spans("/otel/v1/traces")[0])["input.value"])["messages"] == expected
    for path in ("/v1/traces", "/traceloop/v1/traces"):
        told = json.loads(attributes(d.spans(path)[0])["gen_ai.input.messages"])
        assert [m["parts"][0]["content"] for m in told] == shown
    told = [attributes(s) for s in d.spans("/api/public/otel/v1/traces")]
    assert [json.loads(a["langfuse.observation.input"])["messages"] for a in told] == [expected, expected]


# ---- for operators -------------------------------------------------------------------------------


def test_lists_of_callbacks(gateway, quiet):
    status, found = gateway.get("/callbacks/list", key=gateway.key)
    assert status == 200 and found == {"success": [], "failure": [], "success_and_failure": NAMES}
    status, found = gateway.get("/active/callbacks", key=gateway.key)
    assert found["litellm.callbacks"] == found["all_litellm_callbacks"] == NAMES
    assert found["num_callbacks"] == len(NAMES)
    status, found = gateway.get("/get/config/callbacks", key=gateway.key)
    by_name = {c["name"]: c for c in found["callbacks"]}
    assert by_name["lunary"]["type"] == "success_and_failure"
    assert by_name["lunary"]["variables"]["LUNARY_PUBLIC_KEY"] == "****"
    assert by_name["lunary"]["variables"]["LUNARY_API_URL"].startswith("http://127.0.0.1")
    assert {"langfuse", "webhook", "s3"} <= set(found["available_callbacks"])


def test_a_test_of_a_callback(quiet):
    gateway, d = quiet
    status, found = gateway.get("/health/services?service=lunary", key=gateway.key)
    assert status == 200 and found["status"] == "success" and "lunary" in found["message"]
    wait_for(lambda: told(d, "litellm:/health/services")[1], 10, "the test")
    assert not told(d, "litellm:/health/services")[0]
    status, found = gateway.get("/health/services?service=langfuse", key=gateway.key)
    assert status == 500 and "LANGFUSE_PUBLIC_KEY is not set" in found["error"]["message"]
    status, found = gateway.get("/health/services?service=pigeon", key=gateway.key)
    assert status == 400


# ---- set-up --------------------------------------------------------------------------------------

MISSING = {
    "wandb": "WANDB_API_KEY",
    "traceloop": "TRACELOOP_API_KEY",
    "webhook": "WEBHOOK_URL",
    "generic_api": "GENERIC_LOGGER_ENDPOINT",
    "datadog": "DD_API_KEY",
    "s3": "s3_bucket_name",
    "lunary": "LUNARY_PUBLIC_KEY",
    "helicone": "HELICONE_API_KEY",
    "promptlayer": "PROMPTLAYER_API_KEY",
}


def test_what_lacks_a_key_is_not_used(launch, simulator):
    gateway = launch(configuration(simulator.url, litellm_settings={"callbacks": list(MISSING)}), warm=False)
    for name, variable in MISSING.items():
        assert f"callback {name} is not used: " in gateway.log()
        assert variable in next(line for line in gateway.log().splitlines() if f"callback {name} is" in line)
    ask(gateway)
    assert gateway.holds()["callbacks"] == []


def test_an_object_may_hold_many(launch, simulator):
    with destination() as d:
        lines = {**S3, "s3_endpoint_url": d.url, "s3_log_format": "ndjson", "s3_path": ""}
        gateway = start(launch, simulator, d.url, ["s3_v2"], s3_callback_params=lines)
        for user in ("one", "two"):
            ask(gateway, user=user)
        gateway.stop()
        payloads = [json.loads(line) for r in d.received for line in r.body.decode().splitlines()]
        assert sorted(p["end_user"] for p in payloads) == ["one", "two"]
        assert all(r.path.endswith(".ndjson") and r.method == "PUT" for r in d.received)
