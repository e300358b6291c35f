"""The dashboards in front of the real Prometheus: each query of each panel finds data, once the gateway has seen
traffic of all kinds; LiteLLM's published dashboards name nothing that is not here; the alerts say what they should."""

import itertools
import json
import math
import re
import time

import httpx
import pytest
from conftest import configuration, deployment
from litellm_dashboards import NOT_HERE, USED
from programs import ROOT, free_port, wait_for
from prometheus_server import PrometheusServer, promtool
from test_keys import ask as manage
from test_keys import generate
from test_metrics import fetch

DASHBOARD = json.loads((ROOT / "conf/grafana/lintel.json").read_text())
ALERTS = ROOT / "conf/prometheus/alerts.yml"
SHOWN = {"COUNTER": ["_total"], "GAUGE": [""], "HISTOGRAM": ["_bucket", "_sum", "_count"]}

# What is there only if something is wrong that a test does not do to a gateway.
MAY_BE_EMPTY = {
    "litellm_postgres_failed_requests_total",  # the database refuses, or is away
    "litellm_batch_write_to_db_failed_requests_total",
    "lintel_metrics_overflow_total",  # more series than a metric may have: test_metrics.py has it
}


# What no panel shows, and why.
LEFT_OUT = {
    "litellm_overhead_with_guardrails_latency_metric": "it is litellm_overhead_latency_metric and the states GUARD and VET",
    "litellm_provider_cache_read_input_tokens_metric_total": "litellm_input_cached_tokens_metric_total under another name",
    "litellm_provider_cache_creation_input_tokens_metric_total": "litellm_input_cache_creation_tokens_metric_total under another name",
}

# promtool wants seconds; the name is LiteLLM's.
LITELLM_HOURS = r'litellm_\w+_budget_remaining_hours_metric use base unit "seconds" instead of "hours"$'


def queries(dashboard):
    """(title, query) of all panels, with the variables as they are when everything is chosen."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"].replace("$__rate_interval", "5m").replace("$model", ".*")
            assert "$" not in text, text
            yield panel["title"], text


@pytest.fixture(scope="module")
def busy(launch, simulator, redis, server):
    """A gateway of two workers with everything that metrics tell of."""
    limited = deployment("limited", "bedrock/us.amazon.nova-lite-v1:0", simulator.url, rpm=100000, tpm=100000000)
    second = deployment("nova", "bedrock/us.amazon.nova-pro-v1:0", simulator.url, aws_region_name="us-west-2")
    words = {"guardrail": "litellm_content_filter", "mode": "pre_call", "default_on": True, "blocked_words": [{"keyword": "abracadabra", "action": "BLOCK"}]}
    away = {"guardrail": "generic_guardrail_api", "mode": "pre_call", "api_base": f"http://127.0.0.1:{free_port()}", "unreachable_fallback": "fail_open"}
    gateway = launch(
        configuration(
            simulator.url,
            extra_models=[limited, second],
            general_settings={"database_url": "sqlite", "shared_patience": 5, "max_in_flight_requests_per_worker": 1000},
            router_settings={"redis_url": redis.url, "fallbacks": [{"nova": ["claude"]}, {"claude-3-5-sonnet": ["nova"]}], "allowed_fails": 0, "cooldown_time": 0.2},
            litellm_settings={"callbacks": ["prometheus", "webhook"], "service_callback": ["prometheus_system"], "cache": True, "cache_params": {"type": "redis"}},
        )
        | {"guardrails": [{"guardrail_name": "words", "litellm_params": words}, {"guardrail_name": "away", "litellm_params": away}]},
        "--num_workers",
        2,
        env={"WEBHOOK_URL": server.url + "/webhook"},
        warm=False,
    )
    gateway.wait_database()
    return gateway


@pytest.fixture(scope="module")
def caller(busy):
    """A key that everybody pays for, and that is limited."""
    for path, row in (
        ("/organization/new", {"organization_id": "acme", "organization_alias": "acme", "max_budget": 100, "budget_duration": "1d"}),
        ("/team/new", {"team_id": "reds", "organization_id": "acme", "max_budget": 10, "budget_duration": "1d"}),
        ("/user/new", {"user_id": "ada", "max_budget": 20, "budget_duration": "1d", "auto_create_key": False}),
        ("/budget/new", {"budget_id": "shops", "max_budget": 30, "budget_duration": "1d"}),
        ("/customer/new", {"user_id": "shop", "budget_id": "shops"}),
    ):
        answer = manage(busy, path, row)
        assert answer.status_code == 200, (path, answer.text)
    limits = {"rpm_limit": 100000, "tpm_limit": 100000000, "max_budget": 40, "budget_duration": "1d"}
    return [generate(busy, team_id="reds", key_alias="team's", **limits)["key"], generate(busy, user_id="ada", key_alias="ada's", **limits)["key"]]


def leave(gateway, key, text):
    """Goes while the answer is under way."""
    body = {"model": "claude", "messages": [{"role": "user", "content": text + " [[sim:chunks(500,20)]]"}], "stream": True}
    with httpx.stream("POST", gateway.base_url + "/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}) as answer:
        next(answer.iter_raw())


def traffic(gateway, keys, words):
    """Some of everything. What each answer is, other tests look at."""

    def ask(text, model="claude", **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 20, "user": "shop", **more}
        for key in keys:
            manage(gateway, "/v1/chat/completions", body, key)

    fresh = next(words)
    ask(fresh)
    ask(fresh)  # is kept by now
    ask(fresh + " streamed", stream=True)
    leave(gateway, keys[0], fresh)
    ask(fresh + "a prompt that is long enough " * 400 + "", model="limited")
    ask(fresh + " abracadabra")
    ask(fresh, guardrails=["away"])
    ask(fresh + " [[sim:throttle(1)]] to claude", model="nova")
    ask(fresh + " [[sim:throttle]]", model="claude-3-5-sonnet")
    ask(fresh, model="no-such-model")
    manage(gateway, "/v1/chat/completions", {"model": "claude", "messages": []}, "sk-nobody")
    cached = [{"type": "text", "text": "a long system prompt " * 600, "cache_control": {"type": "ephemeral"}}]
    ask(fresh, messages=[{"role": "system", "content": cached}, {"role": "user", "content": fresh}])
    ask(fresh, messages=[{"role": "user", "content": "x"}, {"role": "user", "content": fresh + " y"}], temperature=0.5, top_p=0.5)


def test_every_query_of_every_panel_finds_data(busy, caller, redis, server, tmp_path):
    prometheus = PrometheusServer(tmp_path, busy, [ALERTS])
    words = (f"round {i} " for i in itertools.count())
    try:
        left = dict.fromkeys(text for _, text in queries(DASHBOARD) if not any(name in text for name in MAY_BE_EMPTY))
        server.mode = "failing"
        give_up = time.monotonic() + 60
        for turn in itertools.count():
            traffic(busy, caller, words)
            for text in list(left):
                if any(not math.isnan(number) for _, number in prometheus.query(text)):
                    del left[text]
            if not left or time.monotonic() > give_up:
                break
            if turn == 1:
                server.mode = "ok"
        assert not left, (prometheus.errors(), list(left))
        for variable in DASHBOARD["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()
                assert "claude" in prometheus.ask(f"/api/v1/label/{label}/values", **{"match[]": metric})
        for text in MAY_BE_EMPTY:
            prometheus.query(text)
        rules = [rule for group in prometheus.ask("/api/v1/rules")["groups"] for rule in group["rules"]]
        assert len(rules) == ALERTS.read_text().count("alert: ")
        wait_for(lambda: all(rule["health"] == "ok" for group in prometheus.ask("/api/v1/rules")["groups"] for rule in group["rules"]), 20, "the rules")
        assert prometheus.errors() == [""]
    finally:
        server.mode = "ok"
        prometheus.stop()


def test_promtool_has_no_complaints(busy, caller):
    traffic(busy, caller, iter(["promtool "]))
    complaints = promtool("check", "metrics", text=fetch(busy)[2]).splitlines()
    assert [line for line in complaints if not re.match(LITELLM_HOURS, line)] == []
    assert promtool("check", "rules", ALERTS) == ""
    assert promtool("test", "rules", ROOT / "tests/integration/alerts_test.yml") == ""


def have():
    """What a scrape may have: metric → its labels."""
    text = (ROOT / "include/base/metric_rows.h").read_text()
    for name, labels in re.findall(r"#define (\w+) +(LABEL_.*)", text):
        text = re.sub(rf"\b{name}\b(?=[,)])", labels, text)
    names = dict(re.findall(r'LABEL\((\w+), "(\w+)"\)', (ROOT / "include/base/metric_labels.h").read_text()))
    rows = re.findall(r'METRIC\(\w+, (\w+), \w+, \w+, "(\w+)", "[^"]*"(.*)\)', text)
    return {
        name + suffix: {names[label] for label in re.findall(r"LABEL_(\w+)", labels)} | ({"le"} if suffix == "_bucket" else set())
        for kind, name, labels in rows
        for suffix in SHOWN[kind]
    }


def test_what_litellms_dashboards_read_is_here():
    metrics = have()
    for name, labels in USED.items():
        assert set(labels.split()) <= metrics[name], name
    assert not [name for name in USED if name.startswith(tuple(NOT_HERE))]
    assert not [name for name in metrics if name.startswith(tuple(NOT_HERE))]


def test_every_metric_of_the_document_is_in_a_panel():
    """And every metric that there is is in the document."""
    shown = set(re.findall(r"\b(?:litellm|lintel|process)_\w+", " ".join(text for _, text in queries(DASHBOARD))))
    text = (ROOT / "docs/observability.md").read_text().split("## Prometheus")[1].split("\n## ")[0]
    documented = set()
    for name in re.findall(r"`((?:litellm|lintel|process)_[\w{},]+)`", text):
        for choice in itertools.product(*[part.split(",") for part in re.split(r"[{}]", name)]):
            documented.add("".join(choice))
    for owner in ("team", "user", "org", "customer"):  # "the same three of"
        documented |= {name.replace("api_key", owner) for name in documented if "api_key" in name and "budget" in name}
    for name in have():
        base = re.sub("_(bucket|sum|count)$", "", name)
        assert name in documented or base in documented, f"docs/observability.md does not tell of {name}"
        assert LEFT_OUT.get(base) or name in shown or base != name and f"{base}_bucket" in shown, f"no panel shows {name}"
