"""Keeps lintel's contract on the command line, and nothing else."""

import http.server
import os
import signal
import sys


def die(text, status=1):
    print(text, file=sys.stderr)
    sys.exit(status)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


verb = sys.argv[1]
if verb == "check":
    if "broken" in read(sys.argv[2]):
        die(f"{sys.argv[2]}:1: error: model_list: broken")
    sys.exit(0)
if verb == "models":
    print("stub-one\nstub-two")
    sys.exit(0)
if verb == "credentials":
    source = "environment" if os.environ.get("AWS_ACCESS_KEY_ID") else None
    source = "configuration" if "aws_profile_name" in read(sys.argv[2]) else source
    print(source or "none")
    sys.exit(0 if source else 3)

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"not here"
        if self.path == "/health/readiness":
            self.send_response(200)
        else:
            self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if os.environ.get("STUB_DIES"):
    die("lintel: refused: " + os.environ["STUB_DIES"])
if os.environ.get("STUB_IS_STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def reread(*_):
    broken = "broken" in read(options["--config"])
    print("the configuration is " + ("not changed" if broken else "read again"), flush=True)


signal.signal(signal.SIGHUP, reread)
try:
    server = http.server.HTTPServer((options["--host"], int(options["--port"])), Handler)
except OSError as error:
    die(f"lintel: {error}")
shown = (
    "LINTEL_SIMULATED",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_BEDROCK_RUNTIME_ENDPOINT",
    "LITELLM_MASTER_KEY",
)
print("WARNING of the stub")
print("args", *sys.argv[1:], "env", *(f"{k}={os.environ[k]}" for k in shown if k in os.environ), flush=True)
server.serve_forever()
