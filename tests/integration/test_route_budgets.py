"""Options of deployments: budgets, theirs and of all of Bedrock; what AWS is told of who asks; clocks."""

import httpx
import pytest
from conftest import KEY, MODELS, configuration, deployment
from programs import wait_for

LIMITS = {"max_budget": 1e-9, "budget_duration": "30d"}


def chat(gateway, model, **members):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, **members}
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(gateway.base_url + "/chat/completions", json=body, headers=headers, timeout=30)


def refused(gateway, model):
    answer = chat(gateway, model)
    return answer.json()["error"]["message"] if answer.status_code == 429 else None


def named(name, model_id, simulator, **params):
    return {**deployment(name, MODELS["nova"], simulator.url, **params), "model_info": {"id": model_id}}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    extra = [
        named("alone", "alone-1", simulator, **LIMITS),
        named("pair", "pair-1", simulator, order=1, **LIMITS),
        named("pair", "pair-2", simulator, order=2),
        named("tiered", "tiered-1", simulator, timeout=30, timeout_by_service_tier={"flex": 0.3}),
        named("alive", "alive-1", simulator, keepalive_seconds=0.1),
        named("willing", "willing-1", simulator, allow_client_keepalive_override=True),
    ]
    settings = {
        "bedrock_request_metadata_fields": ["user_api_key_user_id", "spend_logs_metadata"],
        "sse_keepalive_ping_interval_seconds": 0,
        "anthropic_sse_ping_interval_seconds": 0.1,
    }
    return launch(configuration(simulator.url, extra_models=extra, litellm_settings=settings))


def test_a_deployment_over_its_budget(gateway):
    assert chat(gateway, "alone").status_code == 200
    message = wait_for(lambda: refused(gateway, "alone"), 20, "the budget to be over")
    assert message.startswith(
        "No deployments available - crossed budget: Exceeded budget for deployment model_name: alone, "
        f"litellm_params.model: {MODELS['nova']}, model_id: alone-1: "
    )


def test_the_others_of_its_group_serve(gateway):
    def served_by():
        answer = chat(gateway, "pair")
        assert answer.status_code == 200, answer.text
        return answer.headers["x-litellm-model-id"]

    wait_for(lambda: served_by() == "pair-2", 20, "the other deployment")
    assert [served_by() for _ in range(3)] == ["pair-2"] * 3


def test_no_provider_budget(gateway):
    answer = httpx.get(gateway.base_url.removesuffix("/v1") + "/provider/budgets", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 400 and "No provider budget config found" in answer.text


def test_the_provider_over_its_budget(launch, simulator):
    router = {"provider_budget_config": {"bedrock": {"budget_limit": 1e-12, "time_period": "1d"}}}
    gateway = launch(configuration(simulator.url, router_settings=router), warm=False)

    def budget():
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = httpx.get(gateway.base_url.removesuffix("/v1") + "/provider/budgets", headers=headers)
        return answer.json()["providers"]["bedrock"]

    assert budget() == {"budget_limit": 1e-12, "time_period": "1d", "spend": 0, "budget_reset_at": None}
    assert chat(gateway, "nova").status_code == 200
    message = wait_for(lambda: refused(gateway, "claude"), 20, "the budget to be over")
    assert "Exceeded budget for provider bedrock: " in message
    assert budget()["spend"] > 0 and budget()["budget_reset_at"]


def test_gateways_share_it(launch, simulator, redis):
    """What one spends, the other counts; and it outlives both."""
    config = configuration(
        simulator.url,
        extra_models=[named("alone", "alone-1", simulator, **LIMITS)],
        general_settings={"shared_patience": 30},  # a busy machine
        router_settings={"redis_url": redis.url},
    )

    def start():
        gateway = launch(config)
        wait_for(lambda: not gateway.holds()["shared_state"]["away"], 60, "Redis")
        return gateway

    one, two = start(), start()
    assert chat(one, "alone").status_code == 200
    wait_for(lambda: refused(two, "alone"), 20, "the budget to be over for the other, too")
    one.stop()
    two.stop()
    assert refused(start(), "alone")


def test_request_metadata(gateway, simulator):
    mark = simulator.mark()
    metadata = {"spend_logs_metadata": {"job": "nightly", "user_api_key_alias": "me"}}
    assert chat(gateway, "nova", metadata=metadata).status_code == 200
    (call,) = simulator.since(mark)
    assert call["body"]["requestMetadata"] == {"job": "nightly"}


def test_a_timeout_of_a_service_tier(gateway):
    slow = [{"role": "user", "content": "[[sim:hang]]"}]
    answer = chat(gateway, "tiered", messages=slow, service_tier="flex")
    assert answer.status_code == 408 and "0.3 s" in answer.text


@pytest.mark.parametrize(
    "route, model, said, line",
    [
        ("/chat/completions", "alive", {}, ":"),
        ("/chat/completions", "willing", {"keepalive_seconds": 0.1}, ":"),
        ("/messages", "nova", {}, "event: ping"),
    ],
)
def test_a_silent_stream_says_that_it_lives(gateway, route, model, said, line):
    """Nothing else would: sse_keepalive_ping_interval_seconds is 0."""
    body = {"model": model, "messages": [{"role": "user", "content": "[[sim:hang]]"}], "max_tokens": 5, "stream": True}
    headers = {"Authorization": f"Bearer {KEY}"}
    url = gateway.base_url + route
    with httpx.stream("POST", url, json={**body, **said}, headers=headers, timeout=30) as answer:
        assert next(text for text in answer.iter_lines() if text).startswith(line)
