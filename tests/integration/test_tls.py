"""The listener speaks TLS: judged by openssl, curl and the OpenAI SDK; and what it makes of clients that
do not."""

import signal
import socket
import ssl
import subprocess
import threading
import time

import httpx
import openai
import pytest
from conftest import KEY, configuration
from programs import ASAN, BUILD, Gateway, environment, wait_for


def make_certificate(folder, name, serial, kind="ec"):
    """(certificate, key) for localhost and 127.0.0.1, signed by themselves."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    how = ["-newkey", "rsa:2048"] if kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run(
        ["openssl", "req", "-x509", *how, "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-set_serial", str(serial), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


def start(folder, config, certificate, key, *arguments):
    gateway = Gateway(
        folder,
        config,
        "--ssl_certfile_path",
        certificate,
        "--ssl_keyfile_path",
        key,
        *arguments,
        key=KEY,
        # What is freed is gone: a test measures memory.
        env={"ASAN_OPTIONS": f"{ASAN}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"},
    )
    return gateway.wait_listening()


@pytest.fixture(scope="module", params=["ec", "rsa"])
def secure(request, folder, simulator, tmp_path_factory):
    certificate, key = make_certificate(folder, request.param, 1, request.param)
    gateway = start(tmp_path_factory.mktemp("tls"), configuration(simulator.url), certificate, key)
    gateway.ca = certificate
    yield gateway
    gateway.stop()


def sdk(gateway, **how):
    client = httpx.Client(verify=ssl.create_default_context(cafile=gateway.ca), trust_env=False)
    return openai.OpenAI(
        base_url=f"https://localhost:{gateway.port}/v1", api_key=KEY, http_client=client, max_retries=0, **how
    )


def s_client(gateway, *arguments, request=b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-CAfile", gateway.ca]
        + ["-verify_return_error", "-ign_eof", *arguments],
        input=request,
        capture_output=True,
        timeout=20,
    )
    return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


def test_it_says_so(secure):
    assert secure.url.startswith("https://")


def test_streams_and_whole_answers(secure):
    with sdk(secure) as client:
        for text in ("Hello", "[[sim:chunks(200,50)]] [[sim:gap(0)]]"):
            ask = {"model": "claude", "messages": [{"role": "user", "content": text}]}
            whole = client.chat.completions.create(**ask)
            stream = list(client.chat.completions.create(stream=True, **ask))
            said = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
            assert said == whole.choices[0].message.content and len(said) > 10


def test_large_bodies_both_ways(secure):
    with sdk(secure) as client:
        answer = client.chat.completions.create(
            model="claude",
            messages=[
                {"role": "user", "content": "x" * 600_000},
                {"role": "user", "content": "[[sim:chunks(40,100000)]] [[sim:gap(0)]]"},
            ],
        )
    assert len(answer.choices[0].message.content) >= 4_000_000


def test_openssl(secure):
    seen = s_client(secure, "-alpn", "h2,http/1.1")
    assert "Verify return code: 0 (ok)" in seen or "Verification: OK" in seen, seen
    assert "ALPN protocol: http/1.1" in seen and "HTTP/1.1 200" in seen
    assert "GCM" in seen or "CHACHA20" in seen


def test_tls_1_2_and_nothing_older(secure):
    assert "HTTP/1.1 200" in s_client(secure, "-tls1_2")
    assert "HTTP/1.1 200" not in s_client(secure, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    # Without forward secrecy: no.
    assert "HTTP/1.1 200" not in s_client(secure, "-tls1_2", "-cipher", "AES128-SHA256:AES128-SHA")


def test_sessions_are_resumed(secure, tmp_path):
    kept = tmp_path / "session"
    assert "New, TLS" in s_client(secure, "-tls1_2", "-sess_out", kept)
    assert "Reused, TLS" in s_client(secure, "-tls1_2", "-sess_in", kept)


def test_the_end_is_said(secure):
    """close_notify before the connection closes: an answer that is cut off could be told from one that
    is complete."""
    context = ssl.create_default_context(cafile=secure.ca)
    with socket.create_connection(("127.0.0.1", secure.port)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as s:
            s.sendall(b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            received = b""
            while piece := s.recv(4096):
                received += piece
    assert b"200 OK" in received


def test_plain_http_is_told(secure, curl):
    status, _, body = curl(f"http://127.0.0.1:{secure.port}/health/liveliness")
    assert status == 400 and b"HTTPS" in body


@pytest.mark.parametrize("bytes_sent", [b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\0" * 300])
def test_garbage_is_cut_off(secure, bytes_sent):
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as s:
        try:
            s.sendall(bytes_sent)
            while s.recv(4096):
                pass
        except ConnectionError:
            pass
    assert "HTTP/1.1 200" in s_client(secure)


def test_a_slow_handshake_is_cut_off(folder, simulator, tmp_path):
    """header_timeout holds for the handshake too."""
    config = configuration(simulator.url, general_settings={"header_timeout": 1})
    gateway = start(tmp_path, config, *make_certificate(folder, "slow", 6))
    try:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as s:
            s.sendall(b"\x16\x03\x01\x02\x00\x01")
            assert s.recv(4096) == b""
    finally:
        gateway.stop()


def test_every_split_of_a_request(secure):
    context = ssl.create_default_context(cafile=secure.ca)
    request = b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for size in (1, 7, 64):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        s = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as raw:

            def pump(raw=raw, outgoing=outgoing, incoming=incoming, size=size, wait=True):
                data = outgoing.read()
                for i in range(0, len(data), size):
                    raw.sendall(data[i : i + size])
                if wait:
                    incoming.write(raw.recv(65536))

            while True:
                try:
                    s.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    pump()
            s.write(request)
            pump(wait=False)
            answer = b""
            while b"200 OK" not in answer:
                try:
                    answer += s.read(65536)
                except ssl.SSLWantReadError:
                    pump()


def test_a_slow_reader_is_waited_for(secure):
    """Back-pressure reaches through TLS: the gateway does not collect the answer."""
    context = ssl.create_default_context(cafile=secure.ca)
    before = secure.resident()
    body = b'{"model":"claude","stream":true,"messages":[{"role":"user","content":"[[sim:chunks(1200,10000)]] [[sim:gap(0)]]"}]}'
    with socket.create_connection(("127.0.0.1", secure.port)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        with context.wrap_socket(raw, server_hostname="localhost") as s:
            s.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                + f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            time.sleep(1)
            assert secure.resident() - before < 4_000_000
            received = 0
            tail = b""
            while piece := s.recv(65536):
                received += len(piece)
                tail = (tail + piece)[-64:]
    assert received > 12_000_000 and b"[DONE]" in tail


def serial_seen(port):
    with socket.create_connection(("127.0.0.1", port)) as raw:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(raw) as s:
            der = s.getpeercert(binary_form=True)
    text = subprocess.run(
        ["openssl", "x509", "-inform", "der", "-noout", "-serial"], input=der, capture_output=True, check=True
    )
    return int(text.stdout.decode().strip().partition("=")[2], 16)


def test_certificates_are_read_again(folder, simulator, tmp_path):
    certificate, key = make_certificate(folder, "first", 11)
    other, other_key = make_certificate(folder, "second", 12)
    gateway = start(tmp_path, configuration(simulator.url), certificate, key)
    gateway.ca = tmp_path / "ca"
    gateway.ca.write_bytes(certificate.read_bytes())
    try:
        assert serial_seen(gateway.port) == 11
        with sdk(gateway) as client:
            stream = client.chat.completions.create(
                model="claude",
                messages=[{"role": "user", "content": "[[sim:chunks(40,10)]] [[sim:gap(25)]]"}],
                stream=True,
            )
            next(stream)
            certificate.write_bytes(other.read_bytes())
            gateway.signal(signal.SIGHUP)  # the key is not of that certificate
            wait_for(lambda: "the TLS certificate is not used" in gateway.log(), 5)
            assert serial_seen(gateway.port) == 11
            key.write_bytes(other_key.read_bytes())
            gateway.signal(signal.SIGHUP)
            wait_for(lambda: serial_seen(gateway.port) == 12, 5)
            assert [c.choices[0].finish_reason for c in stream if c.choices][-1] == "stop"
    finally:
        gateway.stop()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--ssl_certfile_path", "{crt}"], "needs both"),
        (["--ssl_certfile_path", "{crt}", "--ssl_keyfile_path", "/nowhere"], "/nowhere"),
        (["--ssl_certfile_path", "{key}", "--ssl_keyfile_path", "{key}"], "tls.key"),
        (["--ssl_certfile_path", "{crt}", "--ssl_keyfile_path", "{other}"], "is not the key of the certificate"),
        (["--ssl_certfile_path", "{crt}", "--ssl_keyfile_path", "{key}", "--ciphers", "ROT13"], "no cipher ROT13"),
    ],
)
def test_what_cannot_be_used_is_said_at_start(arguments, words, folder, simulator, tmp_path):
    certificate, key = make_certificate(folder, "tls", 3)
    _, other = make_certificate(folder, "other", 4)
    config = tmp_path / "config.yml"
    config.write_text("model_list: []\n")
    names = {"crt": certificate, "key": key, "other": other}
    done = subprocess.run(
        [BUILD / "lintel", "--config", config, "--port", "0", *(a.format(**names) for a in arguments)],
        env=environment(tmp_path, LITELLM_MASTER_KEY=KEY),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode in (1, 2) and words in done.stderr + done.stdout, done


def test_ciphers_can_be_chosen(folder, simulator, tmp_path):
    certificate, key = make_certificate(folder, "chosen", 5, "rsa")
    gateway = start(
        tmp_path,
        configuration(simulator.url),
        certificate,
        key,
        "--ciphers",
        "ECDHE-RSA-AES256-GCM-SHA384:TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    )
    gateway.ca = certificate
    try:
        assert "ECDHE-RSA-AES256-GCM-SHA384" in s_client(gateway, "-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384")
        assert "HTTP/1.1 200" in s_client(gateway, "-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305")
        assert "HTTP/1.1 200" not in s_client(gateway, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    finally:
        gateway.stop()


def test_many_at_once(secure):
    errors = []

    def ask():
        try:
            with sdk(secure, timeout=30) as client:
                for _ in range(5):
                    client.chat.completions.create(model="claude", messages=[{"role": "user", "content": "Hi"}])
        except Exception as error:
            errors.append((error, error.__cause__))

    clients = [threading.Thread(target=ask) for _ in range(20)]
    for c in clients:
        c.start()
    for c in clients:
        c.join(60)
    assert errors == []
