"""Alerts: what is told to Slack, to a webhook and by e-mail, of what, how often, and that no request
feels it."""

import datetime
import itertools
import os
import re
import signal
import socket
import time

import openai
import pytest
from conftest import KEY, configuration, deployment, openai_client
from databases import Sqlite
from destination import destination
from mailbox import mailbox
from programs import free_port, wait_for
from redis_server import RedisServer
from test_keys import ask as manage
from test_keys import generate
from test_signals import workers

QUICK = {"DEFAULT_FLUSH_INTERVAL_SECONDS": "0.05"}
FIELDS = {
    "spend", "max_budget", "soft_budget", "token", "customer_id", "user_id", "user_email", "team_id", "team_alias", "key_alias",
    "projected_exceeded_date", "projected_spend", "event", "event_group", "event_message",
}  # fmt: skip


@pytest.fixture(scope="module")
def gateway(launch, simulator, server):
    """Slack at /slack, the webhook at /hook, a channel of its own for budgets at /money."""
    endpoint = simulator.url
    dead = [deployment("dying", "bedrock/us.amazon.nova-lite-v1:0", f"http://127.0.0.1:{free_port()}", aws_region_name=r) for r in ("us-east-1", "us-west-2")]
    general = {
        "alerting": ["slack", "webhook"],
        "alerting_threshold": 0.5,
        "alert_to_webhook_url": {"budget_alerts": [server.url + "/money"]},
        "alerting_args": {"minor_outage_alert_threshold": 2, "major_outage_alert_threshold": 4, "outage_alert_ttl": 300},
        "database_url": "sqlite",
    }
    env = {**QUICK, "SLACK_WEBHOOK_URL": server.url + "/slack", "WEBHOOK_URL": server.url + "/hook", "WEBHOOK_HEADERS": '{"x-tenant": "blue"}', "PROXY_BASE_URL": "https://gateway.example"}
    return launch(configuration(endpoint, general_settings=general, extra_models=dead), env=env)


def ask(gateway, content="hello", key=None, **more):
    with openai_client(gateway, api_key=key or gateway.key) as client:
        client.chat.completions.create(**{"model": "claude", "messages": [{"role": "user", "content": content}], "max_tokens": 8, **more})


def slack(server, *words, path="/slack"):
    """The text of a message to Slack with all these words."""

    def find():
        texts = [r.json()["text"] for r in server.at(path)]
        return next((t for t in texts if all(w in t for w in words)), None)

    return wait_for(find, 20, f"a message with {words}")


def hook(server, **members):
    def find():
        events = [r.json() for r in server.at("/hook")]
        return next((e for e in events if all(e.get(k) == v for k, v in members.items())), None)

    return wait_for(find, 20, f"an event with {members}")


def test_failures_are_told_once(gateway, server):
    for _ in range(3):
        with pytest.raises(openai.APIStatusError):
            ask(gateway, "[[sim:throttle]]", model="nova")
    text = slack(server, "nova fails: RateLimitError (429)")
    for part in ("Level: `High`", "Timestamp: `20", "Alert type: `llm_exceptions`", "Request Model: `nova`", "API Base: `http", "Failures in the last minute: `1`", "Error: `", "Proxy URL: `https://gateway.example`"):
        assert part in text, text
    event = hook(server, event="llm_exceptions")
    assert FIELDS <= set(event) and event["event_group"] == "proxy" and "nova fails" in event["event_message"]
    assert server.at("/hook")[0].headers["x-tenant"] == "blue"
    wait_for(lambda: all(c["waiting"] == 0 for c in gateway.holds()["callbacks"]))
    assert sum("nova fails: RateLimitError" in r.json()["text"] for r in server.at("/slack")) == 1


def test_mistakes_of_clients_are_not(gateway, server):
    with pytest.raises(openai.BadRequestError):
        ask(gateway, model="no-such-model")
    with pytest.raises(openai.BadRequestError):
        ask(gateway, "[[sim:error(400)]]")
    with pytest.raises(openai.AuthenticationError):
        ask(gateway, key="sk-nobody")
    send_test(gateway, server)  # what was told before has come by then
    texts = "".join(r.json()["text"] for r in server.at("/slack"))
    assert "claude fails" not in texts and "no-such-model" not in texts and "nobody" not in texts


def send_test(gateway, server, path="/slack"):
    """A test alert; each channel keeps the order."""

    def count():
        return sum("This is a test alert" in r.json()["text"] for r in server.at(path))

    before = count()
    status, answer = gateway.get("/health/services?service=slack", KEY)
    assert status == 200 and answer["status"] == "success"
    wait_for(lambda: count() > before, 20, "a test alert")


def test_outages_and_rests(gateway, server):
    def told():
        with pytest.raises(openai.APIStatusError):
            ask(gateway, model="dying")
        texts = "\n\n".join(r.json()["text"] for r in server.at("/slack")).split("Level: ")
        outages = [t for t in texts if "Minor outage: us.amazon.nova-lite-v1:0 failed 2 times" in t and "API Errors: `2`" in t]
        return {re.search(r"Region: `(\S+)`", t)[1] for t in outages} == {"us-east-1", "us-west-2"}

    wait_for(told, 20, "the outage of the model in each region")
    slack(server, "dying fails: ")


def test_slow_and_hanging_requests(gateway, server):
    ask(gateway, "[[sim:slow_head(900)]]", model="claude-3-5-sonnet")
    text = slack(server, "claude-3-5-sonnet has not answered for more than 0.5 s")
    assert "Alert type: `llm_requests_hanging`" in text and "State: `" in text
    text = slack(server, "claude-3-5-sonnet answers slowly: ", "s, more than the 0.5 s of alerting_threshold")
    assert "Alert type: `llm_too_slow`" in text and "Tokens: `" in text


def test_a_client_that_is_slow_to_ask_is_no_alert(gateway, server):
    body = b'{"model": "claude", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((gateway.host, gateway.port)) as client:
        client.sendall(head.encode())
        for byte in range(8):  # longer than alerting_threshold, and the watch's looks
            time.sleep(0.2)
            client.sendall(body[byte : byte + 1])
        client.sendall(body[8:])
        assert b" 200 OK" in client.recv(4096)
    send_test(gateway, server)
    assert not any("Message: * has not answered" in r.json()["text"] for r in server.at("/slack"))


def test_budgets(gateway, server):
    team = {"team_id": "t-reds", "team_alias": "the reds"}
    user = {"user_id": "ada", "user_email": "ada@example.org", "auto_create_key": False}
    assert manage(gateway, "/team/new", team).status_code == manage(gateway, "/user/new", user).status_code == 200
    made = generate(gateway, max_budget=1e-7, key_alias="poor", user_id="ada", team_id="t-reds")
    ask(gateway, key=made["key"])
    event = hook(server, event="budget_crossed", key_alias="poor")
    assert FIELDS <= set(event) and event["event_group"] == "key" and event["user_id"] == "ada"
    assert event["user_email"] == "ada@example.org" and event["team_alias"] == "the reds"
    assert event["max_budget"] == 1e-7 and event["spend"] > 1e-7 and event["token"] == made["token"]
    text = slack(server, "The budget of key poor is used up", "Event: `budget_crossed`", path="/money")
    assert "Budget: `0.0000001` USD" in text
    assert not any("budget_alerts" in r.json()["text"] for r in server.at("/slack"))


def test_soft_budgets(gateway, server):
    key = generate(gateway, soft_budget=1e-7, key_alias="gentle")["key"]
    ask(gateway, key=key)
    event = hook(server, event="soft_budget_crossed", key_alias="gentle")
    assert event["soft_budget"] == 1e-7 and event["max_budget"] is None


def test_a_test_alert(gateway, server):
    send_test(gateway, server)
    send_test(gateway, server, "/money")
    status, answer = gateway.get("/health/services?service=email", KEY)
    assert status == 422 and "Unable to test this" in answer["detail"]["error"]
    assert gateway.get("/health/services?service=slack", "sk-nobody")[0] == 401


def test_what_there_is_for_operators(gateway):
    status, answer = gateway.get("/get/config/callbacks", KEY)
    slack, email = answer["alerts"]
    assert status == 200 and (slack["name"], email["name"]) == ("slack", "email")
    assert slack["variables"] == {"SLACK_WEBHOOK_URL": "****"}
    assert "llm_exceptions" in slack["active_alerts"] and "region_outage_alerts" not in slack["active_alerts"]
    assert slack["alerts_to_webhook"] == {"budget_alerts": "****"}
    assert email["variables"]["SMTP_HOST"] is None and "SMTP_PASSWORD" in email["variables"]


def test_an_email(launch, simulator, tmp_path):
    """Over STARTTLS, with a login; for everybody, in any script."""
    with mailbox(tmp_path) as box:
        settings = {"alerting": ["email"], "alerting_threshold": 2}  # as mission document 004 has it
        model = deployment("modèle-ß", "bedrock/us.amazon.nova-lite-v1:0", simulator.url)
        gateway = launch(configuration(simulator.url, litellm_settings=settings, extra_models=[model]), env=box.env(**QUICK), warm=False)
        for _ in range(2):
            with pytest.raises(openai.RateLimitError):
                ask(gateway, "[[sim:throttle]]", model="modèle-ß")
        ((sender, recipients, message, secure),) = box.wait()
        assert secure and sender == "gateway@example.org" and recipients == ["ada@example.org", "lin@example.org"]
        assert box.logins == [("gateway", "mail-secret-4711")]
        assert message["subject"] == "Lintel: modèle-ß fails: RateLimitError (429)"
        assert message["from"] == "Lintel <gateway@example.org>" and message["to"] == "ada@example.org, lin@example.org"
        assert message["message-id"].endswith("@example.org>") and message["date"].datetime and message["auto-submitted"]
        text = message.get_content()
        assert "Request Model: `modèle-ß`\r\n" in text.replace("\n", "\r\n").replace("\r\r", "\r")
        assert "Failures in the last minute: `2`" in text
        assert "mail-secret" not in gateway.log()
        wait_for(lambda: gateway.holds()["callbacks"][0]["taken"] == 1)


@pytest.mark.parametrize("wrong", ["refusing", "password", "no starttls", "not trusted", "away"])
def test_a_mail_server_that_does_not_take_it(launch, simulator, tmp_path, wrong):
    with mailbox(tmp_path, starttls=wrong != "no starttls") as box:
        env = box.env(**QUICK)
        box.refusal = "550 5.7.1 not from you" if wrong == "refusing" else None
        if wrong == "password":
            env["SMTP_PASSWORD"] = "wrong"
        if wrong == "not trusted":
            env.pop("SSL_CERT_FILE")
        if wrong == "away":
            env["SMTP_PORT"] = str(free_port())
        general = {"alerting": ["email"]}
        gateway = launch(configuration(simulator.url, general_settings=general), env=env, warm=False)
        assert gateway.get("/health/services?service=email", KEY)[0] == 200
        refused = wrong in ("refusing", "password")
        wait_for(lambda: gateway.holds()["callbacks"][0]["dropped" if refused else "failed_calls"], 20)
        text = {"refusing": "550", "password": "535", "no starttls": "STARTTLS", "not trusted": "certificate", "away": "connect"}
        wait_for(lambda: "callback alerts:email: " in gateway.log() and text[wrong] in gateway.log(), 20)
        ask(gateway)
        assert not box.received or wrong == "refusing"
        gateway.kill() if not refused else gateway.stop()


@pytest.mark.parametrize("mode", ["failing", "hanging"])
def test_a_bad_channel_is_not_felt(launch, simulator, mode):
    with destination() as d:
        d.mode = mode
        general = {"alerting": ["slack"], "alert_types": ["llm_exceptions", "no_such_type"]}
        gateway = launch(configuration(simulator.url, general_settings=general), env={**QUICK, "SLACK_WEBHOOK_URL": d.url + "/slack"}, warm=False)
        assert "there are no alerts no_such_type" in gateway.log()
        with pytest.raises(openai.RateLimitError):
            ask(gateway, "[[sim:throttle]]")
        d.wait("/slack")
        ask(gateway)
        (channel,) = gateway.holds()["callbacks"]
        assert channel["name"] == "alerts:slack" and channel["put"] == 1 and channel["waiting"] == 1
        gateway.kill()


def test_channels_that_cannot_be_used_are_said(launch, simulator):
    general = {"alerting": ["slack", "webhook", "email", "pigeon"]}
    gateway = launch(configuration(simulator.url, general_settings=general), warm=False)
    for line in ("alerting slack is not used: SLACK_WEBHOOK_URL is not set", "alerting webhook is not used: WEBHOOK_URL is not set", "alerting email is not used: SMTP_HOST is not set", "alerting pigeon is not used"):
        assert line in gateway.log()
    ask(gateway)
    env = {"SMTP_HOST": "mail.example", "SMTP_SENDER_EMAIL": "gateway@example.org", "ALERT_EMAIL": ",".join(f"a{i}@example.org" for i in range(21))}
    gateway = launch(configuration(simulator.url, general_settings={"alerting": ["email"]}), env=env, warm=False)
    assert "alerting email is not used: ALERT_EMAIL is not set, or no list of at most 20 addresses" in gateway.log()


def test_what_is_gathered_is_one_message(launch, simulator):
    """When its time is over, or the gateway's; at the URL that every chat takes, and at the router's."""
    with destination() as d:
        gathered = {"llm_exceptions": {"digest": True, "digest_interval": 3600}, "llm_too_slow": {"digest": True, "digest_interval": 1}}
        general = {"alerting": ["slack"], "alert_type_config": gathered, "alert_types": list(gathered)}
        router = {"num_retries": 0, "alerting_config": {"webhook_url": d.url + "/router", "alerting_threshold": 0.001}}
        config = configuration(simulator.url, general_settings=general, router_settings=router)
        gateway = launch(config, env={**QUICK, "ALERTING_WEBHOOK_URL": d.url + "/slack"})
        for _ in range(3):
            with pytest.raises(openai.RateLimitError):
                ask(gateway, "[[sim:throttle]]")
        ask(gateway, "[[sim:slow_head(30)]]")
        for path in "/slack", "/router":
            slack(d, "Alert type: `llm_too_slow`", "(Digest)", "Count: `", path=path)
        assert not any("llm_exceptions" in r.json()["text"] for r in d.at("/slack"))
        gateway.stop()
        text = slack(d, "Alert type: `llm_exceptions`", "(Digest)", "Start: `20", "End: `20", "claude fails: RateLimitError")
        assert "Count: `3`" in text and sum("llm_exceptions" in r.json()["text"] for r in d.at("/slack")) == 1


def test_workers_gather_together(launch, simulator):
    """One message for a period, whichever workers met what it tells of, and whichever of them died meanwhile."""
    with destination() as d:
        gathered = {"llm_exceptions": {"digest": True, "digest_interval": 3600}, "llm_too_slow": {"digest": True, "digest_interval": 3}}
        general = {"alerting": ["slack"], "alert_type_config": gathered, "alert_types": list(gathered), "alerting_threshold": 0.001}
        config = configuration(simulator.url, general_settings=general, router_settings={"num_retries": 0, "disable_cooldowns": True})
        gateway = launch(config, "--num_workers", 2, env={**QUICK, "SLACK_WEBHOOK_URL": d.url + "/slack"}, warm=False)

        def told(kind):
            """(start, count) of each digest."""
            alerts = [alert for r in d.at("/slack") for alert in r.json()["text"].split("Alert type: ") if alert.startswith(f"`{kind}`")]
            found = [re.search("(?s)Start: `([^`]*)`.*Count: `([0-9]+)`", alert) for alert in alerts]
            return sorted((datetime.datetime.fromisoformat(m[1]), int(m[2])) for m in found)

        for _ in range(12):  # each on a connection of its own
            with pytest.raises(openai.RateLimitError):
                ask(gateway, "[[sim:throttle]]")
            ask(gateway, "[[sim:slow_head(30)]]")
        wait_for(lambda: sum(n for _, n in told("llm_too_slow")) == 12, 30, "all that were slow")
        begun = [start for start, _ in told("llm_too_slow")]
        assert all((after - before).total_seconds() >= 3 for before, after in itertools.pairwise(begun)), "of two workers at once"
        for pid in workers(gateway):
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda pid=pid: pid not in workers(gateway) and len(workers(gateway)) == 2, 20, "the next one")
        wait_for(lambda: gateway.log().count("listening on") == 4, 20, "its listener")
        with pytest.raises(openai.RateLimitError):
            ask(gateway, "[[sim:throttle]]")
        assert not told("llm_exceptions")
        gateway.stop()
        assert [n for _, n in told("llm_exceptions")] == [13]


def test_reports_of_deployments(launch, simulator, tmp_path):
    """By one of two gateways on a database, of what both of them called; Redis has the counts."""
    redis = RedisServer(tmp_path / "redis")
    with destination() as d:
        general = {"alerting": ["slack", "webhook"], "alert_types": ["daily_reports"], "alerting_args": {"daily_report_frequency": 2}, "database_url": f"sqlite:///{tmp_path}/one.db"}
        env = {**QUICK, "SLACK_WEBHOOK_URL": d.url + "/slack", "WEBHOOK_URL": d.url + "/hook"}
        settings = {"general_settings": general, "router_settings": {"redis_url": redis.url, "num_retries": 0}}
        first, second = (launch(configuration(simulator.url, **settings), env=env) for _ in "ab")

        def told():
            ask(first, "[[sim:slow_head(30)]]")
            with pytest.raises(openai.RateLimitError):
                ask(second, "[[sim:throttle]]", model="nova")
            texts = [r.json()["text"] for r in d.at("/slack")]
            return next((t for t in texts if "s/token" in t and "Failed Requests: `" in t), None)

        text = wait_for(told, 60, "a report of both")
        assert "Alert type: `daily_reports`" in text and "Level: `Low`" in text
        failed, slow = text.split("Top Slowest Deployments:")
        assert "1. Deployment: `us.amazon.nova-pro-v1:0`, Model: `nova`, Failed Requests: `" in failed and "`claude`" not in failed
        assert "Model: `claude`, Latency per output token: `" in slow and "Next Run is at: `20" in slow and "`nova`" not in slow
        assert hook(d, event="daily_reports")["event_group"] == "proxy"
        first.stop()
        second.stop()
    redis.kill()


def test_reports_of_spend(launch, simulator, tmp_path):
    """Once by two gateways on a database: of the last days, and of the month before."""
    with destination() as d:
        database = Sqlite()
        database.create("spent")
        general = {"alerting": ["slack"], "alert_types": ["spend_reports"], "spend_report_frequency": "3d", "database_url": database.url}
        env = {**QUICK, "SLACK_WEBHOOK_URL": d.url + "/slack"}
        maker = launch(configuration(simulator.url, general_settings={"database_url": database.url}))
        today = datetime.datetime.now(datetime.UTC).date()
        before = today.replace(day=1) - datetime.timedelta(days=1)
        wait_for(lambda: manage(maker, "/team/new", {"team_id": "t-1", "team_alias": "the reds"}).status_code == 200, 20, "the database")
        for day, spent in (today, 1.25), (before, 70):
            for table, column, value, part in ("Team", "team_id", "t-1", 1), ("Team", "team_id", "t-2", 2), ("Tag", "tag", "nightly", 3):
                database.query(
                    f"""INSERT INTO "LiteLLM_Daily{table}Spend" (id, {column}, date, api_key, model, spend, created_at, updated_at)
                    VALUES ('{day}-{value}', '{value}', '{day}', 'k', 'm', {spent * part}, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"""
                )
        gateways = [launch(configuration(simulator.url, general_settings=general), env=env) for _ in "ab"]
        lately = slack(d, "Message: *Spend Report for ", "Spend: `$1.2500`")
        monthly = slack(d, f"Message: *Monthly Spend Report for {before.replace(day=1)} - {before}*")
        for line in "Team: `t-2` | Spend: `$140.0000`\nTeam: `the reds` | Spend: `$70.0000`", "Tag: `nightly` | Spend: `$210.0000`", "Alert type: `spend_reports`":
            assert line in monthly, monthly
        assert "Team: `the reds` | Spend: `$" in lately and "Tag: `nightly` | Spend: `$" in lately
        for gateway in (maker, *gateways):
            gateway.stop()
        said = "".join(r.json()["text"] for r in d.at("/slack"))
        assert said.count("Message: *Spend") == said.count("Message: *Monthly") == 1
        database.stop()


def test_changes_are_told(launch, simulator):
    """What LiteLLM tells of keys, teams, users and models; never a key."""
    with destination() as d:
        types = [f"{what}_{how}" for what in ("virtual_key", "team", "internal_user") for how in ("updated", "deleted")]
        types += ["new_virtual_key_created", "new_team_created", "new_internal_user_created", "new_model_added"]
        general = {"alerting": ["webhook"], "alert_types": types, "database_url": "sqlite", "store_model_in_db": True}
        gateway = launch(configuration(simulator.url, general_settings=general), env={**QUICK, "WEBHOOK_URL": d.url + "/hook"})
        wait_for(lambda: manage(gateway, "/user/new", {"user_id": "ada", "user_email": "ada@example.org", "auto_create_key": False}).status_code == 200, 20, "the database")
        made = generate(gateway, key_alias="told", models=["claude"])
        model = {"model_name": "added", "litellm_params": {"model": "bedrock/us.amazon.nova-lite-v1:0", "aws_access_key_id": "AKIA4711", "aws_secret_access_key": "secret-4711"}}
        for path, body in (
            ("/user/update", {"user_id": "ada", "max_budget": 7}),
            ("/team/new", {"team_id": "reds", "team_alias": "the reds"}),
            ("/team/update", {"team_id": "reds", "max_budget": 8}),
            ("/key/update", {"key": made["key"], "max_budget": 9}),
            ("/key/delete", {"keys": [made["key"]]}),
            ("/team/delete", {"team_ids": ["reds"]}),
            ("/user/delete", {"user_ids": ["ada"]}),
            ("/model/new", model),
        ):
            answer = manage(gateway, path, body)
            assert answer.status_code == 200, answer.text
        assert manage(gateway, "/key/update", {"key": "sk-unknown", "max_budget": 9}).status_code == 404
        wait_for(lambda: len(d.at("/hook")) >= len(types), 20, "all of them")
        events = {r.json()["event"]: r.json()["event_message"] for r in d.at("/hook")}
        assert set(events) == set(types) and len(d.at("/hook")) == len(types)
        assert f"Key: `{made['token'][:12]}`" in events["virtual_key_updated"] and "max_budget: `9`" in events["virtual_key_updated"]
        assert 'models: `["claude"]`' in events["new_virtual_key_created"] and 'team_alias: `"the reds"`' in events["new_team_created"]
        assert 'user_email: `"ada@example.org"`' in events["new_internal_user_created"] and 'model_name: `"added"`' in events["new_model_added"]
        said = "".join(events.values())
        assert made["key"] not in said and made["token"] not in said and "secret-4711" not in said


def test_spend_that_is_lost(launch, simulator, tmp_path):
    """The database will not have a row: it says so."""
    with destination() as d:
        database = Sqlite()
        database.create("lost")
        general = {"alerting": ["slack"], "alerting_threshold": 1, "database_url": database.url}
        gateway = launch(configuration(simulator.url, general_settings=general), env={**QUICK, "SLACK_WEBHOOK_URL": d.url + "/slack"})
        wait_for(lambda: manage(gateway, "/team/new", {"team_id": "t"}).status_code == 200, 20, "the database")
        database.query("""CREATE TRIGGER refuse BEFORE INSERT ON "LiteLLM_SpendLogs" BEGIN SELECT RAISE(ABORT, 'not here'); END""")
        ask(gateway)
        text = slack(d, "What requests cost is not in the database", "Alert type: `failed_tracking_spend`")
        assert re.search(r"Requests: `[12]`", text)  # the warm-up's may be one of them
        gateway.kill()
        database.stop()


def test_several_workers_tell_once(launch, simulator):
    with destination() as d:
        general = {"alerting": ["webhook"]}
        gateway = launch(configuration(simulator.url, general_settings=general), "--num_workers", 3, env={**QUICK, "WEBHOOK_URL": d.url + "/hook"}, warm=False)
        for _ in range(12):
            with pytest.raises(openai.RateLimitError):
                ask(gateway, "[[sim:throttle]]")
        d.wait("/hook")
        gateway.stop()  # tells what waits
        assert len(d.at("/hook")) == 1
