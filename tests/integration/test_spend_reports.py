"""What was spent, as LiteLLM's routes tell it: the same over SQLite, PostgreSQL and MariaDB. One gateway
for each serves the requests that all of the cases read."""

import csv
import datetime
import io

import httpx
import pytest
from conftest import KEY, configuration
from databases import KINDS
from programs import wait_for

pytestmark = pytest.mark.timeout(120)

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
LONG_AGO = "2025-03-02"
REQUESTS = 9  # that the fixture makes; 2 of them fail


def ask(gateway, path, body=None, by=KEY, **params):
    headers = {"Authorization": f"Bearer {by}"}
    method = "GET" if body is None else "POST"
    url = gateway.base_url.removesuffix("/v1") + path
    return httpx.request(method, url, json=body, params=params, headers=headers, timeout=20)


def get(gateway, path, **params):
    answer = ask(gateway, path, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def chat(gateway, key, model="claude", **more):
    body = {"model": model, "messages": [{"role": "user", "content": "how much?"}], "max_tokens": 20, **more}
    return ask(gateway, "/v1/chat/completions", body, key)


class World:
    """A gateway on a database, the keys that were used, and the sums that the rows say."""

    def __init__(self, gateway, database):
        self.gateway, self.database = gateway, database
        make = lambda **members: ask(gateway, "/key/generate", members).json()  # noqa: E731
        wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
        self.red = make(key_alias="red", user_id="rita", team_id="reds")
        self.blue = make(key_alias="blue", user_id="bob")
        extra = {"tags": ["nightly", "red"], "user": "customer-1"}
        for _ in range(3):
            assert chat(gateway, self.red["key"], **extra).status_code == 200
        for _ in range(2):
            assert chat(gateway, self.blue["key"], "nova", metadata={"tags": ["nightly"]}).status_code == 200
        self.last = chat(gateway, KEY).json()
        self.call_id = chat(gateway, KEY).headers["x-litellm-call-id"]
        for _ in range(2):
            assert chat(gateway, self.blue["key"], "no such model").status_code == 400
        wait_for(lambda: self.one('SELECT COUNT(*) FROM "LiteLLM_SpendLogs"') == REQUESTS, 20, "the rows")
        wait_for(lambda: self.one('SELECT SUM(api_requests) FROM "LiteLLM_DailyUserSpend"') == REQUESTS, 20, "the days")
        database.query(
            """INSERT INTO "LiteLLM_DailyUserSpend" (id, user_id, date, api_key, model, custom_llm_provider, endpoint,
            mcp_namespaced_tool_name, model_group, updated_at, api_requests, spend) VALUES ('old', 'rita', '%s', 'gone',
            'old-model', 'bedrock', '/chat/completions', '', 'old', '2025-03-02 00:00:00', 4, 8)""" % LONG_AGO
        )

    def one(self, sql):
        return float(self.database.query(sql)[0][0] or 0)

    def spent(self, condition="1 = 1"):
        return pytest.approx(self.one(f'SELECT SUM(spend) FROM "LiteLLM_SpendLogs" WHERE {condition}'))


@pytest.fixture(scope="module", params=KINDS)
def world(request, database_server, launch, simulator, tmp_path_factory):
    database = database_server(request.param)
    database.create("reports")
    settings = {
        "database_url": database.url,
        "data_directory": str(tmp_path_factory.mktemp("data")),
        "maximum_spend_logs_retention_period": "300d",
        "maximum_spend_logs_retention_interval": "1s",
        "maximum_spend_logs_cleanup_batch_size": 100,
    }
    config = configuration(simulator.url, general_settings=settings, litellm_settings={"max_budget": 1000, "disable_add_user_agent_to_request_tags": True})
    gateway = launch(config, warm=False)
    yield World(gateway, database)
    gateway.stop()


DAYS = {"start_date": str(TODAY - datetime.timedelta(days=1)), "end_date": str(TODAY)}


def test_totals(world):
    total = get(world.gateway, "/global/spend")
    assert total == {"spend": world.spent(), "max_budget": 1000}
    assert get(world.gateway, "/global/spend/logs") == [{"date": str(TODAY), "spend": world.spent()}]
    red = world.red["token"]
    by_key = get(world.gateway, "/global/spend/logs", api_key=world.red["key"])
    assert by_key == [{"date": str(TODAY), "spend": world.spent(f"api_key = '{red}'"), "api_key": red}]
    assert get(world.gateway, "/global/spend/provider", **DAYS) == [{"provider": "bedrock", "spend": world.spent()}]


def test_models_and_keys(world):
    models = get(world.gateway, "/global/spend/models")
    claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert [m["total_spend"] for m in models] == sorted((m["total_spend"] for m in models), reverse=True)
    assert {m["model"]: m["total_spend"] for m in models}[claude] == world.spent(f"model = '{claude}'")
    assert len(get(world.gateway, "/global/spend/models", limit=1)) == 1
    keys = {k["api_key"]: k for k in get(world.gateway, "/global/spend/keys", limit=10)}
    red = keys[world.red["token"]]
    assert (red["key_alias"], red["key_name"]) == ("red", world.red["key_name"])
    assert red["total_spend"] == world.spent("team_id = 'reds'")
    assert keys["litellm_proxy_master_key"]["key_alias"] is None
    listed = get(world.gateway, "/spend/keys")
    assert [k["key_alias"] for k in listed[:2]] == ["red", "blue"]
    assert get(world.gateway, "/spend/users", user_id="nobody") == []


def test_tags_and_customers(world):
    nightly = world.one("""SELECT SUM(spend) FROM "LiteLLM_DailyTagSpend" WHERE tag = 'nightly'""")
    tags = {t["individual_request_tag"]: t for t in get(world.gateway, "/spend/tags")}
    assert tags["nightly"]["log_count"] == 5 and tags["red"]["log_count"] == 3
    assert tags["nightly"]["total_spend"] == pytest.approx(nightly)
    assert get(world.gateway, "/spend/tags", start_date=LONG_AGO, end_date=LONG_AGO) == []
    only = get(world.gateway, "/global/spend/tags", tags="red,unknown", **DAYS)["spend_per_tag"]
    assert [(t["name"], t["log_count"]) for t in only] == [("red", 3)]
    assert len(get(world.gateway, "/global/spend/tags", tags="all-tags", **DAYS)["spend_per_tag"]) == 2
    assert get(world.gateway, "/global/spend/all_tag_names") == {"tag_names": ["nightly", "red"]}
    assert get(world.gateway, "/global/all_end_users") == {"end_users": ["customer-1"]}
    (customer,) = ask(world.gateway, "/global/spend/end_users", {}).json()
    assert customer == {"end_user": "customer-1", "total_count": 3, "total_spend": world.spent("team_id = 'reds'")}
    assert ask(world.gateway, "/global/spend/end_users", {"api_key": world.blue["token"]}).json() == []


def test_users_of_tags(world):
    gateway, tomorrow = world.gateway, TODAY + datetime.timedelta(days=1)
    counts = lambda answer: [(row["tag"], row["active_users"]) for row in answer["results"]]  # noqa: E731
    days = get(gateway, "/tag/dau")
    assert counts(days) == [("nightly", 2), ("red", 1)]
    assert {(row["date"], row["period_start"]) for row in days["results"]} == {(str(TODAY), None)}
    for path, length, word, form in (("/tag/wau", 7, "Week", "%b %d"), ("/tag/mau", 30, "Month", "%b")):
        periods = get(gateway, path)
        first = tomorrow - datetime.timedelta(days=length - 1)
        assert counts(periods) == [("nightly", 2), ("red", 1)]
        assert periods["results"][0] == {
            "tag": "nightly", "active_users": 2, "date": f"{word} 7 ({first.strftime(form)})",
            "period_start": f"{first} 00:00:00", "period_end": f"{tomorrow} 00:00:00",
        }  # fmt: skip
        assert counts(get(gateway, path, tag_filter="RE")) == [("red", 1)]
        assert counts(get(gateway, path, tag_filters=["nightly", "unknown"], tag_filter="red")) == [("nightly", 2)]
    nightly, red = get(gateway, "/tag/summary", **DAYS)["results"]
    assert (nightly["tag"], nightly["unique_users"], nightly["total_requests"]) == ("nightly", 2, 5)
    assert red == {
        "tag": "red", "unique_users": 1, "total_requests": 3, "successful_requests": 3, "failed_requests": 0,
        "total_tokens": world.one("SELECT SUM(total_tokens) FROM \"LiteLLM_SpendLogs\" WHERE team_id = 'reds'"),
        "total_spend": world.spent("team_id = 'reds'"),
    }  # fmt: skip
    assert ask(gateway, "/tag/summary", start_date=str(TODAY)).status_code == 400
    assert [t["tag"] for t in get(gateway, "/tag/distinct")["results"]][:2] == ["nightly", "red"]
    path = "/tag/user-agent/per-user-analytics"
    people = get(gateway, path)
    assert [(p["user_id"], p["total_requests"]) for p in people["results"]] == [("rita", 6), ("bob", 2)]
    assert (people["total_count"], people["page"], people["total_pages"]) == (2, 1, 1)
    second = get(gateway, path, page=2, page_size=1)
    assert [p["user_id"] for p in second["results"]] == ["bob"] and second["total_pages"] == 2
    assert get(gateway, path, page=9, tag_filters="red")["results"] == []


def test_teams(world):
    teams = get(world.gateway, "/global/spend/teams")
    assert teams["teams"] and set(teams["teams"]) == {"reds", "Unassigned"}
    (day,) = teams["daily_spend"]
    assert day.pop("date") == str(TODAY)
    assert day == {"reds": world.spent("team_id = 'reds'"), "Unassigned": world.spent("team_id IS NULL")}
    assert {t["team_id"]: t["total_spend"] for t in teams["total_spend_per_team"]} == day


def test_report(world):
    ((day,),) = [get(world.gateway, "/global/spend/report", **DAYS)]
    assert day["group_by_day"] == f"{TODAY}T00:00:00+00:00"
    (team,) = day["teams"]
    assert team["team_name"] == "reds" and team["total_spend"] == world.spent("team_id = 'reds'")
    assert [d["api_key"] for d in team["metadata"]] == [world.red["token"]]
    ((day,),) = [get(world.gateway, "/global/spend/report", group_by="customer", **DAYS)]
    assert [c["customer"] for c in day["customers"]] == ["customer-1"]
    report = lambda **params: get(world.gateway, "/global/spend/report", **params, **DAYS)  # noqa: E731
    # Whom it is about says what it is grouped by; a team's customers are in the rows of requests.
    assert report(customer_id="customer-1") == approximately([day]) and report(customer_id="nobody") == []
    assert report(group_by="customer", team_id="reds") == approximately([day])
    assert report(team_id="reds", customer_id="customer-1") == approximately(report(team_id="reds"))
    assert report(group_by="team", customer_id="nobody") == report(team_id="blues", customer_id="customer-1") == []
    refused = ask(world.gateway, "/global/spend/report", api_key="sk-1", team_id="reds", **DAYS)
    assert refused.status_code == 400 and "not of a team_id" in refused.text
    keys = report(group_by="api_key")
    assert len(keys) == 3 and [k["total_cost"] for k in keys] == sorted((k["total_cost"] for k in keys), reverse=True)
    (blue,) = get(world.gateway, "/global/spend/report", api_key=world.blue["key"], **DAYS)
    assert {d["model"] for d in blue["model_details"]} == {"us.amazon.nova-pro-v1:0", "no such model"}
    (rita,) = get(world.gateway, "/global/spend/report", internal_user_id="rita", start_date=LONG_AGO, end_date=LONG_AGO)
    assert rita["total_cost"] == 8 and rita["api_key"] == "gone"
    assert ask(world.gateway, "/global/spend/report", group_by="moon", **DAYS).status_code == 422


def test_reports_of_one(world):
    """Everybody sees its own; admins see anybody's."""
    gateway, red, blue = world.gateway, world.red, world.blue
    reds = world.spent("team_id = 'reds'")
    for by in ({"api_key": red["key"]}, {"api_key": red["token"]}):
        (row,) = get(gateway, "/key/spend/report", **by, **DAYS)
        assert row["total_cost"] == reds and [d["model"] for d in row["model_details"]]
    mine = lambda key, path, **params: ask(gateway, path, by=key["key"], **{**DAYS, **params})  # noqa: E731
    for path in ("/key/spend/report", "/user/spend/report", "/team/spend/report"):
        (row,) = mine(red, path).json()
        assert (row["api_key"], row["total_cost"]) == (red["token"], reds), path
    (row,) = get(gateway, "/user/spend/report", internal_user_id="bob", **DAYS)
    assert len(row["model_details"]) == 2 and "team_id" not in row["model_details"][0]
    for path, name in (("key", "api_key"), ("user", "internal_user_id"), ("team", "team_id")):
        refused = mine(red, f"/{path}/spend/report", **{name: "another"})
        assert refused.status_code == 403
        assert refused.json()["detail"] == f"Not authorized to view spend for a {name} other than your own"
    nobody = mine(blue, "/team/spend/report")
    assert nobody.status_code == 400 and "No team_id associated with this API key" in nobody.json()["detail"]
    for wrong, text in (
        ({"start_date": ""}, "Please provide start_date and end_date"),
        ({"start_date": "soon"}, "must be in YYYY-MM-DD format"),
        ({"start_date": str(TODAY), "end_date": LONG_AGO}, "on or before"),
        ({"start_date": "2020-01-01"}, "maximum is 366 days"),
    ):
        refused = mine(red, "/key/spend/report", **wrong)
        assert refused.status_code == 400 and text in refused.json()["detail"]


def test_reports_of_organizations(world):
    """Their rows name no team: the key's is told."""
    world.database.query(
        """INSERT INTO "LiteLLM_DailyOrganizationSpend" (id, organization_id, date, api_key, model, custom_llm_provider,
        endpoint, mcp_namespaced_tool_name, model_group, updated_at, api_requests, spend) VALUES ('o', 'org', '%s', '%s',
        'm', 'bedrock', '/chat/completions', '', 'm', '2025-03-02 00:00:00', 4, 8)""" % (LONG_AGO, world.red["token"])
    )
    window = {"organization_id": "org", "start_date": LONG_AGO, "end_date": LONG_AGO}
    (row,) = get(world.gateway, "/organization/spend/report", **window)
    assert (row["total_cost"], row["model_details"][0]["team_id"]) == (8, "reds")
    refused = ask(world.gateway, "/organization/spend/report", by=world.red["key"], **window)
    assert refused.status_code == 403 and refused.json() == {"detail": "You do not have access to this organization"}
    assert ask(world.gateway, "/organization/spend/report", **DAYS).status_code == 400


def test_users_of_teams(world):
    (row,) = get(world.gateway, "/team/spend/by_user", team_ids="reds,blues", **DAYS)["results"]
    assert row == {
        "team_id": "reds", "team_alias": None, "user_id": "rita", "user_email": None, "user_alias": None,
        "spend": world.spent("team_id = 'reds'"), "prompt_tokens": row["prompt_tokens"],
        "completion_tokens": row["completion_tokens"], "total_tokens": row["prompt_tokens"] + row["completion_tokens"],
        "api_requests": 3, "successful_requests": 3, "failed_requests": 0,
    }  # fmt: skip
    assert ask(world.gateway, "/team/spend/by_user", **DAYS).status_code == 400


def test_users_that_share_a_key(world):
    """What each of them spent is in the rows of requests alone."""
    day = str(TODAY - datetime.timedelta(days=60))
    per_day = """INSERT INTO "LiteLLM_Daily{0}Spend" (id, {1}, date, api_key, model, custom_llm_provider, endpoint,
        mcp_namespaced_tool_name, model_group, updated_at, api_requests, spend)
        VALUES ('{2}', '{2}', '{3}', 'shared', 'm', 'bedrock', '/x', '', 'm', '2025-03-02 00:00:00', 1, {4})"""
    request = """INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", api_key, team_id, "user",
        status, spend) VALUES ('share-{0}', 'acompletion', '{1} 03:04:05', '{1} 03:04:06', 'shared', 'pool', '{2}',
        '{3}', {4})"""
    query = world.database.query
    try:
        query(per_day.format("Team", "team_id", "pool", day, 5))
        for user, spend in (("ann", 3), ("ben", 2)):
            query(per_day.format("User", "user_id", user, day, spend))
        for n, (user, status, spend) in enumerate((("ann", "success", 3), ("ben", "success", 2), ("ben", "failure", 0))):
            query(request.format(n, day, user, status, spend))
        found = get(world.gateway, "/team/spend/by_user", team_ids="pool", start_date=day, end_date=day)["results"]
        told = [(r["user_id"], r["spend"], r["api_requests"], r["failed_requests"]) for r in found]
        assert told == [("ann", 3, 1, 0), ("ben", 2, 2, 1)]
    finally:
        for table in ("LiteLLM_SpendLogs", "LiteLLM_DailyTeamSpend", "LiteLLM_DailyUserSpend"):
            query(f"DELETE FROM \"{table}\" WHERE api_key = 'shared'")


SUMS = "SUM(spend), SUM(prompt_tokens), SUM(completion_tokens)"
OWNERS = {"User": ("user_id", '"user"'), "Team": ("team_id", "team_id"), "EndUser": ("end_user_id", "end_user")}


@pytest.mark.parametrize("table", OWNERS)
def test_days_are_the_sums_of_requests(world, table):
    """Kept as rows arrive, for each of whom the table is about, and each key and model of theirs."""
    owner, column = OWNERS[table]
    count = "COUNT(*), SUM(CASE WHEN status = 'failure' THEN 1 ELSE 0 END)"
    days = f'SELECT {{}}, api_key, model, {SUMS}, SUM(api_requests), SUM(failed_requests) FROM "LiteLLM_Daily{table}Spend"'
    of_days = world.database.query(f"{days.format(owner)} WHERE date = '{TODAY}' GROUP BY {owner}, api_key, model")
    logs = f'SELECT {column}, api_key, model, {SUMS}, {count} FROM "LiteLLM_SpendLogs" WHERE {column} <> \'\''
    of_logs = world.database.query(f"{logs} GROUP BY {column}, api_key, model")
    sums = lambda rows: {tuple(map(str, row[:3])): [pytest.approx(float(v)) for v in row[3:]] for row in rows}  # noqa: E731
    assert of_logs and sums(of_days).keys() == sums(of_logs).keys()
    for name, values in sums(of_logs).items():
        assert [float(v.expected) for v in sums(of_days)[name]] == values, name


def test_activity(world):
    activity = get(world.gateway, "/global/activity", **DAYS)
    (today,) = activity["daily_data"]
    tokens = world.one('SELECT SUM(total_tokens) FROM "LiteLLM_SpendLogs"')
    assert today == {"date": TODAY.strftime("%b %d"), "api_requests": REQUESTS, "total_tokens": tokens}
    assert (activity["sum_api_requests"], activity["sum_total_tokens"]) == (REQUESTS, tokens)
    models = get(world.gateway, "/global/activity/model", **DAYS)
    assert [(m["model"], m["sum_api_requests"]) for m in models][0] == ("claude", 5)
    assert sum(m["sum_total_tokens"] for m in models) == tokens


def test_how_calls_went(world):
    went = get(world.gateway, "/global/activity/cache_hits", **DAYS)
    tokens = world.one('SELECT SUM(completion_tokens) FROM "LiteLLM_SpendLogs"')
    assert went["groups"] == [
        {
            "call_type": "acompletion", "api_requests": REQUESTS - 2, "cache_hits": 0, "failed_requests": 2,
            "cached_completion_tokens": 0, "generated_completion_tokens": tokens,
        }
    ]
    assert went["totals"]["failed_requests"] == 2 and went["totals"]["cache_hit_ratio"] == 0
    assert went["error_breakdown"] == [
        {"call_type": "acompletion", "error_code": "400", "error_class": "BadRequestError", "count": 2}
    ]
    assert set(went["filter_options"]["key_aliases"]) == {"red", "blue"}
    red = get(world.gateway, "/global/activity/cache_hits", key_aliases=["red", "unknown"], **DAYS)
    assert red["totals"]["api_requests"] == 3 and red["error_breakdown"] == []
    nova = get(world.gateway, "/global/activity/cache_hits", models=["us.amazon.nova-pro-v1:0"], **DAYS)
    assert nova["totals"]["api_requests"] == 2


def test_throttled_calls(world):
    none = get(world.gateway, "/global/activity/exceptions", model_group="claude", **DAYS)
    assert none == {"daily_data": [], "sum_num_rate_limit_exceptions": 0}
    world.database.query(
        """INSERT INTO "lintel_daily_calls" (id, date, api_key, call_type, model, model_group, api_base, error, api_requests)
        VALUES ('a', '%s', 'k', 'acompletion', 'm', 'sonnet', 'https://one', '429 RateLimitError', 4)""" % LONG_AGO
    )
    window = {"model_group": "sonnet", "start_date": LONG_AGO, "end_date": LONG_AGO}
    day = {"date": "Mar 02", "num_rate_limit_exceptions": 4}
    found = get(world.gateway, "/global/activity/exceptions", **window)
    assert found == {"daily_data": [day], "sum_num_rate_limit_exceptions": 4}
    found = get(world.gateway, "/global/activity/exceptions/deployment", **window)
    assert found == [{"api_base": "https://one", "daily_data": [day], "sum_num_rate_limit_exceptions": 4}]
    assert ask(world.gateway, "/global/activity/exceptions", **DAYS).status_code == 422


@pytest.mark.parametrize("path", ["/global/activity", "/global/spend/report", "/user/daily/activity", "/global/spend/tags"])
def test_days_must_be_days(world, path):
    missing = ask(world.gateway, path, start_date=str(TODAY))
    assert missing.status_code == 400
    assert missing.json() == {"detail": {"error": "Please provide start_date and end_date"}}
    for wrong in ("2026-9-1", "20260901", "2026-09-01T00:00:00", "tomorrow"):
        assert ask(world.gateway, path, start_date=wrong, end_date=str(TODAY)).status_code == 400


# ---- a row per request ------------------------------------------------------------------------------


def test_logs(world):
    rows = get(world.gateway, "/spend/logs")
    assert len(rows) == REQUESTS and [r["startTime"] for r in rows] == sorted((r["startTime"] for r in rows), reverse=True)
    assert "messages" not in rows[0] and rows[0]["metadata"]["status"] in ("success", "failure")
    (row,) = get(world.gateway, "/spend/logs", request_id=world.last["id"])
    assert (row["total_tokens"], row["status"]) == (world.last["usage"]["total_tokens"], "success")
    assert row["messages"] == {} and row["user"] == "default_user_id"
    (by_call,) = get(world.gateway, "/spend/logs", request_id=world.call_id)
    assert by_call["litellm_call_id"] == world.call_id
    assert len(get(world.gateway, "/spend/logs", api_key=world.red["key"])) == 3
    assert len(get(world.gateway, "/spend/logs", user_id="bob", summarize=False, **DAYS)) == 4


def test_logs_by_day(world):
    (today,) = get(world.gateway, "/spend/logs", **DAYS)
    assert today["startTime"] == str(TODAY) and today["spend"] == world.spent()
    assert today[world.red["token"]] == world.spent("team_id = 'reds'")
    assert today["users"]["bob"] == world.spent("\"user\" = 'bob'")
    later = TODAY + datetime.timedelta(days=2)
    days = get(world.gateway, "/spend/logs", start_date=LONG_AGO, end_date=str(later))
    assert [d["spend"] for d in days] == [8, world.spent(), 0, 0] and days[-1]["startTime"] == str(later)


def page(world, path="/spend/logs/v2", **params):
    window = {"start_date": f"{TODAY - datetime.timedelta(days=1)} 00:00:00", "end_date": f"{TODAY} 23:59:59"}
    return get(world.gateway, path, **{**window, **params})


def test_pages_of_logs(world):
    first = page(world, page_size=4)
    assert (first["total"], first["page"], first["page_size"], first["total_pages"]) == (REQUESTS, 1, 4, 3)
    assert first["total_is_capped"] is False and len(first["data"]) == 4
    everything = [r["request_id"] for n in (1, 2, 3) for r in page(world, page_size=4, page=n)["data"]]
    assert len(set(everything)) == REQUESTS
    assert page(world, page_size=4, page=4)["data"] == []
    spends = [r["spend"] for r in page(world, sort_by="spend", sort_order="asc")["data"]]
    assert spends == sorted(spends)


FILTERS = [
    ({"status_filter": "failure"}, 2),
    ({"status_filter": "success"}, 7),
    ({"api_key": "RED"}, 3),
    ({"user_id": "bob"}, 4),
    ({"team_id": "reds"}, 3),
    ({"end_user": "customer-1"}, 3),
    ({"model_group": "claude"}, 5),
    ({"model": "us.amazon.nova-pro-v1:0"}, 2),
    ({"model_id": "nothing"}, 0),
    ({"session_id": "nothing"}, 0),
    ({"key_alias": "LU"}, 4),
    ({"error_code": "400"}, 2),
    ({"error_code": "500"}, 0),
    ({"error_message": "no such model"}, 2),
    ({"cache_hit_filter": "miss"}, 9),
    ({"cache_hit_filter": "hit"}, 0),
    ({"min_spend": "0.0000001"}, 7),
    ({"max_spend": "0"}, 2),
    ({"search": "rita"}, 3),
    ({"request_id": "CALL"}, 1),
    ({"user_id": "bob", "status_filter": "success", "search": "bob"}, 2),
    ({"start_date": LONG_AGO, "end_date": LONG_AGO}, 0),
    ({"start_date": str(TODAY - datetime.timedelta(days=1)), "end_date": str(TODAY)}, 9),
]


@pytest.mark.parametrize("params, count", FILTERS, ids=["-".join(f[0]) + f":{f[1]}" for f in FILTERS])
def test_filters_of_logs(world, params, count):
    values = {"RED": world.red["token"], "CALL": world.call_id}
    found = page(world, **{name: values.get(value, value) for name, value in params.items()})
    assert found["total"] == len(found["data"]) == count


@pytest.mark.parametrize(
    "params, text",
    [
        ({"sort_by": "moon"}, "Invalid sort_by"),
        ({"sort_order": "up"}, "Invalid sort_order"),
        ({"cache_hit_filter": "maybe"}, "Invalid cache_hit_filter"),
        ({"start_date": "soon"}, "Invalid date format"),
        ({"start_date": ""}, "Start date and end date are required"),
    ],
)
def test_bad_filters(world, params, text):
    refused = ask(world.gateway, "/spend/logs/v2", **{"start_date": str(TODAY), "end_date": str(TODAY), **params})
    assert refused.status_code == 400 and text in refused.json()["error"]["message"]
    assert refused.json()["error"]["type"] == "bad_request"


@pytest.mark.parametrize("params", [{"page": 0}, {"page_size": 1001}, {"page": "x"}, {"min_spend": "much"}])
def test_bad_numbers(world, params):
    assert ask(world.gateway, "/spend/logs/v2", **{**DAYS, **params}).status_code == 422


def test_one_log_of_the_pages(world):
    found = get(world.gateway, "/spend/logs/ui", request_id=world.last["id"])
    assert found["total"] == 1
    bodies = get(world.gateway, f"/spend/logs/ui/{world.last['id']}")
    assert bodies == {"messages": {}, "response": {}, "proxy_server_request": {}}
    assert get(world.gateway, "/spend/logs/ui/nothing") is None


SESSIONS = [  # session, key, second, status, spend, model
    ("s-a", "k1", 1, "success", 1, "m1"),
    ("s-a", "k1", 2, "success", 2, "m2"),
    ("s-b", "k1", 3, "success", 9, "m1"),
    ("s-a", "k1", 4, "failure", 0, "m1"),
    ("s-a", "k2", 5, "success", 4, "m1"),
    (None, "k2", 6, "success", 5, "m1"),
]


@pytest.fixture
def sessions(world):
    day = str(TODAY - datetime.timedelta(days=61))
    for session, key, second, status, spend, model in SESSIONS:
        name = f"'{session}'" if session else "NULL"
        world.database.query(
            f"""INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", api_key, session_id, status,
            spend, model, total_tokens, request_duration_ms) VALUES ('sit-{second}', 'acompletion', '{day} 03:04:0{second}',
            '{day} 03:04:09', '{key}', {name}, '{status}', {spend}, '{model}', 10, 100)"""
        )
    yield lambda **params: page(world, "/spend/logs/ui", start_date=day, end_date=day, **params)
    world.database.query("DELETE FROM \"LiteLLM_SpendLogs\" WHERE request_id LIKE 'sit-%'")


def test_sessions(sessions):
    """A session is an id and a key; it stands where its newest request does."""
    of = lambda answer: [(r["session_id"], r["api_key"], r["request_id"]) for r in answer["data"]]  # noqa: E731
    everything = [(None, "k2", "sit-6"), ("s-a", "k2", "sit-5"), ("s-a", "k1", "sit-4"), ("s-b", "k1", "sit-3")]
    whole = sessions(group_by_session=True)
    assert of(whole) == everything and (whole["total"], whole["has_more"], whole["next_session_cursor"]) == (4, False, None)
    alone, _, first, _ = whole["data"]
    assert alone["session_total_count"] == 1 and "session_models" not in alone
    told = {name: value for name, value in first.items() if name.startswith("session_total") or "models" in name}
    assert told == {
        "session_total_count": 3, "session_total_spend": 3, "session_total_duration_ms": 300,
        "session_total_prompt_tokens": 0, "session_total_completion_tokens": 0, "session_total_tokens": 30,
        "session_models": ["m1", "m2"], "session_models_truncated": False,
    }  # fmt: skip
    part = sessions(group_by_session=True, page_size=3)
    assert (of(part), part["total"], part["total_pages"], part["has_more"]) == (everything[:3], 4, 2, True)
    assert of(sessions(group_by_session=True, page_size=3, page=2)) == everything[3:]
    assert of(sessions(group_by_session=True, page_size=3, session_cursor=part["next_session_cursor"])) == everything[3:]
    assert of(sessions(group_by_session=True, sort_order="asc")) == everything[::-1]
    assert [r["spend"] for r in sessions(group_by_session=True, sort_by="spend")["data"]] == [9, 5, 4, 0]
    assert of(sessions(group_by_session=True, status_filter="failure")) == [everything[2]]
    assert len(sessions(group_by_session=True, status_filter="success")["data"]) == 3
    flat = sessions()
    assert flat["total"] == 6 and [r["session_total_count"] for r in flat["data"]] == [1, 1, 3, 1, 3, 3]
    assert sessions(group_by_session=True, search="s-a")["total"] == 4


# ---- days -------------------------------------------------------------------------------------------


def test_daily_activity_of_users(world):
    activity = get(world.gateway, "/user/daily/activity", **DAYS)
    (today,) = activity["results"]
    meta = activity["metadata"]
    assert today["date"] == str(TODAY) and today["metrics"]["spend"] == world.spent()
    assert (meta["total_api_requests"], meta["total_failed_requests"]) == (REQUESTS, 2)
    assert (meta["page"], meta["total_pages"], meta["has_more"], meta["api_key_limit"]) == (1, 1, False, None)
    parts = today["breakdown"]
    assert list(parts) == ["mcp_servers", "models", "model_groups", "providers", "endpoints", "api_keys", "entities"]
    assert parts["model_groups"]["claude"]["metrics"]["api_requests"] == 5
    assert parts["api_keys"][world.red["token"]]["metadata"] == {
        "key_alias": "red", "team_id": "reds", "user_id": "rita", "user_email": None, "key_exists": True,
    }
    assert parts["entities"]["rita"]["api_key_breakdown"][world.red["token"]]["metrics"]["successful_requests"] == 3
    for name in ("model_groups", "providers", "endpoints", "api_keys", "entities"):
        assert sum(p["metrics"]["spend"] for p in parts[name].values()) == world.spent(), name


def test_daily_activity_in_pages(world):
    pages = []
    while not pages or pages[-1]["metadata"]["has_more"]:
        pages.append(get(world.gateway, "/user/daily/activity", page_size=2, page=len(pages) + 1, **DAYS))
    assert len(pages) == pages[0]["metadata"]["total_pages"] > 1
    assert sum(p["metadata"]["total_spend"] for p in pages) == world.spent()


def test_daily_activity_filters(world):
    rita = get(world.gateway, "/user/daily/activity", user_id="rita", start_date=LONG_AGO, end_date=str(TODAY))
    assert [d["date"] for d in rita["results"]] == [str(TODAY), LONG_AGO]
    old = rita["results"][1]["breakdown"]["api_keys"]["gone"]
    assert old["metrics"]["spend"] == 8 and old["metadata"]["key_exists"] is False
    claude = get(world.gateway, "/user/daily/activity", model_group="claude", **DAYS)
    assert claude["metadata"]["total_api_requests"] == 5
    for params in ({"model": "nothing"}, {"model_group": "nothing"}, {"api_key": "nothing"}, {"user_id": "nothing"}):
        empty = get(world.gateway, "/user/daily/activity", **DAYS, **params)
        assert empty["results"] == [] and empty["metadata"]["total_spend"] == 0


@pytest.mark.parametrize("kind", ["user", "tag", "team", "organization"])
def test_aggregated_says_what_the_pages_say(world, kind):
    paged = get(world.gateway, f"/{kind}/daily/activity", page_size=1000, **DAYS)
    whole = get(world.gateway, f"/{kind}/daily/activity/aggregated", **DAYS)
    keys = {k for d in paged["results"] for k in d["breakdown"]["api_keys"]}
    assert (whole["metadata"]["api_key_limit"], whole["metadata"]["total_api_keys"]) == (100, len(keys))
    for name in ("api_key_limit", "total_api_keys", "total_pages"):
        del whole["metadata"][name], paged["metadata"][name]
    assert whole == approximately(paged)


MANY = """INSERT INTO "LiteLLM_DailyTagSpend" (id, tag, date, api_key, model, model_group, custom_llm_provider,
    mcp_namespaced_tool_name, endpoint, updated_at, api_requests, spend)
    SELECT {id}, {tag}, {date}, {key}, 'many', 'many', 'bedrock', '', '/chat/completions', '2024-05-01 00:00:00', 1, k
    FROM ({keys}) AS a CROSS JOIN ({days}) AS b"""


def many_rows(database, keys, days):
    """A row for each key and day: key 7 of them belongs to tag 7, so does key 17; it costs 7, or 17."""
    join = (lambda *p: f"CONCAT({', '.join(p)})") if database.kind == "mysql" else lambda *p: " || ".join(p)
    columns = {
        "id": join("'many-'", "k", "'-'", "d"),
        "tag": join("'many-'", "(k % 10)"),
        "date": join("'2024-05-'", "d"),
        "key": join("'key-'", "k"),
        "keys": " UNION ALL ".join(f"SELECT {k} AS k" for k in keys),
        "days": " UNION ALL ".join(f"SELECT {d} AS d" for d in days),
    }
    database.query(MANY.format(**columns))


def test_aggregated_over_many_rows(world):
    """More than the database gives in one answer, and few of them, come to the same: everything is in the sums, the
    100 keys that cost most are told of."""
    keys, days = range(480), range(10, 31)
    for part in range(0, 480, 240):  # SQLite takes 500 terms
        many_rows(world.database, keys[part : part + 240], days)
    for chosen, params in ((keys, {}), (keys[::2], {"tags": "many-0,many-2,many-4,many-6,many-8"})):
        whole = get(world.gateway, "/tag/daily/activity/aggregated", start_date="2024-05-01", end_date="2024-05-31", **params)
        metadata = whole["metadata"]
        assert metadata["total_spend"] == len(days) * sum(chosen)
        assert metadata["total_api_requests"] == len(days) * len(chosen)
        assert metadata["total_api_keys"] == len(chosen)
        assert [d["date"] for d in whole["results"]] == [f"2024-05-{d}" for d in reversed(days)]
        for day in whole["results"]:
            parts = day["breakdown"]
            assert day["metrics"]["spend"] == parts["models"]["many"]["metrics"]["spend"] == sum(chosen)
            assert set(parts["api_keys"]) == {f"key-{k}" for k in chosen[-100:]}
            assert set(parts["models"]["many"]["api_key_breakdown"]) == set(parts["api_keys"])
            spent = {tag: e["metrics"]["spend"] for tag, e in parts["entities"].items()}
            assert spent == {f"many-{t}": sum(k for k in chosen if k % 10 == t) for t in {k % 10 for k in chosen}}
            told = {k for e in parts["entities"].values() for k in e["api_key_breakdown"]}
            assert told == set(parts["api_keys"])


def test_keys_of_days(world):
    gateway, path = world.gateway, "/user/daily/activity/aggregated/"
    keys = get(gateway, path + "keys", **DAYS)
    assert (keys["total_api_keys"], keys["offset"], keys["limit"]) == (3, 0, 50)
    spends = [k["metrics"]["spend"] for k in keys["api_keys"]]
    assert len(spends) == 3 and spends == sorted(spends, reverse=True)
    second = get(gateway, path + "keys", offset=1, limit=1, **DAYS)
    assert second["api_keys"] == keys["api_keys"][1:2] and second["total_api_keys"] == 3
    (red,) = get(gateway, path + "search", search="RED", **DAYS)["api_keys"]
    assert red["metadata"] == {"key_alias": "red", "team_id": "reds", "user_id": "rita", "user_email": None, "key_exists": True}
    assert (red["metrics"]["api_requests"], red["metrics"]["spend"]) == (3, world.spent("team_id = 'reds'"))
    assert [k["api_key"] for k in get(gateway, path + "search", search=world.blue["token"], **DAYS)["api_keys"]] == [world.blue["token"]]
    top = get(gateway, path + "model_top_keys", model_group="nova", **DAYS)
    assert (top["model"], top["by_model_group"], len(top["api_keys"])) == ("nova", True, 1)
    assert get(gateway, path + "model_top_keys", model_group="nova", by_model_group=False, **DAYS)["api_keys"] == []
    leaking = get(gateway, path + "cache_leakage_keys", limit=2, **DAYS)["api_keys"]
    tokens = [k["metrics"]["prompt_tokens"] for k in leaking]
    assert len(tokens) == 2 and tokens == sorted(tokens, reverse=True)
    for kind in ("search", "model_top_keys"):
        assert ask(gateway, path + kind, **DAYS).status_code == 422
    assert ask(gateway, path + "keys", limit=101, **DAYS).status_code == 422
    teams = ask(gateway, "/team/daily/activity/aggregated/keys", by=world.blue["key"], **DAYS)
    assert teams.status_code == 401  # who is nobody's user


def test_days_as_a_file(world):
    path = "/team/daily/activity/export"
    answer = ask(world.gateway, path, **DAYS)
    assert answer.headers["content-type"].startswith("text/csv")
    name = f"team-usage-{DAYS['start_date']}-{DAYS['end_date']}-daily.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["date"], row["entity_id"], row["api_requests"], row["model"]) == (str(TODAY), "reds", "3", "")
    assert float(row["spend"]) == world.spent("team_id = 'reds'")
    (row,) = get(world.gateway, path, format="json", export_type="daily_with_keys", **DAYS)
    assert (row["api_key"], row["key_alias"], row["user_id"], row["model"]) == (world.red["token"], "red", "rita", None)
    (row,) = get(world.gateway, path, format="json", export_type="daily_with_models", **DAYS)
    assert row["model"].endswith("claude-sonnet-4-5-20250929-v1:0") and row["api_key"] is None
    assert row["failed_requests"] == 0 and row["flat_cost"] == 0
    for wrong in ({"format": "xml"}, {"export_type": "hourly"}):
        assert ask(world.gateway, path, **wrong, **DAYS).status_code == 422
    world.database.query(
        """INSERT INTO "LiteLLM_DailyTagSpend" (id, tag, date, api_key, model, custom_llm_provider, endpoint,
        mcp_namespaced_tool_name, model_group, updated_at, spend) VALUES ('formula', '=1+1,"a"', '2024-02-01', 'k', 'm',
        'bedrock', '/x', '', 'm', '2025-03-02 00:00:00', 1)"""
    )
    text = ask(world.gateway, "/tag/daily/activity/export", start_date="2024-02-01", end_date="2024-02-01").text
    assert [row["entity_id"] for row in csv.DictReader(io.StringIO(text))] == ["'=1+1,\"a\""]


def approximately(value):
    """Sums of floating-point numbers depend on their order."""
    if isinstance(value, float):
        return pytest.approx(value)
    if isinstance(value, dict):
        return {k: approximately(v) for k, v in value.items()}
    return [approximately(v) for v in value] if isinstance(value, list) else value


def test_daily_activity_of_teams_tags_customers(world):
    team = get(world.gateway, "/team/daily/activity", team_ids="reds,blues", **DAYS)
    assert list(team["results"][0]["breakdown"]["entities"]) == ["reds"]
    assert get(world.gateway, "/team/daily/activity", exclude_team_ids="reds", **DAYS)["results"] == []
    tags = get(world.gateway, "/tag/daily/activity", **DAYS)["results"][0]["breakdown"]["entities"]
    assert {t: v["metrics"]["api_requests"] for t, v in tags.items()} == {"nightly": 5, "red": 3}
    for path in ("/customer/daily/activity", "/end_user/daily/activity"):
        assert get(world.gateway, path, end_user_ids="customer-1", **DAYS)["metadata"]["total_api_requests"] == 3


# ---- prices, resets, who may ------------------------------------------------------------------------


def test_calculate(world):
    usage = {"prompt_tokens": 3000, "completion_tokens": 100, "cache_creation_input_tokens": 500, "cache_read_input_tokens": 1500}
    answer = ask(world.gateway, "/spend/calculate", {"completion_response": {"model": "claude", "usage": usage}})
    assert answer.json()["cost"] == pytest.approx(1000 * 3.3e-6 + 100 * 16.5e-6 + 500 * 4.125e-6 + 1500 * 0.33e-6)
    prompt = {"model": "claude", "messages": [{"role": "user", "content": "Hello there"}]}
    assert 0 < ask(world.gateway, "/spend/calculate", prompt).json()["cost"] < 1e-4
    for wrong in ({}, {"model": "claude"}, {"completion_response": {"model": "nobody has it", "usage": usage}}):
        assert ask(world.gateway, "/spend/calculate", wrong).status_code == 400


def test_internal_users_see_their_own(world):
    made = ask(world.gateway, "/user/new", {"user_id": "ivan", "user_role": "internal_user"})
    assert made.status_code == 200, made.text
    key = ask(world.gateway, "/key/generate", {"user_id": "ivan"}).json()["key"]
    own = lambda path, **params: ask(world.gateway, path, by=key, **{**DAYS, **params})  # noqa: E731
    assert own("/global/spend").json()["spend"] == 0
    for path in ("/spend/logs", "/global/spend/models", "/global/spend/keys", "/global/spend/logs"):
        assert own(path).json() == [], path
    assert own("/spend/logs/v2", search="bob").json()["total"] == 0
    assert own("/spend/logs/v2", team_id="reds").status_code == 403
    assert own(f"/spend/logs/ui/{world.last['id']}").status_code == 403
    for path in ("/user/daily/activity", "/user/daily/activity/aggregated", "/team/daily/activity", "/tag/daily/activity"):
        assert own(path).json()["results"] == [], path
    assert own("/user/daily/activity", user_id="bob").status_code == 403
    assert own("/spend/users", user_id="bob").status_code == 403
    assert {k["user_id"] for k in own("/spend/keys").json()} == {"ivan"}
    for path in ("/spend/tags", "/global/spend/teams", "/global/spend/report", "/global/activity/cache_hits", "/tag/dau"):
        assert own(path).status_code == 401, path


def test_only_for_admins(world):
    for path in ("/spend/logs", "/global/spend", "/spend/keys", "/team/daily/activity"):
        refused = ask(world.gateway, path, by=world.blue["key"], **DAYS)
        assert refused.status_code == 401 and "Only proxy admin" in refused.text


OLD_ROWS = """INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime")
    SELECT %s, 'acompletion', '2020-01-02 03:04:05', '2020-01-02 03:04:06' FROM ("""


def test_old_rows_go(world):
    """In batches; the days stay, and so does what is young enough."""
    numbers = " UNION ALL ".join(f"SELECT {i} AS i" for i in range(250))
    name = "CONCAT('old-', i)" if world.database.kind == "mysql" else "'old-' || i"
    days = world.one('SELECT COUNT(*) FROM "LiteLLM_DailyUserSpend"')
    world.database.query(OLD_ROWS % name + numbers + ") AS n")
    wait_for(lambda: world.one('SELECT COUNT(*) FROM "LiteLLM_SpendLogs"') == REQUESTS, 20, "the old ones gone")
    wait_for(lambda: "250 rows of requests, older than 300d, were deleted" in world.gateway.log(), 20, "the log")
    assert world.one('SELECT COUNT(*) FROM "LiteLLM_DailyUserSpend"') == days


def test_reset(world):
    assert get(world.gateway, "/spend/keys")[0]["spend"] > 0
    assert ask(world.gateway, "/global/spend/refresh", {}).json()["status"] == "success"
    reset = ask(world.gateway, "/global/spend/reset", {})
    assert reset.json()["status"] == "success"
    assert {k["spend"] for k in get(world.gateway, "/spend/keys")} == {0}
    assert get(world.gateway, "/global/spend")["spend"] == world.spent()


def test_team_admins_see_their_team(world):
    """And what they spent themselves; nothing of other teams, which they are members of or not."""
    gateway = world.gateway
    ask(gateway, "/user/new", {"user_id": "tina", "user_role": "internal_user", "auto_create_key": False})
    for team, members in {"greens": ["admin"], "greys": ["user"], "blacks": []}.items():
        roles = [{"user_id": "tina", "role": role} for role in members]
        made = ask(gateway, "/team/new", {"team_id": team, "members_with_roles": roles})
        assert made.status_code == 200, made.text
        key = ask(gateway, "/key/generate", {"team_id": team}).json()["key"]
        assert chat(gateway, key).status_code == 200
    mine = ask(gateway, "/key/generate", {"user_id": "tina"}).json()["key"]
    assert chat(gateway, mine, metadata={"session_id": "s-1"}).status_code == 200
    days = 'SELECT COUNT(*) FROM "LiteLLM_DailyTeamSpend" WHERE team_id IN (\'greens\', \'greys\', \'blacks\')'
    wait_for(lambda: world.one(days) == 3, 20, "the days of three teams")
    wait_for(lambda: world.one('SELECT COUNT(*) FROM "LiteLLM_SpendLogs" WHERE "user" = \'tina\'') == 1, 20, "her own row")
    own = lambda path, **params: ask(gateway, path, by=mine, **{**DAYS, **params})  # noqa: E731
    for path in ("/team/daily/activity", "/team/daily/activity/aggregated"):
        for asked in ({}, {"team_ids": "greens,greys,blacks"}):
            (day,) = own(path, **asked).json()["results"]
            assert list(day["breakdown"]["entities"]) == ["greens"], path
        assert own(path, team_ids="greys").json()["results"] == []
    seen = own("/team/spend/by_user", team_ids="greens,greys,blacks").json()["results"]
    assert [(r["team_id"], r["user_id"], r["api_requests"]) for r in seen] == [("greens", "", 1)]
    rows = own("/spend/logs", summarize="false").json()
    assert sorted(r["team_id"] or "" for r in rows) == ["", "greens"]
    assert own("/spend/logs/v2").json()["total"] == 2
    (row,) = own("/spend/logs/session/ui", session_id="s-1").json()["data"]
    assert row["user"] == "tina" and own("/spend/logs/session/ui").status_code == 422
    (row,) = own("/spend/logs/v2", team_id="greens").json()["data"]
    assert own(f"/spend/logs/ui/{row['request_id']}").status_code == 200
    for team in ("greys", "blacks"):
        assert own("/spend/logs/v2", team_id=team).status_code == 403
    (other,) = page(world, team_id="greys")["data"]
    assert own(f"/spend/logs/ui/{other['request_id']}").status_code == 403


def test_without_a_database(launch, simulator):
    gateway = launch(configuration(simulator.url))
    refused = ask(gateway, "/global/spend")
    assert refused.status_code == 500
    assert refused.json()["error"] == {
        "message": "{'error': 'No db connected'}", "type": "internal_error", "param": "None", "code": "500",
    }
