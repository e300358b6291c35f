"""A mail server: SMTP with STARTTLS and a login, which keeps what it is sent."""

import contextlib
import email
import email.policy
import socketserver
import ssl
import threading

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from programs import free_port, wait_for

USER, PASSWORD = "gateway", "mail-secret-4711"


class Mailbox:
    """`refusal`: what a message is answered with instead of being taken; `unknown`: addresses that it has none of;
    `raw`: messages as they came; `name`: whose certificate it shows."""

    def __init__(self, folder, starttls=True, name="localhost"):
        self.received, self.raw, self.logins, self.refusal, self.unknown = [], [], [], None, set()
        authority = trustme.CA()
        self.ca = folder / "mail-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        self.port = free_port()
        tls = {"tls_context": context, "require_starttls": True, "auth_required": True} if starttls else {}
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, authenticator=self.login, auth_require_tls=starttls, **tls
        )
        self.controller.start()

    def login(self, _server, _session, _envelope, _mechanism, data):
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD), handled=False)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address in self.unknown:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802
        self.raw.append(envelope.content)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.received.append((envelope.mail_from, envelope.rcpt_tos, message, session.ssl is not None))
        return self.refusal or "250 kept"

    def env(self, **more):
        return {
            "SMTP_HOST": "localhost",
            "SMTP_PORT": str(self.port),
            "SMTP_USERNAME": USER,
            "SMTP_PASSWORD": PASSWORD,
            "SMTP_SENDER_EMAIL": "gateway@example.org",
            "ALERT_EMAIL": "ada@example.org, lin@example.org",
            "SSL_CERT_FILE": str(self.ca),
            **more,
        }

    def wait(self, count=1, seconds=20):
        return wait_for(lambda: len(self.received) >= count and list(self.received), seconds, f"{count} e-mails")


@contextlib.contextmanager
def mailbox(folder, **options):
    box = Mailbox(folder, **options)
    try:
        yield box
    finally:
        box.controller.stop()


class Talker:
    """A mail server that says what it is told to (verb → answer), and keeps what it hears. Without a greeting it is
    silent until `released`."""

    def __init__(self, answers, greeting="220 here"):
        self.heard, self.called, self.released = bytearray(), threading.Event(), threading.Event()
        talker = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                talker.called.set()
                if not greeting:
                    talker.released.wait(60)
                    return
                with contextlib.suppress(OSError):
                    self.say(greeting)
                    for line in self.rfile:
                        talker.heard += line
                        self.say(answers.get(line.split()[0].decode(errors="replace").upper(), "502 what?"))

            def say(self, text):
                self.wfile.write(text.replace("\n", "\r\n").encode() + b"\r\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def talker(answers, **options):
    t = Talker(answers, **options)
    try:
        yield t
    finally:
        t.stop()
