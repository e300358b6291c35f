"""The way to Bedrock over a company's network: a proxy that is asked to CONNECT, authorities of one's own."""

import base64
import contextlib
import socket
import ssl
import threading

import pytest
import trustme
from conftest import configuration, openai_client
from programs import free_port

AUTHORITIES = ["SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"]

HELLO = [{"role": "user", "content": "Hello"}]
STREAM = [{"role": "user", "content": "[[sim:chunks(20,5)]] [[sim:gap(2)]]"}]


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def join(one, other):
    there = threading.Thread(target=pump, args=(one, other), daemon=True)
    there.start()
    pump(other, one)
    there.join()


class Server:
    """A thread for each connection; `serve` is told the socket."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.guard, args=(self.socket.accept()[0],), daemon=True).start()

    def guard(self, client):
        with client, contextlib.suppress(OSError):
            self.serve(client)


class Encrypted(Server):
    """HTTPS in front of the simulator."""

    def __init__(self, authority, simulator):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        self.simulator = simulator
        super().__init__()

    def serve(self, client):
        with self.context.wrap_socket(client, server_side=True) as inside:
            with socket.create_connection(("127.0.0.1", self.simulator.port)) as far:
                join(inside, far)


class Proxy(Server):
    """Notes what it is asked for. With `password` it refuses those who do not know it."""

    def __init__(self):
        self.asked, self.password = [], None
        super().__init__()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        line, *headers = head.decode().split("\r\n")
        self.asked.append(line)
        known = dict(h.split(": ", 1) for h in headers if ": " in h).get("Proxy-Authorization")
        if self.password and known != "Basic " + base64.b64encode(self.password.encode()).decode():
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = line.split(" ")[1].partition(":")
        with socket.create_connection((host, int(port))) as far:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            join(client, far)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    made = trustme.CA()
    made.cert_pem.write_to_path(file)
    made.file = str(file)
    return made


@pytest.fixture(scope="module")
def far(authority, simulator):
    server = Encrypted(authority, simulator)
    yield server
    server.socket.close()


@pytest.fixture
def proxy():
    server = Proxy()
    yield server
    server.socket.close()


@pytest.fixture
def gateway_with(launch, far):
    def start(**env):
        env = {**dict.fromkeys(AUTHORITIES, ""), **env}  # the developer's may be set
        return launch(configuration(f"https://127.0.0.1:{far.port}"), env=env, warm=False)

    return start


def answered(gateway):
    with openai_client(gateway) as client:
        assert client.chat.completions.create(model="claude", messages=HELLO).choices
        chunks = client.chat.completions.create(model="claude", messages=STREAM, stream=True)
        assert sum(1 for _ in chunks) > 5
    return True


def refused(gateway):
    with openai_client(gateway) as client, pytest.raises(Exception) as caught:
        client.chat.completions.create(model="claude", messages=HELLO)
    assert caught.value.status_code in (500, 502, 503), caught.value
    return str(caught.value)


@pytest.mark.parametrize("name, trust", zip(["HTTPS_PROXY", "https_proxy", "ALL_PROXY"], AUTHORITIES))
def test_https_goes_through_a_tunnel(gateway_with, far, proxy, authority, name, trust):
    gateway = gateway_with(**{name: f"http://127.0.0.1:{proxy.port}", trust: authority.file})
    assert answered(gateway)
    assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{far.port} HTTP/1.1"}


@pytest.mark.parametrize("past", ["127.0.0.1", "other.example,127.0.0.1", "*"])
def test_no_proxy_goes_past_it(gateway_with, proxy, authority, past):
    env = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "AWS_CA_BUNDLE": authority.file}
    assert answered(gateway_with(**env, NO_PROXY=past))
    assert proxy.asked == []


def test_a_proxy_with_a_password(gateway_with, proxy, authority):
    proxy.password = "team:s3cret-of-the-proxy"
    url = f"http://{proxy.password}@127.0.0.1:{proxy.port}"
    gateway = gateway_with(HTTPS_PROXY=url, AWS_CA_BUNDLE=authority.file)
    assert answered(gateway)
    proxy.password = "team:another"
    with openai_client(gateway) as client:  # on connections that are there already
        assert client.chat.completions.create(model="claude", messages=HELLO).choices
    other = gateway_with(HTTPS_PROXY=url, AWS_CA_BUNDLE=authority.file)
    assert "407" in refused(other) + other.log()
    assert "s3cret" not in other.log() + gateway.log() + refused(other)


def test_a_proxy_that_is_not_there(gateway_with, authority):
    gateway = gateway_with(HTTPS_PROXY=f"http://127.0.0.1:{free_port()}", AWS_CA_BUNDLE=authority.file)
    assert "connect" in refused(gateway).lower()


def test_an_authority_that_is_not_known(gateway_with):
    assert "certificate" in refused(gateway_with()).lower()
