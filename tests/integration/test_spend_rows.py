"""A row for every request in each database, in every dialect, failed or kept, with prompts and answers where they are
asked for."""

import datetime
import json

import httpx
import pytest
from conftest import KEY, configuration
from databases import KINDS
from programs import wait_for
from test_spend_reports import OLD_ROWS, TODAY, ask

pytestmark = pytest.mark.timeout(120)

LONG = "a" * 400 + "é" * 400 + "z" * 400
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module", params=KINDS)
def database(request, database_server):
    server = database_server(request.param)
    server.create("rows")
    return server


@pytest.fixture(scope="module")
def start(launch, simulator, database, tmp_path_factory):
    def run(litellm=None, env=None, **general):
        settings = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data")), **general}
        gateway = launch(configuration(simulator.url, general_settings=settings, litellm_settings=litellm or {}), warm=False, env=env)
        wait_for(lambda: ask(gateway, "/spend/logs").status_code == 200, 20, "the database")
        return gateway

    return run


@pytest.fixture(scope="module")
def gateway(start):
    cache = {"cache": True, "cache_params": {"type": "local"}}
    return start(cache, store_prompts_in_spend_logs=True, spend_logs_text_max=100)


def rows(gateway, *calls):
    """The rows that these calls left, by their ids."""
    ids = [answer.headers["x-litellm-call-id"] for answer in calls]
    found = []
    for call in ids:
        wait_for(lambda call=call: ask(gateway, "/spend/logs", request_id=call).json(), 20, "the row")
        found.append(ask(gateway, "/spend/logs", request_id=call).json()[0])
    return found


def chat(gateway, **members):
    return ask(gateway, "/v1/chat/completions", {"model": "claude", "messages": HELLO, "max_tokens": 20, **members})


DIALECTS = [
    ("/v1/chat/completions", {"messages": HELLO}, "acompletion"),
    ("/v1/chat/completions", {"messages": HELLO, "stream": True}, "acompletion"),
    ("/v1/completions", {"prompt": "hello"}, "atext_completion"),
    ("/v1/messages", {"messages": HELLO}, "anthropic_messages"),
    ("/v1/messages", {"messages": HELLO, "stream": True}, "anthropic_messages"),
    ("/v1/responses", {"input": "hello", "max_output_tokens": 20}, "aresponses"),
]


@pytest.mark.parametrize("path, members, call_type", DIALECTS)
def test_every_dialect_leaves_a_row_with_its_bodies(gateway, path, members, call_type):
    answer = ask(gateway, path, {"model": "claude", "max_tokens": 20, "cache": {"no-cache": True}, **members})
    assert answer.status_code == 200, answer.text
    (row,) = rows(gateway, answer)
    assert (row["call_type"], row["status"], row["cache_hit"]) == (call_type, "success", "False")
    assert row["completion_tokens"] == 20 and row["spend"] > 0
    request, response = row["proxy_server_request"], row["response"]
    assert request["model"] == "claude" and {k: request[k] for k in members} == members
    assert response["choices"][0]["message"]["content"] and response["usage"]["completion_tokens"] == 20


def test_failures_leave_rows(gateway):
    unknown = chat(gateway, model="nobody has it")
    wrong = chat(gateway, messages="no list")
    (row, other) = rows(gateway, unknown, wrong)
    assert (row["status"], row["spend"], row["response"]) == ("failure", 0, {})
    assert row["proxy_server_request"]["model"] == "nobody has it" and other["status"] == "failure"
    assert other["metadata"]["error_information"]["error_code"] == "400"


def test_kept_answers_leave_rows_that_cost_nothing(gateway):
    first = chat(gateway, messages=[{"role": "user", "content": "the same again"}])
    second = chat(gateway, messages=[{"role": "user", "content": "the same again"}])
    (made, kept) = rows(gateway, first, second)
    assert (made["cache_hit"], kept["cache_hit"]) == ("False", "True")
    assert made["spend"] > 0 and kept["spend"] == 0 and kept["completion_tokens"] == 20


def test_what_the_prompt_cache_saved(gateway):
    """What was read costs less, what was written more than input does; both are in the rows per day."""
    key = ask(gateway, "/key/generate", {}).json()
    content = "hello [[sim:usage(10,20,3000,500)]]"
    body = {"model": "claude", "messages": [{"role": "user", "content": content}], "max_tokens": 20}
    assert ask(gateway, "/v1/chat/completions", body, by=key["key"]).status_code == 200
    days = {"start_date": str(TODAY), "end_date": str(TODAY + datetime.timedelta(days=1)), "api_key": key["token"]}
    told = lambda: ask(gateway, "/user/daily/activity", **days).json()["metadata"]  # noqa: E731
    wait_for(lambda: told()["total_api_requests"] == 1, 20, "the day")
    assert told()["total_cache_read_input_tokens"] == 3000
    saved = 3000 * (3.3e-6 - 0.33e-6) - 500 * (4.125e-6 - 3.3e-6)
    assert told()["total_prompt_caching_savings_spend"] == pytest.approx(saved)


def test_long_texts_and_secrets(gateway):
    answer = chat(gateway, messages=[{"role": "user", "content": LONG}], api_key="sk-a-secret-of-the-client")
    (row,) = rows(gateway, answer)
    text = row["proxy_server_request"]["messages"][0]["content"]
    assert text.startswith("a" * 35) and text.endswith("z" * 65) and "skipped" in text and len(text) < 200
    assert row["proxy_server_request"].get("api_key", "redacted-by-litellm") == "redacted-by-litellm"


def test_long_bodies_are_left_out(gateway):
    """Rows hold a MiB of each, made of many texts as well."""
    (row,) = rows(gateway, chat(gateway, messages=HELLO * 40000))
    assert row["proxy_server_request"] == {}


@pytest.fixture(scope="module")
def silent(start):
    return start({"turn_off_message_logging": True}, env={"STORE_PROMPTS_IN_SPEND_LOGS": "true"})


SAID = [{"role": "user", "content": "PRIVATE"}]
TOOL = {"name": "PRIVATE", "description": "PRIVATE", "parameters": {"type": "object", "properties": {}}}
SAYING = [
    ("/v1/chat/completions", {"messages": SAID, "tools": [{"type": "function", "function": TOOL}]}),
    ("/v1/chat/completions", {"messages": SAID, "stream": True, "prediction": {"type": "content", "content": "PRIVATE"}}),
    ("/v1/completions", {"prompt": "PRIVATE", "suffix": "PRIVATE"}),
    ("/v1/messages", {"messages": SAID, "system": "PRIVATE"}),
    ("/v1/responses", {"input": "PRIVATE", "instructions": "PRIVATE"}),
    ("/v1/embeddings", {"input": ["PRIVATE"]}),
    ("/v1/rerank", {"query": "PRIVATE", "documents": ["PRIVATE"]}),
]


def test_redacted(silent):
    """Whether the call goes through or not."""
    calls = [ask(silent, path, {"model": "claude", "max_tokens": 20, **members}) for path, members in SAYING]
    assert {call.status_code for call in calls} == {200, 400}
    for (path, _), row in zip(SAYING, rows(silent, *calls), strict=True):
        assert row["proxy_server_request"]["model"] == "claude" and "PRIVATE" not in json.dumps(row), path
        if row["status"] == "success":
            assert row["response"]["choices"][0]["message"]["content"] == "redacted-by-litellm", path


def test_bedrocks_own_api_leaves_no_bodies(gateway):
    body = {"messages": [{"role": "user", "content": [{"text": "hello"}]}], "inferenceConfig": {"maxTokens": 20}}
    (row,) = rows(gateway, ask(gateway, "/bedrock/model/claude/converse", body))
    assert (row["status"], row["completion_tokens"], row["proxy_server_request"], row["response"]) == ("success", 20, {}, {})


def test_redaction_of_one_request(silent, gateway):
    """Requests and keys say otherwise than the settings."""
    say = lambda where, by=KEY, **more: httpx.post(  # noqa: E731
        f"{where.base_url}/chat/completions",
        json={"model": "claude", "messages": SAID, "max_tokens": 20, **more.pop("body", {})},
        headers={"Authorization": f"Bearer {by}", **more},
        timeout=20,
    )
    (told,) = rows(silent, say(silent, **{"litellm-disable-message-redaction": "true"}))
    assert told["proxy_server_request"]["messages"] == SAID and told["response"]["choices"][0]["message"]["content"]
    hidden = (
        say(gateway, **{"litellm-enable-message-redaction": "true"}),
        say(gateway, body={"turn_off_message_logging": True}),
    )
    for row in rows(gateway, *hidden):
        assert row["status"] == "success" and "PRIVATE" not in json.dumps(row)
        assert row["proxy_server_request"]["messages"] == "redacted-by-litellm"


OLD_TAG = """INSERT INTO "LiteLLM_DailyTagSpend" (id, tag, date, api_key, model, custom_llm_provider, endpoint,
    mcp_namespaced_tool_name, updated_at) VALUES ('old-%s', 'old', '%s', 'gone', 'm', 'bedrock', '', '', '2025-03-02 00:00:00')"""


@pytest.fixture(scope="module")
def sparing(start, database):
    """Keeps little, in a database that has had rows for long."""
    numbers = " UNION ALL ".join(f"SELECT {i} AS i" for i in range(250))
    name = "CONCAT('old-', i)" if database.kind == "mysql" else "'old-' || i"
    start().stop()  # makes the tables
    database.query(OLD_ROWS % name + numbers + ") AS n")
    for days in 91, 90, 0:
        day = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=days)
        database.query(OLD_TAG % (days, day))
    return start(
        maximum_daily_tag_spend_retention_period="90d",
        spend_logs_metadata_fields={"exclude": ["user_agent", "usage_object", "status"]},
        disable_error_logs=True,
        maximum_spend_logs_retention_period="300d",
        maximum_spend_logs_cleanup_batch_size=100,
        maximum_spend_logs_cleanup_max_batches=2,
    )


def test_no_more_old_rows_go_than_may_at_a_time(sparing, database):
    wait_for(lambda: "200 rows of requests, older than 300d, were deleted" in sparing.log(), 20, "the log")
    assert database.query("""SELECT COUNT(*) FROM "LiteLLM_SpendLogs" WHERE request_id LIKE 'old-%'""") == [("50",)]


def test_daily_spend_by_tag_goes_too(sparing, database):
    """Of days before the first that is kept."""
    wait_for(lambda: "1 rows of daily spend by tag, older than 90d, were deleted" in sparing.log(), 20, "the log")
    left = database.query("""SELECT id FROM "LiteLLM_DailyTagSpend" WHERE id LIKE 'old-%' ORDER BY id""")
    assert left == [("old-0",), ("old-90",)]


def test_what_was_missed_is_done_at_the_start(sparing, start, database):
    """maximum_spend_logs_cleanup_cron: once a year, but the last time was too long ago."""
    yearly = {"maximum_spend_logs_retention_period": "300d", "maximum_spend_logs_cleanup_cron": "0 0 1 jan *"}
    count = """SELECT COUNT(*) FROM "LiteLLM_SpendLogs" WHERE request_id LIKE 'old-%'"""
    wait_for(lambda: "200 rows of requests" in sparing.log(), 20, "the log")
    database.query("UPDATE \"lintel_tasks\" SET last_run_at = '2001-01-01 00:00:00' WHERE name = 'spend_logs_retention'")
    gateway = start(**yearly)
    wait_for(lambda: database.query(count) == [("0",)], 20, "the old rows gone")
    gateway.stop()
    gateway = start(**{**yearly, "maximum_spend_logs_cleanup_cron": "0 0 30 feb *"})
    wait_for(lambda: "'0 0 30 feb *' is no cron expression such as 0 4 * * *; nothing is deleted" in gateway.log(), 20, "the log")
    gateway.stop()


def test_no_bodies_unless_asked_for(sparing):
    (row,) = rows(sparing, chat(sparing))
    assert (row["messages"], row["response"], row["proxy_server_request"]) == ({}, {}, {})


def test_metadata_that_is_left_out(sparing, gateway):
    (row,), (whole,) = rows(sparing, chat(sparing)), rows(gateway, chat(gateway))
    assert set(whole["metadata"]) - set(row["metadata"]) == {"user_agent", "usage_object"}
    assert row["metadata"]["status"] == "success" and row["prompt_tokens"] == whole["prompt_tokens"]


def test_failures_that_leave_no_rows(sparing):
    """disable_error_logs: their day counts them all the same, and is written together with rows."""
    key = ask(sparing, "/key/generate", {}).json()
    failed = ask(sparing, "/v1/chat/completions", {"model": "nobody has it", "messages": HELLO}, by=key["key"])
    assert failed.status_code == 400
    days = {"start_date": str(TODAY), "end_date": str(TODAY + datetime.timedelta(days=1)), "api_key": key["token"]}
    told = lambda: ask(sparing, "/user/daily/activity", **days).json()["metadata"]  # noqa: E731
    wait_for(lambda: told()["total_failed_requests"] == 1, 20, "the day")
    assert ask(sparing, "/spend/logs", request_id=failed.headers["x-litellm-call-id"]).json() == []


def test_wrong_keys_leave_nothing(sparing):
    wrong = ask(sparing, "/v1/chat/completions", {"model": "claude", "messages": HELLO}, by="sk-wrong")
    assert wrong.status_code == 401
    rows(sparing, chat(sparing))  # what came before is written by now
    assert ask(sparing, "/spend/logs", request_id=wrong.headers["x-litellm-call-id"]).json() == []
    assert KEY not in json.dumps(ask(sparing, "/spend/logs").json())
