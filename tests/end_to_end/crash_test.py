"""SIGKILL at any moment under load: every acknowledged command is in the trail exactly once, the hash chains verify,
and unfinished requests continue. Checked against what the clients wrote down, not against what the broker says of
itself."""

import collections
import json
import random
import unittest

from stage import StageTest, kinds

KILLS = 25
SEED = 7


class CrashTest(StageTest):
    ways = []

    def test_acknowledged_commands_survive_sigkill(self):
        stage = self.stage
        chance = random.Random(SEED)
        journal = stage.directory / "journal"
        requests = 6000
        load = stage.start("load", "--requests", requests, "--concurrency", 24, "--tokens", stage.tokens, "--retry",
                           "--retry-for", "10m", "--patience", "10m", "--journal", journal, "--output", "json",
                           "--alternatives", "stargate-oracle,coreweave", "--script",
                           "accept 0.6; decline NO_CAPACITY 0.3; partial 50% 0.1", "--target", stage.target, *self.ways)
        kills = 0
        while kills < KILLS:
            # Wherever the broker is by then: in a batch, between two, or in recovery.
            goal = stage.last_sequence() + chance.randint(1, 300)
            while load.poll() is None and stage.last_sequence() < goal:
                pass
            if load.poll() is not None:
                break
            stage.kill_broker()
            stage.start_broker()
            kills += 1
        print(f"killed {kills} times", flush=True)
        output = load.communicate(timeout=500)[0]
        self.assertEqual(load.returncode, 0, output[-4000:])
        self.assertGreaterEqual(kills, 20, "the load was over too soon")

        acts = stage.acts("--owner", "openai")
        self.assertEqual([act["sequence"] for act in acts], list(range(1, len(acts) + 1)))
        seen = collections.Counter()
        for act in acts:
            for decision in act["decisions"]:
                seen[decision["kind"], act.get("request", ""), decision.get("offer", 0)] += 1

        wanted = {
            "CreateCapacityRequest": [("REQUEST_RECEIVED",)],
            "AcceptOffer": [("OFFER_ACCEPTED",), ("OFFER_PARTIALLY_ACCEPTED",)],
            "DeclineOffer": [("OFFER_DECLINED",)],
            "ReleaseAllocation": [("ALLOCATION_RELEASED",)],
        }
        acknowledged = {}
        for line in journal.read_text().splitlines():
            entry = json.loads(line)
            if entry["event"] == "answered" and entry["code"] == "OK" and entry["method"] in wanted:
                acknowledged[entry["method"], entry["name"]] = entry
        self.assertGreaterEqual(sum(method == "CreateCapacityRequest" for method, _ in acknowledged), requests)
        for method, name in acknowledged:
            parts = name.split("/")
            request, number = parts[3], int(parts[5]) if len(parts) > 4 else 0
            found = sum(seen[kind, request, number] for (kind,) in wanted[method])
            self.assertEqual(found, 1, f"{method} of {name} is in the trail {found} times")
        print(f"{len(acknowledged)} acknowledged commands, each in the trail once", flush=True)

        # A command that was sent again after a crash was not carried out twice.
        self.assertEqual(kinds(acts).count("REQUEST_RECEIVED"), requests)
        finished = sum(kind in ("REQUEST_FULFILLED", "REQUEST_PARTIALLY_FULFILLED", "REQUEST_UNFILLED",
                                "REQUEST_CANCELLED", "REQUEST_EXPIRED") for kind in kinds(acts))
        self.assertEqual(finished, requests, "unfinished requests go on")
        print(stage.run("decisions", "verify", "--database", stage.database, timeout=300).stdout, flush=True)


class SessionCrashTest(CrashTest):
    """Owner and providers in sessions, which break with every command that they carry."""

    ways = ["--session"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
