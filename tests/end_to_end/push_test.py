"""Providers that are called: they answer through real sockets, are killed and restarted, and the trail records all of
it."""

import re
import signal
import subprocess
import unittest

from stage import ROOT, Stage, kinds

PAUSES = ["--call-pause", "100ms", "--call-pause-max", "500ms", "--breaker-pause", "500ms"]


class PushStage(Stage):
    def serve_command(self):
        return super().serve_command() + PAUSES


class Sim:
    """provider-sim as a process that is called; it keeps its port over a restart."""

    def __init__(self, stage, provider, script):
        self.stage, self.provider, self.script = stage, provider, script
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        self.process = self.stage.start("provider-sim", "--provider", self.provider, "--serve", self.address,
                                        "--always", self.script)
        line = self.process.stdout.readline()
        found = re.search(rf"provider {self.provider} is called at (\S+)$", line)
        if not found:
            raise AssertionError(line + self.process.stdout.read())
        self.address = found[1]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class PushTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = PushStage()
        cls.addClassCleanup(cls.stage.close)
        cls.stage.set_up()
        cls.azure = Sim(cls.stage, "azure", "partial:5000")
        cls.oracle = Sim(cls.stage, "stargate-oracle", "accept")
        for sim in (cls.azure, cls.oracle):
            cls.stage.run("provider", "endpoint", sim.provider, "--at", sim.address, who="operator-ada")

    def acts_of(self, request):
        return [act for act in self.stage.acts("--owner", "openai") if act.get("request") == request.split("/")[3]]

    def await_acts(self, request, enough):
        """The acts of a request, as soon as `enough` accepts them; each look is a process, which is pause enough."""
        for _ in range(1000):
            acts = self.acts_of(request)
            if enough(acts):
                return acts
        self.fail(acts)

    def is_fulfilled(self, acts):
        return "REQUEST_FULFILLED" in kinds(acts)

    def notices(self, acts):
        return [decision for act in acts for decision in act["decisions"] if decision["kind"] == "NOTICE_ATTEMPTED"]

    def test_1_both_are_called_and_answer(self):
        request = self.stage.create("--provider", "stargate-oracle")
        acts = self.await_acts(request, self.is_fulfilled)
        trail = kinds(acts)
        self.assertLess(trail.index("NOTICE_ATTEMPTED"), trail.index("OFFER_PARTIALLY_ACCEPTED"))
        self.assertEqual([(notice["provider"], notice["reason"]) for notice in self.notices(acts)],
                         [("azure", "DELIVERED"), ("stargate-oracle", "DELIVERED")])
        self.assertEqual(self.notices(acts)[0]["text"],
                         f"attempt 1 to {self.azure.address}: accepts 5000 of 8000")
        actors = {decision["kind"]: act["actor"] for act in acts for decision in act["decisions"]}
        self.assertEqual(actors["OFFER_PARTIALLY_ACCEPTED"], "provider/azure")
        self.assertEqual(actors["OFFER_ACCEPTED"], "provider/stargate-oracle")
        self.assertTrue(actors["NOTICE_ATTEMPTED"].startswith("broker"))

    def test_2_a_provider_that_was_killed_is_called_until_it_is_back(self):
        self.azure.kill()
        request = self.stage.create("--provider", "stargate-oracle")
        self.await_acts(request, lambda acts: len(self.notices(acts)) >= 3)
        self.azure.start()
        acts = self.await_acts(request, self.is_fulfilled)
        outcomes = [notice["reason"] for notice in self.notices(acts) if notice["provider"] == "azure"]
        self.assertEqual(set(outcomes[:-1]), {"UNAVAILABLE"})
        self.assertEqual(outcomes[-1], "DELIVERED")
        # Every attempt has an entry: the numbers have no gap.
        told = 0
        for notice in self.notices(acts):
            if notice["provider"] != "azure":
                continue
            last = int(re.match(r"attempt (\d+) to", notice["text"])[1])
            before = re.search(r"; attempts? (\d+)(?: to (\d+))? before it", notice["text"])
            self.assertEqual(int(before[1]) if before else last, told + 1, notice)
            told = last
        self.assertEqual(kinds(acts).count("OFFER_PARTIALLY_ACCEPTED"), 1)

    def test_3_a_broker_that_was_killed_calls_again(self):
        self.azure.kill()
        request = self.stage.create("--provider", "stargate-oracle")
        self.await_acts(request, self.notices)
        self.stage.kill_broker()
        self.azure.start()
        self.stage.start_broker()
        acts = self.await_acts(request, self.is_fulfilled)
        delivered = [notice for notice in self.notices(acts) if notice["reason"] == "DELIVERED"]
        self.assertEqual(delivered[0]["provider"], "azure")
        self.assertEqual(kinds(acts).count("OFFER_PARTIALLY_ACCEPTED"), 1)
        self.stage.run("decisions", "verify", "--database", self.stage.database)

    def test_4_the_example_in_python_answers(self):
        example = subprocess.Popen(["/usr/bin/python3", ROOT / "docs/examples/provider_pushed.py", "--listen",
                                    "127.0.0.1:0", "--stock", "3000"], stdout=subprocess.PIPE, text=True)
        self.stage.started.append(example)
        address = re.match(r"called at (\S+)", example.stdout.readline())[1]
        self.stage.run("provider", "endpoint", "coreweave", "--at", address, who="operator-ada")
        request = self.stage.create("--provider", "coreweave")
        acts = self.await_acts(request, self.is_fulfilled)
        self.assertTrue(self.notices(acts)[-1]["text"].endswith("accepts 3000 of 3000"))
        self.assertIn(f"{request}/offers/2: 3000 of 3000 h100, 0 left", example.stdout.readline())


if __name__ == "__main__":
    unittest.main(verbosity=2)
