"""Credentials, regions and endpoints that bodies of calls bring themselves: refused, unless the configuration allows them, and
nowhere to be found afterwards."""

import httpx
import pytest
from conftest import ACCESS_KEY_ID, KEY, MODELS, SECRET_ACCESS_KEY, configuration, deployment
from destination import destination
from programs import free_port, wait_for

OWN = {"aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": SECRET_ACCESS_KEY}
WRONG = {"aws_access_key_id": "AKIANOBODYS", "aws_secret_access_key": "planted-secret-5e0c"}
HELLO = [{"role": "user", "content": "Hello"}]
HTTP = httpx.Client(timeout=20, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


@pytest.fixture(scope="module")
def watched():
    with destination() as place:
        yield place


@pytest.fixture(scope="module")
def gateway(launch, simulator, watched, tmp_path_factory):
    bearer = {"configurable_clientside_auth_params": ["api_key", {"api_base": "http://127\\.0\\.0\\.1:[0-9]+|https://a\\.example"}]}
    keys = {"configurable_clientside_auth_params": [*OWN, "aws_session_token", "aws_region_name"]}
    models = [
        deployment("keys", MODELS["claude"], simulator.url, **{**WRONG, **keys}),
        deployment("embed", "bedrock/amazon.titan-embed-text-v2:0", simulator.url, **{**WRONG, **keys}),
        deployment("region", MODELS["claude"], simulator.url, configurable_clientside_auth_params=["aws_region_name"]),
        deployment("base", MODELS["claude"], f"http://127.0.0.1:{free_port()}", extra_headers={"x-secret": "of-the-model"}, **bearer),
    ]
    database = tmp_path_factory.mktemp("database") / "lintel.db"
    settings = {
        "cache": True, "callbacks": ["webhook"], "callback_url_allowed_hosts": ["127.0.0.1"], "log_raw_request_response": True,
        "user_url_allowed_hosts": [simulator.url.removeprefix("http://")], "set_verbose": True,
    }  # fmt: skip
    general = {"database_url": f"sqlite:///{database}", "store_prompts_in_spend_logs": True}
    config = configuration(simulator.url, extra_models=models, litellm_settings=settings, general_settings=general)
    gateway = launch(config, env={"WEBHOOK_URL": watched.url, "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.05"})
    gateway.database = database
    return gateway


def ask(gateway, model="claude", path="/chat/completions", **more):
    body = {"model": model, "messages": HELLO, "max_tokens": 20, **more}
    return HTTP.post(gateway.base_url + path, headers={"Authorization": f"Bearer {KEY}"}, json=body)


@pytest.mark.parametrize("path", ["/chat/completions", "/messages"])
@pytest.mark.parametrize(
    "brought",
    [OWN, {"api_key": "x"}, {"aws_region_name": "eu-west-1"}, {"api_base": "https://example.com", "api_key": "x"}],
    ids=["keys", "api key", "region", "base"],
)
def test_refused_unless_allowed(gateway, simulator, path, brought):
    before = simulator.mark()
    answer = ask(gateway, path=path, **brought)
    assert answer.status_code == 400 and "is not allowed in a request body" in answer.text
    assert not any(value in answer.text for value in brought.values() if len(value) > 1)
    assert simulator.mark() == before


def test_keys_of_the_client(gateway, simulator):
    """Those of the deployment are wrong."""
    assert ask(gateway, "keys").status_code == 403
    for stream in (False, True):
        before = simulator.mark()
        answer = ask(gateway, "keys", stream=stream, aws_region_name="eu-west-3", **OWN)
        assert answer.status_code == 200, answer.text
        (call,) = simulator.since(before)
        assert f"Credential={ACCESS_KEY_ID}/" in str(call["headers"]) and "/eu-west-3/bedrock/" in str(call["headers"])
        assert "aws_" not in str(call["body"])


def test_operations(gateway):
    def embed(**more):
        body = {"model": "embed", "input": ["a", "b"], **more}
        return HTTP.post(gateway.base_url + "/embeddings", headers={"Authorization": f"Bearer {KEY}"}, json=body)

    assert embed().status_code == 403
    assert len(embed(**OWN).json()["data"]) == 2


def test_a_region_of_the_client(gateway, simulator):
    before = simulator.mark()
    assert ask(gateway, "region", aws_region_name="ap-south-1").status_code == 200
    assert "/ap-south-1/bedrock/" in str(simulator.since(before)[0]["headers"])
    answer = ask(gateway, "region", aws_region_name="a.example.com/")
    assert answer.status_code == 400 and "not an AWS region" in answer.text


def test_an_endpoint_of_the_client(gateway, simulator):
    """It gets the client's credentials, and nothing that is the deployment's."""
    before = simulator.mark()
    answer = ask(gateway, "base", api_base=simulator.url, api_key="bedrock-api-key-of-mine")
    (call,) = simulator.since(before)
    assert answer.status_code == 403  # the simulator knows no such key
    assert call["headers"]["authorization"].startswith("Bearer") and "x-secret" not in call["headers"]
    assert ask(gateway, "base", api_base=simulator.url).status_code == 400
    answer = ask(gateway, "base", api_base="https://a.example.org", api_key="x")
    assert answer.status_code == 400 and "is not allowed" in answer.text


def test_no_way_into_the_network(gateway, simulator):
    """127.0.0.1 is in the list with the simulator's port only."""
    with destination() as inside:
        answer = ask(gateway, "base", api_base=inside.url, api_key="x")
        assert answer.status_code == 400 and not inside.received, answer.text
        assert "the endpoint cannot be called" in answer.text and answer.headers.get("x-litellm-attempted-retries", "0") == "0"


@pytest.mark.parametrize(
    "brought, said",
    [
        ({"aws_profile_name": "default"}, "aws_profile_name"),
        ({"aws_role_name": "arn:aws:iam::1:role/x"}, "aws_role_name"),
        ({"aws_access_key_id": "AKIA"}, "aws_secret_access_key"),
        ({"aws_session_token": "t"}, "aws_secret_access_key"),
        ({"api_key": 5}, "expected a string"),
        ({"api_key": "a b"}, "printable"),
        ({"extra_body": {"api_key": "x"}}, "extra_body"),
        ({"fallbacks": ["claude", {"model": "claude", "api_key": "x"}]}, "fallbacks"),
        ({"metadata": {"aws_secret_access_key": "x"}}, "metadata"),
    ],
)
def test_what_makes_no_sense(gateway, simulator, brought, said):
    before = simulator.mark()
    answer = ask(gateway, "keys", **brought)
    assert answer.status_code == 400 and said in answer.text
    assert simulator.mark() == before


def test_nobody_else_notices(gateway, simulator):
    """Neither a bad key nor the answer got with a good one is for others."""
    for _ in range(5):
        assert ask(gateway, "keys", **WRONG).status_code == 403
    before = simulator.mark()
    assert ask(gateway, "keys", **OWN).status_code == 200
    assert ask(gateway, "keys", **OWN).status_code == 200
    assert len(simulator.since(before)) == 2
    assert ask(gateway, "keys").status_code == 403


def test_allowed_everywhere(launch, simulator):
    gateway = launch(configuration(simulator.url, general_settings={"allow_client_side_credentials": True}))
    assert ask(gateway, **WRONG).status_code == 403
    assert ask(gateway, **OWN).status_code == 200
    assert ask(gateway).status_code == 200
    assert ask(gateway, aws_sts_endpoint="https://sts.example.com").status_code == 400


def test_they_are_written_nowhere(gateway, watched):
    """After all of the above."""
    mark, told = "planted-token-81f3", len(watched.received)
    answer = ask(gateway, "keys", aws_session_token=mark, **WRONG)
    assert answer.status_code == 403
    wait_for(lambda: len(watched.received) > told, 10, "the failure's record")
    gateway.stop()
    told = [gateway.log(), answer.text, str([r.body for r in watched.received])]
    told += [f.read_bytes().decode("latin-1") for f in gateway.database.parent.iterdir()]
    for secret in (mark, WRONG["aws_secret_access_key"], "bedrock-api-key-of-mine"):
        assert not any(secret in text for text in told), secret
