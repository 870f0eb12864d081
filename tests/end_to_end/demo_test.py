"""The demo as a newcomer runs it, but for installing and building: seven stories, each as the rule book says."""

import os
import subprocess
import tempfile
import unittest

from stage import BINARY, ROOT


class DemoTest(unittest.TestCase):
    def test_seven_stories(self):
        with tempfile.TemporaryDirectory(prefix="capbroker-demo-") as directory:
            os.chmod(directory, 0o755)  # PostgreSQL's own user has to enter.
            done = subprocess.run([ROOT / "deploy/demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env=os.environ | {"CAPBROKER_BIN": BINARY, "CAPBROKER_DEMO": directory + "/here"},
                                  stdin=subprocess.DEVNULL, timeout=300)
        print(done.stdout, flush=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn("7 of 7 stories as the rule book says", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
