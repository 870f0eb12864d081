"""The console in a real browser: console_story.mjs clicks through the story, and asks this test for the rest."""

import http.client
import json
import os
import pathlib
import re
import subprocess
import unittest

from stage import ROOT, StageTest



class Parties:
    """What the story needs besides clicks: the parties that have no browser, and restarts of the broker."""

    def __init__(self, stage):
        self.stage = stage

    def create(self, quantity):
        return self.stage.create("--provider", "stargate-oracle", "--provider", "coreweave", "--step-window", "10m",
                                 quantity=quantity)

    def decline(self, request, number, who):
        self.stage.run("offer", "decline", f"{request}/offers/{number}", "--reason", "PRICE", who=who)

    def checkpoint(self):
        done = self.stage.run("decisions", "checkpoint", "--owner", "openai", who="auditor-lex")
        return re.search(r"hash +([0-9a-f]{64})", done.stdout)[1]

    def verify(self, file):
        return self.stage.run("decisions", "verify", file, "--head", self.checkpoint()).stdout

    def kill(self):
        self.stage.kill_broker()

    def start(self):
        self.stage.start_broker()


class ConsoleTest(StageTest):
    windows = "10m"

    def test_the_story(self):
        tokens = {path.name: path.read_text().strip() for path in self.stage.tokens.iterdir()}
        story = subprocess.Popen(["node", pathlib.Path(__file__).with_name("console_story.mjs")], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, env=os.environ | {
                                     "CONSOLE": f"http://{self.stage.admin}", "TOKENS": json.dumps(tokens),
                                     "TOOLS": str(ROOT / "build/tools"), "SCRATCH": str(self.stage.directory)})
        self.stage.started.append(story)
        parties, checked = Parties(self.stage), 0
        for line in story.stdout:
            asked = json.loads(line)
            if "ok" in asked:
                checked += 1
                print(f"  {asked['ok']}", flush=True)
                continue
            answer = getattr(parties, asked["do"])(*asked["with"])
            story.stdin.write(json.dumps(answer) + "\n")
            story.stdin.flush()
        story.stdin.close()
        self.assertEqual(story.wait(), 0, "the story did not come to its end; why stands above")
        self.assertEqual(checked, 13)

    def test_elsewhere_than_on_this_machine_it_needs_a_name(self):
        for more, want in ((["--console-host", "console.example"], 200), ([], 404), (["--no-console"], 404)):
            with self.subTest(more):
                command = self.stage.serve_command() + more
                command[command.index("--listen") + 1] = "127.0.0.1:0"
                # The host of this machine under another name, so that nobody else reaches it while this test runs.
                command[command.index("--admin-listen") + 1] = ("127.0.0.1:0" if more == ["--no-console"]
                                                                else "[::ffff:127.0.0.1]:0")
                command += ["--name", "second"]  # It stands by, with its admin port open.
                process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                try:
                    line = next(line for line in process.stderr if "listening on" in line)
                    port = int(re.search(r"admin \S+:(\d+),", line)[1])
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                    connection.request("GET", "/")
                    self.assertEqual(connection.getresponse().status, want)
                    connection.close()
                finally:
                    process.kill()
                    process.wait()
                    process.stderr.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
