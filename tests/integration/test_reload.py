"""SIGHUP: another configuration without a break."""

import signal

import openai
import pytest
import yaml
from conftest import KEY, MODELS, configuration, deployment, openai_client
from programs import wait_for

HELLO = [{"role": "user", "content": "Hello"}]


def rewrite(gateway, config):
    gateway.config_file.write_text(yaml.safe_dump(config))
    before = gateway.log()
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: "configuration is" in gateway.log()[len(before) :])
    return gateway.log()[len(before) :]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_new_model(launch, simulator, workers):
    from programs import free_port

    options = {"port": free_port()} if workers > 1 else {}
    gateway = launch(configuration(simulator.url), "--num_workers", str(workers), **options)
    more = configuration(simulator.url, extra_models=[deployment("newcomer", MODELS["nova"], simulator.url)])
    with openai_client(gateway) as client:
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="newcomer", messages=HELLO)
        stream = client.chat.completions.create(
            model="claude", stream=True, messages=[{"role": "user", "content": "[[sim:chunks(30,10)]] [[sim:gap(20)]]"}]
        )
        next(iter(stream))
        log = rewrite(gateway, more)
        assert "is read again" in log
        assert sum(1 for _ in stream) > 10  # what runs goes on
        for _ in range(4):

            def served():
                with openai_client(gateway) as fresh:
                    return fresh.chat.completions.create(model="newcomer", messages=HELLO).choices

            assert wait_for(lambda: attempt(served))


def attempt(call):
    try:
        return call()
    except openai.BadRequestError:
        return None


def test_a_file_with_errors_changes_nothing(launch, simulator):
    gateway = launch(configuration(simulator.url))
    broken = configuration(simulator.url)
    broken["model_list"][0]["litellm_params"]["model"] = "openai/gpt-4o"
    log = rewrite(gateway, broken)
    assert "not changed" in log and ": error" not in log.split("not changed")[1]
    with openai_client(gateway) as client:
        assert client.chat.completions.create(model="claude", messages=HELLO).choices


def test_the_key_is_not_taken_away(launch, simulator):
    gateway = launch(configuration(simulator.url))
    log = rewrite(gateway, configuration(simulator.url, general_settings={"master_key": ""}))
    assert "not changed" in log
    with openai_client(gateway, api_key="sk-other") as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


def test_another_key(launch, simulator):
    gateway = launch(configuration(simulator.url))
    rewrite(gateway, configuration(simulator.url, general_settings={"master_key": KEY + "2"}))
    with openai_client(gateway) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
    with openai_client(gateway, api_key=KEY + "2") as client:
        assert client.models.list().data
    rewrite(gateway, configuration(simulator.url))
