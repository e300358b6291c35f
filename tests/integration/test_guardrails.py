"""Guardrails: filters, webhooks and Bedrock's own, before and after the call, on every API."""

import contextlib
import json
import urllib.error
import urllib.request

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from conftest import ACCESS_KEY_ID, KEY, SECRET_ACCESS_KEY, configuration
from databases import Sqlite
from destination import destination
from programs import wait_for

LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
HOOK = "/beta/litellm_basic_guardrail_api"
APPLY = "/guardrail/gr-1/version/DRAFT/apply"
SECRET = "sesame-1234"
MASK = "[SESAME_REDACTED]"
DIALECTS = ["chat", "messages", "completions", "responses"]


def filter_(name, mode, action, **params):
    patterns = [{"pattern_type": "regex", "name": "sesame", "pattern": r"sesame-\d{4}", "action": action}]
    return guard(name, "litellm_content_filter", mode, patterns=patterns, **params)


def guard(name, kind, mode, **params):
    return {"guardrail_name": name, "litellm_params": {"guardrail": kind, "mode": mode, **params}}


@pytest.fixture(scope="module")
def hook():
    with destination() as d:
        yield d


@pytest.fixture(scope="module")
def slow():
    """One that never answers."""
    with destination() as d:
        d.mode = "hanging"
        yield d


@pytest.fixture(scope="module")
def gateway(launch, simulator, hook, slow):
    config = configuration(simulator.url)
    config["guardrails"] = [
        *(filter_(f"{a}-{m}", f"{m}_call", a.upper()) for a in ("block", "mask", "log") for m in ("pre", "post")),
        guard(
            "words",
            "litellm_content_filter",
            ["pre_call", "post_call"],
            default_on=True,
            blocked_words=[{"keyword": "Abracadabra", "action": "BLOCK"}, {"keyword": "hush", "action": "MASK"}],
        ),
        guard(
            "answers",
            "litellm_content_filter",
            "post_call",
            default_on=True,
            blocked_words=[{"keyword": "zanzibar", "action": "BLOCK"}, {"keyword": "timbuktu", "action": "MASK"}],
        ),
        filter_("watch-post", "post_call", "BLOCK", on_flagged="monitor"),
        *(
            guard(name, "generic_guardrail_api", mode, headers={"x-own": "h"}, **{"api_base": hook.url, "timeout": 60, **more})
            for name, mode, more in [
                ("hook-pre", "pre_call", {}),
                ("hook-post", "post_call", {}),
                ("hook-watch", ["pre_call", "post_call"], {"on_flagged": "monitor"}),
                ("hook-short", "pre_call", {"timeout": 0.2, "api_base": slow.url}),
                ("hook-lenient", "pre_call", {"fail_on_error": False}),
            ]
        ),
        *(
            guard(name, "generic_guardrail_api", "during_call", api_base="http://127.0.0.1:9", **more)
            for name, more in [("gone-closed", {}), ("gone-open", {"unreachable_fallback": "fail_open"})]
        ),
        *(
            guard(
                name,
                "bedrock",
                mode,
                guardrailIdentifier="gr-1",
                guardrailVersion="DRAFT",
                aws_region_name="us-east-1",
                aws_access_key_id=ACCESS_KEY_ID,
                aws_secret_access_key=SECRET_ACCESS_KEY,
                aws_bedrock_runtime_endpoint=hook.url,
                timeout=60,
                **more,
            )
            for name, mode, more in [
                ("bedrock-pre", "pre_call", {}),
                ("bedrock-mask", ["pre_call", "post_call"], {"mask_request_content": True, "mask_response_content": True}),
                ("bedrock-post", "post_call", {}),
            ]
        ),
    ]
    return launch(config)


@pytest.fixture(autouse=True)
def forget(hook):
    hook.mode, hook.answer, hook.status = "ok", b'{"action": "NONE"}', 200
    hook.received.clear()


BODIES = {
    "chat": ("/v1/chat/completions", lambda t: {"messages": [{"role": "user", "content": t}]}),
    "messages": ("/v1/messages", lambda t: {"max_tokens": 500, "messages": [{"role": "user", "content": t}]}),
    "completions": ("/v1/completions", lambda t: {"prompt": t}),
    "responses": ("/v1/responses", lambda t: {"input": t}),
}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body.decode()

    @property
    def names(self):
        return (self.headers["x-litellm-applied-guardrails"] or "").split(",")


def post(gateway, path, body, key=KEY):
    request = urllib.request.Request(
        f"http://{gateway.netloc}{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Connection": "close"},
    )
    try:
        with LOCAL.open(request, timeout=60) as reply:
            return Answer(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def ask(gateway, dialect, text, *guards, stream=False, **more):
    path, body = BODIES[dialect]
    names = {"guardrails": list(guards)} if guards else {}
    return post(gateway, path, {"model": "claude", "stream": stream, **body(text), **names, **more})


def deltas(answer):
    """The text of a stream, as its client puts it together."""
    text = ""
    for line in answer.body.splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[6:])
        for choice in event.get("choices", []):
            text += choice.get("text") or choice.get("delta", {}).get("content") or ""
        delta = event.get("delta")
        if isinstance(delta, str) and event["type"] == "response.output_text.delta":
            text += delta
        elif isinstance(delta, dict):
            text += delta.get("text") or ""
    return text


def said(answer, stream):
    return deltas(answer) if stream else answer.body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_filter_before(gateway, dialect, stream):
    prompt = f"I know {SECRET} and SESAME-9999 [[sim:echo]]"
    blocked = ask(gateway, dialect, prompt, "block-pre", stream=stream)
    assert blocked.status == 400 and "Content blocked: sesame pattern detected" in blocked.body
    assert SECRET not in blocked.body
    masked = ask(gateway, dialect, prompt, "mask-pre", stream=stream)
    assert masked.status == 200 and set(masked.names) == {"words", "answers", "mask-pre"}
    assert said(masked, stream).count(MASK) == 2 and "9999" not in masked.body
    logged = ask(gateway, dialect, prompt, "log-pre", stream=stream)
    assert logged.status == 200 and SECRET in said(logged, stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_filter_after(gateway, dialect, stream):
    prompt = f"[[sim:reply(before it {SECRET}, after it)]]"
    blocked = ask(gateway, dialect, prompt, "block-post", stream=stream)
    assert "Content blocked: sesame pattern detected" in blocked.body
    assert blocked.status == 400 or (stream and "after it" not in blocked.body)
    assert SECRET not in said(blocked, stream) and "sesame-" not in said(blocked, stream)
    masked = ask(gateway, dialect, prompt, "mask-post", stream=stream)
    assert masked.status == 200 and f"before it {MASK}, after it" in said(masked, stream)
    assert SECRET not in masked.body
    for name in ("log-post", "watch-post"):
        logged = ask(gateway, dialect, prompt, name, stream=stream)
        assert logged.status == 200 and f"before it {SECRET}, after it" in said(logged, stream)


@pytest.mark.parametrize("stream", [False, True])
def test_always_on(gateway, stream):
    answer = ask(gateway, "chat", "abraCADABRA", stream=stream)
    assert answer.status == 400 and "keyword 'abraCADABRA' detected" in json.loads(answer.body)["error"]["message"]
    answer = ask(gateway, "chat", "[[sim:reply(well hush now)]]", stream=stream)
    assert "well [KEYWORD_REDACTED] now" in said(answer, stream) and answer.names == ["words", "answers"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_arguments_of_tools(gateway, dialect, stream):
    """What the model calls, and what a client says was called and came of it."""
    tool = {"name": "f", "description": "d"}
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    tools = {
        "chat": [{"type": "function", "function": {**tool, "parameters": schema}}],
        "messages": [{**tool, "input_schema": schema}],
        "responses": [{"type": "function", **tool, "parameters": schema}],
    }[dialect]
    prompt = '[[sim:tool(f,{"q": "ses\\u0061me-1234", "n": 7})]]'
    answer = ask(gateway, dialect, prompt, "mask-post", stream=stream, tools=tools)
    assert answer.status == 200 and "SESAME_REDACTED" in answer.body and "1234" not in answer.body
    answer = ask(gateway, dialect, prompt, "block-post", stream=stream, tools=tools)
    assert "sesame pattern detected" in answer.body and "1234" not in answer.body


def test_history_of_tools(gateway):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"q": "sesame-\\u0031234"}'}}
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": f"it is {SECRET}"},
        {"role": "user", "content": [{"type": "text", "text": "[[sim:echo]]"}]},
    ]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    body = {"model": "claude", "messages": messages, "tools": tools}
    answer = post(gateway, "/v1/chat/completions", {**body, "guardrails": ["mask-pre"]})
    assert answer.status == 200 and answer.body.count("SESAME_REDACTED") == 2 and "1234" not in answer.body
    assert post(gateway, "/v1/chat/completions", {**body, "guardrails": ["block-pre"]}).status == 400


def test_several_prompts(gateway):
    body = {"model": "claude", "prompt": [f"[[sim:reply(a {SECRET})]]", "[[sim:reply(b)]]"]}
    answer = post(gateway, "/v1/completions", {**body, "guardrails": ["mask-post"]})
    texts = [c["text"] for c in json.loads(answer.body)["choices"]]
    assert texts == [f"a {MASK}", "b"]
    answer = post(gateway, "/v1/completions", {**body, "stream": True, "guardrails": ["mask-post"]})
    assert answer.status == 200 and MASK in answer.body and SECRET not in answer.body
    assert post(gateway, "/v1/completions", {**body, "guardrails": ["block-post"]}).status == 400
    answer = post(gateway, "/v1/completions", {**body, "guardrails": ["hook-post"]})
    assert answer.status == 400 and "one prompt at a time" in answer.body


def test_unknown_names(gateway):
    answer = ask(gateway, "chat", "hi", "nobody")
    assert answer.status == 400 and "guardrail 'nobody' of the request is not configured" in answer.body
    answer = post(gateway, "/v1/chat/completions", {"model": "claude", "messages": [], "guardrails": "x"})
    assert answer.status == 400
    body = {"model": "claude", "messages": [{"role": "user", "content": SECRET}]}
    for named in ({"guardrails": [{"block-pre": {}}]}, {"metadata": {"guardrails": ["block-pre"]}}):
        assert "sesame pattern" in post(gateway, "/v1/chat/completions", {**body, **named}).body


# ---- those who are asked -----------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_webhook(gateway, hook, dialect, stream):
    prompt = f"[[sim:reply(answer {SECRET})]]"
    answer = ask(gateway, dialect, prompt, "hook-pre", "hook-post", stream=stream)
    assert answer.status == 200 and f"answer {SECRET}" in said(answer, stream)
    before, after = (r.json() for r in hook.at(HOOK))
    assert before["input_type"] == "request" and before["texts"] == [prompt]
    assert after["input_type"] == "response" and after["texts"] == [f"answer {SECRET}"]
    assert hook.at(HOOK)[0].headers["x-own"] == "h" and before["litellm_call_id"]
    hook.answer = b'{"action": "BLOCKED", "blocked_reason": "no such talk"}'
    for name in ("hook-pre", "hook-post"):
        answer = ask(gateway, dialect, prompt, name, stream=stream)
        assert answer.status == 400 or stream, name
        assert "Content blocked by guardrail: no such talk" in answer.body and SECRET not in answer.body
    assert ask(gateway, dialect, prompt, "hook-watch", stream=stream).status == 200
    hook.answer = b'{"action": "GUARDRAIL_INTERVENED", "texts": ["other words [[sim:echo]]"]}'
    assert "other words" in said(ask(gateway, dialect, prompt, "hook-pre", stream=stream), stream)
    answer = said(ask(gateway, dialect, prompt, "hook-post", stream=stream), stream)
    assert "other words" in answer and SECRET not in answer


def test_webhook_and_filter(gateway, hook):
    """The filter comes first: who is asked does not see what it masks."""
    ask(gateway, "chat", f"{SECRET} [[sim:reply(yes {SECRET})]]", "mask-pre", "mask-post", "hook-pre", "hook-post")
    texts = [r.json()["texts"][0] for r in hook.at(HOOK)]
    assert len(texts) == 2 and all(SECRET not in t and MASK in t for t in texts)


@pytest.mark.parametrize(
    "answer, status",
    [
        (b"no json", 200),
        (b"{}", 200),
        (b'{"action": "GUARDRAIL_INTERVENED", "texts": []}', 200),
        (b'{"action": "GUARDRAIL_INTERVENED", "texts": [1]}', 200),
        (b'{"action": "NONE"}', 500),
    ],
)
def test_webhook_says_nonsense(gateway, hook, answer, status):
    hook.answer, hook.status = answer, status
    refused = ask(gateway, "chat", "hi", "hook-pre")
    assert refused.status == 503 and "guardrail 'hook-pre' could not be asked" in refused.body
    assert ask(gateway, "chat", "hi", "hook-lenient").status == 200


def test_webhook_is_away(gateway):
    assert ask(gateway, "chat", "hi", "gone-closed").status == 503
    assert ask(gateway, "chat", "hi", "gone-open").status == 200
    assert ask(gateway, "chat", "hi", "hook-short").status == 503


@pytest.mark.parametrize("stream", [False, True])
def test_bedrock(gateway, hook, stream):
    prompt = f"[[sim:reply(answer {SECRET})]]"
    answer = ask(gateway, "chat", prompt, "bedrock-pre", stream=stream)
    assert answer.status == 200
    (call,) = hook.at(APPLY)
    assert call.json() == {"source": "INPUT", "content": [{"text": {"text": prompt}}]}
    assert "us-east-1/bedrock/aws4_request" in call.headers["authorization"]
    hook.answer = json.dumps(
        {
            "action": "GUARDRAIL_INTERVENED",
            "outputs": [{"text": "Sorry, no."}],
            "assessments": [{"topicPolicy": {"topics": [{"name": "t", "type": "DENY", "action": "BLOCKED"}]}}],
        }
    ).encode()
    for name in ("bedrock-pre", "bedrock-mask", "bedrock-post"):
        answer = ask(gateway, "chat", prompt, name, stream=stream)
        assert answer.status == 400 or stream
        assert "Violated guardrail policy: Sorry, no." in answer.body and SECRET not in answer.body
    hook.answer = json.dumps(
        {
            "action": "GUARDRAIL_INTERVENED",
            "outputs": [{"text": "{NAME} [[sim:reply(fine)]]"}],
            "assessments": [{"sensitiveInformationPolicy": {"piiEntities": [{"type": "NAME", "action": "ANONYMIZED"}]}}],
        }
    ).encode()
    assert "{NAME}" in said(ask(gateway, "chat", prompt, "bedrock-mask", stream=stream), stream)
    assert ask(gateway, "chat", prompt, "bedrock-pre", stream=stream).status == 400
    hook.mode = "failing"
    assert ask(gateway, "chat", prompt, "bedrock-pre", stream=stream).status == 503


# ---- other routes ------------------------------------------------------------------------------


def test_embeddings(gateway):
    body = {"model": "claude", "input": ["a", f"b {SECRET}"], "guardrails": ["block-pre"]}
    answer = post(gateway, "/v1/embeddings", body)
    assert answer.status == 400 and "sesame pattern detected" in answer.body


def test_rerank(gateway):
    body = {"model": "claude", "query": "q", "documents": ["d", SECRET], "guardrails": ["block-pre"]}
    assert "sesame pattern detected" in post(gateway, "/v1/rerank", body).body


@contextlib.contextmanager
def bedrock_client(gateway):
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=f"http://{gateway.netloc}/bedrock",
        aws_access_key_id=f"Bearer {KEY}",
        aws_secret_access_key="not checked",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=60),
    )
    try:
        yield client
    finally:
        client.close()


def converse(client, text):
    messages = [{"role": "user", "content": [{"text": text}]}]
    answer = client.converse(modelId="claude", messages=messages)
    return answer["output"]["message"]["content"][0]["text"]


def converse_stream(client, text):
    messages = [{"role": "user", "content": [{"text": text}]}]
    stream = client.converse_stream(modelId="claude", messages=messages)["stream"]
    return "".join(e["contentBlockDelta"]["delta"]["text"] for e in stream if "contentBlockDelta" in e)


def invoke(client, text):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 300}
    body["messages"] = [{"role": "user", "content": text}]
    answer = client.invoke_model(modelId="claude", body=json.dumps(body))
    return json.loads(answer["body"].read())["content"][0]["text"]


@pytest.mark.parametrize("call", [converse, converse_stream, invoke])
def test_native(gateway, call):
    """Bedrock's own API has no member that could name guards: those that are always on count."""
    refused = (botocore.exceptions.ClientError, botocore.exceptions.EventStreamError)
    with bedrock_client(gateway) as client:
        assert call(client, "[[sim:reply(fine)]]") == "fine"
        echoed = call(client, "so hush, [[sim:echo]]")
        assert "so [KEYWORD_REDACTED]," in echoed and "hush" not in echoed
        with pytest.raises(refused, match="keyword 'abracadabra' detected"):
            call(client, "abracadabra")
        with pytest.raises(refused, match="keyword 'Zanzibar' detected"):
            call(client, "[[sim:reply(to Zanzibar)]]")
        if call is converse_stream:
            with pytest.raises(refused, match="cannot be done in a stream"):
                call(client, "[[sim:reply(to Timbuktu)]]")
        else:
            assert call(client, "[[sim:reply(to Timbuktu)]]") == "to [KEYWORD_REDACTED]"


# ---- keys, logs, lists ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(launch, simulator, tmp_path_factory):
    """A gateway with a database that keeps prompts and answers."""
    database = Sqlite()
    database.create("guards")
    general = {
        "database_url": database.url,
        "data_directory": str(tmp_path_factory.mktemp("data")),
        "store_prompts_in_spend_logs": True,
    }
    config = configuration(simulator.url, general_settings=general)
    shown = filter_("shown", "logging_only", "MASK")
    config["guardrails"] = [
        filter_("both", ["pre_call", "post_call"], "MASK"),
        filter_("always", "pre_call", "BLOCK", default_on=True),
        {**shown, "guardrail_info": {"for": "logs"}},
    ]
    config["guardrails"][1]["litellm_params"]["patterns"][0]["pattern"] = "geheim"
    gateway = launch(config, warm=False)
    wait_for(lambda: gateway.get("/spend/logs", KEY)[0] == 200, 20, "the database")
    yield gateway
    database.stop()


def as_key(gateway, key, text, **more):
    body = {"model": "claude", "messages": [{"role": "user", "content": text}], **more}
    return post(gateway, "/v1/chat/completions", body, key)


def row_of(gateway, answer):
    path = f"/spend/logs?request_id={answer.headers['x-litellm-call-id']}"
    wait_for(lambda: gateway.get(path, KEY)[1], 20, "the row")
    return gateway.get(path, KEY)[1][0]


def test_guards_of_keys_and_teams(kept):
    def make(path, **members):
        answer = post(kept, path, members)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    plain = make("/key/generate")["key"]
    assert as_key(kept, plain, "geheim").status == 400
    assert SECRET in as_key(kept, plain, f"{SECRET} [[sim:echo]]").body
    free = make("/key/generate", disable_global_guardrails=True)["key"]
    assert as_key(kept, free, "geheim").status == 200
    guarded = make("/key/generate", guardrails=["both"])["key"]
    answer = as_key(kept, guarded, f"{SECRET} [[sim:echo]]")
    assert MASK in answer.body and SECRET not in answer.body and set(answer.names) == {"both", "always"}
    team = make("/team/new", guardrails=["both"])["team_id"]
    member = make("/key/generate", team_id=team)["key"]
    assert MASK in as_key(kept, member, f"{SECRET} [[sim:echo]]").body
    wrong = make("/key/generate", guardrails=["gone"])["key"]
    answer = as_key(kept, wrong, "hi")
    assert answer.status == 400 and "guardrail 'gone' of the key is not configured" in answer.body


@pytest.mark.parametrize("stream", [False, True])
def test_what_logs_have(kept, stream):
    text = f"{SECRET} [[sim:reply(yes {SECRET})]]"
    answer = as_key(kept, KEY, text, guardrails=["both"], stream=stream)
    row = row_of(kept, answer)
    assert MASK in json.dumps(row["proxy_server_request"]) and MASK in json.dumps(row["response"])
    assert SECRET not in json.dumps(row)
    assert row["metadata"]["applied_guardrails"] == ["both", "always"]
    answer = as_key(kept, KEY, text, guardrails=["shown"], stream=stream)
    assert f"yes {SECRET}" in said(answer, stream)
    row = row_of(kept, answer)
    assert MASK in json.dumps(row["response"]) and SECRET not in json.dumps(row)
    refused = as_key(kept, KEY, "so geheim", stream=stream)
    row = row_of(kept, refused)
    assert row["status"] == "failure" and "geheim" not in json.dumps(row["proxy_server_request"])


def test_lists(kept):
    status, listed = kept.get("/guardrails/list", KEY)
    assert status == 200 and [g["guardrail_name"] for g in listed["guardrails"]] == ["both", "always", "shown"]
    guards = kept.get("/v2/guardrails/list", KEY)[1]["guardrails"]
    assert guards[2]["guardrail_info"] == {"for": "logs"} and guards[0]["litellm_params"]["mode"]
    assert kept.get(f"/guardrails/{guards[1]['guardrail_id']}/info", KEY) == (200, guards[1])
    assert kept.get("/guardrails/nobody/info", KEY)[0] == 404


def test_apply(gateway, hook):
    def apply(name, text):
        return post(gateway, "/guardrails/apply_guardrail", {"guardrail_name": name, "text": text})

    assert json.loads(apply("mask-pre", f"so {SECRET}").body) == {"response_text": f"so {MASK}"}
    assert apply("block-pre", SECRET).status == 400
    assert apply("nobody", "x").status == 404
    assert post(gateway, "/guardrails/apply_guardrail", {"text": "x"}).status == 422
    hook.answer = b'{"action": "GUARDRAIL_INTERVENED", "texts": ["better"]}'
    assert json.loads(apply("hook-pre", "worse").body) == {"response_text": "better"}
    hook.answer = b'{"action": "BLOCKED"}'
    assert apply("hook-pre", "worse").status == 400


# ---- kept answers, streams that break off ------------------------------------------------------


@pytest.fixture(scope="module")
def caching(launch, simulator, hook):
    """A gateway that keeps answers, and goes on with streams that break off."""
    litellm = {"cache": True, "cache_params": {"type": "local"}, "mid_stream_fallbacks": True}
    config = configuration(simulator.url, litellm_settings=litellm, router_settings={"num_retries": 2})
    config["guardrails"] = [
        filter_("mask-post", "post_call", "MASK"),
        filter_("block-post", "post_call", "BLOCK"),
        guard("hook-post", "generic_guardrail_api", "post_call", api_base=hook.url, timeout=60),
    ]
    return launch(config)


@pytest.mark.parametrize("stream", [False, True])
def test_kept_answers(caching, hook, stream):
    """What is kept is the model's; each request has it held against its own guards."""
    prompt = f"[[sim:reply(kept {stream} {SECRET})]]"
    assert SECRET in ask(caching, "chat", prompt).body
    for _ in range(2):
        masked = ask(caching, "chat", prompt, "mask-post", stream=stream)
        assert masked.headers["x-litellm-cache-key"]
        assert f"kept {stream} {MASK}" in said(masked, stream) and SECRET not in masked.body
        assert "sesame pattern detected" in ask(caching, "chat", prompt, "block-post", stream=stream).body
        asked = ask(caching, "chat", prompt, "hook-post", stream=stream)
        assert f"kept {stream} {SECRET}" in said(asked, stream)
    hook.answer = b'{"action": "BLOCKED", "blocked_reason": "not that"}'
    answer = ask(caching, "chat", prompt, "hook-post", stream=stream)
    assert "not that" in answer.body and SECRET not in answer.body
    hook.answer = b'{"action": "GUARDRAIL_INTERVENED", "texts": ["instead"]}'
    assert "instead" in said(ask(caching, "chat", prompt, "hook-post", stream=stream), stream)
    assert len(hook.at(HOOK)) == 4


@pytest.mark.parametrize("name", ["mask-post", "hook-post"])
def test_streams_that_break_off(caching, name):
    prompt = f"{name} [[sim:reply(one two {SECRET} three four five six)]] [[sim:cut(4)]] [[sim:times(1)]]"
    answer = ask(caching, "chat", prompt, name, stream=True)
    wanted = MASK if name == "mask-post" else SECRET
    assert answer.status == 200 and wanted in said(answer, True) and answer.body.endswith("[DONE]\n\n"), answer.body
