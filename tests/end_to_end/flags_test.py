"""Every flag of the command line is used by a test or a page. The tests here use those that nothing else does, and
check the effect of each."""

import json
import re
import subprocess
import unittest

from stage import BINARY, ROOT, Stage, StageTest

AGREEMENT = """agreement: coreweave
owner: openai
holder: coreweave
effective_from: 2026-01-01
clauses:
  - {id: C1, kind: FIRST_REFUSAL, scope: {regions: [eu-west]}, window: 1h, counter_window: 1h}
  - {id: C2, kind: TRIGGER, ends: [C1], attesters: [owner/openai, provider/coreweave], dispute_window: 30d, text: "a merger"}
"""
NODES = "sn,gpu,model\nnode-0,4,G2\nnode-1,2,T4\nnode-2,1,T4\n"
TASKS = ("name,num_gpu,gpu_milli,gpu_spec,qos,creation_time,deletion_time\n"
         "one,1,1000,,LS,0,10\ntwo,1,500,,BE,5,12\n")


class FlagsTest(StageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.stage.directory / "coreweave.yaml").write_text(AGREEMENT)
        cls.stage.run("agreement", "apply", cls.stage.directory / "coreweave.yaml", who="operator-ada")

    def run_json(self, *arguments, who):
        return json.loads(self.stage.run(*arguments, "--output", "json", who=who).stdout)

    def new_request(self, *arguments):
        name = self.stage.create(*arguments)
        return name, self.run_json("request", "get", name, who="owner-openai")

    def create_in(self, region, *arguments, **options):
        """In a region where the seed agreement's exclusivity and first refusal do not apply."""
        done = self.stage.run("request", "create", "--owner", "openai", "--resource", "h100", "--region", region,
                              "--quantity", 4000, "--start", "+60d", "--end", "+90d", "--price", "2.5 USD",
                              "--class", "MODEL_DEVELOPMENT", "--purpose", "TRAINING", *arguments, "--output", "json",
                              who="owner-openai", **options)
        return json.loads(done.stdout) if options.get("want", 0) == 0 else done

    def test_fields_of_a_request(self):
        _, request = self.new_request("--availability", "99.9%", "--condition", "liquid cooling", "--label", "team=a",
                                      "--accept-late", "--renewal", "--needed-by", "+50d", "--fallback", "FAN_OUT",
                                      "--fan-out", "2", "--confirm-within", "1h", "--withdraw-notice", "30d")
        self.assertEqual(request["terms"]["availabilityPpm"], 999_000)
        self.assertEqual(request["terms"]["conditions"], ["liquid cooling"])
        self.assertEqual(request["labels"], {"team": "a"})
        self.assertEqual((request["acceptLate"], request["renewal"]), (True, True))
        self.assertLess(request["neededByTime"], request["terms"]["startTime"])
        policy = request["fallbackPolicy"]
        self.assertEqual((policy["kind"], policy["fanOut"]), ("KIND_FAN_OUT", 2))
        self.assertEqual((policy["confirmWithin"], policy["withdrawNotice"]), ("3600s", "2592000s"))

    def test_fields_by_the_names_of_messages_and_files(self):
        done = self.stage.run("request", "create", "--owner", "openai", "--resource-type", "h100", "--region", "us-west",
                              "--unit", "gpu", "--start-time", "+60d", "--end-time", "+90d", "--unit-price", "2.5 USD",
                              "--price-cap", "2.7 USD", "--availability-ppm", "99.9%", "--conditions", "liquid cooling",
                              "--segments", "PRODUCT_INFERENCE:4000", "--segments", "MODEL_DEVELOPMENT:TRAINING:4000",
                              "--splittable", "--smallest-useful-quantity", "1000", "--fallback-policy", "SEQUENTIAL",
                              "--providers", "stargate-oracle", "--release-notice", "30d", "--release-share-ppm", "50%",
                              "--needed-by-time", "+50d", "--expire-time", "+40d", "--labels", "team=a", "--output", "json",
                              who="owner-openai")
        request = json.loads(done.stdout)
        self.assertEqual(request["terms"]["quantity"], "8000")
        self.assertEqual(request["smallestUsefulQuantity"], "1000")
        self.assertEqual(request["fallbackPolicy"]["releaseNotice"], "2592000s")
        self.assertEqual(request["fallbackPolicy"]["releaseSharePpm"], 500_000)

    def test_a_waiver_by_the_names_of_messages_and_files(self):
        name, _ = self.new_request()
        clause = self.run_json("waiver", "grant", "openai/coreweave", "--id", "W2", "--lifted-clause-ids", "C1", "--covers",
                               "REQUEST", "--capacity-request", name, "--min-share-ppm", "60%", "--workload-classes", "MODEL_DEVELOPMENT",
                               "--resource-types", "h100", "--regions", "eu-west", "--min-quantity", "10",
                               "--delivery-start-time", "+1d", "--delivery-end-time", "+900d", "--new-capacity-only",
                               who="provider-coreweave")["clause"]
        self.assertEqual(clause["waiver"]["covers"], "COVERED_REQUEST")
        self.assertEqual(clause["scope"]["minQuantity"], "10")
        self.assertTrue(clause["scope"]["newCapacityOnly"])

    def test_wait_ends_with_the_request(self):
        done = self.create_in("nowhere", "--fallback", "NONE", "--expire", "+2s", "--needed-by", "+1s", "--wait", want=6)
        self.assertEqual(json.loads(done.stdout)["state"], "STATE_EXPIRED")

    def test_an_amendment_of_the_newest_version_only(self):
        name, _ = self.new_request()
        fields = ["--resource", "h100", "--region", "us-east", "--start", "+60d", "--end", "+90d", "--price", "2.5 USD",
                  "--class", "PRODUCT_INFERENCE", "--splittable"]
        plan = self.stage.directory / "what-if.yaml"
        plan.write_text("resource: h100\nregion: us-east\nquantity: 2000\nstart: +60d\nend: +90d\nprice: 2.5 USD\n"
                        "class: PRODUCT_INFERENCE\nsplittable: true\n")
        planned = self.run_json("request", "plan", name, "--what-if", plan, who="owner-openai")
        self.assertEqual(planned["lineages"][0]["lineage"]["quantity"], "2000")
        amended = self.run_json("request", "amend", name, *fields, "--quantity", "6000", "--base-version", "1",
                                who="owner-openai")
        self.assertEqual(amended["version"], 2)
        late = self.stage.run("request", "amend", name, *fields, "--quantity", "7000", "--base-version", "1",
                              who="owner-openai", want=1)
        self.assertIn("version", late.stderr)

    def test_terms_of_an_answer(self):
        _, request = self.new_request()
        offer = request["offers"][0]["name"]
        wrong = self.stage.run("offer", "accept", offer, "--terms-hash", "0" * 64, who="provider-azure", want=1)
        self.assertIn("TERMS_MISMATCH", wrong.stderr)
        before = self.run_json("offer", "get", offer, who="provider-azure")["deadline"]
        tolled = self.run_json("offer", "toll", offer, "--by", "1h", "--text", "a test", who="operator-ada")
        self.assertGreater(tolled["deadline"], before)

    def test_a_counter_that_is_left(self):
        request = self.create_in("eu-west", "--splittable", "--provider", "stargate-oracle", "--cap", "3 USD")
        offer = request["offers"][0]["name"]
        self.stage.run("offer", "counter", offer, "--price", "2.7 USD", who="provider-coreweave")
        self.run_json("request", "counter", offer, "--leave", who="owner-openai")
        kinds = [d["kind"] for act in self.stage.acts("--request", request["name"]) for d in act["decisions"]]
        self.assertIn("FALLBACK_STARTED", kinds)

    def test_the_registry(self):
        made = self.run_json("provider", "register", "consortium", "--member", "One", "--member", "Two", "--affiliate",
                             "azure", who="operator-ada")
        self.assertEqual((made["members"], made["affiliates"]), (["One", "Two"], ["providers/azure"]))
        self.run_json("provider", "health", "consortium", "--down", "--text", "a test", who="operator-ada")
        well = self.run_json("provider", "health", "consortium", "--up", "--text", "a test", who="operator-ada")
        self.assertNotIn("unhealthy", well)

    def test_a_waiver_with_an_end_and_a_share(self):
        waiver = self.run_json("waiver", "grant", "openai/coreweave", "--id", "W1", "--lift", "C1", "--min-share", "60%",
                               "--to", "+30d", who="provider-coreweave")["clause"]["waiver"]
        self.assertEqual(waiver["minSharePpm"], 600_000)
        self.assertIn("endTime", waiver)

    def test_a_provider_with_a_limit(self):
        registered = self.run_json("provider", "register", "small", "--limit", "h100@us-east=4,000", who="operator-ada")
        self.assertEqual(registered["limits"], [{"resourceType": "h100", "region": "us-east", "quantity": "4000"}])
        self.assertIn("at most 4,000 h100@us-east", self.stage.run("provider", "show", "small", who="operator-ada").stdout)
        wrong = self.stage.run("provider", "register", "smaller", "--limit", "h100@=1", who="operator-ada", want=2)
        self.assertIn("h100@=1", wrong.stderr)

    def test_an_agreement_that_one_party_wants_to_end(self):
        said = self.stage.run("agreement", "terminate", "openai/coreweave", "--from", "2100-01-01T00:00:00Z", "--text",
                              "a settlement", who="owner-openai")
        self.assertIn("the owner: from 2100-01-01T00:00:00Z; the holder: not yet", said.stdout)
        shown = self.run_json("agreement", "list", "--owner", "openai", who="owner-openai")["agreements"]
        self.assertEqual([len(a.get("terminations", [])) for a in shown if a["name"].endswith("/coreweave")], [1])

    def test_a_dispute_that_is_upheld(self):
        self.stage.run("trigger", "assert", "openai/coreweave/C2", "--text", "a test", "--evidence", "ab" * 32, who="owner-openai")
        self.stage.run("trigger", "dispute", "openai/coreweave/C2", "--text", "not so", who="provider-coreweave")
        resolved = self.run_json("trigger", "resolve", "openai/coreweave/C2", "--upheld", "--text", "an award",
                                 who="operator-ada")
        self.assertEqual(resolved["state"], "STATE_REJECTED")

    def test_health_of_one_service(self):
        self.stage.run("health", "--service", "capbroker.v1.OfferService", who="owner-openai")
        self.stage.run("health", "--service", "capbroker.v1.NoService", who="owner-openai", want=1)

    def test_load_of_a_trace(self):
        tasks, nodes = self.stage.directory / "tasks.csv", self.stage.directory / "nodes.csv"
        tasks.write_text(TASKS)
        nodes.write_text(NODES)
        # The desks that it runs would answer what other tests have left open, and have nothing left for the trace.
        listed = self.run_json("request", "list", "--owner", "openai", who="owner-openai")
        for request in listed.get("capacityRequests", []):
            if request["state"] in ("STATE_HOLDER_ROUND", "STATE_FALLBACK", "STATE_MATCH_ROUND", "STATE_BLOCKED"):
                self.stage.run("request", "cancel", request["name"], who="owner-openai")
        report = json.loads(self.stage.run("load", "--trace", tasks, "--nodes", nodes, "--speedup", "1000", "--ahead",
                                           "10d", "--holder-last", "--seed", "3", "--alternatives", "stargate-oracle",
                                           "--tokens", self.stage.tokens, "--target", self.stage.target, "--output",
                                           "json").stdout)
        self.assertEqual((report["placed"], report["good"]), (2, True))

    def test_inventory_of_a_simulated_desk(self):
        nodes = self.stage.directory / "nodes.csv"
        nodes.write_text(NODES)
        sim = self.stage.start("provider-sim", "--provider", "coreweave", "--inventory-file", nodes, "--share", "0/2",
                               "--output", "json", who="provider-coreweave")
        self.assertIn("is watching", sim.stdout.readline())
        sim.terminate()
        self.assertEqual(json.loads(sim.communicate(timeout=60)[0])["inventory"], 5000)


class ServerFlagsTest(unittest.TestCase):
    def test_partitions_readers_and_channelz(self):
        stage = Stage()
        self.addCleanup(stage.close)
        stage.run("migrate", "--database", stage.database, "--partitions", "3")
        (stage.directory / "principals.yaml").write_text("[]\n")
        command = stage.serve_command() + ["--read-threads", "1", "--channelz"]
        broker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        stage.started.append(broker)
        target = re.match(r"ready listen=(\S+)", broker.stdout.readline())[1]
        self.assertEqual(stage.run("health", "--target", target).stdout, "SERVING\n")


class EveryFlagTest(unittest.TestCase):
    def test_every_flag_is_in_a_test_or_on_a_page(self):
        reference = subprocess.run([BINARY, "reference", "--format", "markdown"], stdout=subprocess.PIPE, text=True,
                                   check=True).stdout
        flags = set(re.findall(r"^\| `(?:-\w, )?(--[a-z-]+)", reference, re.M))
        self.assertGreater(len(flags), 100)
        text = ""
        for folder in ("tests", "docs", "deploy"):
            for path in sorted((ROOT / folder).rglob("*")):
                if path.is_file() and path.name != "configuration.md" and path.suffix in ("", ".py", ".md", ".sh", ".yaml"):
                    text += path.read_text(errors="ignore")
        unused = [flag for flag in sorted(flags) if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text)]
        self.assertEqual(unused, [])


if __name__ == "__main__":
    unittest.main()
