"""The Debian package and its units: made by CPack from the build under test, unpacked, and run with the configuration
that it brings."""

import gzip
import os
import pathlib
import shutil
import socket
import subprocess
import unittest

from stage import BINARY, ROOT, Stage

UNITS = ["capbroker.service", "capbroker-verify.service", "capbroker-verify.timer"]
MOST_EXPOSED = 20  # Tenths, of 100 for a unit without any of systemd's protections.


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        build = pathlib.Path(BINARY).parent / "CPackConfig.cmake"
        if not build.exists() or not shutil.which("dpkg-shlibdeps") or not shutil.which("file"):
            raise unittest.SkipTest("want a build folder, and dpkg-dev and file, which deploy/install --tests installs")
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.here = cls.stage.directory
        done = run("cpack", "--config", build, "-B", cls.here / "package")
        if done.returncode != 0:
            raise AssertionError(done.stdout)
        (cls.package,) = (cls.here / "package").glob("*.deb")
        cls.root = cls.here / "root"
        run("dpkg-deb", "--raw-extract", cls.package, cls.root, check=True)

    def field(self, name):
        return run("dpkg-deb", "--field", self.package, name, check=True).stdout.strip()

    def test_it_names_the_libraries_that_the_binary_loads(self):
        depends = self.field("Depends")
        for library in ("libgrpc++1.51", "libpq5", "libpqxx-6.4", "libsystemd0", "adduser", "procps", "tzdata"):
            self.assertIn(library, depends)
        self.assertEqual(self.field("Version"), version())

    def test_it_holds_what_an_operator_needs(self):
        for file in ("usr/bin/capbroker", "etc/capbroker/capbroker.toml", "etc/capbroker/principals.yaml",
                     "usr/share/doc/capbroker/examples/agreements/openai-azure-v2.yaml",
                     "usr/share/doc/capbroker/copyright", "usr/share/doc/capbroker/operations.md",
                     "usr/share/bash-completion/completions/capbroker",
                     *(f"usr/lib/systemd/system/{unit}" for unit in UNITS)):
            self.assertTrue((self.root / file).is_file(), file)
        page = gzip.decompress((self.root / "usr/share/man/man1/capbroker.1.gz").read_bytes()).decode()
        self.assertIn(".TH CAPBROKER 1", page)
        sections = run("readelf", "--section-headers", self.root / "usr/bin/capbroker", check=True).stdout
        self.assertNotIn(".debug_info", sections)

    def test_configuration_survives_an_upgrade(self):
        kept = (self.root / "DEBIAN/conffiles").read_text().split()
        brought = [f"/{file.relative_to(self.root)}" for file in (self.root / "etc").rglob("*") if file.is_file()]
        self.assertEqual(sorted(kept), sorted(brought))

    def test_scripts_are_shell(self):
        for script in ("postinst", "prerm", "postrm"):
            path = self.root / "DEBIAN" / script
            self.assertTrue(os.access(path, os.X_OK), script)
            run("sh", "-n", path, check=True)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_units_are_sound(self):
        root = self.here / "machine"  # The units of ours among those of a machine.
        shutil.copytree("/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
        shutil.copytree(self.root / "usr", root / "usr", symlinks=True, dirs_exist_ok=True)
        (root / "bin").mkdir()
        (root / "bin/kill").touch(mode=0o755)  # procps's.
        done = run("systemd-analyze", "verify", "--man=no", f"--root={root}", *UNITS)
        ours = [line for line in done.stdout.splitlines() if "capbroker" in line]
        self.assertEqual((done.returncode, ours), (0, []), done.stdout)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_units_are_closed_in(self):
        for unit in UNITS[:2]:
            done = run("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSED}",
                       f"--root={self.root}", unit)
            self.assertEqual(done.returncode, 0, done.stdout)

    def settings(self, unit):
        lines = (self.root / "usr/lib/systemd/system" / unit).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def start(self, unit, **environment):
        """What the unit starts, with the package's configuration, on this stage's database."""
        command = self.settings(unit)["ExecStart"].replace("%S/capbroker", str(self.here)).split()
        name, path = self.settings(unit)["Environment"].split("=", 1)
        self.assertEqual((command[0], name), ("/usr/bin/capbroker", "CAPBROKER_CONFIG"))
        text = (self.root / path.lstrip("/")).read_text()
        text = text.replace('"host=/run/postgresql dbname=capbroker user=capbroker"', f'"{self.stage.database}"')
        text = text.replace("/etc/capbroker", str(self.root / "etc/capbroker")).replace("127.0.0.1:7420", "127.0.0.1:0")
        file = self.here / "capbroker.toml"
        file.write_text(text)
        process = subprocess.Popen([BINARY, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, name: str(file), **environment})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.stage.started.append(process)
        return process

    def test_the_units_run_with_the_configuration_beside_them(self):
        self.stage.run("migrate", "--database", self.stage.database)
        path = self.here / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.settimeout(60)
            broker = self.start("capbroker.service", NOTIFY_SOCKET=str(path), CAPBROKER_SERVE_ADMIN_LISTEN="127.0.0.1:0")
            said = broker.stdout.readline() or broker.stderr.read()
            self.assertRegex(said, r"^ready listen=127\.0\.0\.1:\d+ admin=127\.0\.0\.1:\d+$")
            while "READY=1" not in notify.recv(4096).decode():  # It says what it waits for, too.
                pass
            verify = self.start("capbroker-verify.service")
            said, fault = verify.communicate(timeout=60)
            self.assertEqual(verify.returncode, 0, said + fault)
            self.assertIn("\ncapbroker_verify_findings 0\n", (self.here / "verify.prom").read_text())
            broker.terminate()
            broker.wait(60)

    def test_what_no_restart_mends_is_not_restarted(self):
        unit = self.settings("capbroker.service")
        self.assertEqual(unit["RestartPreventExitStatus"].split(), ["2", "12"])
        wrong = self.start("capbroker.service", CAPBROKER_SERVE_LOG_LEVEL="loud")
        _, fault = wrong.communicate(timeout=60)
        self.assertEqual(wrong.returncode, 2, fault)


def version():
    for line in (ROOT / "CMakeLists.txt").read_text().splitlines():
        if line.startswith("project(capbroker VERSION "):
            return line.split()[2]
    raise AssertionError("CMakeLists.txt says no version")


if __name__ == "__main__":
    unittest.main(verbosity=2)
