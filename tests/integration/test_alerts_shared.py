"""Alerts of two gateways with two workers each that share a Redis: what all of them meet is told once."""

import threading

import openai
import pytest
from conftest import configuration, deployment
from destination import destination
from programs import free_port, wait_for
from redis_server import RedisServer
from test_alerts import QUICK, ask

ALERTS = {  # type: what the events say that are the same
    "llm_exceptions": "fails: ",
    "outage_alerts": "Minor outage: ",
    "cooldown_deployment": "rests after failures",
    "llm_requests_hanging": "nova has not answered",
    "llm_too_slow": "nova answers slowly",
}


def burst(gateways, each=12):
    """Requests of every kind at both gateways at once, on connections of their own, so that all workers get some."""

    def go(gateway):
        ask(gateway, "[[sim:slow_head(400)]]", model="nova")
        with pytest.raises(openai.APIStatusError):
            ask(gateway, model="dying")

    threads = [threading.Thread(target=go, args=(g,)) for g in gateways for _ in range(each)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def test_told_once(launch, simulator, tmp_path):
    redis = RedisServer(tmp_path / "redis")
    with destination() as d:
        dead = deployment("dying", "bedrock/us.amazon.nova-lite-v1:0", f"http://127.0.0.1:{free_port()}")
        general = {
            "alerting": ["webhook"], "alert_types": list(ALERTS), "alerting_threshold": 0.1,
            "shared_patience": 30,  # Redis decides, however late it is
            "alerting_args": {"minor_outage_alert_threshold": 1, "outage_alert_ttl": 3600, "major_outage_alert_threshold": 10000},
        }  # fmt: skip
        router = {"redis_url": redis.url, "num_retries": 0, "allowed_fails": 0, "cooldown_time": 3600}
        config = configuration(simulator.url, general_settings=general, router_settings=router, extra_models=[dead])
        env = {**QUICK, "WEBHOOK_URL": d.url + "/hook"}
        gateways = [launch(config, "--num_workers", 2, env=env, warm=False) for _ in "ab"]
        wait_for(lambda: gateways[0].holds()["shared_state"]["processes"] == 4, 40, "all of them at the Redis")

        def kinds():
            return [r.json()["event"] for r in d.at("/hook")]

        burst(gateways)
        wait_for(lambda: set(kinds()) == set(ALERTS), 30, "one of each")
        burst(gateways, 4)
        for gateway in gateways:
            gateway.stop()  # tells what waits
        said = [r.json()["event_message"] for r in d.at("/hook")]
        # Threads that were late may have found the deployment resting, which is another kind of failure.
        assert all(sum(text in each for each in said) == 1 for kind, text in ALERTS.items() if kind != "llm_exceptions"), said
        subjects = [each.splitlines()[0] for each in said]
        assert len(set(subjects)) == len(subjects), subjects
    redis.kill()
