"""A mail server: SMTP with STARTTLS and a login, which keeps what it is sent."""

import contextlib
import email
import email.policy
import ssl

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from programs import free_port, wait_for

USER, PASSWORD = "gateway", "mail-secret-4711"


class Mailbox:
    """`refusal`: what a message is answered with instead of being taken."""

    def __init__(self, folder, starttls=True):
        self.received, self.logins, self.refusal = [], [], None
        authority = trustme.CA()
        self.ca = folder / "mail-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self.port = free_port()
        tls = {"tls_context": context, "require_starttls": True, "auth_required": True} if starttls else {}
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, authenticator=self.login, auth_require_tls=starttls, **tls
        )
        self.controller.start()

    def login(self, _server, _session, _envelope, _mechanism, data):
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD), handled=False)

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802
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
