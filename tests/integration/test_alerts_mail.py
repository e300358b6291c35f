"""Alerts by e-mail: every type of them and both reports over STARTTLS with a login, in any script; what a name cannot do to
a message; and mail servers that must not get one."""

import base64
import datetime
import re

import openai
import pytest
from conftest import KEY, configuration, deployment
from databases import Sqlite
from mailbox import mailbox, talker
from programs import free_port, wait_for
from test_alerts import QUICK, ask
from test_keys import ask as manage
from test_keys import generate

TYPES = """llm_exceptions llm_too_slow llm_requests_hanging budget_alerts cooldown_deployment outage_alerts region_outage_alerts
    daily_reports spend_reports failed_tracking_spend new_model_added new_virtual_key_created virtual_key_updated virtual_key_deleted
    new_team_created team_updated team_deleted new_internal_user_created internal_user_updated internal_user_deleted""".split()
TEAM = "営業部"
NAME = "東京のとても大きな言語モデル・本番環境用・第二世代\nBcc: mallory@example.org\r\n\r\nowned"
SPENT = """INSERT INTO "LiteLLM_DailyTeamSpend" (id, team_id, date, api_key, model, spend, created_at, updated_at)
    VALUES ('{0}', 'sales', '{0}', 'k', 'm', 70, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"""


def throttle(gateway, model="claude"):
    with pytest.raises(openai.RateLimitError):
        ask(gateway, "[[sim:throttle]]", model=model)


def texts(box):
    return "".join(message.get_content() for _, _, message, _ in list(box.received))


def test_every_type(launch, simulator, tmp_path):
    database = Sqlite()
    database.create("mailed")
    dead = [deployment("dying", "bedrock/us.amazon.nova-lite-v1:0", f"http://127.0.0.1:{free_port()}") for _ in "ab"]
    maker = launch(configuration(simulator.url, general_settings={"database_url": database.url}))
    assert manage(maker, "/team/new", {"team_id": "sales", "team_alias": TEAM}).status_code == 200
    database.query(SPENT.format(datetime.datetime.now(datetime.UTC).date().replace(day=1) - datetime.timedelta(days=1)))
    maker.stop()
    with mailbox(tmp_path) as box:
        general = {
            "alerting": ["email"], "alerting_threshold": 0.5, "alert_types": TYPES, "database_url": database.url, "store_model_in_db": True,
            "spend_report_frequency": "3d", "alerting_args": {"daily_report_frequency": 2, "minor_outage_alert_threshold": 2},
        }  # fmt: skip
        config = configuration(simulator.url, general_settings=general, extra_models=dead, router_settings={"allowed_fails": 1})
        gateway = launch(config, env=box.env(**QUICK))
        key = generate(gateway, key_alias="poor", max_budget=1e-7)["key"]
        ask(gateway, key=key)
        ask(gateway, "[[sim:slow_head(900)]]", model="nova")
        throttle(gateway)
        for _ in range(4):
            with pytest.raises(openai.APIStatusError):
                ask(gateway, model="dying")
        for path, body in (
            ("/user/new", {"user_id": "ada"}), ("/user/update", {"user_id": "ada", "max_budget": 7}), ("/user/delete", {"user_ids": ["ada"]}),
            ("/key/update", {"key": key, "max_budget": 9}), ("/key/delete", {"keys": [key]}),
            ("/team/new", {"team_id": "reds"}), ("/team/update", {"team_id": "reds", "max_budget": 8}), ("/team/delete", {"team_ids": ["reds"]}),
            ("/model/new", {"model_name": "added", "litellm_params": {"model": "bedrock/us.amazon.nova-lite-v1:0"}}),
        ):  # fmt: skip
            assert manage(gateway, path, body).status_code == 200, path
        wait_for(lambda: f"Team: `{TEAM}` | Spend: `$70.0000`" in texts(box), 30, "the report of spend")
        database.query("""CREATE TRIGGER refuse BEFORE INSERT ON "LiteLLM_SpendLogs" BEGIN SELECT RAISE(ABORT, 'not here'); END""")

        def all_told():
            ask(gateway)
            return not set(TYPES) - set(re.findall(r"Alert type: (\S+)", texts(box)))

        wait_for(all_told, 60, "all types")
        assert "Top Slowest Deployments:" in texts(box) and "The budget of key poor is used up" in texts(box)
        for sender, recipients, message, secure in box.received:
            assert secure and sender == "gateway@example.org" and recipients == ["ada@example.org", "lin@example.org"]
            assert message["to"] == "ada@example.org, lin@example.org" and not message.defects and message["bcc"] is None
        assert key not in texts(box) and set(box.logins) == {("gateway", "mail-secret-4711")}
        gateway.kill()
    database.stop()


def test_names_that_would_be_more_than_names(launch, simulator, tmp_path):
    """A model whose name has lines of a head in it; and a recipient that the server does not know."""
    with mailbox(tmp_path) as box:
        box.unknown = {"gone@example.org"}
        model = deployment(NAME, "bedrock/us.amazon.nova-lite-v1:0", simulator.url)
        config = configuration(simulator.url, general_settings={"alerting": ["email"]}, extra_models=[model])
        everybody = "ada@example.org, gone@example.org,lin@example.org"
        gateway = launch(config, env=box.env(ALERT_EMAIL=everybody, **QUICK), warm=False)
        throttle(gateway, NAME)
        ((_, recipients, message, _),) = box.wait()
        assert recipients == ["ada@example.org", "lin@example.org"] and message["to"] == everybody.replace(",lin", ", lin")
        said = " ".join(NAME.replace("\r", " ").replace("\n", " ").split())
        assert " ".join(message["subject"].split()) == f"Lintel: {said} fails: RateLimitError (429)"
        head, body = box.raw[0].split(b"\r\n\r\n", 1)
        names = [line.split(":")[0] for line in head.decode("ascii").split("\r\n") if line[0] != " "]
        assert len(set(names)) == len(names) == 9 and "Bcc" not in names and not message.defects
        assert all(len(line) <= 76 for line in box.raw[0].splitlines())
        assert f"Request Model: `{NAME.split(chr(10))[0]}" in base64.b64decode(body).decode()
        gateway.stop()


def test_what_never_becomes_an_address(launch, simulator, tmp_path):
    with mailbox(tmp_path) as box:
        for variable, value in ("ALERT_EMAIL", "ada@example.org\r\nRCPT TO:<mallory@example.org>"), ("SMTP_SENDER_EMAIL", "a@b>\nDATA"):
            config = configuration(simulator.url, general_settings={"alerting": ["email"]})
            gateway = launch(config, env=box.env(**{variable: value}), warm=False)
            assert f"alerting email is not used: {variable} is not set, or no" in gateway.log()
        assert not box.received


def test_the_certificate_of_somebody_else(launch, simulator, tmp_path):
    with mailbox(tmp_path, name="elsewhere.example") as box:
        gateway = launch(configuration(simulator.url, general_settings={"alerting": ["email"]}), env=box.env(**QUICK), warm=False)
        throttle(gateway)
        wait_for(lambda: gateway.holds()["callbacks"][0]["failed_calls"], 20)
        assert not box.received and not box.logins
        gateway.kill()


def test_starttls_that_is_refused(launch, simulator, tmp_path):
    """The server says that it has it, and then that it has not: it hears neither the login nor the message."""
    with mailbox(tmp_path) as box, talker({"EHLO": "250-here\n250-AUTH PLAIN LOGIN\n250 STARTTLS", "STARTTLS": "454 not now", "QUIT": "221 bye"}) as server:
        env = box.env(SMTP_PORT=str(server.port), **QUICK)
        gateway = launch(configuration(simulator.url, general_settings={"alerting": ["email"]}), env=env, warm=False)
        throttle(gateway)
        wait_for(lambda: gateway.holds()["callbacks"][0]["failed_calls"], 20)
        verbs = {line.split()[0].upper() for line in bytes(server.heard).splitlines()}
        assert b"STARTTLS" in verbs and verbs <= {b"EHLO", b"STARTTLS", b"QUIT"}, verbs
        gateway.kill()


def test_a_server_that_says_nothing(launch, simulator, tmp_path):
    """Nobody waits for it; and a mail that it hangs up on stays for the next call."""
    with mailbox(tmp_path) as box, talker({}, greeting=None) as server:
        env = box.env(SMTP_PORT=str(server.port), **QUICK)
        gateway = launch(configuration(simulator.url, general_settings={"alerting": ["email"]}), env=env, warm=False)
        throttle(gateway)
        assert server.called.wait(20)
        ask(gateway)
        assert gateway.get("/health/services?service=email", KEY)[0] == 200
        (channel,) = gateway.holds()["callbacks"]
        assert channel["waiting"] == 2 and not box.received
        server.released.set()
        wait_for(lambda: gateway.holds()["callbacks"][0]["failed_calls"], 20)
        gateway.kill()
