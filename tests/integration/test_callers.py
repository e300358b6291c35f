"""Who stands behind a key: user, team, membership, organization, end user, tags and the budgets they
name, as rows of each database. What they may, and what they are held to."""

import concurrent.futures
import json
import re

import pytest
from conftest import KEY, configuration
from databases import KINDS
from programs import wait_for
from test_keys import ask, ask_info, chat, error, generate

POOR = 1e-7  # USD; less than any call costs

ROWS = {
    "LiteLLM_BudgetTable": [
        {"budget_id": "poor", "max_budget": POOR},
        {"budget_id": "slow", "rpm_limit": 1},
        {"budget_id": "narrow", "allowed_models": ["nova"]},
        {"budget_id": "soft", "soft_budget": POOR},
        {"budget_id": "seconds", "max_budget": POOR, "budget_duration": "3s", "budget_reset_at": "2020-01-01 00:00:00.000"},
    ],
    "LiteLLM_UserTable": [
        {"user_id": "u-rich", "spend": 0},
        {"user_id": "u-poor", "max_budget": POOR},
        {"user_id": "u-slow", "rpm_limit": 1},
        {"user_id": "u-nova", "models": ["nova"]},
    ],
    "LiteLLM_ModelTable": [{"aliases": {"best": "claude"}}],
    "LiteLLM_TeamTable": [
        {"team_id": "t-plain", "model_id": 1},
        {"team_id": "t-claude", "models": ["claude"]},
        {"team_id": "t-blocked", "blocked": True},
        {"team_id": "t-poor", "max_budget": POOR},
        {"team_id": "t-slow", "rpm_limit": 1},
        {"team_id": "t-rates", "metadata": {"model_rpm_limit": {"claude": 1}}},
        {"team_id": "t-org", "organization_id": "o-poor"},
    ],
    "LiteLLM_OrganizationTable": [
        {"organization_id": "o-poor", "organization_alias": "poor", "budget_id": "poor"},
        {"organization_id": "o-nova", "organization_alias": "nova", "budget_id": "soft", "models": ["nova"]},
    ],
    "LiteLLM_TeamMembership": [
        {"user_id": "m-poor", "team_id": "t-plain", "budget_id": "poor"},
        {"user_id": "m-slow", "team_id": "t-plain", "budget_id": "slow"},
        {"user_id": "m-narrow", "team_id": "t-plain", "budget_id": "narrow"},
    ],
    "LiteLLM_EndUserTable": [
        {"user_id": "c-poor", "budget_id": "poor"},
        {"user_id": "c-slow", "budget_id": "slow"},
        {"user_id": "c-blocked", "blocked": True},
        {"user_id": "c-seconds", "budget_id": "seconds", "spend": 5},
    ],
    "LiteLLM_TagTable": [{"tag_name": "g-poor", "budget_id": "poor"}],
}
BY = {
    "LiteLLM_BudgetTable": ["created_by", "updated_by"],
    "LiteLLM_OrganizationTable": ["created_by", "updated_by"],
    "LiteLLM_ModelTable": ["created_by", "updated_by"],
}
LISTS = {"models", "allowed_models"}


def literal(kind, column, value):
    if isinstance(value, bool):
        return str(value).lower() if kind == "postgresql" else str(int(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if kind == "postgresql" and isinstance(value, list):
        return "'{" + ",".join(value) + "}'"
    return "'" + (value if isinstance(value, str) else json.dumps(value)) + "'"


def insert(database, table, row):
    row = row | {name: "test" for name in BY.get(table, [])}
    columns = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(literal(database.kind, name, value) for name, value in row.items())
    database.query(f'INSERT INTO "{table}" ({columns}) VALUES ({values})')


@pytest.fixture(scope="module", params=KINDS)
def database(request, database_server):
    server = database_server(request.param)
    server.create("callers")
    return server


@pytest.fixture(scope="module")
def gateway(launch, simulator, database, tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    config = configuration(simulator.url, general_settings={"database_url": database.url, "data_directory": str(directory)})
    started = launch(config)
    wait_for(lambda: ask(started, "/key/generate", {}).status_code == 200, 20, "the database")
    for table, rows in ROWS.items():
        for row in rows:
            insert(database, table, row)
    return started


def calls(gateway, key, n=2, model="claude", headers=None, **members):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **members}
    return [ask(gateway, "/v1/chat/completions", body, key, headers) for _ in range(n)]


# What the key has, what the request names besides: the first call passes, the second is refused so.
REFUSED = [
    ({"user_id": "u-poor"}, {}, 422, "budget_exceeded", "ExceededBudget: User=u-poor over budget. Spend="),
    ({"team_id": "t-poor"}, {}, 422, "budget_exceeded", "Budget has been exceeded! Team=t-poor Current cost: "),
    ({"organization_id": "o-poor"}, {}, 422, "budget_exceeded", "Budget has been exceeded! Organization=o-poor "),
    ({"team_id": "t-plain", "user_id": "m-poor"}, {}, 422, "budget_exceeded", "Budget has been exceeded! TeamMember=m-poor "),
    ({}, {"user": "c-poor"}, 422, "budget_exceeded", "ExceededBudget: End User=c-poor over budget. Spend="),
    ({}, {"metadata": {"tags": ["g-poor"]}}, 422, "budget_exceeded", "Budget has been exceeded! Tag=g-poor "),
    ({"budget_id": "poor", "key_alias": "k-poor"}, {}, 422, "budget_exceeded", "Budget has been exceeded! Key=k-poor (sk-..."),
    ({"model_max_budget": {"claude": {"budget_limit": POOR, "time_period": "1d"}}, "key_alias": "k-model"}, {}, 422,
     "budget_exceeded", "LiteLLM Virtual Key: k-model, exceeded budget for model=claude"),
    ({"budget_limits": [{"budget_duration": "1h", "max_budget": POOR}]}, {}, 422, "budget_exceeded", "over 1h budget. Spend="),
    ({"user_id": "u-slow"}, {}, 429, "throttling_error", "Rate limit exceeded for user: u-slow. Limit type: requests"),
    ({"team_id": "t-slow"}, {}, 429, "throttling_error", "Rate limit exceeded for team: t-slow."),
    ({"team_id": "t-rates"}, {}, 429, "throttling_error", "Rate limit exceeded for model_per_team: t-rates:claude."),
    ({"team_id": "t-plain", "user_id": "m-slow"}, {}, 429, "throttling_error", "Rate limit exceeded for team_member: t-plain:m-slow."),
    ({"budget_id": "slow"}, {}, 429, "throttling_error", "Rate limit exceeded for api_key: "),
    ({}, {"user": "c-slow"}, 429, "throttling_error", "Rate limit exceeded for end_user: c-slow."),
]  # fmt: skip


@pytest.mark.parametrize("key, request_, status, kind, text", REFUSED, ids=[r[4][:40] for r in REFUSED])
def test_the_second_call_is_refused(gateway, key, request_, status, kind, text):
    first, second = calls(gateway, generate(gateway, **key)["key"], **request_)
    assert first.status_code == 200, first.text
    assert error(second) == (status, kind), second.text
    assert text in second.json()["error"]["message"]


def test_models_of_team_user_member_and_organization(gateway):
    for row, model, kind in [
        ({"team_id": "t-claude"}, "nova", "team_model_access_denied"),
        ({"team_id": "t-claude", "models": ["all-team-models"]}, "nova", "team_model_access_denied"),
        ({"user_id": "u-nova"}, "claude", "user_model_access_denied"),
        ({"team_id": "t-plain", "user_id": "m-narrow"}, "claude", "team_member_model_access_denied"),
        ({"organization_id": "o-nova"}, "claude", "org_model_access_denied"),
    ]:
        key = generate(gateway, **row)["key"]
        other = "claude" if model == "nova" else "nova"
        assert error(chat(gateway, key, model)) == (403, kind)
        assert chat(gateway, key, other).status_code == 200
        assert [m["id"] for m in ask(gateway, "/v1/models", None, key).json()["data"]] == [other]
    # A user's own list does not hold for keys of a team.
    assert chat(gateway, generate(gateway, user_id="u-nova", team_id="t-plain")["key"], "claude").status_code == 200


def test_names_of_models(gateway):
    key = generate(gateway, team_id="t-plain", aliases={"mine": "nova"}, models=["claude", "nova"])["key"]
    for name in "mine", "best":
        answer = chat(gateway, key, name)
        assert answer.status_code == 200 and answer.json()["model"] == name, answer.text
    assert chat(gateway, key, "best").headers["x-litellm-model-group"] == "claude"
    assert chat(gateway, generate(gateway)["key"], "best").status_code == 400


def test_who_is_blocked(gateway):
    refused = chat(gateway, generate(gateway, team_id="t-blocked")["key"])
    assert error(refused) == (401, "auth_error") and "Team=t-blocked is blocked" in refused.text
    refused = calls(gateway, generate(gateway)["key"], 1, user="c-blocked")[0]
    assert refused.status_code == 400 and "User=c-blocked" in refused.text


def test_a_named_budget_begins_anew_with_those_it_holds(gateway, database):
    key = generate(gateway)["key"]
    wait_for(lambda: calls(gateway, key, 1, user="c-seconds")[0].status_code == 200, 10, "the next period")
    assert error(calls(gateway, key, 1, user="c-seconds")[0]) == (422, "budget_exceeded")
    reset = database.query("SELECT budget_reset_at FROM \"LiteLLM_BudgetTable\" WHERE budget_id = 'seconds'")[0][0]
    assert not reset.startswith("2020")


def test_a_soft_budget_says_so_once(gateway):
    key = generate(gateway, soft_budget=POOR, key_alias="k-soft")["key"]
    assert [c.status_code for c in calls(gateway, key, 3)] == [200] * 3
    wait_for(lambda: "soft budget reached: k-soft" in gateway.log(), 10, "the line")  # written behind the answer
    assert gateway.log().count("soft budget reached: k-soft") == 1


def test_all_at_once_pass_a_budget_by_one_request(gateway):
    """What is under way is counted beforehand."""
    key = generate(gateway, max_budget=POOR)["key"]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        states = list(pool.map(lambda _: chat(gateway, key).status_code, range(20)))
    assert sorted(set(states)) == [200, 422] and states.count(200) == 1


def test_the_ledger_is_the_sum_of_the_logs(gateway, database):
    """Calls of one team by several users and keys at once: each sum in each table is that of the rows."""
    keys = [generate(gateway, team_id="t-plain", user_id=f"sum-{i % 2}", max_budget=1)["key"] for i in range(4)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda i: chat(gateway, keys[i % 4]).status_code, range(40)))
    assert states == [200] * 40
    logged = "SELECT COUNT(*), SUM(spend) FROM \"LiteLLM_SpendLogs\" WHERE \"user\" IN ('sum-0', 'sum-1')"
    wait_for(lambda: database.query(logged)[0][0] == "40", 10, "the rows of 40 calls")
    total = float(database.query(logged)[0][1])
    of_keys = sum(ask_info(gateway, key)["spend"] for key in keys)
    days = database.query("SELECT SUM(spend) FROM \"LiteLLM_DailyUserSpend\" WHERE user_id IN ('sum-0', 'sum-1')")[0][0]
    assert of_keys == pytest.approx(total) and float(days) == pytest.approx(total) and total > 0
    for table, column in ("TeamTable", "team_id"), ("OrganizationTable", "organization_id"):
        for id_, spend in database.query(f'SELECT {column}, spend FROM "LiteLLM_{table}"'):
            rows = database.query(f"SELECT COALESCE(SUM(spend), 0) FROM \"LiteLLM_SpendLogs\" WHERE {column} = '{id_}'")
            assert float(spend) == pytest.approx(float(rows[0][0])), (table, id_)


# ---- without rows of their own ---------------------------------------------------------------------


def test_budgets_of_the_configuration(launch, simulator, tmp_path):
    config = configuration(
        simulator.url,
        general_settings={
            "database_url": "sqlite",
            "data_directory": str(tmp_path),
            "api_keys": [{"key": "sk-fixed-poor", "spend_limit": POOR}, {"key": "sk-fixed-rich", "spend_limit": 10}],
        },
        litellm_settings={"max_end_user_budget": POOR, "budget_exceeded_status_code": 429},
    )
    gateway = launch(config)
    wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
    poor, rich = [c.status_code for c in calls(gateway, "sk-fixed-poor")], calls(gateway, "sk-fixed-rich", user="somebody")
    assert poor == [200, 429]
    assert [c.status_code for c in rich] == [200, 429] and "End User=somebody over budget" in rich[1].text
    gateway.stop()
    again = launch(config)  # what was spent is in the database
    wait_for(lambda: ask(again, "/key/generate", {}).status_code == 200, 20, "the database")
    assert calls(again, "sk-fixed-poor", 1)[0].status_code == 429
    assert calls(again, "sk-fixed-rich", 1, user="somebody else")[0].status_code == 200


def test_a_budget_of_the_whole_gateway(launch, simulator):
    gateway = launch(configuration(simulator.url, litellm_settings={"max_budget": POOR, "budget_duration": "30d"}), warm=False)
    first, second = calls(gateway, KEY)
    assert first.status_code == 200 and error(second) == (422, "budget_exceeded")
    assert re.fullmatch(r"Budget has been exceeded! Current cost: \S+, Max budget: 1e-07", second.json()["error"]["message"])
