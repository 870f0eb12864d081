"""A broker for tests that attack its listener, a party that is known to it, and what can be seen of it meanwhile."""

import pathlib
import re
import subprocess
import urllib.error
import urllib.request

import attacks
from http2 import Connection, Gone
from stage import Stage


class AttackStage(Stage):
    """Serves when it is made. `limit` is that of its descriptors, soft and hard."""

    def __init__(self, *flags, tls=False, limit=None):
        super().__init__()
        self.flags, self.tls, self.limit = [*map(str, flags)], tls, limit
        self.run("migrate", "--database", self.database)
        out = self.run("token", "--role", "operator", "--name", "ada").stdout.splitlines()
        self.token = next(line for line in out if line.startswith("cb_"))
        (self.tokens / "operator-ada").write_text(self.token)
        (self.directory / "principals.yaml").write_text(next(line for line in out if line.startswith("- ")) + "\n")
        if tls:
            self.make_certificates()
        self.start_broker()

    def make_certificates(self):
        """A certificate of the broker's, signed by itself, and an authority that has signed no caller."""
        for name in ("broker", "authority"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost",
                            "-keyout", self.directory / f"{name}.key", "-out", self.directory / f"{name}.crt"],
                           check=True, stderr=subprocess.DEVNULL)
        self.flags += ["--tls-cert", self.directory / "broker.crt", "--tls-key", self.directory / "broker.key",
                       "--tls-client-ca", self.directory / "authority.crt"]

    def serve_command(self):
        command = super().serve_command()
        if self.tls:
            command.remove("--insecure-loopback")
        command += self.flags
        if self.limit:
            command = ["prlimit", f"--nofile={self.limit}:{self.limit}", *command]
        return command

    def connect(self):
        return Connection(self.target, attacks.client_tls() if self.tls else None)

    def who(self, connection):
        """A call of the known party."""
        _, answer = connection.call(attacks.WHO, b"", self.token)
        if answer.get("grpc-status") != "0":
            raise AssertionError(f"a known caller got {answer}")

    def serves(self):
        """Whether it answers over a new connection, and says that it does. It has a few seconds to come to itself."""
        for _ in range(50):
            try:
                with Connection(self.target, attacks.client_tls() if self.tls else None, timeout=2) as connection:
                    self.who(connection)
                if self.page("readyz")[0] == 200:
                    return True
            except (OSError, Gone, AssertionError):
                pass
            try:
                self.broker.wait(0.2)
                return False
            except subprocess.TimeoutExpired:
                pass
        return False

    def page(self, name):
        try:
            with urllib.request.urlopen(f"http://{self.admin}/{name}", timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def closed(self, reason):
        """How many connections the broker has closed for this reason."""
        found = re.search(rf'capbroker_connections_closed_total{{reason="{reason}"}} (\d+)', self.page("metrics")[1])
        return int(found[1])

    def alive(self):
        return self.broker.poll() is None

    def memory(self):
        """Bytes resident."""
        try:
            status = pathlib.Path(f"/proc/{self.broker.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def descriptors(self):
        """That are open."""
        return len(list(pathlib.Path(f"/proc/{self.broker.pid}/fd").iterdir()))

    def log_bytes(self):
        return (self.directory / "broker.log").stat().st_size

    def log(self):
        return (self.directory / "broker.log").read_text()
