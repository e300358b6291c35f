"""Single sign-on at the admin UI, with a provider of our own (oidc_provider.py): who comes in, as whom, and the ways in
that are none."""

from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from conftest import KEY, configuration
from databases import Sqlite
from oidc_provider import CLIENT, SECRET, Provider
from playwright.sync_api import expect, sync_playwright
from programs import wait_for
from test_ui import CHROMIUM


@pytest.fixture(scope="module")
def provider():
    provider = Provider()
    yield provider
    provider.shutdown()
    provider.server_close()


@pytest.fixture(scope="module")
def gateway(launch, simulator, provider, tmp_path_factory):
    db = Sqlite()
    db.create("sso")
    settings = {"database_url": db.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    config = configuration(simulator.url, general_settings=settings)
    config["litellm_settings"] = {"default_internal_user_params": {"user_role": "internal_user", "max_budget": 7}}
    gateway = launch(config, env=provider.environment() | {"ALLOWED_EMAIL_DOMAINS": "example.com, example.org",
                                                           "PROXY_ADMIN_ID": "the-boss"})
    wait_for(lambda: ask(gateway, "POST", "/key/generate", {}).status_code == 200, 20, "the database")
    yield gateway
    db.stop()


def root(gateway):
    return gateway.base_url.removesuffix("/v1")


def ask(gateway, method, path, body=None):
    return httpx.request(method, root(gateway) + path, headers={"Authorization": f"Bearer {KEY}"}, json=body, timeout=20)


@pytest.fixture
def browser(gateway, provider):
    provider.reset()
    with httpx.Client(base_url=root(gateway), timeout=20) as browser:
        yield browser


def begin(browser):
    """Where the provider sends the browser back to."""
    begun = browser.get("/sso/key/generate")
    assert begun.status_code == 303
    return httpx.get(begun.headers["location"]).headers["location"]


def come_in(browser, provider, **user):
    provider.user = {"sub": "1", "preferred_username": "ann", "email": "ann@example.com"} | user
    return browser.get(begin(browser))


def is_nobody(browser, answer, status=401):
    assert answer.status_code == status and "lintel_session" not in answer.headers.get("set-cookie", ""), answer.text
    assert browser.get("/ui/session").status_code == 401


# ---- who comes in ----------------------------------------------------------------------------------


def test_the_first_step(browser, gateway):
    begun = browser.get("/sso/key/generate", params={"redirect_to": "https://evil.example", "return_to": "//evil.example"})
    asked = {name: values[0] for name, values in parse_qs(urlparse(begun.headers["location"]).query).items()}
    assert asked["client_id"] == CLIENT and asked["response_type"] == "code" and asked["scope"] == "openid email profile"
    assert asked["redirect_uri"] == f"{root(gateway)}/sso/callback" and asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3 and "evil" not in begun.headers["location"]
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/sso" in cookie and asked["nonce"] not in cookie
    assert browser.get("/.well-known/litellm-ui-config").json()["sso_configured"] is True


def test_a_new_user(browser, gateway, provider):
    answer = come_in(browser, provider)
    assert answer.status_code == 303 and answer.headers["location"] == "../ui", answer.text
    who = browser.get("/ui/session").json()
    assert (who["user_id"], who["user_role"]) == ("ann", "internal_user")
    user = ask(gateway, "GET", "/user/info?user_id=ann").json()["user_info"]
    assert (user["user_email"], user["sso_user_id"], user["max_budget"]) == ("ann@example.com", "ann", 7)
    assert not (SECRET in answer.text or "scrypt" in answer.text)
    assert come_in(browser, provider).status_code == 303  # and once more


def test_a_user_that_is_known_by_address(browser, gateway, provider):
    ask(gateway, "POST", "/user/new", {"user_id": "u-7", "user_email": "Bob@Example.org", "user_role": "internal_user_viewer"})
    assert come_in(browser, provider, sub="7", preferred_username="bob", email="bob@example.org").status_code == 303
    assert browser.get("/ui/session").json()["user_id"] == "u-7"
    # another account with that address is somebody else
    come_in(browser, provider, sub="8", preferred_username="robert", email="bob@example.org")
    assert browser.get("/ui/session").json()["user_id"] == "robert"


@pytest.mark.parametrize("name, role, becomes", [("carol", "proxy_admin_viewer", "proxy_admin_viewer"), ("the-boss", "", "proxy_admin"),
                                                 ("dave", "emperor", "internal_user"), ("erin", ["internal_user_viewer"], "internal_user_viewer")])
def test_roles(browser, gateway, provider, name, role, becomes):
    answer = come_in(browser, provider, sub=name, preferred_username=name, email=f"{name}@example.com", role=role)
    assert answer.status_code == 303, answer.text
    assert browser.get("/ui/session").json()["user_role"] == becomes


def test_without_an_id_token(browser, provider):
    provider.id_token = None
    assert come_in(browser, provider).status_code == 303


# ---- ways in that are none -------------------------------------------------------------------------


def test_a_state_of_another_browser(browser, gateway, provider):
    mine = begin(browser)
    with httpx.Client(base_url=root(gateway)) as victim:
        is_nobody(victim, victim.get(mine))  # no cookie
        begin(victim)
        is_nobody(victim, victim.get(mine))  # another's


@pytest.mark.parametrize("change", [lambda u: u.replace("state=", "state=0"), lambda u: u.split("&state")[0], lambda u: u.split("?")[0]])
def test_a_state_that_was_changed(browser, provider, change):
    is_nobody(browser, browser.get(change(begin(browser))))


def test_a_cookie_that_was_changed(browser, provider):
    to = begin(browser)
    state, until, signed = browser.cookies["lintel_sso"].split(".")
    for forged in [f"{state}.{int(until) + 1}.{signed}", f"{state}.{until}.{'0' * 64}", f"{state}.{until}", state, ""]:
        browser.cookies.clear()
        is_nobody(browser, browser.get(to, headers={"cookie": f"lintel_sso={forged}"}))


def test_a_login_is_for_once(browser, gateway, provider):
    to = begin(browser)
    kept = browser.cookies["lintel_sso"]
    assert browser.get(to).status_code == 303
    asked = len(provider.asked)
    with httpx.Client(base_url=root(gateway)) as again:
        is_nobody(again, again.get(to, headers={"cookie": f"lintel_sso={kept}"}))
    assert len(provider.asked) == asked  # it did not even ask


def test_a_code_that_is_none(browser, provider):
    to = begin(browser)
    is_nobody(browser, browser.get(to.replace("code=", "code=x")))
    provider.codes.clear()
    is_nobody(browser, browser.get(begin(browser).split("?")[0] + "?error=access_denied&state=" + browser.cookies["lintel_sso"].split(".")[0]))


@pytest.mark.parametrize("claims", [{"aud": "another"}, {"aud": ["another"]}, {"aud": [CLIENT], "azp": "another"}, {"aud": None},
                                    {"nonce": "another"}, {"nonce": None}, {"exp": 1}, {"exp": None}, {"sub": "2"}])
def test_a_token_of_another_kind(browser, provider, claims):
    provider.id_token = claims
    is_nobody(browser, come_in(browser, provider))


@pytest.mark.parametrize("claims", [{"sub": "2"}, {"email": "ann@evil.example"}, {"email": "ann@example.com.evil.example"}, {"email": ""},
                                    {"email": "example.com"}, {"email": "ann@example.com@evil.example"}, {"email_verified": False},
                                    {"preferred_username": "default_user_id"}])
def test_claims_that_do_not_do(browser, provider, claims):
    provider.claims = claims
    is_nobody(browser, come_in(browser, provider))


def test_an_id_that_is_anothers(browser, gateway, provider):
    """Names can be chosen anew at many providers."""
    ask(gateway, "POST", "/user/new", {"user_id": "frank", "sso_user_id": "frank-of-the-provider", "user_role": "proxy_admin"})
    is_nobody(browser, come_in(browser, provider, sub="9", preferred_username="frank", email="frank@example.com"), 403)


@pytest.mark.parametrize("path", ["/token", "/userinfo"])
@pytest.mark.parametrize("status, body, becomes", [(500, b"", 502), (200, b"not JSON", 502), (200, b"[]", 502), (200, b" " * 300000, 502),
                                                   (302, b"", 502), (401, b"{}", 401), (200, b"{}", 401)])
def test_a_provider_that_is_broken(browser, provider, path, status, body, becomes):
    provider.broken = {path: (status, body)}
    is_nobody(browser, come_in(browser, provider), becomes)


def test_a_provider_that_is_away(launch, simulator, gateway, provider):
    other = launch(configuration(simulator.url), env=provider.environment() | {"GENERIC_TOKEN_ENDPOINT": "http://127.0.0.1:1/"})
    with httpx.Client(base_url=root(other), timeout=20) as browser:
        is_nobody(browser, browser.get(begin(browser)), 502)


def test_without_configuration(launch, simulator):
    other = launch(configuration(simulator.url), warm=False, env={"GENERIC_CLIENT_ID": "half of it"})
    with httpx.Client(base_url=root(other)) as browser:
        assert browser.get("/sso/key/generate").headers["location"] == "../../ui"
        assert browser.get("/sso/callback").status_code == 404
        assert browser.get("/.well-known/litellm-ui-config").json()["sso_configured"] is False


def test_the_pages_go_straight_to_the_provider(launch, simulator, provider):
    provider.reset()
    settings = {"auto_redirect_ui_login_to_sso": True, "hide_default_credentials_hint": True}
    other = launch(configuration(simulator.url, general_settings=settings), env=provider.environment())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(root(other) + "/ui")
        page.wait_for_url("**/sso/callback?*")  # which is where the provider sends the browser
        page.goto(root(other) + "/ui?fallback")
        expect(page.get_by_role("link", name="sign-on")).to_be_visible()
        expect(page.get_by_label("Password")).to_be_visible()
        expect(page.get_by_text("As the admin")).to_be_hidden()
        browser.close()
    other = launch(configuration(simulator.url), env={"AUTO_REDIRECT_UI_LOGIN_TO_SSO": "true"}, warm=False)
    told = httpx.get(root(other) + "/.well-known/litellm-ui-config").json()
    assert (told["auto_redirect_to_sso"], told["hide_default_credentials_hint"]) == (False, False)  # there is none


def test_passwords_may_be_closed(launch, simulator, provider):
    settings = {"disable_password_login_when_sso_enabled": True}
    other = launch(configuration(simulator.url, general_settings=settings), warm=False, env=provider.environment())
    assert httpx.post(root(other) + "/v2/login", json={"username": "admin", "password": KEY}).status_code == 403
