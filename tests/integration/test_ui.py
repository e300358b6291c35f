"""The admin UI: its files, logging in, and each page in a real browser, at the width of a desk and of a phone.

Whatever the browser complains of (a script error, a file that is refused by the page's own policy) fails the test
that made it so."""

import re

import httpx
import pytest
from conftest import KEY, configuration, deployment
from databases import Sqlite
from playwright.sync_api import expect, sync_playwright
from programs import wait_for

CHROMIUM = "/usr/bin/chromium"
PASSWORD = "a-password-of-its-own"
NASTY = '"><img src=x onerror="document.title=\'broken in\'"><script>document.title="broken in"</script>'
expect.set_options(timeout=30000)  # other programs may have the processor
WIDTHS = {"desk": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    db = Sqlite()
    db.create("ui")
    settings = {"database_url": db.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    config = configuration(simulator.url, general_settings=settings,
                           extra_models=[deployment(NASTY, "bedrock/us.amazon.nova-pro-v1:0", simulator.url)])
    config["litellm_settings"] = {"proxy_batch_write_at": 0.1}
    gateway = launch(config, env={"UI_USERNAME": "boss", "UI_PASSWORD": PASSWORD})
    wait_for(lambda: ask(gateway, "POST", "/key/generate", json={}).status_code == 200, 20, "the database")
    yield gateway
    db.stop()


def root(gateway):
    return gateway.base_url.removesuffix("/v1")


def ask(gateway, method, path, **more):
    return httpx.request(method, root(gateway) + path, headers={"Authorization": f"Bearer {KEY}"}, timeout=20, **more)


# ---- files ----------------------------------------------------------------------------------------


def test_the_page_and_its_files(gateway):
    page = httpx.get(root(gateway) + "/ui")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    names = re.findall(r'(?:src|href)="(ui/[^"]+)"', page.text)
    assert len(names) == 4
    for name in names:
        answer = httpx.get(f"{root(gateway)}/{name}")
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        again = httpx.get(f"{root(gateway)}/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content
        plain = httpx.get(f"{root(gateway)}/{name}", headers={"accept-encoding": "identity"})
        assert plain.content == answer.content and "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["/ui/0000000000000000/main.js", "/ui/main.js", "/ui/x/../main.js", "/ui/%2e%2e/main.js"])
def test_what_is_no_file(gateway, path):
    assert httpx.get(root(gateway) + path).status_code == 404


def test_a_slash_too_many(gateway):
    answer = httpx.get(root(gateway) + "/ui/")
    assert answer.status_code == 307 and answer.headers["location"] == "/ui"


# ---- logging in ------------------------------------------------------------------------------------


def log_in(client, name="boss", password=PASSWORD, **more):
    return client.post("/v2/login", json={"username": name, "password": password}, **more)


@pytest.fixture
def client(gateway):
    with httpx.Client(base_url=root(gateway), timeout=20) as client:
        yield client


def test_a_session(client):
    assert client.get("/ui/session").status_code == 401
    answer = log_in(client)
    assert answer.status_code == 200 and answer.json()["user_role"] == "proxy_admin"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    assert KEY not in answer.text + cookie and PASSWORD not in answer.text + cookie
    assert client.get("/ui/session").json() == answer.json()
    assert client.get("/v1/models").status_code == 200
    assert client.post("/ui/logout").status_code == 200
    assert client.get("/v1/models").status_code == 401


def test_behind_tls_the_cookie_stays_there(client):
    assert "Secure" in log_in(client, headers={"x-forwarded-proto": "https"}).headers["set-cookie"]


def test_what_changes_something_needs_the_pages_own_token(client):
    token = log_in(client).json()["csrf_token"]
    assert client.post("/key/generate", json={}).status_code == 403
    assert client.post("/key/generate", json={}, headers={"x-csrf-token": token[:-1]}).status_code == 403
    assert client.post("/key/generate", json={}, headers={"x-csrf-token": token}).status_code == 200


@pytest.mark.parametrize("change", [lambda s: s[:-1] + ("0" if s[-1] != "0" else "1"), lambda s: "9" + s, lambda s: s[:-65],
                                    lambda s: "", lambda s: s.replace(".", "", 1), lambda s: "x" * 5000])
def test_a_session_that_was_changed_is_none(client, change):
    text = re.search(r"lintel_session=([^;]+)", log_in(client).headers["set-cookie"])[1]
    client.cookies.clear()
    assert client.get("/ui/session", headers={"cookie": f"lintel_session={change(text)}"}).status_code == 401


def test_wrong_names_and_passwords(client):
    for name, password in [("boss", "wrong"), ("admin", PASSWORD), ("", ""), ("boss", ""), ("boss", KEY)]:
        answer = log_in(client, name, password)
        assert answer.status_code == 401 and "set-cookie" not in answer.headers, (name, password)


def test_too_many_tries(launch, simulator):
    gateway = launch(configuration(simulator.url))
    with httpx.Client(base_url=root(gateway)) as client:
        for _ in range(20):
            assert log_in(client, "admin", KEY).status_code == 200  # who is right uses no try up
        codes = [log_in(client, "admin", "wrong").status_code for _ in range(12)]
        assert codes == [401] * 10 + [429] * 2
        refused = log_in(client, "admin", KEY)
        assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 310


def test_the_well_known_password_is_for_this_machine(launch, simulator):
    gateway = launch(configuration(simulator.url), env={"UI_USERNAME": "litellm", "UI_PASSWORD": "litellm"})
    with httpx.Client(base_url=root(gateway)) as client:
        answer = log_in(client, "litellm", "litellm")
        assert answer.status_code == 200 and answer.json()["warning"] == "default_login"
        assert log_in(client, "litellm", "litellm", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 403


# ---- pages -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=WIDTHS)
def page(request, browser, gateway):
    width, height = WIDTHS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-US")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.goto(f"{root(gateway)}/ui")
    page.get_by_label("User name").fill("boss")
    page.get_by_label("Password").fill(PASSWORD)
    complaints.clear()  # that nobody was logged in
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    yield page
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    assert not complaints
    assert wide <= 0, "the page is wider than the screen"


def go(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_the_wrong_password_is_told(browser, gateway):
    page = browser.new_page(locale="fr-FR")
    page.goto(f"{root(gateway)}/ui")
    page.get_by_label("Nom d’utilisateur").fill("boss")
    page.get_by_label("Mot de passe").fill("faux")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_have_text("Ce nom et ce mot de passe ne correspondent pas.")
    page.close()


def test_a_key_is_made_used_and_its_spend_seen(page, gateway):
    alias = f"{NASTY} {page.viewport_size['width']}"
    go(page, "Virtual keys")
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("Alias", exact=True).fill(alias)
    page.get_by_label("Budget (USD)").fill("5")
    page.get_by_role("button", name="Create", exact=True).click()
    shown = page.get_by_role("dialog", name="The new key")
    key = shown.locator("code").inner_text()
    assert key.startswith("sk-")
    shown.get_by_role("button", name="Close").click()
    answer = httpx.post(f"{root(gateway)}/v1/chat/completions", headers={"Authorization": f"Bearer {key}"},
                        json={"model": "claude", "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status_code == 200
    page.get_by_placeholder("Search by alias").fill(alias)
    row = page.get_by_role("row").filter(has_text=alias)
    expect(row).to_be_visible()
    assert page.title() != "broken in" and key not in page.content()

    def spent():
        page.reload()
        page.get_by_placeholder("Search by alias").fill(alias)
        expect(row).to_have_count(1)
        return "$0.00 /" not in row.inner_text()

    wait_for(spent, 20, "the spend of the key")
    row.click()
    page.get_by_role("button", name="Block").click()
    expect(row.get_by_text("blocked")).to_be_visible()
    row.click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_models_and_a_test_call(page):
    go(page, "Models")
    expect(page.get_by_text(NASTY)).to_be_visible()
    assert page.title() != "broken in"
    page.get_by_placeholder("Search by name").fill("sonnet-4-5")
    page.get_by_role("row").filter(has_text="claude").first.click()
    page.get_by_role("button", name="Call it").click()
    expect(page.get_by_role("dialog").locator(".badge.good")).to_contain_text("ms")


def test_the_playground_streams(page):
    go(page, "Playground")
    page.get_by_label("Model").select_option("claude")
    page.get_by_label("Say something").fill("hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".said .note")).to_contain_text("First token")
    expect(page.locator(".said")).to_have_count(2)


def test_languages_and_colours(page):
    page.get_by_label("Language").select_option("ja")
    expect(page.get_by_role("heading", name="概要")).to_be_visible()
    page.get_by_label("言語").select_option("fr")
    expect(page.get_by_role("heading", name="Vue d’ensemble")).to_be_visible()
    page.get_by_role("button", name="Couleurs sombres").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_an_invited_user_sees_their_own(browser, gateway):
    ask(gateway, "POST", "/key/generate", json={"key_alias": "another's"})
    user = {"user_id": "guest", "user_email": "guest@example.com", "user_role": "internal_user", "key_alias": "the guest's"}
    assert ask(gateway, "POST", "/user/new", json=user).status_code == 200
    link = ask(gateway, "POST", "/invitation/new", json={"user_id": "guest"}).json()["id"]
    page = browser.new_page(locale="en-US")
    page.goto(f"{root(gateway)}/ui?invitation_id={link}")
    expect(page.get_by_text("guest@example.com is invited")).to_be_visible()
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_contain_text("password")
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert "invitation" not in page.url
    go(page, "Virtual keys")
    expect(page.get_by_text("the guest's")).to_be_visible()
    expect(page.get_by_text("another's")).to_have_count(0)
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("Alias", exact=True).fill("made by the guest")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("dialog", name="The new key").get_by_role("button", name="Close").click()
    expect(page.get_by_text("made by the guest")).to_be_visible()
    for name in page.get_by_role("navigation", name="Pages").first.get_by_role("link").all_inner_texts()[1:]:
        go(page, name)
        expect(page.get_by_text("Loading…")).to_have_count(0)
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.close()


def test_a_viewer_changes_nothing(browser, gateway):
    user = {"user_id": "viewer", "user_role": "proxy_admin_viewer", "password": "long enough"}
    assert ask(gateway, "POST", "/user/new", json=user).status_code == 200
    page = browser.new_page(locale="en-US")
    page.goto(f"{root(gateway)}/ui#/keys")
    page.get_by_label("User name").fill("viewer")
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("table", name="Virtual keys")).to_be_visible()
    expect(page.get_by_role("button", name="Create a key")).to_have_count(0)
    page.get_by_role("row").nth(1).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("button", name="Delete")).to_have_count(0)
    page.close()


def test_the_reference_is_for_everybody(browser, gateway):
    page = browser.new_page(locale="en-US")
    page.goto(f"{root(gateway)}/redoc")
    expect(page.get_by_role("heading", name="API reference")).to_be_visible()
    assert page.url.endswith("/docs")
    page.get_by_label("Search by path or words").fill("post CHAT/completions")
    expect(page.locator("details.route")).to_have_count(4)
    page.locator("details.route").first.click()
    expect(page.locator("details.route pre")).to_contain_text("-d '{\"model\":\"claude\"")
    page.get_by_label("Search by path or words").fill("key list")
    page.locator("details.route").first.click()
    expect(page.get_by_text("return_full_object")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    page.close()


def test_the_reference_tries_what_only_reads(page):
    go(page, "API reference")
    page.get_by_label("Search by path or words").fill("/v1/models/{model}")
    page.locator("details.route").click()
    page.get_by_label("model", exact=True).fill("claude")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("details.route .attempt pre")).to_contain_text('"id": "claude"')


def test_logging_out(page):
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
