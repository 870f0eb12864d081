"""Checks the Dockerfile without running it: it names every library that the binary loads, and the version that is
built. tests/dockerfile replays it."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("CAPBROKER_BIN", str(ROOT / "build/dev/capbroker"))
TEXT = (ROOT / "Dockerfile").read_text()


def lines(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()


class Dockerfile(unittest.TestCase):
    @unittest.skipUnless(shutil.which("dpkg") and shutil.which("readelf"), "not on a Debian")
    def test_installs_every_library_that_the_binary_is_linked_with(self):
        wanted = {match.group(1) for line in lines("readelf", "-d", BINARY)
                  if (match := re.search(r"\(NEEDED\).*\[(.*)\]", line))}
        paths = {line.split()[0]: line.split()[2] for line in lines("ldd", BINARY) if " => /" in line}
        self.assertTrue(wanted)
        for library in wanted - {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1"}:  # Of every Debian.
            path = os.path.realpath(paths[library])
            # dpkg also knows a file by the path that it had before /lib became a link.
            found = lines("dpkg", "-S", path) or lines("dpkg", "-S", path.removeprefix("/usr"))
            package = found[0].split(":")[0]
            self.assertRegex(TEXT, rf"\s{re.escape(package)}\s", f"{library} is in {package}")

    def test_is_of_this_version(self):
        (version,) = re.findall(r"^project\(capbroker VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)
        self.assertIn(f'org.opencontainers.image.version="{version}"', TEXT)

    def test_is_pinned_and_not_root(self):
        self.assertEqual(re.findall(r"^FROM (\S+)", TEXT, re.M), ["debian:12", "debian:12-slim"])
        self.assertEqual(re.findall(r"^USER (\S+)", TEXT, re.M), ["10001:10001"])

    def test_the_health_check_is_a_verb_of_the_binary(self):
        (command,) = re.findall(r'^HEALTHCHECK .*CMD \["capbroker", (.*)\]', TEXT, re.M)
        words = [word.strip('"') for word in command.split(", ")]
        done = subprocess.run([BINARY, *words, "--target", "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3, done.stderr)  # Nobody is there: asked, and not refused as usage.


if __name__ == "__main__":
    unittest.main()
