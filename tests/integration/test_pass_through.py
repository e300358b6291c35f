"""pass_through_endpoints: requests that are handed to another HTTP server, and what passes of them."""

import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from conftest import KEY, configuration
from programs import wait_for
from test_admission import later
from test_debug_exchanges import shown
from test_keys import ask as manage
from test_keys import generate

LARGE = 48 * 1024 * 1024  # bytes: more than all buffers on the way together
HEADERS = {"Authorization": f"Bearer {KEY}"}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.read, self.sent = [], 0, 0
        self.go = threading.Event()  # what waits goes on
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pieces(self):
        """The request's body as it comes."""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers.get("content-length", 0))
        while left:
            piece = self.rfile.read(min(left, 65536))
            left -= len(piece)
            yield piece

    def reply(self, status, body=b"", *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self):
        path = self.path.split("?")[0]
        body = b""
        if path.endswith("/slow-read"):
            self.server.go.wait(60)
        for piece in self.pieces():
            self.server.read += len(piece)
            if len(body) < 65536:
                body += piece
        self.server.seen.append((self.command, self.path, dict(self.headers.items()), body))
        if path.endswith("/stream"):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"6\r\nfirst\n\r\n")
            self.server.go.wait(60)
            self.wfile.write(b"5\r\nlast\n\r\n0\r\n\r\n")
        elif path.endswith("/large"):
            self.send_response(200)
            self.send_header("content-length", str(LARGE))
            self.end_headers()
            for _ in range(LARGE // 65536):
                self.wfile.write(b"x" * 65536)
                self.server.sent += 65536
        elif path.endswith("/cut"):
            self.send_response(200)
            self.send_header("content-length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.wfile.flush()
            self.close_connection = True
        elif path.endswith("/error"):
            self.reply(418, b'{"short": "stout"}', ("content-type", "application/json"))
        elif path.endswith("/silent"):
            self.server.go.wait(60)
            self.close_connection = True
        else:
            zipped = gzip.compress(b"hello")
            self.reply(200, zipped, ("content-type", "text/csv"), ("content-encoding", "gzip"), ("set-cookie", "a=b"), ("set-cookie", "c=d"), ("server", "theirs"))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer


@pytest.fixture(scope="module")
def target():
    server = Server()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def passing(launch, simulator, target):
    endpoints = [
        {"path": "/rerank-elsewhere", "target": target.url.replace("//", "//user:planted-9d@") + "/v1/rerank?api-version=1", "headers": {"Authorization": "Bearer os.environ/RERANK_KEY", "x-own": "os.environ/RERANK_KEY"}, "default_query_params": {"lang": "en"}, "cost_per_request": 0.25},
        {"path": "/all", "target": target.url + "/base", "include_subpath": True, "forward_headers": True},
        {"path": "/open", "target": target.url + "/open", "auth": False, "methods": ["POST"]},
        {"path": "/short", "target": target.url + "/silent", "timeout": 0.3},
        {"path": "/away", "target": "http://127.0.0.1:9/"},
    ]
    settings = {"pass_through_endpoints": endpoints, "database_url": "sqlite", "max_request_size_mb": 64}
    return launch(configuration(simulator.url, general_settings=settings, litellm_settings={"callbacks": ["prometheus"]}), env={"RERANK_KEY": "their-key"})


@pytest.fixture
def call(passing, target):
    target.seen.clear()
    target.go.clear()
    target.read = target.sent = 0

    def send(method, path, headers=HEADERS, **options):
        return httpx.request(method, passing.base_url.removesuffix("/v1") + path, headers=headers, timeout=60, **options)

    yield send
    target.go.set()


def test_what_is_sent_and_what_comes_back(call, target):
    answer = call("POST", "/rerank-elsewhere?top=3&lang=de", headers=HEADERS | {"x-mine": "1", "x-pass-beta": "b", "Cookie": "token=x"}, json={"query": "q"})
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "hello", "text/csv")
    assert answer.headers.get_list("set-cookie") == ["a=b", "c=d"] and answer.headers["x-litellm-call-id"]
    assert "server" not in answer.headers and answer.headers["content-encoding"] == "gzip"
    method, path, headers, body = target.seen[0]
    headers = {name.lower(): value for name, value in headers.items()}
    assert (method, path, json.loads(body)) == ("POST", "/v1/rerank?api-version=1&top=3&lang=de", {"query": "q"})
    assert headers["authorization"] == "Bearer their-key" and headers["x-own"] == "their-key"
    assert headers["beta"] == "b" and headers["content-type"] == "application/json"
    assert not {"x-mine", "cookie", "x-pass-beta"} & set(headers) and KEY not in str(headers)


def test_methods_subpaths_and_headers_that_pass(call, target):
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        options = {"content": b"body"} if method in ("PUT", "PATCH") else {}
        assert call(method, "/all/%2E%2e/a/b?x=1", headers=HEADERS | {"x-mine": "1", "x-api-key": KEY}, **options).status_code == 200
        sent = target.seen.pop()
        assert sent[:2] == (method, "/base/a/b?x=1") and sent[3] == options.get("content", b"")
        headers = {name.lower(): value for name, value in sent[2].items()}
        assert headers["x-mine"] == "1" and "authorization" not in headers and KEY not in str(headers)
    assert call("GET", "/all").status_code == 200 and target.seen[0][1] == "/base"
    assert call("GET", "/allow").status_code == 404
    assert call("GET", "/open").status_code == 405
    assert call("OPTIONS", "/all/x", headers={"Origin": "https://a.example"}).status_code == 200


def test_who_may(call, passing, target):
    assert call("POST", "/all/x", headers={}).status_code == 401
    assert call("POST", "/all/x", headers={"Authorization": "Bearer sk-wrong"}).status_code == 401
    assert not target.seen
    assert call("POST", "/open", headers={}).status_code == 200
    key = generate(passing, max_budget=0.2)["key"]
    own = {"Authorization": f"Bearer {key}"}
    assert call("POST", "/rerank-elsewhere", headers=own, json={}).status_code == 200
    wait_for(lambda: "Budget has been exceeded" in call("POST", "/rerank-elsewhere", headers=own, json={}).text, 20, "the budget's end")


def test_rows_and_metrics(call, passing, target):
    key = generate(passing)
    own = {"Authorization": f"Bearer {key['key']}"}
    assert call("POST", "/rerank-elsewhere", headers=own, json={}).status_code == 200
    assert call("POST", "/all/error", headers=own, json={}).json() == {"short": "stout"}

    def rows():
        found = manage(passing, "/spend/logs", api_key=key["token"]).json()
        return {row["api_base"].rpartition("/")[2]: row for row in found} if len(found) == 2 else None

    wait_for(rows, 20, "the rows")
    row = rows()["rerank"]
    assert (row["call_type"], row["spend"], row["model"]) == ("pass_through_endpoint", 0.25, "unknown")
    assert rows()["base"]["spend"] == 0
    text = call("GET", "/metrics").text
    assert row["api_base"] == target.url + "/v1/rerank" and "planted" not in text + passing.log()
    assert 'route="/rerank-elsewhere"' in text
    assert 'status_code="418"' in text
    assert " /rerank-elsewhere status=200 " in passing.log()


def test_an_answer_streams(call, passing, target):
    with httpx.stream("GET", passing.base_url.removesuffix("/v1") + "/all/stream", headers=HEADERS, timeout=60) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"first\n"
        assert shown(passing, "PASS")["path"] == "/all"
        target.go.set()
        assert b"".join(pieces) == b"last\n"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_waits_for_the_server(call, passing, target, chunked):
    sent = [0]

    def body():
        for _ in range(LARGE // 65536):
            sent[0] += 65536
            yield b"y" * 65536

    length = {} if chunked else {"content-length": str(LARGE)}
    thread, answers = later(lambda: call("POST", "/all/slow-read", headers=HEADERS | length, content=body()))
    wait_for(lambda: sent[0] > 1024 * 1024 and standing(lambda: sent[0]), 30, "a body that stands still")
    assert sent[0] < LARGE and passing.holds()["exchanges"][0]["request_bytes"] <= 4 * 1024 * 1024
    target.go.set()
    thread.join(60)
    assert answers[0].status_code == 200 and target.read == LARGE


def standing(count):
    before = count()
    time.sleep(0.3)  # a look whether it moves; asked again if it does
    return count() == before


def test_a_large_answer_waits_for_the_client(passing, target, call):
    with httpx.stream("GET", passing.base_url.removesuffix("/v1") + "/all/large", headers=HEADERS, timeout=60) as answer:
        assert answer.headers["content-length"] == str(LARGE)
        wait_for(lambda: target.sent and standing(lambda: target.sent), 30, "an answer that stands still")
        assert target.sent < LARGE
        assert sum(len(piece) for piece in answer.iter_raw()) == LARGE


def test_what_fails(call, passing, target):
    assert call("GET", "/away").status_code == 502
    assert call("GET", "/short").status_code == 504
    with pytest.raises(httpx.RemoteProtocolError):
        call("GET", "/all/cut")
    with httpx.stream("GET", passing.base_url.removesuffix("/v1") + "/all/stream", headers=HEADERS, timeout=60) as answer:
        next(answer.iter_raw())  # and leaves
    wait_for(lambda: passing.holds()["upstream"] == 0, 20, "the call to end")
