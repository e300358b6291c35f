"""Every kind of secret that a gateway is told is planted once, each as a word of its own; then no log line, metric, answer, row
or alert has one of them, whatever goes wrong: each place that a secret is for is away."""

import contextlib
import json

import httpx
import pytest
from conftest import KEY, configuration, deployment
from databases import Sqlite
from destination import destination
from mailbox import mailbox
from programs import free_port, wait_for
from redis_server import RedisServer

HTTP = httpx.Client(timeout=30, trust_env=False)
MODES = {"set_verbose": True, "debug": True, "log_raw_request_response": True}


def planted(of):
    """A word for the secret of that kind, which looks like none."""
    return f"planted-{of}-7c1e"


def nowhere(scheme, of, path=""):
    """Nobody listens there; the name and the password are for basic authentication."""
    return f"{scheme}://caller:{planted(of)}@127.0.0.1:{free_port()}{path}"


def callbacks():
    variables = {
        "LANGFUSE_PUBLIC_KEY": "pk-shown", "LANGFUSE_SECRET_KEY": planted("langfuse"), "LANGFUSE_HOST": nowhere("http", "langfuse-host"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": nowhere("http", "otel-host"), "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {planted('otel')}",
        "DD_API_KEY": planted("datadog"), "DD_SITE": f"127.0.0.1:{free_port()}", "HELICONE_API_KEY": planted("helicone"),
        "HELICONE_API_BASE": nowhere("http", "helicone-host"), "LUNARY_PUBLIC_KEY": planted("lunary"), "LUNARY_API_URL": nowhere("http", "lunary-host"),
        "PROMPTLAYER_API_KEY": planted("promptlayer"), "TRACELOOP_API_KEY": planted("traceloop"),
        "WEBHOOK_URL": nowhere("http", "webhook-host", "/hooks/" + planted("webhook-path")), "WEBHOOK_HEADERS": json.dumps({"x-token": planted("webhook-header")}),
        "SLACK_WEBHOOK_URL": nowhere("http", "slack-host", "/services/" + planted("slack-path")),
        "SMTP_PASSWORD": planted("smtp"), "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(free_port()), "SMTP_USERNAME": "gateway",
        "SMTP_SENDER_EMAIL": "gateway@example.org", "ALERT_EMAIL": "ada@example.org", "UI_PASSWORD": planted("page"), "LITELLM_SALT_KEY": planted("salt"),
        "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.05",
    }  # fmt: skip
    names = ["langfuse", "otel", "datadog", "helicone", "lunary", "promptlayer", "webhook", "s3"]
    s3 = {"s3_bucket_name": "logs", "s3_region_name": "us-east-1", "s3_aws_access_key_id": "AKIASHOWN", "s3_aws_secret_access_key": planted("s3"),
          "s3_aws_session_token": planted("s3-session"), "s3_endpoint_url": nowhere("http", "s3-host")}  # fmt: skip
    return variables, {"callbacks": names, "s3_callback_params": s3}


def build(simulator, database_url, redis, mail=None):
    """(configuration, environment) of a gateway with all of them."""
    env, settings = callbacks()
    env.update(mail or {})
    general = {
        "database_url": database_url, "alerting": ["slack", "webhook", "email"], "store_model_in_db": True, "store_prompts_in_spend_logs": True,
        "alert_to_webhook_url": {"cooldown_deployment": nowhere("http", "alert-host", "/" + planted("alert-path"))}, "alerting_threshold": 0.001, "proxy_batch_write_at": 0.1,
    }  # fmt: skip
    guard = {"guardrail": "generic_guardrail_api", "mode": "pre_call", "api_base": nowhere("http", "guard-host"), "api_key": planted("guard"),
             "headers": {"x-guard": planted("guard-header")}, "unreachable_fallback": "fail_open"}  # fmt: skip
    models = [
        deployment("wrong", "bedrock/us.amazon.nova-pro-v1:0", simulator.url, aws_secret_access_key=planted("aws"), aws_session_token=planted("aws-session")),
        deployment("away", "bedrock/us.amazon.nova-pro-v1:0", f"http://127.0.0.1:{free_port()}", extra_headers={"x-upstream": planted("upstream-header")}),
        deployment("bearer", "bedrock/us.amazon.nova-pro-v1:0", simulator.url, api_key=planted("bearer")),
    ]
    cache = {"type": "redis", "host": "127.0.0.1", "port": redis, "password": planted("redis")}
    config = configuration(
        simulator.url, general_settings=general, extra_models=models, router_settings={"redis_host": "127.0.0.1", "redis_port": redis, "redis_password": planted("redis")},
        litellm_settings={**MODES, **settings, "cache": True, "cache_params": cache, "store_audit_logs": True},
    )  # fmt: skip
    config["guardrails"] = [{"guardrail_name": "asked", "litellm_params": guard}]
    return config, env


def ask(gateway, method, path, key=KEY, **more):
    headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
    return HTTP.request(method, gateway.base_url.removesuffix("/v1") + path, headers=headers, **more)


def chat(gateway, key=KEY, model="claude", **more):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, **more.pop("body", {})}
    return ask(gateway, "POST", "/v1/chat/completions", key, json=body, **more)


def provoke(gateway, key=KEY):
    """The answers to what goes wrong in as many ways as there are secrets."""
    yield chat(gateway, key)
    for model in "wrong", "away", "bearer", "no-such":
        yield chat(gateway, key, model)
    yield chat(gateway, key, body={"guardrails": ["asked"]})
    for header in "x-api-key", "api-key", "x-litellm-api-key", "x-goog-api-key", "x-amz-security-token", "cookie", "proxy-authorization", "Authorization":
        yield ask(gateway, "GET", "/v1/models", headers={"Authorization": "Bearer no-key", header: f"sk-{planted('header')}"})
    for query in "key", "api_key", "token":
        yield ask(gateway, "GET", f"/v1/models?{query}={planted('query')}&{query}={KEY}", key="sk-none")
        yield ask(gateway, "POST", f"/no/such/route?{query}={KEY}", json={})
    yield ask(gateway, "GET", "/v1/models", key=planted("key-without-sk"))
    basic = httpx.BasicAuth("caller", planted("basic"))
    yield HTTP.get(gateway.base_url + "/models", auth=basic)
    for service in "slack", "webhook", "email", "langfuse", "otel", "s3":
        yield ask(gateway, "GET", f"/health/services?service={service}")
    yield ask(gateway, "GET", "/health")
    yield ask(gateway, "POST", "/model/new", json={"model_name": "m", "litellm_params": {"model": "bedrock/x", "aws_secret_access_key": [planted("bad-model")]}})
    yield ask(gateway, "POST", "/health/test_connection", json={"litellm_params": {"model": "bedrock/us.amazon.nova-pro-v1:0", "aws_secret_access_key": planted("tried"), "aws_access_key_id": "AKIA", "aws_region_name": "us-east-1", "aws_bedrock_runtime_endpoint": f"http://127.0.0.1:{free_port()}"}})  # fmt: skip


def told(gateway):
    """(where, text) of everything that reads: every route, as the admin and at the admin UI."""
    answer = ask(gateway, "GET", "/openapi.json")
    browser = httpx.Client(base_url=gateway.base_url.removesuffix("/v1"), timeout=30)
    browser.post("/v2/login", json={"username": "admin", "password": planted("page")})
    for path, methods in answer.json()["paths"].items():
        if "get" not in methods or path in ("/metrics/", "/sso/key/generate"):
            continue
        at = path.replace("{model}", "claude").replace("{item}", "x")
        query = {"start_date": "2026-01-01", "end_date": "2036-01-01", "config_type": "router_settings", "field_name": "redis_password"}
        for answer in ask(gateway, "GET", at, params=query), browser.get(at):
            yield path, answer.text + str(answer.headers)
    browser.close()
    yield "/metrics", ask(gateway, "GET", "/metrics/").text
    yield "the log", gateway.log()


def clean(where, text, *more):
    found = [part for part in text.replace("planted-", "\nplanted-").splitlines() if "planted-" in part]
    assert not found, (where, [f[:60] for f in found][:5], text[max(0, text.find("planted-") - 300) :][:400])
    for secret in (KEY, *more):
        assert secret not in text, (where, text[max(0, text.find(secret) - 300) :][:400])


def test_when_everything_is_away(launch, simulator):
    url = f"postgresql://lintel:{planted('database')}@127.0.0.1:{free_port()}/spent?options={planted('database-option')}"
    config, env = build(simulator, url, free_port())
    gateway = launch(config, env=env, warm=False)
    for n, answer in enumerate(provoke(gateway)):
        clean(n, answer.text + str(answer.headers))
    wait_for(lambda: all(c["failed_calls"] for c in gateway.holds()["callbacks"] if c["put"]), 30, "all of them failing")
    for where, text in told(gateway):
        clean(where, text)
    assert "DEBUG" in gateway.log() and "raw request" in gateway.log()
    gateway.kill()


def rows(database):
    for (table,) in database.query("SELECT name FROM sqlite_master WHERE type = 'table'"):
        yield table, str(database.query(f'SELECT * FROM "{table}"'))


def test_when_there_is_a_database(launch, simulator, tmp_path):
    """And a Redis and mail with their passwords; keys, users and models that were made with the management API."""
    with contextlib.ExitStack() as stack:
        server, box = stack.enter_context(destination()), stack.enter_context(mailbox(tmp_path))
        database = Sqlite()
        database.create("planted")
        stack.callback(database.stop)
        redis = RedisServer(tmp_path / "redis", "--requirepass", planted("redis"), cli=("-a", planted("redis")))
        stack.callback(redis.kill)
        config, env = build(simulator, database.url, redis.port, {k: v for k, v in box.env().items() if k != "SSL_CERT_FILE"})
        env["WEBHOOK_URL"] = server.url + "/hook"
        gateway = launch(config, env=env)
        wait_for(lambda: ask(gateway, "POST", "/user/new", json={"user_id": "u", "user_email": "u@example.org", "password": planted("user"), "auto_create_key": False}).status_code == 200, 20, "the database")
        key = ask(gateway, "POST", "/key/generate", json={"user_id": "u", "key_alias": "k"}).json()["key"]
        model = deployment("stored", "bedrock/us.amazon.nova-pro-v1:0", f"http://127.0.0.1:{free_port()}", aws_secret_access_key=planted("stored"))
        assert ask(gateway, "POST", "/model/new", json=model).status_code == 200
        wait_for(lambda: chat(gateway, key, "stored").status_code not in (400, 404), 20, "the model")
        for n, answer in enumerate(provoke(gateway, key)):
            clean(n, answer.text + str(answer.headers), key)
        wait_for(lambda: database.query('SELECT count(*) FROM "LiteLLM_SpendLogs"')[0][0] >= "4", 20, "rows")
        for where, text in (*told(gateway), *rows(database)):
            clean(where, text, key)
        wait_for(lambda: server.at("/hook"), 20, "alerts")
        for call in list(server.received):
            clean("the webhook", call.body.decode(), key)
        gateway.kill()
