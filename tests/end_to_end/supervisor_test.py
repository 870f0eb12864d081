"""What the broker tells its supervisor, and a probe that asks it: READY=1 only when it serves, a sign of life while it
does, STOPPING=1 before it ends."""

import os
import re
import signal
import socket
import subprocess
import time
import unittest

from stage import Stage


class SupervisorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.stage.run("migrate", "--database", cls.stage.database)
        (cls.stage.directory / "principals.yaml").write_text("[]\n")

    def setUp(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        path = self.stage.directory / f"notify-{self.id().rsplit('.', 1)[1]}"
        self.socket.bind(str(path))
        self.socket.settimeout(60)
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(path)}
        self.environment.pop("WATCHDOG_PID", None)

    def serve(self, name):
        process = subprocess.Popen([*self.stage.serve_command(), "--name", name], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.environment)
        self.stage.started.append(process)
        self.addCleanup(process.stderr.close)
        return process

    def until(self, wanted):
        """The notifications up to the first one with this line."""
        told = []
        while not told or wanted not in told[-1]:
            told.append(self.socket.recv(4096).decode().split("\n"))
        return told

    def listening(self, process):
        """The ports (API, admin), which are open before it serves."""
        for line in process.stderr:
            found = re.search(r"listening on (\S+), admin (\S+),", line)
            if found:
                return found.groups()
        raise AssertionError("it ended")

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, log)

    def health(self, target):
        return self.stage.run("health", "--target", target, "--deadline", "20s", want=None)

    def until_healthy(self, target):
        """The health service follows the sequencer within a tenth of a second."""
        end = time.monotonic() + 30
        while (asked := self.health(target)).returncode == 1 and time.monotonic() < end:
            pass
        self.assertEqual((asked.returncode, asked.stdout), (0, "SERVING\n"))

    def test_ready_when_it_serves_and_stopping_when_it_goes(self):
        process = self.serve("a")
        target, _ = self.listening(process)
        self.until("READY=1")
        self.assertIn("ready listen=", process.stdout.readline())  # Said before, so there to be read.
        self.until_healthy(target)
        self.end(process)
        told = [line for message in self.until("STOPPING=1") for line in message]
        self.assertNotIn("READY=1", told)
        self.assertEqual(self.health(target).returncode, 3)

    def test_a_standby_is_not_ready_until_it_takes_over(self):
        first = self.serve("a")
        self.until("READY=1")
        second = self.serve("b")
        target, _ = self.listening(second)
        told = self.socket.recv(4096).decode()
        self.assertRegex(told, r"^STATUS=not serving: ")
        asked = self.health(target)
        self.assertEqual((asked.returncode, asked.stdout), (1, "NOT_SERVING\n"))
        self.end(first)
        told = self.until("STOPPING=1") + self.until("READY=1")
        self.assertEqual(sum("READY=1" in message for message in told), 1)
        self.until_healthy(target)
        self.end(second)

    def test_signs_of_life(self):
        self.environment["WATCHDOG_USEC"] = "400000"
        process = self.serve("a")
        for _ in range(3):
            self.until("WATCHDOG=1")
        self.end(process)

    def test_no_signs_where_nobody_waits_for_them(self):
        process = self.serve("a")
        told = self.until("READY=1")
        self.end(process)
        told += self.until("STOPPING=1")
        self.assertFalse([message for message in told if "WATCHDOG=1" in message])


if __name__ == "__main__":
    unittest.main(verbosity=2)
