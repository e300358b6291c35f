"""An OpenID Connect provider for tests: whoever comes to it is logged in as `user`. It keeps to the rules (PKCE, a code
for once, the client's password); `id_token`, `claims` and `broken` make it break them."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
from urllib.parse import parse_qs, unquote, urlencode, urlparse

CLIENT, SECRET = "lintel-ui", "s3cret/of:the client"


class Provider(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.codes, self.tokens, self.asked = {}, {}, []
        self.user = {"sub": "1", "preferred_username": "ann", "email": "ann@example.com"}
        self.reset()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def reset(self):
        self.id_token = {}  # members of it that are changed; None: there is none
        self.claims = {}  # of userinfo, likewise
        self.broken = {}  # path: (status, body)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def environment(self):
        return {"GENERIC_CLIENT_ID": CLIENT, "GENERIC_CLIENT_SECRET": SECRET, "GENERIC_AUTHORIZATION_ENDPOINT": f"{self.url}/authorize",
                "GENERIC_TOKEN_ENDPOINT": f"{self.url}/token", "GENERIC_USERINFO_ENDPOINT": f"{self.url}/userinfo"}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        at, server = urlparse(self.path), self.server
        asked = {name: values[0] for name, values in parse_qs(at.query).items()}
        if at.path in server.broken:
            return self.answer(*server.broken[at.path])
        if at.path == "/authorize":
            code = secrets.token_urlsafe()
            server.codes[code] = asked
            to = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            return self.answer(302, b"", location=to)
        user = server.tokens.get(self.headers.get("authorization", "").removeprefix("Bearer "))
        return self.answer(200, user | server.claims) if user else self.answer(401, {"error": "invalid_token"})

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        server.asked.append(form)
        if "/token" in server.broken:
            return self.answer(*server.broken["/token"])
        asked = server.codes.pop(form.get("code"), None)
        password = base64.b64decode(self.headers.get("authorization", "").removeprefix("Basic ")).decode().split(":")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        if (not asked or [unquote(p) for p in password] != [CLIENT, SECRET] or form["grant_type"] != "authorization_code"
                or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]):
            return self.answer(400, {"error": "invalid_grant"})
        token = secrets.token_urlsafe()
        server.tokens[token] = dict(server.user)
        answer = {"access_token": token, "token_type": "Bearer"}
        if server.id_token is not None:
            claims = {"iss": server.url, "sub": server.user["sub"], "aud": CLIENT, "nonce": asked["nonce"],
                      "exp": int(time.time()) + 300, **server.id_token}
            parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims)]
            answer["id_token"] = ".".join([*parts, ""])
        return self.answer(200, answer)
