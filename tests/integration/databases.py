"""The three databases, started here: on a free port of the loopback, with data in a folder of their
own, as a user without rights. Each has

    url          for database_url
    query(sql)   rows as tuples of strings (None: NULL); names in double quotes
    away()       a context in which it does not answer: killed, or (SQLite) locked by somebody else
"""

import contextlib
import csv
import io
import os
import pathlib
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse

from programs import free_port, wait_for

NULL = "\\N"


def tool(name, *folders):
    """A program of the servers', which Debian keeps out of PATH."""
    places = [shutil.which(name), *(str(f / name) for pattern in folders for f in sorted(pathlib.Path("/").glob(pattern)))]
    found = next((p for p in places if p and os.access(p, os.X_OK)), None)
    assert found, f"{name} is not installed"
    return found


class Server:
    """A server process and the folder of its data."""

    def __init__(self, kind):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"lintel-{kind}-"))
        self.user = "nobody" if os.getuid() == 0 else None
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        self.port = free_port()
        self.process = None

    def run(self, *command):
        done = subprocess.run(
            [str(c) for c in command], user=self.user, cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-3000:]}"

    def start(self, *command):
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(c) for c in command], user=self.user, cwd=self.folder, stdout=log, stderr=log
            )
        wait_for(self.answers, 60, f"{command[0]} answering")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "server.log").read_text(errors="replace")[-3000:]
        try:
            self.query("SELECT 1")
            return True
        except AssertionError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @contextlib.contextmanager
    def away(self):
        self.kill()
        try:
            yield
        finally:
            self.restart()

    def stop(self):
        self.process.send_signal(self.STOP)
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    kind = "postgresql"
    STOP = signal.SIGINT  # fast
    FOLDERS = ("usr/lib/postgresql/*/bin",)

    def __init__(self):
        super().__init__(self.kind)
        self.database = "postgres"
        self.run(tool("initdb", *self.FOLDERS), "-D", self.folder / "data", "-A", "trust", "-U", "lintel", "-N")
        self.restart()

    def restart(self):
        # Servers are killed, machines are not: nothing waits for a disk.
        settings = ("listen_addresses=127.0.0.1", "max_connections=40", "fsync=off")
        options = ("-p", self.port, "-k", self.folder, *(o for s in settings for o in ("-c", s)))
        # A killed postmaster's children may need a moment to see it.
        wait_for(lambda: not self.is_listening(), 30, "the killed server's children gone")
        (self.folder / "data/postmaster.pid").unlink(missing_ok=True)
        self.start(tool("postgres", *self.FOLDERS), "-D", self.folder / "data", *options)

    def is_listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def create(self, name):
        self.database = "postgres"
        self.query(f'CREATE DATABASE "{name}"')
        self.database = name

    @property
    def url(self):
        return f"postgresql://lintel@127.0.0.1:{self.port}/{self.database}?schema=public&connection_limit=10&pool_timeout=20"

    def psql(self, *arguments):
        command = [tool("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "lintel", "-d", self.database]
        done = subprocess.run(command + list(arguments), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, sql):
        out = self.psql("--csv", "-t", "-P", f"null={NULL}", "-c", sql)
        return [tuple(None if c == NULL else c for c in row) for row in csv.reader(io.StringIO(out))]


class Mariadb(Server):
    kind = "mysql"
    STOP = signal.SIGTERM
    FOLDERS = ("usr/sbin", "usr/libexec")

    def __init__(self):
        super().__init__(self.kind)
        self.database = "mysql"
        self.run(
            tool("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
        self.restart()
        self.query("CREATE USER 'lintel'@'%' IDENTIFIED BY 'p@ss/word'")
        self.query("GRANT ALL ON *.* TO 'lintel'@'%'")

    def restart(self):
        self.start(
            tool("mariadbd", *self.FOLDERS),
            "--no-defaults",
            f"--datadir={self.folder}/data",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            "--innodb-flush-log-at-trx-commit=2",  # written, but not waited for a disk
        )

    def create(self, name):
        self.query(f'CREATE DATABASE "{name}"')
        self.database = name

    @property
    def url(self):
        return f"mysql://lintel:{urllib.parse.quote('p@ss/word', safe='')}@127.0.0.1:{self.port}/{self.database}"

    def query(self, sql):
        command = [tool("mariadb"), "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u", "root", "-N", "-B"]
        text = f"SET sql_mode = 'ANSI_QUOTES'; {sql}"
        done = subprocess.run(command + [self.database, "-e", text], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [tuple(None if c == "NULL" else c for c in line.split("\t")) for line in done.stdout.splitlines()]


class Sqlite:
    kind = "sqlite"

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lintel-sqlite-"))
        self.file = None

    def create(self, name):
        self.file = self.folder / f"{name}.db"

    @property
    def url(self):
        return f"sqlite:///{self.file}"

    def query(self, sql):
        with contextlib.closing(sqlite3.connect(self.file, timeout=30)) as db:
            rows = db.execute(sql).fetchall()
            db.commit()
        return [tuple(None if c is None else str(c) for c in row) for row in rows]

    @contextlib.contextmanager
    def away(self):
        with contextlib.closing(sqlite3.connect(self.file, timeout=30, isolation_level=None)) as db:
            wait_for(lambda: self.lock(db), 30, "the lock")
            yield
            db.execute("ROLLBACK")

    @staticmethod
    def lock(db):
        try:
            db.execute("BEGIN EXCLUSIVE")
            return True
        except sqlite3.OperationalError:
            time.sleep(0.01)
            return False

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)


KINDS = {"sqlite": Sqlite, "postgresql": Postgres, "mysql": Mariadb}
