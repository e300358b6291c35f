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


# ---- reload_on_change -------------------------------------------------------------------------------


def with_models(simulator, *names):
    extra = [deployment(name, MODELS["nova"], simulator.url) for name in names]
    return yaml.safe_dump(
        configuration(simulator.url, extra_models=extra, general_settings={"reload_on_change": True})
    )


def in_place(file, text):
    file.write_text(text)


def as_an_editor(file, text):
    """The old file is moved away, the new one into its place."""
    new, old = file.with_name("config.yml.new"), file.with_name("config.yml~")
    new.write_text(text)
    file.rename(old)
    new.rename(file)


def as_kubernetes(file, text):
    """config.yml → ..data/config.yml, ..data → a folder; what is swapped is ..data."""
    folder = file.parent / f"..{len(list(file.parent.iterdir()))}"
    folder.mkdir()
    (folder / "config.yml").write_text(text)
    link = file.parent / "..data_tmp"
    link.symlink_to(folder.name)
    link.rename(file.parent / "..data")
    if not file.is_symlink():
        file.unlink()
        file.symlink_to("..data/config.yml")


def test_reload_when_the_file_changes(launch, simulator):
    gateway = launch(with_models(simulator))

    def models():
        with openai_client(gateway) as client:
            return {model.id for model in client.models.list()}

    for i, change in enumerate([in_place, as_an_editor, as_kubernetes, as_kubernetes]):
        change(gateway.config_file, with_models(simulator, f"newcomer-{i}"))
        wait_for(lambda: f"newcomer-{i}" in models(), what=f"a change by {change.__name__} ({i})")
    assert gateway.log().count("its files have changed: the configuration is read again") == 4

    in_place(gateway.config_file, "model_list: 7\n")
    wait_for(lambda: "the configuration is not changed" in gateway.log())
    assert "newcomer-3" in models()
    in_place(gateway.config_file, with_models(simulator).replace("reload_on_change: true", "reload_on_change: false"))
    wait_for(lambda: "newcomer-3" not in models())
    before = gateway.log()
    in_place(gateway.config_file, with_models(simulator, "unseen"))
    gateway.signal(signal.SIGHUP)  # switched off, it still hears this
    wait_for(lambda: "unseen" in models())
    assert "its files have changed" not in gateway.log()[len(before) :]


def test_reload_when_an_included_file_changes(launch, simulator):
    gateway = launch(with_models(simulator))
    more = gateway.config_file.with_name("more.yml")
    more.write_text("router_settings:\n  num_retries: 1\n")
    in_place(gateway.config_file, with_models(simulator) + "include: [more.yml]\n")
    wait_for(lambda: "have changed" in gateway.log())
    before = len(gateway.log())
    more.write_text("router_settings:\n  num_retries: many\n")
    log = wait_for(lambda: "not changed" in gateway.log()[before:] and gateway.log()[before:])
    assert "more.yml:2" in log
