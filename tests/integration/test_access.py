"""From where the gateway may be called, and which routes by whom: allowed_ips behind proxies, allowed_routes,
admin_only_routes, public_routes."""

import httpx
import pytest
from conftest import KEY, configuration
from programs import wait_for
from test_keys import ask

pytestmark = pytest.mark.timeout(120)

USER = "sk-of-a-user"
HELLO = {"model": "claude", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    """Behind a proxy on this machine."""
    general = {
        "database_url": "sqlite",
        "data_directory": str(tmp_path_factory.mktemp("data")),
        "trusted_proxy_ranges": ["127.0.0.0/8", "10.0.0.0/8"],
        "allowed_ips": ["127.0.0.1", "198.51.100.0/24", "2001:db8::/32"],
        "allowed_routes": ["llm_api_routes", "info_routes", "/spend/*", "/debug/exchanges", "/key/generate", "/ui/session"],
        "admin_only_routes": ["/model/info", "/utils/*", "spend_tracking_routes"],
        "public_routes": ["/v1/models", "/v1/chat/*", "/key/*", "/debug/*"],
        "api_keys": [{"key": USER, "key_alias": "user"}],
    }
    return launch(configuration(simulator.url, general_settings=general))


def call(gateway, path, *forwarded, key=None, body=None):
    headers = [("x-forwarded-for", f) for f in forwarded] + ([("authorization", f"Bearer {key}")] if key else [])
    url = gateway.base_url.removesuffix("/v1") + path
    return httpx.request("POST" if body else "GET", url, headers=headers, json=body, timeout=20)


@pytest.mark.parametrize(
    "forwarded, client",
    [
        ([], None),
        (["198.51.100.7"], None),
        (["2001:db8:1::7"], None),
        (["::ffff:198.51.100.7"], None),
        (["[2001:db8::1]:4711"], None),
        (["203.0.113.9, 198.51.100.7, 10.1.2.3"], None),
        (["203.0.113.9", "198.51.100.7"], None),
        (["203.0.113.9"], "203.0.113.9"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["198.51.100.7, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.7", "203.0.113.9, 10.0.0.1"], "203.0.113.9"),
        (["2001:db9::1"], "2001:db9::1"),
    ],
)
def test_addresses_that_may_call(gateway, forwarded, client):
    for path, key in ("/v1/models", None), ("/model/info", KEY), ("/ui", None), ("/metrics", KEY):
        answer = call(gateway, path, *forwarded, key=key)
        assert (answer.status_code == 403) == (client is not None), (path, answer.text)
        if client:
            error = answer.json()["error"]
            assert error["message"] == f"Access forbidden: IP address {client} not allowed."
            assert error["type"] == "auth_error" and error["code"] == "403"
    assert call(gateway, "/health/liveliness", *forwarded).status_code == 200


def test_the_refusal_speaks_the_clients_dialect(gateway):
    answer = call(gateway, "/v1/messages", "203.0.113.9", key=KEY, body=HELLO)
    assert answer.status_code == 403
    assert answer.json()["type"] == "error" and answer.json()["error"]["type"] == "permission_error"


def test_a_header_of_the_client_is_not_believed(launch, simulator):
    """Without proxies nobody is believed, and the connection's own address counts."""
    gateway = launch(configuration(simulator.url, general_settings={"allowed_ips": ["127.0.0.0/8"]}))
    assert call(gateway, "/v1/models", "203.0.113.9", key=KEY).status_code == 200
    assert call(gateway, "/v1/models", "garbage", key=KEY).status_code == 200


def test_spend_rows_have_the_clients_address(gateway):
    answer = call(gateway, "/v1/chat/completions", "1.1.1.1, 198.51.100.42, 10.0.0.1", key=KEY, body=HELLO)
    assert answer.status_code == 200, answer.text
    request_id = answer.headers["x-litellm-call-id"]

    def rows():
        return ask(gateway, "/spend/logs", request_id=request_id).json()

    wait_for(rows, 20, "the row")
    assert rows()[0]["requester_ip_address"] == "198.51.100.42"


def test_routes_that_keys_may_call(gateway):
    for path, body in ("/user/new", {"user_id": "u"}), ("/key/list", None), ("/guardrails/apply_guardrail", {"a": 1}):
        answer = call(gateway, path, key=KEY, body=body)
        assert (answer.status_code, answer.json()["error"]["message"]) == (403, f"Access forbidden: Route {path} not allowed")
    assert call(gateway, "/key/generate", key=KEY, body={"key_alias": "made"}).status_code == 200
    assert call(gateway, "/debug/exchanges", key=KEY).status_code == 200
    assert call(gateway, "/v1/messages", key=USER, body=HELLO).status_code == 200
    assert call(gateway, "/routes").status_code == 200  # no key is asked for there


def test_routes_for_admins_only(gateway):
    for path in "/model/info", "/utils/supported_openai_params?model=claude":
        refused = call(gateway, path, key=USER)
        bare = path.partition("?")[0]
        assert refused.status_code == 403
        assert refused.json()["error"]["message"] == f"user not allowed to access this route. Route={bare} is an admin only route"
        assert call(gateway, path, key=KEY).status_code == 200
    assert call(gateway, "/spend/calculate", key=USER, body=HELLO).status_code == 403
    assert call(gateway, "/v1/model/info", key=USER).status_code == 200  # another path, as in LiteLLM


def test_routes_without_a_key(gateway):
    for key in None, "sk-anything", KEY:
        assert "claude" in call(gateway, "/v1/models", key=key).text
        answer = call(gateway, "/v1/chat/completions", key=key, body=HELLO)
        assert answer.status_code == 200, answer.text
    assert call(gateway, "/models").status_code == 401
    assert call(gateway, "/v1/messages", body=HELLO).status_code == 401
    # Management stays for keys, whatever the list says.
    assert call(gateway, "/key/generate", body={"key_alias": "x"}).status_code == 401
    assert call(gateway, "/key/info").status_code == 401
    assert call(gateway, "/debug/exchanges").status_code == 401
