"""A stand-in for everything of AWS that hands out credentials, and for Bedrock and Secrets Manager,
which are given them.

One HTTP server plays the metadata service of an instance, the endpoint of a container, STS, IAM
Identity Center (portal and OIDC) and Bedrock's Converse; what it was asked is in `calls`. Signatures
are checked with botocore's own signer. The credentials it gives follow from what it was asked, so two
askers that say the same get the same.
"""

import base64
import datetime
import hashlib
import http.server
import json
import ssl
import threading
import time
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
    "metrics": {"latencyMs": 1},
}
SSO_TOKEN = "sso-access-token"


def made(*parts):
    """Credentials that follow from `parts`."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
    return {"id": "ASIA" + digest[:16].upper(), "secret": digest[16:56], "token": "token-" + digest[8:40]}


class Cloud:
    def __init__(self, certificate=None):
        self.calls = []  # (what, detail)
        self.secrets = {}  # access key id → (secret, token)
        self.lifetime = 3600
        self.container_token = None  # what the container's endpoint wants as Authorization
        self.instance_role = "instance-role"  # None: the instance has none
        self.instance_v2 = True  # False: the metadata service knows no session tokens
        self.instance_code = "Success"
        self.serial = None  # a number that makes the credentials of every answer others
        self.failing = {}  # what → status that it answers with
        self.revoked = set()  # access key ids that Bedrock does not know any more
        self.clock = 0  # how far the servers' clock is ahead of ours, seconds
        self.bearer = None
        self.kept = {}  # of Secrets Manager: name → text, bytes, or the code of an error as an Exception
        self.hiccups = []  # of Secrets Manager: seconds to wait, or a status, for one call each
        self.delay = 0
        self.lock = threading.Lock()
        cloud = self

        class Handler(CloudHandler):
            def __init__(self, *arguments):
                self.cloud = cloud
                super().__init__(*arguments)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        if certificate:  # a file with it and its key
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = self.url.replace("http:", "https:")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def know(self, access_key_id, secret, token=None):
        self.secrets[access_key_id] = (secret, token)

    def give(self, *parts):
        if self.serial is not None:
            with self.lock:
                self.serial += 1
                parts += (self.serial,)
        found = made(*parts)
        self.know(found["id"], found["secret"], found["token"])
        return found

    def count(self, what):
        return sum(1 for call in list(self.calls) if call[0] == what)

    def last(self, what):
        return [call for call in list(self.calls) if call[0] == what][-1][1]

    def now(self):
        return time.time() + self.clock

    def expiry(self):
        return datetime.datetime.fromtimestamp(self.now() + self.lifetime, datetime.timezone.utc)


class CloudHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.cloud.now())

    def note(self, what, detail=None):
        self.cloud.calls.append((what, detail))
        if self.cloud.delay:
            time.sleep(self.cloud.delay)
        status = self.cloud.failing.get(what)
        if status:
            self.answer(status, f"{what} fails on purpose")
        return not status

    def answer(self, status, body, kind="text/plain", headers=()):
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def answer_json(self, value, status=200, headers=()):
        self.answer(status, json.dumps(value), "application/json", headers)

    # ---- requests

    def parse_request(self):
        """As a proxy it is asked by whole URLs."""
        good = super().parse_request()
        if good and self.path.startswith("http://"):
            self.cloud.calls.append(("proxied", self.path))
            self.path = "/" + self.path.split("/", 3)[3]
        return good

    def do_PUT(self):
        self.body()
        if self.path == "/latest/api/token" and self.note("imds-token"):
            if self.cloud.instance_v2:
                self.answer(200, "session-token")
            else:
                self.answer(403, "")

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path.startswith("/latest/meta-data/iam/security-credentials/"):
            self.instance(path.rpartition("/")[2])
        elif path.startswith("/container"):
            self.container()
        elif path == "/federation/credentials":
            self.portal()
        else:
            self.answer(404, "")

    def do_POST(self):
        body = self.body()
        if self.path == "/token":
            self.create_token(json.loads(body))
        elif self.path.startswith("/model/"):
            self.bedrock(body)
        elif self.path == "/" and "X-Amz-Target" in self.headers:
            self.secret(body)
        elif self.path == "/":
            self.sts(body)
        else:
            self.answer(404, "")

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    # ---- metadata

    def instance(self, role):
        cloud = self.cloud
        if cloud.instance_v2 and self.headers.get("x-aws-ec2-metadata-token") != "session-token":
            self.answer(401, "")
        elif not role:
            if self.note("imds-role"):
                self.answer(200 if cloud.instance_role else 404, cloud.instance_role or "")
        elif self.note("imds-credentials", role):
            self.answer_json(
                {"Code": cloud.instance_code, "Message": "as told", **self.named(cloud.give("imds", role))}
            )

    def named(self, found, token="Token"):
        return {
            "AccessKeyId": found["id"],
            "SecretAccessKey": found["secret"],
            token: found["token"],
            "Expiration": self.cloud.expiry().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def container(self):
        authorization = self.headers.get("Authorization")
        if not self.note("container", authorization):
            return
        if authorization != self.cloud.container_token:
            self.answer_json({"message": "not authorized"}, 401)
        else:
            self.answer_json(self.named(self.cloud.give("container", self.path)))

    # ---- SSO

    def portal(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        if not self.note("portal", query):
            return
        if self.headers.get("x-amz-sso_bearer_token") not in (SSO_TOKEN, "renewed-token"):
            self.answer_json(
                {"message": "Session token not found or invalid"},
                401,
                [("x-amzn-ErrorType", "UnauthorizedException")],
            )
            return
        found = self.cloud.give("sso", query["role_name"], query["account_id"])
        self.answer_json(
            {
                "roleCredentials": {
                    "accessKeyId": found["id"],
                    "secretAccessKey": found["secret"],
                    "sessionToken": found["token"],
                    "expiration": int(self.cloud.expiry().timestamp() * 1000),
                }
            }
        )

    def create_token(self, body):
        if not self.note("create-token", body):
            return
        self.answer_json(
            {
                "accessToken": "renewed-token",
                "expiresIn": 3600,
                "refreshToken": "next-refresh",
                "tokenType": "Bearer",
            }
        )

    # ---- signatures

    def signer(self, body, service):
        """(access key id, None), or (…, code) when the signature is not right."""
        given = self.headers.get("Authorization", "")
        if not given.startswith("AWS4-HMAC-SHA256 "):
            return None, "MissingAuthenticationToken"
        parts = dict(p.strip().split("=", 1) for p in given.split(" ", 1)[1].split(","))
        key, _, region, signed_for, _ = parts["Credential"].split("/")
        secret, token = self.cloud.secrets.get(key, (None, None))
        if not secret or key in self.cloud.revoked:
            return key, "UnrecognizedClientException"
        if (self.headers.get("X-Amz-Security-Token") or None) != token or signed_for != service:
            return key, "InvalidClientTokenId"
        date = datetime.datetime.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        if abs(date.replace(tzinfo=datetime.timezone.utc).timestamp() - self.cloud.now()) > 300:
            return key, "InvalidSignatureException"
        names = parts["SignedHeaders"].split(";")
        request = AWSRequest(
            self.command, f"http://{self.headers['Host']}{self.path}", data=body, headers={}
        )
        for name in names:
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        signer = SigV4Auth(Credentials(key, secret, token), service, region)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        good = signer.signature(text, request) == parts["Signature"]
        return key, None if good else "InvalidSignatureException"

    # ---- STS

    def sts(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action = form["Action"]
        key, error = self.signer(body, "sts")
        web = action == "AssumeRoleWithWebIdentity"
        if not self.note(action, {**form, "by": None if web else key}):
            return
        if error and not web:
            self.sts_error(403, error, f"Signature refused & {error}")
        elif action == "GetCallerIdentity":
            self.answer(
                200,
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:"
                "assumed-role/own-role/session</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>",
                "text/xml",
            )
        elif form["RoleArn"].endswith("forbidden"):
            self.sts_error(
                403, "AccessDenied", f"User: {key} is not authorized to perform: sts:AssumeRole"
            )
        else:
            self.assumed(action, form, form["WebIdentityToken"] if web else key)

    def assumed(self, action, form, who):
        shown = {k: v for k, v in form.items() if k not in ("RoleSessionName", "WebIdentityToken")}
        found = self.cloud.give(action, who, json.dumps(shown, sort_keys=True))
        self.answer(
            200,
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
            f"<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>"
            f"</AssumedRoleUser><Credentials><AccessKeyId>{found['id']}</AccessKeyId>"
            f"<SecretAccessKey>{found['secret']}</SecretAccessKey>"
            f"<SessionToken>{found['token']}</SessionToken>"
            f"<Expiration>{self.cloud.expiry().strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration></Credentials>"
            f"</{action}Result></{action}Response>",
            "text/xml",
        )

    def sts_error(self, status, code, message):
        message = message.replace("&", "&amp;")
        self.answer(
            status,
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
            "</Error></ErrorResponse>",
            "text/xml",
        )

    # ---- Bedrock

    def bedrock(self, body):
        given = self.headers.get("Authorization", "")
        if given.startswith("Bearer "):
            key, error = None, None if given == f"Bearer {self.cloud.bearer}" else "AccessDeniedException"
        else:
            key, error = self.signer(body, "bedrock")
        if not self.note("bedrock", {"key": key, "error": error, "token": given[7:] if not key else None}):
            return
        if error:
            self.answer_json({"message": f"refused: {error}"}, 403, [("x-amzn-ErrorType", error)])
        else:
            self.answer_json(ANSWER)

    # ---- Secrets Manager (JSON 1.1: the code of an error is in the body)

    def secret(self, body):
        key, error = self.signer(body, "secretsmanager")
        name = json.loads(body)["SecretId"]
        headers = {k.lower(): v for k, v in self.headers.items()}
        if not self.note("secret", {"name": name, "by": key, "path": self.path, "body": json.loads(body), "headers": headers}):
            return
        hiccup = self.cloud.hiccups.pop(0) if self.cloud.hiccups else 0
        kept = self.cloud.kept.get(name, Exception("ResourceNotFoundException"))
        if hiccup >= 400:
            self.secret_error("InternalServiceError", hiccup)
        elif error or isinstance(kept, Exception):
            self.secret_error(error or str(kept))
        else:
            time.sleep(hiccup)
            value = {"SecretString": kept} if isinstance(kept, str) else {"SecretBinary": base64.b64encode(kept).decode()}
            self.answer_json({"ARN": f"arn:aws:secretsmanager:us-east-1:1:secret:{name}-AbCdEf", "Name": name, **value})

    def secret_error(self, code, status=400):
        self.answer(status, json.dumps({"__type": code, "Message": f"as told:\n{code}"}), "application/x-amz-json-1.1")
