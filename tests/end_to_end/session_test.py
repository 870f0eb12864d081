"""Owners and providers in sessions, as real processes: the same figures, checks and trail as with unary calls."""

import json
import re
import signal
import subprocess
import unittest
import urllib.request

from stage import ROOT, StageTest, kinds

NODES = ROOT / "tests/data/trace_nodes.csv"
TASKS = ROOT / "tests/data/trace_tasks.csv"
CREATE, ACCEPT, DECLINE = "CapacityRequestService/CreateCapacityRequest", "OfferService/AcceptOffer", "OfferService/DeclineOffer"
RELEASE, CANCEL = "CapacityRequestService/ReleaseAllocation", "CapacityRequestService/CancelCapacityRequest"


class SessionTest(StageTest):
    def setUp(self):
        self.before = self.stage.last_sequence()
        self.commands_before = self.commands()
        self.sims = {}

    def commands(self):
        """Commands that the broker took in sessions and carried out, by method."""
        with urllib.request.urlopen(f"http://{self.stage.admin}/metrics") as page:
            text = page.read().decode()
        found = re.findall(r'^capbroker_session_commands_total\{(.*)\} (\d+)$', text, re.M)
        return {re.search('method="([^"]*)"', labels)[1]: int(count) for labels, count in found if 'code="OK"' in labels}

    def new_commands(self):
        counts = self.commands()
        return {method: count - self.commands_before.get(method, 0) for method, count in counts.items()
                if count > self.commands_before.get(method, 0)}

    def new_acts(self):
        return [act for act in self.stage.acts("--owner", "openai") if act["sequence"] > self.before]

    def load(self, *arguments):
        done = self.stage.run("load", "--tokens", self.stage.tokens, "--alternatives", "stargate-oracle,coreweave",
                              "--target", self.stage.target, "--output", "json", *arguments)
        return json.loads(done.stdout)

    def start_sim(self, provider, *arguments):
        """Starts a provider as a process of its own; returns once it follows its offers."""
        command = self.stage.command("provider-sim", "--provider", provider, "--output", "json", *arguments,
                                     who=f"provider-{provider}")
        with open(self.stage.directory / provider, "w") as out:  # A pipe that nobody reads would hold it up.
            sim = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
        self.stage.started.append(sim)
        self.assertEqual(sim.stderr.readline(), f"capbroker: provider {provider} is watching\n")
        self.sims[provider] = sim

    def end_sims(self):
        """The totals of each at its end, by provider, after a line for each answer."""
        totals = {}
        for provider, sim in self.sims.items():
            sim.send_signal(signal.SIGTERM)
            said = sim.communicate(timeout=60)[1]
            self.assertEqual((sim.returncode, said), (0, ""))
            *answers, last = (self.stage.directory / provider).read_text().splitlines()
            totals[provider] = json.loads(last)
            self.assertEqual(len(answers), totals[provider]["offers"])
        return totals

    def test_a_trace_comes_to_the_same_as_with_calls(self):
        # One at a time: then nothing depends on who is faster.
        trace = ["--trace", TASKS, "--nodes", NODES, "--concurrency", 1]
        calls = self.load(*trace)
        self.assertEqual(self.new_commands(), {})
        sessions = self.load(*trace, "--session")
        offers = sum(p["accepted"] + p["partly_accepted"] for p in sessions["providers"])
        self.assertEqual(self.new_commands(), {
            CREATE: sessions["requests"], ACCEPT: offers, RELEASE: sessions["released"],
            DECLINE: sum(p["declined"] for p in sessions["providers"])})
        for report in (calls, sessions):
            for key in list(report):
                if "micros" in key or "second" in key:
                    self.assertGreater(len(str(report.pop(key))), 0)
        self.assertEqual(sessions, calls)

    def test_owner_and_providers_in_sessions(self):
        self.start_sim("azure", "--session", "--always", "decline")
        self.start_sim("stargate-oracle", "--session", "--inventory", "gpu=1000000")
        report = self.load("--session", "--desks", "external", "--requests", 500, "--concurrency", 64)
        self.check_declined_then_accepted(report, self.end_sims(), 500)
        self.assertEqual(self.new_commands(), {CREATE: 500, RELEASE: 500, DECLINE: 500, ACCEPT: 500})

    def test_some_in_sessions_and_some_not(self):
        self.start_sim("azure", "--always", "decline")
        self.start_sim("stargate-oracle", "--session", "--inventory", "gpu=1000000")
        report = self.load("--desks", "external", "--requests", 200, "--concurrency", 64)
        self.check_declined_then_accepted(report, self.end_sims(), 200)
        self.assertEqual(self.new_commands(), {ACCEPT: 200})

        self.setUp()
        self.start_sim("azure", "--session", "--always", "decline")
        self.start_sim("stargate-oracle", "--inventory", "gpu=1000000")
        report = self.load("--session", "--desks", "external", "--requests", 200, "--concurrency", 64)
        self.check_declined_then_accepted(report, self.end_sims(), 200)
        self.assertEqual(self.new_commands(), {CREATE: 200, RELEASE: 200, DECLINE: 200})

    def check_declined_then_accepted(self, report, desks, requests):
        """`requests` of 1000 each: the owner, the providers and the trail agree on them."""
        self.assertTrue(report["good"], report)
        self.assertEqual((report["placed"], report["released"], report["failed"]), (requests, requests, 0))
        self.assertEqual(report["create_to_answer_micros"]["count"], requests)
        self.assertEqual(report["create_to_end_micros"]["count"], requests)
        self.assertEqual(report["trail"]["acknowledged_commands"], 2 * requests)
        azure, oracle = desks["azure"], desks["stargate-oracle"]
        self.assertEqual((azure["offers"], azure["declined"], azure["accepted"]), (requests, requests, 0))
        self.assertEqual((oracle["offers"], oracle["declined"], oracle["accepted"]), (requests, 0, requests))
        # It may have ended before it was told of the last ones that were given back.
        self.assertEqual((oracle["quantity"], oracle["returned"] + oracle["in_use"]), (1000 * requests, 1000 * requests))
        self.assertGreater(oracle["returned"], 0)
        found = kinds(self.new_acts())
        for kind in ("REQUEST_RECEIVED", "OFFER_DECLINED", "OFFER_ACCEPTED", "REQUEST_FULFILLED", "ALLOCATION_RELEASED"):
            self.assertEqual(found.count(kind), requests, kind)

    def test_an_end_of_its_own_making_is_seen(self):
        """What a cancellation made of a request is told in its reply alone."""
        report = self.load("--session", "--requests", 3, "--always", "silent", "--patience", "1s")
        self.assertEqual((report["cancelled"], report["unplaced"], report["failed"]), (3, 3, 0))
        self.assertEqual(report["errors"], {})
        self.assertEqual(self.new_commands(), {CREATE: 3, CANCEL: 3})

    def test_a_stranger_gets_no_session(self):
        done = self.stage.run("provider-sim", "--provider", "azure", "--session", who="provider-coreweave", want=1)
        self.assertIn("NOT_PERMITTED: provider/coreweave may not call SessionService/ProviderSession", done.stderr)

    def test_who_is_called_has_no_session(self):
        done = self.stage.run("provider-sim", "--provider", "azure", "--session", "--serve", "127.0.0.1:0", want=2)
        self.assertIn("--serve", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
