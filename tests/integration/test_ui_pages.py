"""The pages of the admin UI in a real browser, at the width of a desk in light colours and of a phone in dark ones.

One gateway has made a few requests, by a key of a team and of a user whose names would break a page that took them
for HTML; whatever the browser complains of fails the test that made it so."""

import csv
import io
import json
import re

import httpx
import pytest
from conftest import ACCESS_KEY_ID, KEY, SECRET_ACCESS_KEY, configuration, deployment
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
    config["litellm_settings"] = {"proxy_batch_write_at": 0.1, "store_audit_logs": True}
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
    page.goto(f"{root(gateway)}/ui#/playground")
    expect(page.get_by_role("heading", name="Playground")).to_be_visible()
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
    expect(row(page, NASTY).first).to_be_visible()
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


# ---- models and settings ---------------------------------------------------------------------------


def test_a_model_of_the_database(page, gateway, simulator):
    name = f"{NASTY} {page.viewport_size['width']}"
    go(page, "Models")
    page.get_by_role("button", name="Add a model").click()
    page.get_by_label("Model *").fill(name)
    page.get_by_label("At Bedrock *").fill("bedrock/no-such-model")
    page.get_by_label("Region").fill("us-east-1")
    page.get_by_label("AWS access key").fill(ACCESS_KEY_ID)
    page.get_by_label("AWS secret").fill(SECRET_ACCESS_KEY)
    page.get_by_label("Further parameters").fill(json.dumps({"aws_bedrock_runtime_endpoint": simulator.url, "num_retries": "many"}))
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("num_retries")
    page.complaints[:] = [text for text in page.complaints if "400" not in text]
    page.get_by_label("At Bedrock *").fill("bedrock/us.amazon.nova-pro-v1:0")
    page.get_by_label("Further parameters").fill(json.dumps({"aws_bedrock_runtime_endpoint": simulator.url}))
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    row(page, name).click()
    box = page.get_by_role("dialog").first
    for button in ("Call it", "Check its health"):
        box.get_by_role("button", name=button).click()
        expect(box.locator("[aria-live] .badge.good")).to_be_visible()
    assert SECRET_ACCESS_KEY not in page.content()
    box.get_by_role("button", name="Edit").click()
    page.get_by_label("Requests a minute").fill("60")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert stored(gateway, name)["rpm"] == 60
    row(page, name).click()
    expect(box).to_contain_text("60")
    box.get_by_role("button", name="Call it").click()  # with the secret that was not typed again
    expect(box.locator("[aria-live] .badge.good")).to_be_visible()
    box.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete").get_by_role("button", name="Delete").click()
    expect(row(page, name)).to_have_count(0)


def stored(gateway, name):
    models = ask(gateway, "GET", "/v1/model/info").json()["data"]
    return next(m["litellm_params"] for m in models if m["model_name"] == name)


def test_a_model_of_the_file_is_not_changed_here(page):
    go(page, "Models")
    page.locator("tbody tr").first.click()
    box = page.get_by_role("dialog")
    expect(box.get_by_text("The configuration file says it")).to_be_visible()
    expect(box.get_by_role("button", name="Edit")).to_have_count(0)


def test_a_fallback_is_edited_and_takes_effect(page, gateway):
    said = {"model": "broken", "messages": [{"role": "user", "content": "hi"}]}
    assert chat(gateway, KEY, **said).status_code >= 400
    go(page, "Settings")
    page.get_by_role("button", name="Add a line").first.click()
    page.get_by_label("Model that fails").select_option("broken")
    for model in ("nova", "claude"):
        page.get_by_role("group", name="broken").get_by_label("then …").select_option(model)
    page.get_by_role("button", name="claude earlier").click()
    expect(page.locator("pre")).to_contain_text('"broken": [')
    page.get_by_role("button", name="Without claude").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    answer = chat(gateway, KEY, **said)
    assert answer.status_code == 200 and "nova" in answer.json()["model"]
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("nova-pro-v1:0 answered.")).to_be_visible()
    page.get_by_role("group", name="broken").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("group", name="broken")).to_have_count(0)
    wait_for(lambda: chat(gateway, KEY, **said).status_code >= 400, 20, "no fallback")


def test_what_the_file_says_and_what_can_be_stored(page):
    def setting(name):
        return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))

    go(page, "Settings")
    page.get_by_role("button", name="Routing and retries").click()
    expect(setting("num_retries").get_by_text("file", exact=True)).to_have_count(1)
    expect(setting("store_model_in_db")).to_have_count(0)
    setting("cooldown_time").get_by_role("button", name="Edit").click()
    page.get_by_label("cooldown_time").fill("7")
    page.get_by_role("button", name="Save").click()
    expect(setting("cooldown_time").get_by_text("database")).to_be_visible()
    setting("cooldown_time").get_by_role("button", name="Back to default").click()
    expect(setting("cooldown_time").get_by_text("default", exact=True)).to_be_visible()
    page.get_by_role("button", name="Everything").click()
    page.get_by_label("Search by name or meaning").fill("store_model_in_db")
    expect(setting("store_model_in_db")).to_contain_text("true")
    expect(setting("store_model_in_db").get_by_role("button", name="Edit")).to_have_count(0)


def test_who_changed_what(page, gateway):
    budget = f"{NASTY} {page.viewport_size['width']}"
    for path, body in ("new", {"max_budget": 3}), ("update", {"max_budget": 4}):
        assert ask(gateway, "POST", f"/budget/{path}", json={"budget_id": budget, **body}).status_code == 200
    go(page, "Changes")
    page.get_by_label("Table").select_option("BudgetTable")
    page.get_by_label("Id of the row").fill(budget)
    page.get_by_label("Id of the row").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Action").select_option("changed")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "action=updated&table_name=BudgetTable" in page.url
    row(page, budget).click()
    box = page.get_by_role("dialog")
    expect(box.get_by_role("row").filter(has_text="max_budget").get_by_role("cell")).to_have_text(["max_budget", "3", "4"])
    page.keyboard.press("Escape")
    page.get_by_label("Changed by").fill("nobody")
    page.get_by_label("Changed by").press("Enter")
    expect(page.get_by_text("No change is like that.")).to_be_visible()


def test_a_callback_is_tested(page):
    one = {"name": NASTY, "away": True, "taken": 3, "waiting": 2, "dropped": 1}
    page.route("**/debug/exchanges", lambda route: route.fulfill(json={"callbacks": [one], "deployments": {}, "live": 0}))
    asked = []
    page.route("**/health/services?*", lambda route: asked.append(route.request.url) or route.fulfill(json={"message": "On its way."}))
    go(page, "Settings")
    page.get_by_role("button", name="Callbacks").click()
    expect(row(page, NASTY)).to_contain_text("away")
    row(page, NASTY).get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("On its way.")).to_be_visible()
    assert len(asked) == 1
    page.get_by_role("button", name="Alerts").click()
    expect(page.get_by_text("Nobody is alerted")).to_be_visible()


# ---- all pages -------------------------------------------------------------------------------------


def test_the_overview(page):
    go(page, "Overview")
    for title in ("Error rate", "Mean time", "Saved by prompt caching", "Answers from cache"):
        expect(page.locator(".figure").filter(has_text=title).locator(".value")).not_to_have_text("")
    expect(page.locator(".live")).to_contain_text("requests a minute")
    expect(page.locator("canvas")).to_have_count(4)
    expect(row(page, NASTY).first).to_be_visible()


def test_the_keyboard_is_enough(page):
    go(page, "Teams")
    expect(row(page, NASTY).first).to_be_visible()
    page.get_by_role("link", name="Skip to content").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Teams")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_placeholder("Search by name")).to_be_focused()
    for _ in range(10):
        if page.evaluate("document.activeElement.tagName") == "TR":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("name, path", [("Usage", "**/daily/activity/**"), ("Logs", "**/spend/logs/ui*"),
                                        ("Teams", "**/v2/team/list*"), ("Users", "**/user/list*"),
                                        ("Models", "**/v1/model/info"), ("Settings", "**/config/list*"), ("Overview", "**/daily/activity/**")])
def test_what_could_not_be_loaded_is_told_and_asked_for_again(page, name, path):
    page.route(path, lambda route: route.fulfill(status=500, json={"error": {"message": NASTY}}))
    go(page, name)
    expect(page.get_by_role("alert")).to_contain_text(NASTY)
    page.unroute(path)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("main .card").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.complaints[:] = [text for text in page.complaints if "500" not in text]
