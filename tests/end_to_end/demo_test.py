"""The demo as a newcomer runs it, except for installing and building: nine stories, each as the rule book says; and
with --keep, the commands that it prints work, and the one that ends it ends it."""

import os
import pathlib
import re
import select
import subprocess
import tempfile
import unittest
import urllib.request

from stage import BINARY, ROOT


class DemoTest(unittest.TestCase):
    def run_all(self, command, **more):
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, timeout=300, **more)

    def test_nine_stories_and_what_is_left_running(self):
        with tempfile.TemporaryDirectory(prefix="capbroker-demo-", ignore_cleanup_errors=True) as directory:
            os.chmod(directory, 0o755)  # PostgreSQL's own user has to enter.
            here = pathlib.Path(directory) / "here"
            try:
                done = self.run_all([ROOT / "deploy/demo", "--keep"],
                                    env=os.environ | {"CAPBROKER_BIN": BINARY, "CAPBROKER_DEMO": str(here),
                                                      # The offer of story 7 has to outlive a restart among other tests.
                                                      "CAPBROKER_DEMO_WINDOW": "20"})
                print(done.stdout, flush=True)
                self.assertEqual(done.returncode, 0)
                self.assertIn("9 of 9 stories as the rule book says", done.stdout)
                self.check_what_it_says(done.stdout.split("It is left running.")[1])
            finally:
                if (here / "end").exists():
                    broker = int(re.search(r"for pid in (\d+)", (here / "end").read_text())[1])
                    self.assertEqual(self.run_all([here / "end"]).returncode, 0)
                    self.assertFalse((here / "end").exists())
                    self.wait_for_end(broker)

    def check_what_it_says(self, said):
        """Runs every command that the demo prints in one shell; a watch runs until it is interrupted."""
        at = said.index("  source ")
        commands = [re.sub(r"\s+then `.*", "", command.strip())
                    for command in re.split(r"(?<!\\)\n", said[at:said.rindex("  /")]) if command.strip()]
        self.assertGreaterEqual(len(commands), 5, commands)
        self.assertTrue(any("buf curl" in command for command in commands), commands)
        psql = re.search(r"psql .*", said)[0] + ' -Atc "SELECT count(*) > 50 FROM decision"'
        script = "\n".join(command for command in [*commands, psql] if " watch " not in command)
        done = self.run_all(["bash", "-euo", "pipefail", "-c", script])
        self.assertEqual(done.returncode, 0, f"{script}\n{done.stdout}")
        self.assertRegex(done.stdout, r'"capacityRequests": \[')
        self.assertRegex(done.stdout, r"\nt\n$")
        with urllib.request.urlopen(re.search(r"console +(http://\S+)", said)[1], timeout=30) as page:
            self.assertIn("<title>", page.read().decode())

    def wait_for_end(self, pid):
        """The broker, which is no child of this process, has exited or is about to."""
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            self.assertTrue(select.select([process], [], [], 30)[0], "the broker has not ended")
        finally:
            os.close(process)


if __name__ == "__main__":
    unittest.main(verbosity=2)
