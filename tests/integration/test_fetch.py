"""Images and documents that a prompt names by URL: brought by the gateway, from where it may."""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from conftest import KEY, configuration
from programs import wait_for
from raw import Raw

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.1\n1 0 obj<<>>\nendobj\ntrailer<<>>\n%%EOF\n"
TIMEOUT = 1.5


class Web(http.server.ThreadingHTTPServer):
    """A web server on loopback: /image.png and the like, and what goes wrong on the web."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.requests, self.left = [], threading.Event()
        self.scheme = "http"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.server_port}{path}"

    def handle_error(self, request, client_address):
        pass


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def give(self, body, kind="image/png", status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        name, _, rest = self.path[1:].partition("/")
        getattr(self, "page_" + name.partition(".")[0], self.page_missing)(rest)

    def page_missing(self, _):
        self.give(b"no", "text/html", 404)

    def page_image(self, _):
        self.give(PNG)

    def page_wrongly(self, _):
        self.give(PNG, "image/jpeg")

    def page_untyped(self, _):
        self.give(PDF if self.path.endswith("pdf") else b"a,b\n1,2\n", "binary/octet-stream")

    def page_document(self, _):
        self.give(PDF, "application/pdf; qs=0.001")

    def page_html(self, _):
        self.give(b"<html>log in</html>", "text/html; charset=utf-8")

    def page_sound(self, _):
        self.give(b"ID3", "audio/mpeg")

    def page_empty(self, _):
        self.give(b"")

    def page_packed(self, _):
        self.give(b"\x1f\x8b", Content_Encoding="gzip")

    def page_hop(self, rest):
        n = int(rest)
        self.give(b"moved", "text/html", 302, Location=f"/hop/{n - 1}" if n > 1 else "/image.png")

    def page_to(self, rest):
        self.give(b"", "text/html", 307, Location=rest)

    def page_large(self, rest):
        body = PNG + bytes(int(rest))
        self.give(body)

    def page_hidden(self, rest):
        """Large without saying so."""
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(PNG + bytes(int(rest)))
        self.close_connection = True

    def page_cut(self, _):
        self.give(PNG, Content_Length=1000)
        self.close_connection = True

    def page_slow(self, rest):
        """A byte now and then, until somebody has enough."""
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            self.server.left.set()


@pytest.fixture(scope="module")
def web():
    server = Web()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def fresh(web):
    web.requests.clear()
    web.left.clear()


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    """One that may fetch from loopback."""
    return launch(
        configuration(
            simulator.url,
            litellm_settings={"user_url_validation": False},
            general_settings={"fetch_max_mb": 1, "fetch_timeout": TIMEOUT},
        )
    )


@pytest.fixture(scope="module")
def strict(launch, simulator):
    """As installed, but that it follows http: too, so that only addresses hold it back."""
    return launch(configuration(simulator.url, general_settings={"fetch_plain_http": True}))


def image(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def ask(gateway, *parts, **members):
    """(status, JSON) of a prompt with these parts."""
    content = [{"type": "text", "text": "What is this?"}, *parts]
    body = {"model": "claude", "max_tokens": 32, "messages": [{"role": "user", "content": content}], **members}
    return post(gateway, body)


def post(gateway, body):
    request = urllib.request.Request(
        gateway.base_url + "/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "Connection": "close"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def refused(gateway, *parts):
    """The message of a 400 that was made here, without a call to Bedrock."""
    status, answer = ask(gateway, *parts)
    assert status == 400, answer
    assert answer["error"]["type"] == "invalid_request_error"
    return answer["error"]["message"]


def last_content(simulator):
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last=1", timeout=10) as reply:
        call = json.load(reply)
    call = call["requests"][-1] if isinstance(call, dict) else call[-1]
    body = call["body"] if isinstance(call["body"], dict) else json.loads(call["body"])
    return body["messages"][-1]["content"]


# ---- what arrives -----------------------------------------------------------------------------------


def test_image_arrives_as_bytes(gateway, simulator, web):
    status, answer = ask(gateway, image(web.url("/image.png")))
    assert status == 200, answer
    block = last_content(simulator)[1]["image"]
    assert block == {"format": "png", "source": {"bytes": base64.b64encode(PNG).decode()}}
    path, headers = web.requests[0]
    assert headers["User-Agent"].startswith("lintel/") and headers["Accept"] == "*/*"
    assert {name.lower() for name in headers} == {"host", "user-agent", "accept"}


def test_streams_too(gateway, web, client):
    content = [{"type": "text", "text": "What?"}, image(web.url("/image.png"))]
    chunks = list(
        client.chat.completions.create(
            model="claude", stream=True, max_tokens=32, messages=[{"role": "user", "content": content}]
        )
    )
    assert chunks[-1].choices[0].finish_reason


def test_the_bytes_are_right_about_the_type(gateway, simulator, web):
    assert ask(gateway, image(web.url("/wrongly")))[0] == 200
    assert last_content(simulator)[1]["image"]["format"] == "png"


@pytest.mark.parametrize(
    ("part", "format"),
    [
        (lambda url: image(url("/document")), "pdf"),
        (lambda url: image(url("/untyped/a.pdf")), "pdf"),
        (lambda url: {"type": "file", "file": {"file_id": url("/document")}}, "pdf"),
        (lambda url: {"type": "file", "file": {"file_id": url("/untyped/x.csv?v=1")}}, "csv"),
        (lambda url: {"type": "file", "file": {"file_data": url("/untyped"), "filename": "x.csv"}}, "csv"),
        (lambda url: {"type": "file", "file": {"file_id": url("/html"), "format": "text/plain"}}, "txt"),
        (lambda url: {"type": "file", "file": {"file_id": url("/html")}}, "html"),
        (lambda url: {"type": "document", "source": {"type": "url", "url": url("/document")}}, "pdf"),
    ],
)
def test_documents(gateway, simulator, web, part, format):
    status, answer = ask(gateway, part(web.url))
    assert status == 200, answer
    assert last_content(simulator)[1]["document"]["format"] == format


def test_each_url_once(gateway, simulator, web):
    same = image(web.url("/image.png"))
    assert ask(gateway, same, same, image(web.url("/image.png?other")))[0] == 200
    assert sorted(path for path, _ in web.requests) == ["/image.png", "/image.png?other"]
    assert sum("image" in block for block in last_content(simulator)) == 3


def test_in_a_tool_result(gateway, simulator, web):
    messages = [
        {"role": "user", "content": "Look"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "shot", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": [image(web.url("/image.png"))]},
    ]
    tools = [{"type": "function", "function": {"name": "shot", "parameters": {"type": "object"}}}]
    status, answer = post(
        gateway, {"model": "claude", "max_tokens": 32, "messages": messages, "tools": tools}
    )
    assert status == 200, answer
    assert last_content(simulator)[0]["toolResult"]["content"][0]["image"]["format"] == "png"


def test_spaces_and_letters_of_the_world(gateway, web):
    assert ask(gateway, image(web.url("/image.png?Bild 1 ü")))[0] == 200
    assert web.requests[0][0] == "/image.png?Bild%201%20%C3%BC"


def test_three_redirects(gateway, simulator, web):
    assert ask(gateway, image(web.url("/hop/3")))[0] == 200
    assert last_content(simulator)[1]["image"]["format"] == "png"
    assert "too many redirects" in refused(gateway, image(web.url("/hop/4")))


# ---- where it may not lead --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_not_public(strict, web, host):
    message = refused(strict, image(web.url("/image.png", host)))
    assert "not a public one" in message and host in message
    assert not web.requests


def test_private_networks_are_not_public(strict):
    for host in ("169.254.169.254", "10.0.0.1", "192.168.0.1", "[fd00:ec2::254]", "[::1]"):
        message = refused(strict, image(f"http://{host}/latest/meta-data/iam/"))
        assert message.count("not a public one") == 1 and "meta-data" not in message


def test_a_redirect_to_metadata(strict, launch, simulator, web):
    """The first hop is allowed by name, the second is nobody's."""
    host = f"127.0.0.1:{web.server_port}"
    listed = launch(
        configuration(simulator.url, litellm_settings={"user_url_allowed_hosts": ["intranet", host]})
    )
    assert ask(listed, image(web.url("/image.png")))[0] == 200
    assert "answers 307" in refused(listed, image(web.url("/to/http://169.254.169.254/latest/")))
    assert "not a public one" in refused(listed, image("https://169.254.169.254/latest/"))
    assert "only https:" in refused(listed, image(web.url("/image.png", "localhost")))
    assert [path.split("/")[1] for path, _ in web.requests] == ["image.png", "to"]


def test_other_schemes(gateway, strict, web):
    message = refused(gateway, image(web.url("/to/file:///etc/passwd")))
    assert "only http: and https:" in message
    for url in ("file:///etc/passwd", "ftp://127.0.0.1/x.png", "gopher://127.0.0.1/"):
        assert "must begin with" in refused(gateway, image(url))


def test_no_user_names(gateway, web):
    message = refused(gateway, image(web.url("/image.png", "somebody:secret@127.0.0.1")))
    assert "user name" in message and "secret" not in message and "somebody" not in message
    assert not web.requests


def test_https(launch, simulator, tmp_path):
    """TLS is verified; http: is not followed unless the configuration says so."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    web = Web()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    web.scheme = "https"
    settings = {"user_url_allowed_hosts": ["localhost"], "ssl_verify": str(certificate)}
    trusting = launch(configuration(simulator.url, litellm_settings=settings))
    del settings["ssl_verify"]
    doubting = launch(configuration(simulator.url, litellm_settings=settings))
    assert ask(trusting, image(web.url("/image.png", "localhost")))[0] == 200
    assert last_content(simulator)[1]["image"]["format"] == "png"
    assert "cannot be reached" in refused(doubting, image(web.url("/image.png", "localhost")))
    assert "only https:" in refused(trusting, image("http://example.com/image.png"))
    web.shutdown()
    web.server_close()


# ---- what is too much -------------------------------------------------------------------------------


def test_too_large(gateway, web):
    assert "larger than 1 MB" in refused(gateway, image(web.url(f"/large/{1 << 20}")))
    assert "larger than 1 MB" in refused(gateway, image(web.url(f"/hidden/{64 << 20}")))
    assert ask(gateway, image(web.url("/large/1000000")))[0] == 200


def test_too_slow(gateway, web):
    begun = time.monotonic()
    assert "too long" in refused(gateway, image(web.url("/slow")))
    assert TIMEOUT - 0.1 < time.monotonic() - begun < TIMEOUT + 2
    assert web.left.wait(5)


def test_the_time_is_that_of_all_together(gateway, web):
    """More than run at once: the later ones get no time of their own."""
    begun = time.monotonic()
    message = refused(gateway, *(image(web.url(f"/slow/{i}")) for i in range(20)))
    assert "too long" in message or "longer than 1.5 seconds" in message
    assert time.monotonic() - begun < TIMEOUT + 2


def test_too_many(gateway, web):
    assert "more than 20" in refused(gateway, *(image(web.url(f"/image.png?{i}")) for i in range(21)))
    assert not web.requests


def test_switched_off(launch, simulator, web):
    off = launch(
        configuration(simulator.url, litellm_settings={"user_url_validation": False}),
        env={"MAX_IMAGE_URL_DOWNLOAD_SIZE_MB": "0"},
    )
    assert "not fetched here" in refused(off, image(web.url("/image.png")))
    assert not web.requests


# ---- what is no use ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nowhere", "answers 404"),
        ("/html", "'text/html; charset=utf-8' is not a media type"),
        ("/sound", "'audio/mpeg' is not a media type"),
        ("/untyped/x", "'binary/octet-stream' is not a media type"),
        ("/empty", "is empty"),
        ("/packed", "is compressed"),
        ("/cut", "cut off"),
    ],
)
def test_no_use(gateway, web, path, reason):
    message = refused(gateway, image(web.url(path)))
    assert reason in message and f"127.0.0.1:{web.server_port}" in message


def test_nobody_there(gateway):
    assert "cannot be reached" in refused(gateway, image("http://127.0.0.1:1/x.png"))
    message = refused(gateway, image("http://no-such-host.invalid/x.png"))
    assert "cannot be reached" in message and "no-such-host.invalid" in message


def test_one_failure_ends_the_rest(gateway, web):
    begun = time.monotonic()
    assert "404" in refused(gateway, image(web.url("/slow")), image(web.url("/nowhere")))
    assert time.monotonic() - begun < TIMEOUT
    assert web.left.wait(5)


def test_client_leaves_while_fetching(gateway, web):
    content = [{"type": "text", "text": "What?"}, image(web.url("/slow"))]
    body = json.dumps({"model": "claude", "messages": [{"role": "user", "content": content}]}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {gateway.netloc}\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with Raw(gateway) as raw:
        raw.send(head.encode() + body)
        wait_for(lambda: web.requests, what="the fetch")
        holds = gateway.holds()
        assert "FETCH" in json.dumps(holds)
    begun = time.monotonic()
    assert web.left.wait(5)
    assert time.monotonic() - begun < TIMEOUT / 2
    wait_for(lambda: not gateway.holds()["live"], what="the exchange's end")
