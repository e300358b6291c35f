"""How an entry of model_list becomes a call: ids and ARNs, credentials, defaults, TLS, choice between
several."""

import contextlib
import json
import select
import socket
import ssl
import threading

import pytest
import trustme
from conftest import MODELS, configuration, deployment
from programs import Simulator
from raw import Raw, events

ECHO = [{"role": "user", "content": "[[sim:echo]]"}]
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}"


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    url = simulator.url
    return launch(
        configuration(
            url,
            extra_models=[
                deployment("arn", f"bedrock/{PROFILE}", url),
                deployment("converse-arn", f"bedrock/converse/{PROFILE}", url),
                deployment("model-id", f"bedrock/{CLAUDE}", url, model_id=PROFILE),
                deployment("region", f"bedrock/eu-west-1/{CLAUDE.replace('us.', 'eu.')}", url),
                deployment("bedrock/*", "bedrock/*", url),
                deployment("defaults", MODELS["claude"], url, max_tokens=1234, temperature=0.5),
                deployment("drops", MODELS["claude"], url, drop_params=True),
                deployment("pair", MODELS["claude"], url, max_tokens=1001),
                deployment("pair", MODELS["claude"], url, max_tokens=1002),
            ],
            general_settings={
                "always_include_stream_usage": True,
                "completion_model": "nova",
                "litellm_key_header_name": "X-My-Key",
            },
        )
    )


def ask(gateway, model, **more):
    """The reply to one chat request."""
    with Raw(gateway) as raw:
        return raw.chat(model=model, messages=ECHO, **more).reply()


def sent(gateway, model, **more):
    """The body of the Converse call that it became."""
    reply = ask(gateway, model, **more)
    assert reply.status == 200, reply
    return json.loads(reply.json()["choices"][0]["message"]["content"])


def served(gateway, model="claude", **more):
    reply = ask(gateway, model, **more)
    assert reply.status == 200, reply
    return reply


# ---- ids --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    ["arn", "converse-arn", "model-id", "region", f"bedrock/{CLAUDE}", "bedrock/us.amazon.nova-pro-v1:0"],
)
def test_model_ids(gateway, model):
    """The simulator verifies the signature over the encoded path of each."""
    answer = served(gateway, model).json()
    assert answer["model"] == model and answer["choices"][0]["finish_reason"] == "stop"
    found = events(served(gateway, model, stream=True).body)
    assert found[0]["model"] == model and found[-1] == "[DONE]"


def test_names_do_not_break_the_head(gateway):
    name = "bedrock/x\r\nset-cookie: a=b\r\n\r\n<html>"
    with Raw(gateway) as raw:
        reply = raw.chat(model=name, messages=ECHO).reply()
        assert reply.status in (400, 404) and "set-cookie" not in reply.headers
        assert raw.request().reply().status == 200


# ---- settings ---------------------------------------------------------------------------------------


def test_defaults_of_a_deployment(gateway):
    assert sent(gateway, "defaults")["inferenceConfig"] == {"maxTokens": 1234, "temperature": 0.5}
    assert sent(gateway, "defaults", max_tokens=2000, temperature=0)["inferenceConfig"] == {
        "maxTokens": 2000,
        "temperature": 0,
    }


def test_drop_params(gateway):
    reply = ask(gateway, "claude", seed=7)
    assert reply.status == 400 and "seed" in reply.error()["message"]
    assert sent(gateway, "drops", seed=7, presence_penalty=1)["inferenceConfig"] == {}


def test_stream_usage_although_nobody_asked(gateway):
    found = events(served(gateway, stream=True).body)
    usages = [c["usage"] for c in found[:-1] if c.get("usage")]
    assert len(usages) == 1 and usages[0]["total_tokens"] > 0


def test_the_model_of_requests_that_name_none(gateway):
    with Raw(gateway) as raw:
        reply = raw.chat(messages=ECHO).reply()
        assert reply.status == 200 and reply.json()["model"] == "nova"


def test_a_further_key_header(gateway):
    with Raw(gateway) as raw:
        raw.send(f"GET /v1/models HTTP/1.1\r\nHost: x\r\nx-my-key: {gateway.key}\r\n\r\n")
        assert raw.reply().status == 200


def test_each_of_several_deployments_serves(gateway):
    """32 calls: that one of two is never taken has a chance of 1 in 2^31."""
    found = {sent(gateway, "pair")["inferenceConfig"]["maxTokens"] for _ in range(32)}
    assert found == {1001, 1002}


def test_upstream_connections_are_reused(launch, simulator):
    own = launch(configuration(simulator.url))
    ports = set()
    for i in range(12):
        served(own, stream=bool(i % 2))
        own.nothing_left()
        ports |= {local for local, remote, _ in own.sockets()[0] if remote == simulator.port}
    assert len(ports) == 1, ports


# ---- credentials ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def token_simulator(tmp_path_factory):
    """Knows one key with a session token, one that has expired, and a Bedrock API key."""
    program = Simulator(
        tmp_path_factory.mktemp("simulator"),
        *("--credentials", "AKIATEMPORARY:temporary-secret:the/token+with=signs"),
        *("--expired-credentials", "AKIAEXPIRED:expired-secret"),
        *("--api-key", "bedrock-api-key-of-the-test"),
    )
    yield program
    program.stop()


def without_credentials(url):
    config = configuration(url)
    for entry in config["model_list"]:
        del entry["litellm_params"]["aws_access_key_id"], entry["litellm_params"]["aws_secret_access_key"]
    return config


def test_session_token(launch, token_simulator):
    temporary = {"aws_access_key_id": "AKIATEMPORARY", "aws_secret_access_key": "temporary-secret"}
    token = {"aws_session_token": "the/token+with=signs"}
    own = launch(
        configuration(
            token_simulator.url,
            extra_models=[
                deployment("with", MODELS["claude"], token_simulator.url, **temporary, **token),
                deployment("without", MODELS["claude"], token_simulator.url, **temporary),
                deployment(
                    "expired",
                    MODELS["claude"],
                    token_simulator.url,
                    aws_access_key_id="AKIAEXPIRED",
                    aws_secret_access_key="expired-secret",
                ),
            ],
        )
    )
    served(own, "with")
    for name in ("without", "expired"):
        assert ask(own, name).status == 403
    own.nothing_left()


def test_credentials_of_a_profile(launch, token_simulator, tmp_path):
    """~/.aws/credentials with a named profile, as the mission has it."""
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIANOBODY\naws_secret_access_key = nothing\n\n"
        "[cline]\naws_access_key_id = AKIATEMPORARY\naws_secret_access_key = temporary-secret\n"
        "aws_session_token = the/token+with=signs\n"
    )
    config = without_credentials(token_simulator.url)
    for entry in config["model_list"]:
        entry["litellm_params"]["aws_profile_name"] = "cline"
    own = launch(config, env={"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")})
    served(own)
    own.nothing_left()


def test_credentials_of_the_profile_in_the_environment(launch, token_simulator, tmp_path):
    (tmp_path / "credentials").write_text(
        "[cline]\naws_access_key_id=AKIATEMPORARY\naws_secret_access_key=temporary-secret\naws_session_token=the/token+with=signs\n"
    )
    own = launch(
        without_credentials(token_simulator.url),
        env={"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_PROFILE": "cline"},
    )
    served(own)
    own.nothing_left()


def test_no_credentials_at_all(launch, simulator):
    own = launch(without_credentials(simulator.url), ready=False)
    own.wait_ready()
    reply = ask(own, "claude")
    assert reply.status in (401, 403, 500) and "credentials" in reply.error()["message"].lower()


# ---- the way there ----------------------------------------------------------------------------------


def test_upstream_on_ipv6(launch, tmp_path):
    simulator = Simulator(tmp_path, host="::1")
    own = launch(configuration(simulator.url))
    assert simulator.url.startswith("http://[::1]:")
    served(own)
    own.nothing_left()
    own.stop()
    simulator.stop()


class Tls:
    """TLS in front of the simulator: a relay on a port of its own."""

    def __init__(self, certificate, target):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.target = target
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.relay, args=self.server.accept()[:1], daemon=True).start()

    def relay(self, raw):
        with contextlib.suppress(OSError), self.context.wrap_socket(raw, server_side=True) as near:
            with socket.create_connection(("127.0.0.1", self.target)) as far:
                while True:
                    for ready in [near] if near.pending() else select.select([near, far], [], [])[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        (far if ready is near else near).sendall(data)

    def close(self):
        self.server.close()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls(simulator, authority):
    relay = Tls(authority.issue_cert("127.0.0.1"), simulator.port)
    yield relay
    relay.close()


def test_a_certificate_nobody_vouches_for(launch, tls):
    own = launch(configuration(f"https://127.0.0.1:{tls.port}"))
    reply = ask(own, "claude")
    assert reply.status in (502, 503) and "ertificate" in reply.error()["message"]
    own.nothing_left()


def test_a_certificate_of_the_configured_authority(launch, tls, authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own = launch(
        configuration(
            f"https://127.0.0.1:{tls.port}", litellm_settings={"ssl_verify": str(tmp_path / "ca.pem")}
        )
    )
    served(own)
    assert events(served(own, stream=True).body)[-1] == "[DONE]"
    own.nothing_left()


def test_a_certificate_for_somebody_else(launch, simulator, authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    relay = Tls(authority.issue_cert("bedrock.example"), simulator.port)
    own = launch(
        configuration(
            f"https://127.0.0.1:{relay.port}", litellm_settings={"ssl_verify": str(tmp_path / "ca.pem")}
        )
    )
    assert ask(own, "claude").status in (502, 503)
    own.nothing_left()
    relay.close()


def test_verification_switched_off(launch, tls):
    own = launch(configuration(f"https://127.0.0.1:{tls.port}", litellm_settings={"ssl_verify": False}))
    served(own)
    own.nothing_left()
