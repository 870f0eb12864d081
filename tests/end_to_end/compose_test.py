"""deploy/compose.yaml: how docker-compose reads it, and its services, run one after the other on this machine with the
commands and the environment of the file. Only addresses and folders differ, and PostgreSQL is reached by its socket
instead of with TLS."""

import os
import re
import shutil
import subprocess
import unittest

import yaml

from package_test import version
from stage import BINARY, ROOT, Stage

FILE = ROOT / "deploy/compose.yaml"
OURS = f"capbroker:{version()}"


def configuration():
    done = subprocess.run(["docker-compose", "-f", FILE, "config"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return yaml.safe_load(done.stdout)


@unittest.skipUnless(shutil.which("docker-compose"), "no docker-compose here")
class ComposeFileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.services = configuration()["services"]

    def test_images_are_pinned(self):
        for name, service in self.services.items():
            self.assertRegex(service["image"], r"^[a-z/]+:v?\d+\.\d+", name)
            if "capbroker" in service["image"]:
                self.assertEqual(service["image"], OURS, name)

    def test_ports_are_this_machines_alone(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(str(port).startswith("127.0.0.1:"), f"{name}: {port}")

    def test_what_is_mounted_is_there(self):
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("/"):
                    with self.subTest(service=name):
                        if not (ROOT / "deploy" / name).exists() and name in ("grafana", "prometheus"):
                            self.skipTest(f"no deploy/{name} yet")
                        self.assertTrue(os.path.exists(source), source)

    def test_no_secret_stands_in_it(self):
        for name, service in self.services.items():
            for key, value in service.get("environment", {}).items():
                secret = re.search("PASSWORD|TOKEN|SECRET|KEY", key)
                self.assertFalse(secret and not str(value).startswith("/identities/"), f"{name}: {key}")

    def test_our_services_have_no_rights_to_spare(self):
        for name, service in self.services.items():
            if service["image"] != OURS:
                continue
            self.assertTrue(service["read_only"], name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)


@unittest.skipUnless(shutil.which("docker-compose") and shutil.which("openssl"), "no docker-compose or openssl here")
class ComposeRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.services = configuration()["services"]
        cls.identities = cls.stage.directory / "identities"
        cls.identities.mkdir()
        cls.target = ""

    def here(self, text):
        """A word of compose.yaml, translated to this machine."""
        for inside, here in (("identities", self.identities), ("compose", ROOT / "deploy/compose"),
                             ("agreements", ROOT / "deploy/agreements")):
            text = re.sub(rf"(?<![\w/])/{inside}(?=[/ ]|$)", str(here), text)
        text = text.replace("0.0.0.0:7420", "127.0.0.1:0")
        text = re.sub(r"host=postgres (.*?) sslmode=verify-full sslrootcert=\S+", rf"host={self.stage.cluster} \1", text)
        return re.sub(r"^(broker|localhost):7420$", f"localhost:{self.target.rpartition(':')[2]}", text)

    def service(self, name, *more, environment=None, command=None):
        """A service's command line, and its environment."""
        service = self.services[name]
        words = command or [*service.get("entrypoint", ["capbroker"]), *service.get("command", [])]
        words = [BINARY if word == "capbroker" else self.here(word) for word in words]
        values = {key: self.here(str(value)) for key, value in service.get("environment", {}).items()}
        return [*words, *more], {**os.environ, "CAPBROKER_BIN": BINARY, **values, **(environment or {})}

    def run_service(self, name, *more, **options):
        command, environment = self.service(name, *more, **options)
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}")
        return done.stdout

    def start_service(self, name, **options):
        command, environment = self.service(name, **options)
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.stage.started.append(process)
        return process

    def test_from_nothing_to_a_load_that_is_placed(self):
        self.run_service("identities")
        made = (self.identities / "openai/token").read_text()
        self.run_service("identities")
        self.assertEqual((self.identities / "openai/token").read_text(), made, "made once")
        for file in self.identities.rglob("*"):
            if re.search(r"key|password|pgpass|token", file.name):
                self.assertEqual(file.stat().st_mode & 0o077, 0, f"{file} can be read by others")
        self.assertFalse(list(self.identities.rglob("ca.key")), "nobody can make more certificates")

        self.assertIn("0001_trail", self.run_service("migrate"))
        self.run_service("grants")
        self.run_service("grants")  # As after an upgrade.
        broker = self.start_service("broker", environment={"CAPBROKER_SERVE_ADMIN_LISTEN": "127.0.0.1:0"})
        found = re.match(r"ready listen=(\S+)", broker.stdout.readline())
        self.assertTrue(found, "the broker ended")
        type(self).target = found.group(1)
        while self.health().returncode == 1:  # Follows by a tenth of a second.
            self.assertIsNone(broker.poll())
        self.assertEqual(self.health().returncode, 0)

        self.run_service("setup")
        self.run_service("setup")  # As when it is brought up again.
        for desk in ("azure", "stargate-oracle", "coreweave"):
            self.start_service(desk)
        command = self.services["load"]["command"]
        command[command.index("--requests") + 1] = "8"
        said = self.run_service("load")
        self.assertRegex(said, r"^8 requests .* 0 failed; ")
        self.assertRegex(said, r"; no faults\n")
        self.stage.run("decisions", "verify", "--database", self.stage.database)

        stranger, environment = self.service("coreweave", command=["capbroker", "offer", "list", "--provider", "azure"])
        done = subprocess.run(stranger, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("coreweave", done.stdout)  # Known by its certificate, and refused.

        wrote = subprocess.run(["psql", "-X", f"host={self.stage.cluster} user=broker dbname=capbroker", "-c", "DELETE FROM act"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("permission denied", wrote.stderr)

    def health(self):
        command, environment = self.service("broker", command=["capbroker", "health", "--deadline", "20s"])
        return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
