"""A trace of tasks replayed through the API: no errors, and no provider ever gives more than it has, as counted here
from the trail and not by the program under test."""

import csv
import json
import unittest

from stage import ROOT, StageTest

NODES = ROOT / "tests/data/trace_nodes.csv"
TASKS = ROOT / "tests/data/trace_tasks.csv"


class TraceTest(StageTest):
    def test_placements_stay_within_inventory(self):
        stage = self.stage
        done = stage.run("load", "--trace", TASKS, "--nodes", NODES, "--tokens", stage.tokens, "--alternatives",
                         "stargate-oracle,coreweave", "--target", stage.target, "--output", "json")
        report = json.loads(done.stdout)
        print(json.dumps(report)[:1500], flush=True)

        with open(NODES, newline="") as file:
            nodes = [int(row["gpu"]) * 1000 for row in csv.DictReader(file)]
        inventory = {"azure": sum(nodes[0::2]), "stargate-oracle": sum(nodes[1::4]), "coreweave": sum(nodes[3::4])}
        with open(TASKS, newline="") as file:
            tasks = [row for row in csv.DictReader(file) if int(row["num_gpu"]) > 0]

        in_use = dict.fromkeys(inventory, 0)
        held = {}
        received = 0
        for act in stage.acts("--owner", "openai"):
            for decision in act["decisions"]:
                key = act.get("request"), decision.get("offer")
                if decision["kind"] == "REQUEST_RECEIVED":
                    received += 1
                if decision["kind"] == "ALLOCATION_HELD":
                    held[key] = decision["quantity"]
                    in_use[decision["provider"]] += decision["quantity"]
                    self.assertLessEqual(in_use[decision["provider"]], inventory[decision["provider"]])
                if decision["kind"] == "ALLOCATION_RELEASED":
                    in_use[decision["provider"]] -= held.pop(key)
        self.assertEqual(received, len(tasks))
        self.assertGreater(len(tasks), 0)
        self.assertEqual(set(in_use.values()), {0}, "every task ended")
        stage.run("decisions", "verify", "--database", stage.database)


if __name__ == "__main__":
    unittest.main(verbosity=2)
