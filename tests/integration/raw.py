"""HTTP/1 as bytes: what a well-behaved client library would never send, and replies as they are."""

import json
import socket


class Closed(Exception):
    """The other side closed before the reply was complete."""


class Reply:
    def __init__(self, version, status, headers, body):
        self.version, self.status, self.headers, self.body = version, status, headers, body

    def __repr__(self):
        return f"<{self.version} {self.status} {self.headers} {self.body[:200]!r}>"

    def json(self):
        return json.loads(self.body)

    def detail(self):
        """What is said about a path or a method that there is not, in FastAPI's shape."""
        assert self.headers["content-type"] == "application/json", self
        assert set(self.json()) == {"detail"}, self
        return self.json()["detail"]

    def error(self):
        """The error object; every error has this shape, but for paths and methods: detail()."""
        assert self.headers["content-type"].startswith("application/json"), self
        error = self.json()["error"]
        assert set(error) >= {"message", "type", "param", "code"}, error
        assert error["message"], error
        assert error["code"] == str(self.status), self
        return error


class Raw:
    """One connection."""

    def __init__(self, gateway, receive_buffer=None, timeout=10):
        family = socket.AF_INET6 if ":" in gateway.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((gateway.host, gateway.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.gateway = gateway
        self.buffer = bytearray()  # cheap to shorten from the front

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def request(self, method="GET", target="/health/liveliness", headers=(), body=b"", version="HTTP/1.1"):
        """Sends one request with Host, key and length filled in."""
        lines = [f"{method} {target} {version}", f"Host: {self.gateway.netloc}"]
        lines += [f"Authorization: Bearer {self.gateway.key}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def chat(self, headers=(), **body):
        payload = json.dumps(body).encode()
        return self.request(
            "POST", "/v1/chat/completions", ["Content-Type: application/json", *headers], payload
        )

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise Closed(bytes(self.buffer))
        self.buffer += piece

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        piece = bytes(self.buffer[:count])
        del self.buffer[:count]
        return piece

    def line(self):
        while (end := self.buffer.find(b"\r\n")) < 0:
            self.more()
        return self.take(end + 2)[:-2].decode()

    def head(self):
        """Status line and headers (lower case) of the next reply."""
        version, status, _ = self.line().split(" ", 2)
        headers = {}
        while line := self.line():
            name, _, value = line.partition(":")
            assert name == name.strip() and name.lower() not in headers or name.lower() == "set-cookie", line
            headers[name.lower()] = value.strip()
        return version, int(status), headers

    def chunks(self):
        """The pieces of a chunked body as they were framed."""
        while size := int(self.line(), 16):
            yield self.take(size)
            assert self.take(2) == b"\r\n"
        assert self.line() == ""

    def reply(self, method="GET"):
        """The next reply as a whole. A 100 Continue is a reply of its own."""
        version, status, headers = self.head()
        if method == "HEAD" or status in (100, 204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            assert "content-length" not in headers, headers
            body = b"".join(self.chunks())
        elif "content-length" in headers:
            body = self.take(int(headers["content-length"]))
        else:
            assert headers.get("connection") == "close" or version == "HTTP/1.0", headers
            body = self.rest()
        return Reply(version, status, headers, body)

    def rest(self):
        """Everything until the other side closes."""
        try:
            while True:
                self.more()
        except Closed:
            return self.take(len(self.buffer))

    def closed(self):
        """True once the other side has closed without another byte."""
        try:
            return self.rest() == b""
        except ConnectionResetError:
            return True

    def silent(self, seconds):
        """True if nothing comes and nothing closes for a while."""
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(1)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)


def events(body):
    """The data of each SSE event of a body, decoded; comments left out; [DONE] as it is."""
    text = body.decode() if isinstance(body, bytes) else body
    assert text.endswith("\n\n"), text[-200:]
    found = []
    for block in text.split("\n\n"):
        for line in block.split("\n"):
            if line.startswith("data: "):
                found.append(line[6:] if line == "data: [DONE]" else json.loads(line[6:]))
            else:
                assert line == "" or line.startswith(":"), line
    return found
