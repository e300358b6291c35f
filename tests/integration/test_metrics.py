"""/metrics: LiteLLM's names and labels, read by Prometheus' own parser; of all workers together."""

import json
import os
import re
import signal
import sqlite3
import urllib.error
import urllib.request

import openai
import pytest
import yaml
from conftest import KEY, MODELS, configuration, deployment, openai_client
from programs import ROOT, free_port, wait_for
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text
from test_keys import ask as manage
from test_keys import generate

SETTINGS = {"litellm_settings": {"callbacks": ["prometheus"]}}
LABELS = {"litellm_model_name"}
OPEN = "application/openmetrics-text; version=1.0.0"


def fetch(gateway, key=KEY, path="/metrics", **headers):
    """(status, content type, text)"""
    headers = {"Connection": "close", **headers}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"http://{gateway.netloc}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers["content-type"], reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read().decode()


def metrics(gateway):
    status, kind, text = fetch(gateway)
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8"), text
    return {family.name: family for family in parse_text(text)}


def value(gateway, name, **labels):
    """The sum of all samples of that name that have these labels."""
    return sum(
        s.value
        for family in metrics(gateway).values()
        for s in family.samples
        if s.name == name and labels.items() <= s.labels.items()
    )


def ask(client, **more):
    answer = client.chat.completions.create(
        **{"model": "claude", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, **more}
    )
    return list(answer) if more.get("stream") else answer


def test_an_answer_counts(gateway, client):
    usage = ask(client, user="ada").usage
    ask(client, user="ada", stream=True)
    who = {"end_user": "ada", "requested_model": "claude"}
    assert value(gateway, "litellm_proxy_total_requests_metric_total", status_code="200", **who) == 2
    assert value(gateway, "litellm_request_total_latency_metric_count", **who) == 2
    assert value(gateway, "litellm_llm_api_latency_metric_count", **who) == 2
    assert value(gateway, "litellm_llm_api_time_to_first_token_metric_count", **who) == 1
    assert value(gateway, "litellm_input_tokens_metric_total", **who) == 2 * usage.prompt_tokens
    assert value(gateway, "litellm_output_tokens_metric_total", **who) == 2 * usage.completion_tokens
    assert value(gateway, "litellm_total_tokens_metric_total", **who) == 2 * usage.total_tokens
    spent = value(gateway, "litellm_spend_metric_total", end_user="ada", api_provider="bedrock")
    assert spent == pytest.approx(2 * usage.cost)
    model = MODELS["claude"].removeprefix("bedrock/")
    assert value(gateway, "litellm_deployment_success_responses_total", litellm_model_name=model) >= 2
    assert value(gateway, "litellm_deployment_state", litellm_model_name=model) == 0
    assert value(gateway, "litellm_proxy_failed_requests_metric_total", **who) == 0


def test_a_failure_counts(gateway, client):
    with pytest.raises(openai.RateLimitError):
        ask(client, user="lin", messages=[{"role": "user", "content": "[[sim:throttle]]"}])
    with pytest.raises(openai.BadRequestError):
        ask(client, user="lin", model="no-such-model")
    failed = "litellm_proxy_failed_requests_metric_total"
    throttled = {"exception_status": "429", "exception_class": "Bedrock.RateLimitError"}
    assert value(gateway, failed, end_user="lin", **throttled) == 1
    assert value(gateway, failed, end_user="lin", requested_model="no-such-model", exception_status="400") == 1
    assert value(gateway, "litellm_proxy_total_requests_metric_total", end_user="lin", status_code="429") == 1
    assert value(gateway, "litellm_deployment_failure_responses_total", **throttled) == 1
    with openai_client(gateway, api_key="sk-wrong") as stranger, pytest.raises(openai.OpenAIError):
        ask(stranger)
    assert value(gateway, failed, exception_class="AuthenticationError") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_counts(gateway, client, stream):
    success, total = "litellm_deployment_success_responses_total", "litellm_deployment_total_requests_total"
    ask(client)
    before = value(gateway, success), value(gateway, total)
    hangs = {"messages": [{"role": "user", "content": "[[sim:hang]]"}], "user": f"eve-{stream}", "stream": stream}
    with openai_client(gateway, timeout=0.5) as hasty, pytest.raises(openai.APITimeoutError):
        ask(hasty, **hangs)
    left = {"end_user": f"eve-{stream}", "status_code": "499"}
    wait_for(lambda: value(gateway, "litellm_proxy_total_requests_metric_total", **left) == 1, 10, "that it is counted")
    assert (value(gateway, success), value(gateway, total)) == before


def test_what_the_process_holds(gateway, client):
    ask(client)
    names = metrics(gateway)
    assert value(gateway, "litellm_in_flight_requests") == 1  # the one that asks
    assert value(gateway, "lintel_loop_busy_seconds_count") > 0
    assert value(gateway, "lintel_stage_seconds_count", state="CALL") > 0
    assert value(gateway, "process_resident_memory_bytes") > 1 << 20
    assert {"lintel_client_connections", "lintel_upstream_calls", "lintel_queued_requests"} <= set(names)


def test_every_name_has_its_help_and_type_once(gateway, client):
    ask(client)
    text = fetch(gateway)[2]
    types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(types) == len(set(types)) > 30
    for family in parse_text(text):
        assert family.documentation and family.samples, family.name


def test_openmetrics(gateway, client):
    ask(client)
    status, kind, text = fetch(gateway, Accept=OPEN)
    assert (status, kind) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    families = {f.name: f for f in parse_open(text)}
    assert families["litellm_spend_metric"].type == "counter"


def test_the_key(gateway):
    status, kind, text = fetch(gateway, key=None)
    assert (status, kind) == (401, "application/json") and "require_auth_for_metrics_endpoint: false" in text
    assert fetch(gateway, key="sk-wrong")[0] == 401
    assert fetch(gateway, path="/metrics/")[0] == 200


def test_without_a_key_and_without_metrics(launch, simulator):
    settings = {"callbacks": "prometheus", "require_auth_for_metrics_endpoint": False}
    assert fetch(launch(configuration(simulator.url, litellm_settings=settings), warm=False), key=None)[0] == 200
    assert fetch(launch(configuration(simulator.url), warm=False))[0] == 404


def test_a_configuration_chooses_and_names(launch, simulator):
    """Groups, what is left out, labels from metadata and tags, bounds; the same in all workers and after a restart
    of one."""
    settings = {
        "callbacks": ["prometheus"],
        "require_auth_for_metrics_endpoint": True,
        "prometheus_metrics_config": [
            {"group": "requests", "metrics": ["litellm_proxy_total_requests_metric"], "include_labels": ["end_user", "requested_model", "stream", "metadata_job", "tag_prod", "tag_app__"]},
            {"group": "times", "metrics": ["litellm_request_total_latency_metric", "litellm_spend_metric"]},
        ],
        "prometheus_exclude_metrics": ["litellm_spend_metric", "lintel_clients_gone"],
        "prometheus_exclude_labels": ["client_ip", "user_agent", "hashed_api_key"],
        "custom_prometheus_metadata_labels": ["metadata.job"],
        "custom_prometheus_tags": ["prod", "app:*"],
        "prometheus_latency_buckets": [0.5, 60],
        "prometheus_emit_stream_label": True,
        "prometheus_deployment_and_latency_caller_identity": "both",
    }
    gateway = launch(configuration(simulator.url, litellm_settings=settings), "--num_workers", 2, warm=False)
    told = {"job": "night", "tags": ["app: x"]}
    total, latency = "litellm_proxy_total_requests_metric_total", "litellm_request_total_latency_metric_bucket"
    shown = {"end_user": "ada", "requested_model": "claude", "stream": "True", "metadata_job": "night", "tag_prod": "false", "tag_app__": "true"}

    def asked():
        for _ in range(6):
            with openai_client(gateway) as client:
                ask(client, user="ada", stream=True, extra_body={"metadata": told})
        found = metrics(gateway)
        samples = [s for s in found["litellm_proxy_total_requests_metric"].samples if s.name == total]
        assert [s.labels for s in samples] == [shown]
        names = {name for name in found if name.startswith("litellm_")}
        assert names == {"litellm_proxy_total_requests_metric", "litellm_request_total_latency_metric"}
        latencies = [s.labels for s in found["litellm_request_total_latency_metric"].samples if s.name == latency]
        assert {s["le"] for s in latencies} == {"0.5", "60.0", "+Inf"}
        assert not {"client_ip", "user_agent", "hashed_api_key"} & set(latencies[0])
        assert {"api_key_alias", "user_email", "metadata_job"} <= set(latencies[0])
        assert "lintel_stage_seconds" in found and "lintel_clients_gone" not in found

    asked()
    first = children(gateway)[0]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: first not in children(gateway) and len(children(gateway)) == 2, 20)
    asked()
    assert fetch(gateway, key=None)[0] == 401


def test_series_of_callers_go(launch, simulator):
    settings = {"callbacks": ["prometheus"], "prometheus_metrics_ttl_seconds": 1}
    gateway = launch(configuration(simulator.url, litellm_settings=settings))
    counted = "litellm_proxy_total_requests_metric"
    with openai_client(gateway) as client:
        wait_for(lambda: ask(client, user="ada") and counted in metrics(gateway), 40, "that it is counted")
    wait_for(lambda: counted not in metrics(gateway), 40, "that the series go")
    assert {"litellm_deployment_state", "lintel_stage_seconds"} <= set(metrics(gateway))


def test_series_are_bounded(launch, simulator):
    settings = {**SETTINGS["litellm_settings"], "prometheus_metrics_max_series_per_metric": 5}
    gateway = launch(configuration(simulator.url, litellm_settings=settings))
    with openai_client(gateway) as client:
        for i in range(12):
            ask(client, user=f"user-{i}")
    total = "litellm_proxy_total_requests_metric_total"
    samples = metrics(gateway)["litellm_proxy_total_requests_metric"].samples
    assert len(samples) == 6
    assert value(gateway, total) == 13  # and the one that warmed up
    assert value(gateway, total, end_user="other") == 8
    assert value(gateway, "lintel_metrics_overflow_total", metric="litellm_proxy_total_requests_metric") >= 8


def test_fallbacks_and_rests(launch, simulator):
    router = {"num_retries": 0, "fallbacks": [{"nova": ["claude"]}], "allowed_fails": 0, "cooldown_time": 4}
    limited = deployment("limited", "bedrock/us.amazon.nova-lite-v1:0", simulator.url, rpm=7, tpm=9000)
    gateway = launch(configuration(simulator.url, router_settings=router, extra_models=[limited], **SETTINGS))
    assert value(gateway, "litellm_deployment_rpm_limit", litellm_model_name="us.amazon.nova-lite-v1:0") == 7
    assert value(gateway, "litellm_deployment_tpm_limit", litellm_model_name="us.amazon.nova-lite-v1:0") == 9000
    with openai_client(gateway) as client:
        ask(client, model="nova", messages=[{"role": "user", "content": "[[sim:throttle(1)]] to claude"}])
    labels = {"requested_model": "nova", "fallback_model": "claude", "exception_status": "429", "exception_class": "Bedrock.RateLimitError"}
    assert value(gateway, "litellm_deployment_successful_fallbacks_total", **labels) == 1
    with openai_client(gateway) as client:
        ask(client, model="nova", messages=[{"role": "user", "content": "[[sim:error(500)]] [[sim:times(1)]] to claude"}])
    nova = {"litellm_model_name": MODELS["nova"].removeprefix("bedrock/")}
    assert value(gateway, "litellm_deployment_cooled_down_total", exception_status="500", **nova) == 1
    assert value(gateway, "litellm_deployment_state", **nova) == 2
    wait_for(lambda: value(gateway, "litellm_deployment_state", **nova) == 1, 20, "the end of the rest")


def test_states_of_a_request_that_is_called_again(launch, simulator):
    """A state that it comes back to counts with both times, and the wait in between by itself."""
    settings = {"router_settings": {"num_retries": 1, "retry_after": 0}, **SETTINGS}
    gateway = launch(configuration(simulator.url, **settings), warm=False)
    with openai_client(gateway) as client:
        ask(client, messages=[{"role": "user", "content": "[[sim:error(500)]] [[sim:times(1)]] [[sim:slow_head(400)]]"}])
        ask(client, messages=[{"role": "user", "content": "[[sim:slow_head(400)]]"}])

    def stage(state):
        return tuple(value(gateway, f"lintel_stage_seconds_{part}", state=state) for part in ("count", "sum"))

    calls, seconds = stage("CALL")
    assert calls == 2 and seconds > 0.75
    again, waited = stage("AGAIN")
    assert again == 1 and stage("ROUTE")[0] == 2
    total = value(gateway, "litellm_request_total_latency_metric_sum")
    assert seconds + waited <= total + 0.001


def test_deployments_of_another_configuration(launch, simulator):
    def config(*names, rpm):
        models = [deployment(name, "bedrock/us.amazon.nova-lite-v1:0", simulator.url, rpm=rpm) for name in names]
        return configuration(simulator.url, extra_models=models, **SETTINGS)

    def said(metric):
        samples = metrics(gateway)[metric].samples
        return sorted(s.value for s in samples if "nova-lite" in s.labels["litellm_model_name"])

    gateway = launch(config("old", rpm=7))
    with openai_client(gateway) as client, pytest.raises(openai.InternalServerError):
        ask(client, model="old", messages=[{"role": "user", "content": "[[sim:error(500)]]"}])
    assert said("litellm_deployment_rpm_limit") == [7] and said("litellm_deployment_state") == [1]
    gateway.config_file.write_text(yaml.safe_dump(config("old", "new", rpm=5)))
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: said("litellm_deployment_rpm_limit") == [5, 5], 20, "the new limits")
    assert said("litellm_deployment_state") == [0, 1]


def test_guardrails_count(launch, simulator):
    config = configuration(simulator.url, **SETTINGS)
    words = {"guardrail": "litellm_content_filter", "mode": ["pre_call", "post_call"], "default_on": True, "blocked_words": [{"keyword": "abracadabra", "action": "BLOCK"}]}
    away = {"guardrail": "generic_guardrail_api", "mode": "pre_call", "api_base": f"http://127.0.0.1:{free_port()}", "unreachable_fallback": "fail_open"}
    config["guardrails"] = [{"guardrail_name": "words", "litellm_params": words}, {"guardrail_name": "away", "litellm_params": away}]
    gateway = launch(config)
    total, errors = "litellm_guardrail_requests_total", "litellm_guardrail_errors_total"
    before = value(gateway, total, guardrail_name="words", hook_type="pre_call", status="success")
    with openai_client(gateway) as client:
        ask(client)
        with pytest.raises(openai.BadRequestError):
            ask(client, messages=[{"role": "user", "content": "abracadabra"}])
        ask(client, extra_body={"guardrails": ["away"]})
    assert value(gateway, total, guardrail_name="words", hook_type="pre_call", status="success") == before + 2
    assert value(gateway, total, guardrail_name="words", hook_type="post_call", status="success") == before + 2
    assert value(gateway, errors, guardrail_name="words", hook_type="pre_call", error_type="blocked") == 1
    assert value(gateway, errors, guardrail_name="away", error_type="failed") == 1
    assert value(gateway, "litellm_guardrail_latency_seconds_count", guardrail_name="away", status="error") == 1


def test_budgets_and_what_waits(launch, simulator):
    general = {"database_url": "sqlite"}
    gateway = launch(configuration(simulator.url, general_settings=general, **SETTINGS))
    firm = {"organization_id": "acme-1", "organization_alias": "Acme", "max_budget": 50}
    team = {"team_id": "reds", "team_alias": "Reds", "organization_id": "acme-1", "max_budget": 10, "budget_duration": "1d"}
    user = {"user_id": "ada", "user_email": "ada@example.com", "max_budget": 20, "auto_create_key": False}
    wait_for(lambda: manage(gateway, "/organization/new", firm).status_code == 200, 20, "the database")
    assert manage(gateway, "/team/new", team).status_code == manage(gateway, "/user/new", user).status_code == 200
    assert manage(gateway, "/customer/new", {"user_id": "shop", "max_budget": 30}).status_code == 200
    key = generate(gateway, team_id="reds", user_id="ada", max_budget=40)["key"]
    more = {"key": key, "temp_budget_increase": 5, "temp_budget_expiry": "2999-01-01T00:00:00Z"}
    assert manage(gateway, "/key/update", more).status_code == 200
    with openai_client(gateway, api_key=key) as client:
        ask(client, user="shop")
    of_firm, of_team = {"org_id": "acme-1", "org_alias": "Acme"}, {"team": "reds", "team_alias": "Reds"}
    assert value(gateway, "litellm_requests_metric_total", user="ada", user_email="ada@example.com", **of_firm, **of_team) == 1
    for payer, labels, most in ("team", of_team, 10), ("org", of_firm, 50), ("customer", {"end_user": "shop"}, 30), ("api_key", {}, 45):
        assert value(gateway, f"litellm_{payer}_max_budget_metric", **labels) == most
        assert 0 < value(gateway, f"litellm_remaining_{payer}_budget_metric", **labels) < most
    assert 0 < value(gateway, "litellm_team_budget_remaining_hours_metric", team="reds") <= 24
    assert value(gateway, "lintel_upstream_connections") >= 1
    assert value(gateway, "lintel_database_away") == value(gateway, "lintel_spend_lost_total") == 0
    assert "lintel_spend_spool_bytes" in metrics(gateway)


def test_budgets_show_before_they_are_used(launch, simulator, tmp_path):
    """All that the database knows, more than a page of them; whichever worker is asked. And labels on demand."""
    general = {"database_url": f"sqlite:///{tmp_path}/budgets.db"}
    first = launch(configuration(simulator.url, general_settings=general), warm=False)
    first.wait_database()
    for path, row in (
        ("/budget/new", {"budget_id": "shops", "max_budget": 30, "budget_duration": "1d"}),
        ("/organization/new", {"organization_id": "acme", "organization_alias": "Acme", "max_budget": 100}),
        ("/team/new", {"team_id": "reds", "team_alias": "Reds", "max_budget": 10}),
        ("/user/new", {"user_id": "ada", "user_email": "ada@example.com", "user_alias": "Ada", "max_budget": 20, "auto_create_key": False}),
        ("/customer/new", {"user_id": "shop-000", "budget_id": "shops"}),
    ):
        answer = manage(first, path, row)
        assert answer.status_code == 200, (path, answer.text)
    poor = generate(first, max_budget=0.000001, key_alias="poor")["key"]
    helped = generate(first, max_budget=1, key_alias="helped")["key"]
    more = {"key": helped, "temp_budget_increase": 2, "temp_budget_expiry": "2999-01-01T00:00:00Z"}
    assert manage(first, "/key/update", more).status_code == 200
    slow = generate(first, team_id="reds", user_id="ada", rpm_limit=1)["key"]
    first.stop()
    with sqlite3.connect(tmp_path / "budgets.db") as database:
        shops = [(f"shop-{i:03}", "shops") for i in range(1, 250)]
        database.executemany('INSERT INTO "LiteLLM_EndUserTable" (user_id, budget_id) VALUES (?, ?)', shops)
    options = ("initialize_budget_metrics", "user_budget_label_include_email_alias", "emit_rate_limit_labels", "emit_input_sequence_length_label")
    settings = {"callbacks": ["prometheus"], **{f"prometheus_{name}": True for name in options}}
    gateway = launch(configuration(simulator.url, general_settings=general, litellm_settings=settings), "--num_workers", 2, warm=False)
    wait_for(lambda: value(gateway, "litellm_customer_max_budget_metric") == 250 * 30, 60, "the last customer's")
    assert value(gateway, "litellm_team_max_budget_metric", team="reds", team_alias="Reds") == 10
    assert value(gateway, "litellm_remaining_org_budget_metric", org_id="acme", org_alias="Acme") == 100
    assert value(gateway, "litellm_api_key_max_budget_metric", api_key_alias="poor") == 0.000001
    assert value(gateway, "litellm_remaining_api_key_budget_metric", api_key_alias="helped") == 3
    assert value(gateway, "litellm_user_max_budget_metric", user="ada", user_email="ada@example.com", user_alias="Ada") == 20
    assert 0 < value(gateway, "litellm_customer_budget_remaining_hours_metric", end_user="shop-249") <= 24

    def refused(key, text="hi"):
        with openai_client(gateway, api_key=key) as client, pytest.raises(openai.APIStatusError):
            wait_for(lambda: not ask(client, messages=[{"role": "user", "content": text}]), 20, "a refusal")

    def told(category, kind):
        labels = {"rate_limit_category": category, "rate_limit_type": kind}
        return value(gateway, "litellm_proxy_failed_requests_metric_total", **labels)

    refused(slow)
    refused(poor)
    refused(KEY, "[[sim:throttle]]")
    for category, kind in ("litellm_rate_limit", "requests"), ("litellm_rate_limit", "budget"), ("vendor_rate_limit", "None"):
        wait_for(lambda: told(category, kind) == 1, 20, f"{category} {kind}")  # noqa: B023
    who = {"user_email": "ada@example.com", "team_alias": "Reds"}
    wait_for(lambda: value(gateway, "litellm_requests_metric_total", **who) == 1, 20, "the first one's")
    assert value(gateway, "litellm_llm_api_latency_metric_count", team_alias="Reds", input_sequence_length="0-1k") == 1
    teams = [s.labels for s in metrics(gateway)["litellm_team_max_budget_metric"].samples]
    assert teams == [{"team": "reds", "team_alias": "Reds"}]  # requests count in the same series


def test_workers_answer_for_each_other(launch, simulator):
    """Whichever worker is asked; and one that dies takes nothing with it."""
    gateway = launch(configuration(simulator.url, **SETTINGS), "--num_workers", 2, warm=False)
    for _ in range(20):
        with openai_client(gateway) as client:
            ask(client, user="team")

    def total():
        return value(gateway, "litellm_proxy_total_requests_metric_total", end_user="team")

    assert [total() for _ in range(6)] == [20] * 6
    first = children(gateway)[0]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: first not in children(gateway) and len(children(gateway)) == 2, 10)
    assert [total() for _ in range(6)] == [20] * 6


def test_the_dashboard_and_the_document_name_metrics_that_there_are():
    rows = (ROOT / "include/base/metric_rows.h").read_text()
    found = re.findall(r'METRIC\(\w+, (\w+), \w+, \w+, "(\w+)"', rows)
    shown = {"COUNTER": ["_total"], "GAUGE": [""], "HISTOGRAM": ["_bucket", "_sum", "_count"]}
    names = {name + suffix for kind, name in found for suffix in shown[kind]}
    dashboard = json.loads((ROOT / "conf/grafana/lintel.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            for name in re.findall(r"\b(?:litellm|lintel|process)_\w+", target["expr"]):
                if name not in LABELS:
                    assert name in names, (panel["title"], name)


def children(gateway):
    with open(f"/proc/{gateway.pid}/task/{gateway.pid}/children", encoding="ascii") as f:
        return [int(pid) for pid in f.read().split()]
