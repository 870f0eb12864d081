"""Real processes for the end-to-end tests: a private PostgreSQL, a broker, and the command line as its clients."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CAPBROKER_BIN", str(ROOT / "build/dev/capbroker"))
PARTIES = ["operator/ada", "auditor/lex", "owner/openai", "owner/other", "provider/azure", "provider/stargate-oracle",
           "provider/coreweave"]
PROVIDERS = ["azure", "stargate-oracle", "coreweave"]


class Stage:
    """Everything lives below one directory of its own, and ends with close()."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="capbroker-"))
        self.directory.chmod(0o755)  # PostgreSQL's own user has to enter.
        self.cluster = self.directory / "pg"
        self.tokens = self.directory / "tokens"
        self.tokens.mkdir()
        self.target = self.admin = ""
        self.broker = None
        self.started = []
        self.database = self.postgres("start")

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.postgres("kill", check=False)
        shutil.rmtree(self.directory)

    def postgres(self, verb, check=True):
        done = subprocess.run([ROOT / "deploy/postgres", verb, self.cluster], stdout=subprocess.PIPE, text=True,
                              check=check)
        return done.stdout.strip()

    def set_up(self, windows="5m"):
        """A migrated database, a broker, the providers, and the seed story's agreement with these windows."""
        self.run("migrate", "--database", self.database)
        lines = []
        for party in PARTIES:
            role, name = party.split("/")
            out = self.run("token", "--role", role, "--name", name).stdout.splitlines()
            (self.tokens / f"{role}-{name}").write_text(next(line for line in out if line.startswith("cb_")))
            lines += [line for line in out if line.startswith("- ")]
        (self.directory / "principals.yaml").write_text("\n".join(lines) + "\n")
        self.start_broker()
        for provider in PROVIDERS:
            self.run("provider", "register", provider, who="operator-ada")
        for version in (1, 2):
            text = (ROOT / f"deploy/agreements/openai-azure-v{version}.yaml").read_text()
            file = self.directory / f"v{version}.yaml"
            file.write_text(text.replace("window: 3d", f"window: {windows}"))
            self.run("agreement", "apply", file, who="operator-ada")

    def serve_command(self):
        """Starts the broker, on the ports that it had before if it ran before."""
        return self.replica_command(self.target or "127.0.0.1:0", self.admin or "127.0.0.1:0")

    def replica_command(self, listen="127.0.0.1:0", admin="127.0.0.1:0"):
        return [BINARY, "serve", "--database", self.database, "--listen", listen, "--admin-listen", admin,
                "--insecure-loopback", "--principals", self.directory / "principals.yaml"]

    def start_broker(self):
        """Returns once the broker serves; on the same ports as before."""
        log = open(self.directory / "broker.log", "a")
        self.broker = subprocess.Popen(self.serve_command(), stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        self.started.append(self.broker)
        for line in self.broker.stdout:
            found = re.match(r"ready listen=(\S+) admin=(\S+)", line)
            if found:
                self.target, self.admin = found.groups()
                return
        raise AssertionError("the broker ended: " + (self.directory / "broker.log").read_text()[-2000:])

    def kill_broker(self):
        self.broker.send_signal(signal.SIGKILL)
        self.broker.wait()
        self.broker.stdout.close()

    def command(self, *arguments, who=""):
        command = [BINARY, *map(str, arguments)]
        if who:
            command += ["--target", self.target, "--token-file", self.tokens / who]
        return command

    def run(self, *arguments, who="", want=0, timeout=120):
        """Runs capbroker as this party. `want` is the exit code; None accepts any."""
        done = subprocess.run(self.command(*arguments, who=who), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout)
        if want is not None and done.returncode != want:
            raise AssertionError(f"{arguments}: exit {done.returncode}, want {want}\n{done.stdout}{done.stderr}")
        return done

    def start(self, *arguments, who=""):
        """Starts capbroker as this party, with its output in a pipe."""
        process = subprocess.Popen(self.command(*arguments, who=who), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True)
        self.started.append(process)
        return process

    def acts(self, *arguments):
        """The canonical acts, as the API lists them."""
        done = self.run("decisions", "list", "--limit", "0", "--output", "json", *arguments, who="auditor-lex")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def last_sequence(self, owner="openai"):
        done = self.run("decisions", "list", "--owner", owner, "--newest", "--limit", "1", "--output", "json",
                        who="auditor-lex")
        return json.loads(done.stdout)["sequence"] if done.stdout.strip() else 0

    def create(self, *arguments, quantity=8000, workload="PRODUCT_INFERENCE", who="owner-openai", want=0):
        """Creates a request; returns its name, or the finished process where `want` is not 0."""
        done = self.run("request", "create", "--owner", "openai", "--resource", "h100", "--region", "us-east",
                        "--quantity", quantity, "--unit", "gpu", "--start", "+60d", "--end", "+90d", "--price",
                        "2.5 USD", "--class", workload, "--splittable", "--output", "json", *arguments, who=who,
                        want=want)
        return json.loads(done.stdout)["name"] if want == 0 else done


def kinds(acts):
    return [decision["kind"] for act in acts for decision in act["decisions"]]


class StageTest(unittest.TestCase):
    """One stage for the tests of a class."""

    windows = "5m"

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.stage.set_up(cls.windows)
