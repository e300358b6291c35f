"""What was a secret once is in no answer after: every route that only reads is asked as the admin, at the admin UI, and
by key, and searched for everything that must not be there."""

import hashlib

import httpx
import pytest
from conftest import KEY, SECRET_ACCESS_KEY, configuration, deployment
from databases import Sqlite
from programs import wait_for

ENVIRONMENT = {"UI_PASSWORD": "password-of-the-page", "LITELLM_SALT_KEY": "salt-of-the-gateway", "STORE_MODEL_IN_DB": "true",
               "GENERIC_CLIENT_ID": "lintel", "GENERIC_CLIENT_SECRET": "secret-of-the-client", "GENERIC_TOKEN_ENDPOINT": "http://127.0.0.1:1/",
               "GENERIC_AUTHORIZATION_ENDPOINT": "http://127.0.0.1:1/", "GENERIC_USERINFO_ENDPOINT": "http://127.0.0.1:1/"}
ROLE = "arn:aws:iam::123456789012:role/whose-name-is-nobodys-business"


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    db = Sqlite()
    db.create("secrets")
    settings = {"database_url": db.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    config = configuration(simulator.url, general_settings=settings,
                           extra_models=[deployment("hidden", "bedrock/us.amazon.nova-pro-v1:0", simulator.url,
                                                    extra_headers={"x-of-the-upstream": "token-of-the-upstream"})])
    config["litellm_settings"] = {"proxy_batch_write_at": 0.1}
    gateway = launch(config, env=ENVIRONMENT)
    wait_for(lambda: ask(gateway, "POST", "/key/generate", {}).status_code == 200, 20, "the database")
    yield gateway
    db.stop()


def root(gateway):
    return gateway.base_url.removesuffix("/v1")


def ask(gateway, method, path, body=None, **more):
    return httpx.request(method, root(gateway) + path, headers={"Authorization": f"Bearer {KEY}"}, json=body, timeout=20, **more)


def made(gateway, path, body):
    answer = ask(gateway, "POST", path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_was_a_secret_is_in_no_answer(gateway):
    user = made(gateway, "/user/new", {"user_id": "u", "user_email": "u@example.com", "password": "password-of-the-user"})
    team = made(gateway, "/team/new", {"team_alias": "t"})["team_id"]
    made(gateway, "/team/member_add", {"team_id": team, "member": {"user_id": "u", "role": "user"}})
    key = made(gateway, "/key/generate", {"user_id": "u", "team_id": team, "key_alias": "k"})["key"]
    model = deployment("stored", "bedrock/us.amazon.nova-pro-v1:0", "http://127.0.0.1:1", aws_secret_access_key="secret-of-the-model")
    made(gateway, "/model/new", {"model_name": "stored", "litellm_params": model["litellm_params"]})
    said = httpx.post(gateway.base_url + "/chat/completions", headers={"Authorization": f"Bearer {key}"},
                      json={"model": "claude", "messages": [{"role": "user", "content": "hi"}]})
    assert said.status_code == 200
    request = said.headers["x-litellm-call-id"]
    logs = {"start_date": "2026-01-01 00:00:00", "end_date": "2036-01-01 00:00:00"}
    wait_for(lambda: ask(gateway, "GET", "/spend/logs/v2", params=logs).json()["data"], 20, "the row of the request")

    secrets = [KEY, key, user["key"], SECRET_ACCESS_KEY, "password-of-the-user", "scrypt:", "secret-of-the-model",
               "token-of-the-upstream", *[v for k, v in ENVIRONMENT.items() if "SECRET" in k or "PASSWORD" in k or "SALT" in k]]
    hashed = hashlib.sha256(key.encode()).hexdigest()
    query = {"start_date": "2026-01-01", "end_date": "2036-01-01", "user_id": "u", "team_id": team, "key": hashed, "model": "claude",
             "return_full_object": "true", "end_user_id": "e", "config_type": "general_settings", "field_name": "master_key",
             "organization_id": "o", "budget_id": "b", "invitation_id": "i", "invite_link": "i", "model_group": "claude"}
    browser = httpx.Client(base_url=root(gateway), timeout=20)
    browser.post("/v2/login", json={"username": "admin", "password": ENVIRONMENT["UI_PASSWORD"]})
    seen = {}
    for path, methods in ask(gateway, "GET", "/openapi.json").json()["paths"].items():
        if "get" not in methods or path in ("/metrics/", "/sso/key/generate"):
            continue
        at = path.replace("{model}", "claude").replace("{item}", request)
        asked = logs | {} if path.startswith("/spend/logs/v2") or path == "/spend/logs/ui" else query
        for answer in (ask(gateway, "GET", at, params=asked), browser.get(at, params=asked), browser.get(at)):
            seen[path] = min(answer.status_code, seen.get(path, 999))
            told = answer.text + str(answer.headers)
            assert answer.status_code != 500, (path, answer.text)
            assert not [secret for secret in secrets if secret in told], (path, [s for s in secrets if s in told])
    browser.close()
    refused = {path for path, status in seen.items() if status != 200}
    assert len(seen) > 60 and len(refused) < len(seen) / 3, refused
