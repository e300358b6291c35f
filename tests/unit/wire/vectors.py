#!/usr/bin/env python3
"""Compares our SigV4 and event-stream code with botocore's, on random cases.

Usage: vectors.py VECTOR_TOOL [SEED]. The expectations come from botocore at the time of the test.
Needs botocore: in the Python that LINTEL_TEST_PYTHON names, or else in this one. Without that
variable a missing botocore skips the test (exit 77); with it, it is a failure.
"""
import base64
import json
import os
import random
import struct
import subprocess
import sys
import zlib

wanted = os.environ.get("LINTEL_TEST_PYTHON")
if wanted and os.path.abspath(sys.executable) != os.path.abspath(wanted):
    if os.environ.get("LINTEL_TEST_PYTHON_RUNS") == wanted:
        sys.exit(f"{wanted} runs as {sys.executable}")
    os.environ["LINTEL_TEST_PYTHON_RUNS"] = wanted
    os.execv(wanted, [wanted] + sys.argv)
try:
    import botocore
    from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.eventstream import EventStreamBuffer, ParserError
except ImportError:
    print("botocore is not installed")
    sys.exit(1 if wanted else 77)

SIGN_CASES = 600
STREAM_CASES = 300
FLIP_CASES = 300
ENCODE_CASES = 300

TEXT = "abcXYZ019-._~"
MODELS = [
    "anthropic.claude-3-5-sonnet-20241022-v2%3A0",
    "arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-v1%3A0",
    "eu.amazon.nova-pro-v1%3A0",
]


def b64(data):
    return base64.b64encode(data).decode()


def word(rng, alphabet=TEXT, least=1, most=12):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


# ---- signing


def random_path(rng):
    if rng.random() < 0.3:
        return f"/model/{rng.choice(MODELS)}/{rng.choice(['converse', 'converse-stream', 'invoke'])}"
    pieces = ["", ".", "..", "%3A", "%2F", "%25", "%E2%82%AC", "a:b", "a+b", "a,b;c=d", "(x)!*'", "$@&"]
    parts = [rng.choice(pieces) if rng.random() < 0.4 else word(rng) for _ in range(rng.randint(0, 6))]
    return "/" + "/".join(parts)


def random_query(rng):
    def pair():
        name = word(rng, TEXT + "ab", 0, 3) + rng.choice(["", "%20", "%2F", "[]"])
        value = word(rng, TEXT, 0, 6) + rng.choice(["", "=", "%3D", "+", "%C3%A9"])
        return name + rng.choice(["=" + value, ""])

    return "&".join(pair() for _ in range(rng.choice([0, 0, 1, 2, 3, 8])))


def random_headers(rng):
    headers = [("Host", "bedrock-runtime.eu-west-1.amazonaws.com")]
    if rng.random() < 0.8:
        headers.append((rng.choice(["Content-Type", "content-type"]), "application/json"))
    for _ in range(rng.randint(0, 6)):
        name = rng.choice(["X-Amz-Meta-", "x-amzn-bedrock-", "ACCEPT-", "a"]) + word(rng, "abAB01-_", 0, 3)
        spaces = lambda most: word(rng, " \t", 0, most)
        value = spaces(3) + spaces(4).join(word(rng, TEXT + ",;=\"/é", 0, 6) for _ in range(4)) + spaces(3)
        headers.append((name, value))
        if rng.random() < 0.2:
            headers.append((name.swapcase(), word(rng)))
    return headers


def random_body(rng):
    kind = rng.random()
    if kind < 0.3:
        return b""
    if kind < 0.97:
        return rng.randbytes(rng.randint(1, 3000))
    return rng.randbytes(rng.randint(100_000, 1_000_000))


def sign_case(rng):
    """A request, and what botocore makes of it."""
    path, query = random_path(rng), random_query(rng)
    body, method = random_body(rng), rng.choice(["GET", "POST", "PUT", "DELETE"])
    secret, token = word(rng, TEXT + "/+", 1, 80), rng.choice(["", word(rng, TEXT + "/+=", 100, 1500)])
    credentials = Credentials(word(rng, "ABC123", 16, 20), secret, token or None)
    region, service = rng.choice(["eu-west-1", "us-gov-east-1", "x"]), rng.choice(["bedrock", "sts"])
    date = "20%02d%02d%02dT%02d%02d%02dZ" % tuple(
        rng.randint(a, b) for a, b in [(0, 99), (1, 12), (1, 28), (0, 23), (0, 59), (0, 59)]
    )
    url = "https://bedrock-runtime.eu-west-1.amazonaws.com" + path + ("?" + query if query else "")
    request = AWSRequest(method=method, url=url, data=body)
    for name, value in random_headers(rng):
        request.headers.add_header(name, value)
    request.context["timestamp"] = date
    auth = SigV4Auth(credentials, service, region)
    auth._modify_request_before_signing(request)
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    sent = [[n, v] for n, v in request.headers.items() if n.lower() not in SIGNED_HEADERS_BLACKLIST]
    auth._inject_signature_to_request(request, signature)
    line = {
        "op": "sign", "method": method, "path": path, "query": query, "headers": sent,
        "body": b64(body), "key": credentials.access_key, "secret": secret, "token": token,
        "region": region, "service": service, "date": date,
    }
    return line, {"canonical": canonical, "authorization": request.headers["Authorization"]}


# ---- event stream


def raw_frame(headers, payload):
    """A frame by the specification; a header is (name, type, encoded value)."""
    block = b"".join(bytes([len(n)]) + n + bytes([t]) + v for n, t, v in headers)
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    frame = prelude + struct.pack("!I", zlib.crc32(prelude)) + block + payload
    return frame + struct.pack("!I", zlib.crc32(frame))


def string(text):
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def random_header(rng, name):
    kind = rng.randint(0, 9)
    sizes = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    if kind in sizes:
        return name, kind, rng.randbytes(sizes[kind])
    if kind == 6:
        data = rng.randbytes(rng.randint(0, 300))
        return name, kind, struct.pack("!H", len(data)) + data
    return name, kind, string(word(rng, TEXT + "é€ ", 0, 300))


def random_frame(rng):
    headers = []
    for name in [":message-type", ":event-type", ":exception-type", ":error-code", ":error-message",
                 ":content-type"]:
        if rng.random() < 0.6:
            headers.append((name.encode(), 7, string(word(rng, TEXT + "é€", 0, 40))))
    for i in range(rng.choice([0, 0, 1, 5])):
        headers.append(random_header(rng, f"h{i}{word(rng, TEXT, 0, 60)}".encode()))
    rng.shuffle(headers)
    return raw_frame(headers, rng.randbytes(rng.choice([0, 1, 50, 2000, 70000])))


def botocore_decode(data):
    """The messages botocore finds, what it raised, and whether it ended at a frame's end."""
    stream, messages, error = EventStreamBuffer(), [], ""
    stream.add_data(data)
    try:
        for event in stream:
            known = {n: v for n, v in event.headers.items() if n.startswith(":")}
            messages.append({**known, "payload": b64(event.payload)})
    except ParserError as e:
        error = type(e).__name__
    return {"messages": messages, "error": error, "boundary": not stream._data}


def random_cuts(rng, n):
    way = rng.random()
    if way < 0.2:
        return []
    if way < 0.4 and n < 5000:
        return [1] * n
    return [rng.randint(0, rng.choice([3, 20, 500, 100000])) for _ in range(rng.randint(1, 60))]


def stream_case(rng):
    data = b"".join(random_frame(rng) for _ in range(rng.randint(1, 6)))
    if rng.random() < 0.3:
        data = data[: rng.randint(0, len(data))]
    return {"op": "decode", "bytes": b64(data), "cuts": random_cuts(rng, len(data))}, botocore_decode(data)


def flip_case(rng):
    """One wrong bit in the second of three frames: the first is delivered, then both say no."""
    frames = [random_frame(rng) for _ in range(3)]
    bad = bytearray(frames[1])
    bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
    data = frames[0] + bytes(bad) + frames[2]
    return {"op": "decode", "bytes": b64(data), "cuts": random_cuts(rng, len(data))}, botocore_decode(data)


def encode_case(rng):
    headers = {word(rng, TEXT + ":-", 1, 100): word(rng, TEXT + "é€", 0, 500) for _ in range(rng.randint(0, 5))}
    payload = rng.randbytes(rng.choice([0, 1, 1000, 100000]))
    return {"op": "encode", "headers": list(headers.items()), "payload": b64(payload)}, (headers, payload)


# ---- comparing


def check_sign(ours, expected):
    return ours == expected


def check_decode(ours, expected):
    if bool(ours["error"]) != bool(expected["error"]):
        return False
    same_end = bool(ours["error"]) or ours["boundary"] == expected["boundary"]
    return ours["messages"] == expected["messages"] and same_end


def check_encode(ours, expected):
    stream = EventStreamBuffer()
    stream.add_data(base64.b64decode(ours["frame"]))
    events = list(stream)
    return len(events) == 1 and (events[0].headers, events[0].payload) == expected


def main():
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 20261120)
    cases = []
    for count, make, check in [
        (SIGN_CASES, sign_case, check_sign),
        (STREAM_CASES, stream_case, check_decode),
        (FLIP_CASES, flip_case, check_decode),
        (ENCODE_CASES, encode_case, check_encode),
    ]:
        cases += [(check, *make(rng)) for _ in range(count)]
    lines = "".join(json.dumps(line) + "\n" for _, line, _ in cases)
    run = subprocess.run([sys.argv[1]], input=lines.encode(), stdout=subprocess.PIPE, timeout=120)
    answers = run.stdout.splitlines()
    if run.returncode or len(answers) != len(cases):
        sys.exit(f"the tool ended with {run.returncode} after {len(answers)} of {len(cases)} lines")
    failed = 0
    for (check, line, expected), answer in zip(cases, answers):
        ours = json.loads(answer)
        if not check(ours, expected):
            failed += 1
            if failed <= 3:
                print("case    ", json.dumps(line)[:2000])
                print("expected", str(expected)[:2000])
                print("ours    ", str(ours)[:2000])
    print(f"{len(cases)} cases, {failed} failed (botocore {botocore.__version__})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
