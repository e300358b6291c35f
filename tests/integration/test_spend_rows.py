"""A row for every request in each database, in every dialect, failed or kept, with prompts and answers where they are
asked for."""

import datetime
import json

import pytest
from conftest import KEY, configuration
from databases import KINDS
from programs import wait_for
from test_spend_reports import TODAY, ask

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
    def run(litellm=None, **general):
        settings = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data")), **general}
        gateway = launch(configuration(simulator.url, general_settings=settings, litellm_settings=litellm or {}), warm=False)
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


def test_redacted(start):
    gateway = start({"turn_off_message_logging": True}, store_prompts_in_spend_logs=True)
    (row,) = rows(gateway, chat(gateway))
    assert "hello" not in json.dumps(row["proxy_server_request"])
    assert row["proxy_server_request"]["messages"] == "redacted-by-litellm"
    assert row["response"]["choices"][0]["message"]["content"] == "redacted-by-litellm"


def test_no_bodies_unless_asked_for(start):
    gateway = start()
    (row,) = rows(gateway, chat(gateway))
    assert (row["messages"], row["response"], row["proxy_server_request"]) == ({}, {}, {})
    assert ask(gateway, "/v1/chat/completions", {"model": "claude", "messages": HELLO}, by="sk-wrong").status_code == 401
    assert KEY not in json.dumps(ask(gateway, "/spend/logs").json())
