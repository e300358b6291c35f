"""The pages of the admin UI in a real browser, at the width of a desk in light colours and of a phone in dark ones.

One gateway has made a few requests, by a key of a team and of a user whose names would break a page that took them
for HTML; whatever the browser complains of fails the test that made it so."""

import csv
import io
import re

import httpx
import pytest
from conftest import KEY, configuration, deployment
from databases import Sqlite
from playwright.sync_api import expect
from programs import wait_for
from test_ui import NASTY, PASSWORD, ask, browser, go, root  # noqa: F401

SIZES = {"desk": ({"width": 1280, "height": 800}, "light"), "phone": ({"width": 390, "height": 844}, "dark")}
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    db = Sqlite()
    db.create("ui")
    settings = {"database_url": db.url, "data_directory": str(tmp_path_factory.mktemp("data")), "store_model_in_db": True,
                "store_prompts_in_spend_logs": True}
    config = configuration(simulator.url, general_settings=settings, extra_models=[
        deployment("broken", "bedrock/us.amazon.nova-pro-v1:0", NOBODY)])
    config["litellm_settings"] = {"proxy_batch_write_at": 0.1}
    gateway = launch(config, env={"UI_USERNAME": "boss", "UI_PASSWORD": PASSWORD})
    wait_for(lambda: ask(gateway, "POST", "/key/generate", json={}).status_code == 200, 20, "the database")
    seed(gateway)
    yield gateway
    db.stop()


def seed(gateway):
    for path, body in [("user/new", {"user_id": NASTY, "user_email": "ada@example.com", "auto_create_key": False}),
                       ("team/new", {"team_id": "t-1", "team_alias": NASTY, "max_budget": 5})]:
        assert ask(gateway, "POST", "/" + path, json=body).status_code == 200
    made = ask(gateway, "POST", "/key/generate", json={"key_alias": NASTY, "user_id": NASTY, "team_id": "t-1",
                                                       "metadata": {"note": NASTY}}).json()
    for i in range(3):
        said = {"model": "claude", "messages": [{"role": "user", "content": NASTY}], "metadata": {"tags": [NASTY]}}
        assert chat(gateway, made["key"], **said).status_code == 200
    said = {"model": "broken", "messages": [{"role": "user", "content": "hi"}]}
    assert chat(gateway, made["key"], **said).status_code >= 400
    assert chat(gateway, made["key"], **said, fallbacks=["nova"], user="end").status_code == 200
    wait_for(lambda: total(gateway) == 5, 30, "the requests in the database")


def total(gateway):
    found = ask(gateway, "GET", "/team/daily/activity/aggregated", params={"start_date": "2000-01-01", "end_date": "2099-12-31"})
    return found.json()["metadata"]["total_api_requests"]


def chat(gateway, key, **body):
    return httpx.post(root(gateway) + "/v1/chat/completions", headers={"Authorization": f"Bearer {key}"}, json=body, timeout=20)


@pytest.fixture(scope="module")
def cookie(gateway):
    answer = httpx.post(root(gateway) + "/v2/login", json={"username": "boss", "password": PASSWORD}, timeout=20)
    return {"name": "lintel_session", "value": answer.cookies["lintel_session"], "url": root(gateway)}


@pytest.fixture(params=SIZES)
def page(request, browser, gateway, cookie):  # noqa: F811
    size, colours = SIZES[request.param]
    context = browser.new_context(viewport=size, color_scheme=colours, locale="en-US")
    context.add_cookies([cookie])
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.complaints.append(message.text))
    page.goto(f"{root(gateway)}/ui#/models")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    yield page
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    title = page.title()
    context.close()
    assert not page.complaints
    assert wide <= 0, "the page is wider than the screen"
    assert title != "broken in"


def row(page, text):
    return page.get_by_role("row").filter(has_text=text)


# ---- usage -----------------------------------------------------------------------------------------


def test_usage_by_whom(page):
    go(page, "Usage")
    for view, name in [("model", "claude"), ("key", NASTY), ("team", NASTY), ("user", NASTY), ("tag", NASTY)]:
        page.get_by_role("button", name=f"By {view}").click()
        expect(row(page, name).first).to_contain_text("$0.")
        assert f"by={view}" in page.url
    page.get_by_role("button", name="Tokens", exact=True).click()
    page.reload()
    expect(row(page, NASTY).first).to_be_visible()  # as the address says
    expect(page.get_by_role("button", name="By tag")).to_have_attribute("aria-pressed", "true")


def test_usage_as_a_file(page):
    go(page, "Usage")
    page.get_by_role("button", name="By team").click()
    expect(row(page, NASTY)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert re.fullmatch(r"usage-team-[\d-]+\.csv", download.value.suggested_filename)
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert [(r["id"], r["name"], r["api_requests"], r["failed_requests"]) for r in rows] == [("t-1", NASTY, "5", "1")]
    assert float(rows[0]["spend"]) > 0


def test_usage_of_days_without_any(page):
    go(page, "Usage")
    page.get_by_label("Period").select_option("From … to …")
    page.get_by_label("From", exact=True).fill("2020-01-01")
    page.get_by_label("To", exact=True).fill("2020-01-31")
    expect(page.get_by_text("Nothing was asked in this period.")).to_be_visible()


# ---- logs ------------------------------------------------------------------------------------------


def test_a_request_in_full(page):
    go(page, "Logs")
    page.get_by_label("Alias of the key").fill(NASTY)
    page.get_by_label("Model", exact=True).fill("claude")
    page.get_by_label("Model", exact=True).press("Enter")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    rows.first.click()
    box = page.get_by_role("dialog")
    expect(box.locator(".said.user")).to_contain_text(NASTY)
    expect(box.locator(".said").last).to_contain_text("assistant")
    expect(box.get_by_role("list", name="Where the time went")).to_contain_text("In all")
    expect(box.get_by_text("chatcmpl-").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)


def test_the_attempts_of_a_request(page):
    go(page, "Logs")
    page.get_by_label("End user").fill("end")
    page.get_by_label("End user").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody tr").click()
    attempts = page.get_by_role("region", name="Calls of models").locator("tbody tr")
    expect(attempts).to_have_count(2)
    expect(attempts.first).to_contain_text("broken")
    expect(attempts.last).to_contain_text("nova")
    expect(page.locator(".track .fill.bad")).to_have_count(1)


def test_logs_are_filtered_and_followed(page, gateway):
    go(page, "Logs")
    page.get_by_label("Outcome").select_option("failed")
    expect(page.locator("tbody tr").first.locator(".badge.bad")).to_be_visible()
    assert "status=failure" in page.url
    page.get_by_label("Outcome").select_option("All")
    user = f"follower {page.viewport_size['width']}"
    page.get_by_label("End user").fill(user)
    page.get_by_label("End user").press("Enter")
    expect(page.get_by_text("No request is like that.")).to_be_visible()
    page.get_by_label("Follow").check()
    assert chat(gateway, KEY, model="nova", user=user, messages=[{"role": "user", "content": "hi"}]).status_code == 200
    expect(page.locator("tbody tr")).to_have_count(1)


# ---- teams and users -------------------------------------------------------------------------------


def test_a_team_and_its_members(page, gateway):
    name = f"{NASTY} {page.viewport_size['width']}"
    go(page, "Teams")
    page.get_by_role("button", name="Create a team").click()
    page.get_by_label("Name *").fill(name)
    page.get_by_label("Budget (USD)").fill("7")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_placeholder("Search by name").fill(name)
    row(page, name).click()
    box = page.get_by_role("dialog").first
    box.get_by_role("button", name="Add a member").click()
    page.get_by_label("User id or e-mail").fill("ada@example.com")
    page.get_by_label("Budget in the team").fill("3")
    page.get_by_role("dialog", name="Add a member").get_by_role("button", name="Add a member").click()
    expect(row(page, "ada@example.com")).to_contain_text("/ $3.00")
    row(page, "ada@example.com").get_by_role("button", name="Edit").click()
    page.get_by_label("Role").select_option("Team admin")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "ada@example.com")).to_contain_text("Team admin")
    box.get_by_role("button", name="Block").click()
    expect(box.get_by_text("blocked", exact=True)).to_be_visible()
    box.get_by_role("button", name="Edit").last.click()
    page.get_by_label("Budget (USD)").fill("")
    page.get_by_label("Requests a minute").fill("60")
    page.get_by_role("button", name="Save").click()
    expect(box.get_by_text("Requests a minute")).to_be_visible()
    team = next(t for t in ask(gateway, "GET", "/team/list").json() if t["team_alias"] == name)
    assert (team["blocked"], team["rpm_limit"], team["max_budget"]) == (True, 60, None)
    row(page, "ada@example.com").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove").get_by_role("button", name="Remove").click()
    expect(row(page, "ada@example.com")).to_have_count(0)
    box.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No team has such a name.")).to_be_visible()


def test_a_user_with_a_key(page, gateway):
    email = f"grace{page.viewport_size['width']}@example.com"
    go(page, "Users")
    page.get_by_role("button", name="Create a user").click()
    page.get_by_label("E-mail", exact=True).fill(email)
    page.get_by_label("Role").select_option("Sees everything")
    page.get_by_label("Make a key, too").check()
    page.get_by_role("button", name="Create", exact=True).click()
    shown = page.get_by_role("dialog", name="The new key")
    assert shown.locator("code").inner_text().startswith("sk-")
    shown.get_by_role("button", name="Close").click()
    page.get_by_placeholder("Search by e-mail").fill(email)
    row(page, email).click()
    box = page.get_by_role("dialog").first
    expect(box.get_by_role("heading", name="Virtual keys (1)")).to_be_visible()
    box.get_by_role("button", name="Edit").click()
    page.get_by_label("Metadata").fill("{not json")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("this is not JSON")
    page.get_by_label("Metadata").fill('{"from": "here"}')
    page.get_by_role("button", name="Save").click()
    expect(box.locator("pre")).to_contain_text("here")
    box.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No user has such an address.")).to_be_visible()


# ---- all pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, path", [("Usage", "**/daily/activity/**"), ("Logs", "**/spend/logs/ui*"),
                                        ("Teams", "**/v2/team/list*"), ("Users", "**/user/list*")])
def test_what_could_not_be_loaded_is_told_and_asked_for_again(page, name, path):
    page.route(path, lambda route: route.fulfill(status=500, json={"error": {"message": NASTY}}))
    go(page, name)
    expect(page.get_by_role("alert")).to_contain_text(NASTY)
    page.unroute(path)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    page.complaints[:] = [text for text in page.complaints if "500" not in text]
