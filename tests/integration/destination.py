"""Where callbacks send to: an HTTP server that keeps what it is told, and behaves as it is asked to."""

import base64
import contextlib
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from programs import wait_for

PROTOBUF = "application/x-protobuf"


class Received:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)

    def traces(self):
        """Of OTLP, in the words of its JSON, whichever form it came in."""
        if self.headers["content-type"] != PROTOBUF:
            return self.json()
        message = ExportTraceServiceRequest.FromString(self.body)
        request = json_format.MessageToDict(message, use_integers_for_enums=True)
        for span in spans_of(request):
            for key in {"traceId", "spanId", "parentSpanId"} & set(span):
                span[key] = base64.b64decode(span[key]).hex()
        return request


class Destination:
    """`mode`: "ok", "failing" (500), "refusing" (400), "hanging", "slow" (an answer byte by byte), or
    "endless" (an answer without an end)."""

    def __init__(self):
        self.received, self.mode, self.status, self.answer = [], "ok", 200, b"{}"
        self.missing = set()  # paths that answer 404
        self.released = threading.Event()
        destination = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                headers = {k.lower(): v for k, v in self.headers.items()}
                destination.received.append(Received(self.command, self.path, headers, body))
                with contextlib.suppress(OSError):
                    destination.reply(self)

            do_GET = do_PUT = do_POST

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def reply(self, handler):
        if self.mode == "hanging":
            self.released.wait(60)
        if self.mode == "slow":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            while not self.released.wait(0.1):
                handler.wfile.write(b" ")
        if self.mode == "endless":
            handler.send_response(200)
            handler.send_header("Content-Length", str(1 << 40))
            handler.end_headers()
            while not self.released.is_set():
                handler.wfile.write(b"x" * 65536)
        status = {"failing": 500, "refusing": 400}.get(self.mode, self.status)
        status = 404 if handler.path in self.missing else status
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(self.answer)))
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(self.answer)

    def at(self, path):
        """What came to that path, in order."""
        return [r for r in list(self.received) if r.path.split("?")[0] == path]

    def wait(self, path, count=1, seconds=10):
        return wait_for(lambda: len(self.at(path)) >= count and self.at(path), seconds, f"{count} at {path}")

    def spans(self, path="/v1/traces"):
        """All that came."""
        return [span for r in self.at(path) for span in spans_of(r.traces())]

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def spans_of(request):
    return [s for resource in request["resourceSpans"] for scope in resource["scopeSpans"] for s in scope["spans"]]


def attributes(span):
    """OTLP's list of attributes as a dict."""

    def plain(value):
        ((kind, v),) = value.items()
        if kind == "arrayValue":
            return [plain(item) for item in v["values"]]
        return int(v) if kind == "intValue" else v

    return {a["key"]: plain(a["value"]) for a in span["attributes"]}


@contextlib.contextmanager
def destination():
    d = Destination()
    try:
        yield d
    finally:
        d.stop()
