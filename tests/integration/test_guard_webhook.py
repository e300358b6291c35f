"""A guardrail's webhook that does not do what it should: each way of failing ends within the guard's timeout, and what the
guard says of failures decides over the request."""

import httpx
import pytest
from conftest import KEY, configuration
from programs import free_port

GUARDS = {  # name: (more options, when it cannot be asked, when it is broken)
    "closed": ({}, 503, 503),
    "open": ({"unreachable_fallback": "fail_open"}, 200, 503),
    "lenient": ({"fail_on_error": False}, 200, 200),
}
AWAY = {"hanging": "hanging", "slow": "slow", "gateway timeout": 504, "absent": None}
BROKEN = {"endless": "endless", "huge": b" " * (9 << 20), "refusing": 403, "failing": 500, "no json": b"<html>"}


@pytest.fixture(scope="module")
def gateway(launch, simulator, server):
    guards = []
    for name, (more, _, _) in GUARDS.items():
        for at, base in ("", server.url), ("-absent", f"http://127.0.0.1:{free_port()}"):
            # Patient ones wait for an answer that is too large, however long that takes.
            for kind, timeout in ("", 0.3), ("-patient", 60):
                options = {"guardrail": "generic_guardrail_api", "mode": "pre_call", "api_base": base, "timeout": timeout, **more}
                guards.append({"guardrail_name": name + at + kind, "litellm_params": options})
    config = configuration(simulator.url)
    config["guardrails"] = guards
    return launch(config)


def behave(server, how):
    server.mode, server.status, server.answer = "ok", 200, b'{"action": "NONE"}'
    if isinstance(how, str):
        server.mode = how
    elif isinstance(how, int):
        server.status = how
    elif how:
        server.answer = how


def ask(gateway, guard):
    body = {"model": "claude", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "guardrails": [guard]}
    return httpx.post(gateway.base_url + "/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=50)


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("way", [*AWAY, *BROKEN])
def test_a_webhook_that_fails(gateway, server, way, guard):
    with_it = AWAY | BROKEN
    _, away, broken = GUARDS[guard]
    expected = away if way in AWAY else broken
    at = "-absent" if way == "absent" else "" if way in ("hanging", "slow") else "-patient"
    behave(server, with_it[way])
    answer = ask(gateway, guard + at)
    assert answer.status_code == expected, answer.text
    if expected == 503:
        assert f"guardrail '{guard + at}' could not be asked" in answer.text
    else:
        assert answer.json()["choices"]
