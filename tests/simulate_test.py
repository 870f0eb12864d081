"""`capbroker simulate` as people run it: exit codes, diffs, --update, JSON, and a replay."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CAPBROKER = os.environ.get("CAPBROKER_BIN", str(ROOT / "build/dev/capbroker"))
AGREEMENT = ROOT / "tests/simulation/agreements/first-refusal.yaml"

STORY = """given clock 2025-02-03T12:00:00Z
given providers azure, stargate-oracle
given agreement first-refusal.yaml
given requests resource h100 in us-east from 2025-06-01 to 2025-07-01 price 2.5 USD class PRODUCT_INFERENCE
      sequential stargate-oracle step 24h

story azure takes it
when  openai requests 8,000
then  REQUEST_RECEIVED 8,000
      ROUTE_FIRST_REFUSAL 8,000 azure/1/C2
      OFFER_OPENED FIRST_OFFER azure 8,000 by 2025-02-06T12:00:00Z
when  azure accepts after 10h
then  ...
      REQUEST_FULFILLED 8,000

story azure says nothing
when  openai requests 8,000
then  ...
when  the deadline passes
then  OFFER_LAPSED azure
      ...
      OFFER_OPENED ALTERNATIVE stargate-oracle 8,000
"""


class SimulateTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "first-refusal.yaml").write_text(AGREEMENT.read_text())

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def run_it(self, *words):
        return subprocess.run([CAPBROKER, "simulate", *words], capture_output=True, text=True, timeout=60)

    def test_passes_from_any_folder(self):
        done = self.run_it(self.write("a.txt", STORY))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("2 passed, 0 failed", done.stdout)

    def test_a_difference_is_a_diff_and_the_next_story_is_played(self):
        path = self.write("a.txt", STORY.replace("azure/1/C2", "azure/1/C1"))
        done = self.run_it(path)
        self.assertEqual(done.returncode, 4)
        self.assertIn("-ROUTE_FIRST_REFUSAL 8,000 azure/1/C1\n+ROUTE_FIRST_REFUSAL 8,000 azure/1/C2\n", done.stdout)
        self.assertIn("1 passed, 1 failed", done.stdout)

    def test_update_writes_what_passes(self):
        path = self.write("a.txt", STORY.replace("azure/1/C2", "azure/1/C1").replace("OFFER_LAPSED", "OFFER_DECLINED"))
        self.assertEqual(self.run_it("--update", path).returncode, 0)
        text = pathlib.Path(path).read_text()
        self.assertIn("      ROUTE_FIRST_REFUSAL 8,000 azure/1/C2\n", text)
        self.assertEqual(self.run_it(path).returncode, 0)
        self.assertEqual(self.run_it("--update", path).returncode, 0)
        self.assertEqual(pathlib.Path(path).read_text(), text)

    def test_what_cannot_be_read_is_told_with_its_line(self):
        done = self.run_it(self.write("a.txt", STORY.replace("azure accepts", "azure agrees")), self.write("b.txt", STORY))
        self.assertEqual(done.returncode, 2)
        self.assertIn('a.txt:12: got "agrees", want what azure does', done.stderr)
        self.assertIn("2 passed, 0 failed", done.stdout)
        for words in (["/no/such/file"], []):
            self.assertEqual(self.run_it(*words).returncode, 2)

    def test_an_agreement_that_cannot_be_read_is_told_with_both_lines(self):
        self.write("first-refusal.yaml", AGREEMENT.read_text().replace("window: 3d", "window: three days"))
        done = self.run_it(self.write("a.txt", STORY))
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"a\.txt:3: .*first-refusal\.yaml:\d+:\d+: clauses\[0\].window: got")

    def test_json_and_words(self):
        path = self.write("a.txt", STORY)
        answer = json.loads(self.run_it("--output", "json", "--verbose", path).stdout)
        self.assertEqual((answer["passed"], answer["failed"]), (2, 0))
        trail = answer["files"][0]["stories"][0]["trail"]
        self.assertEqual(trail[-1]["decisions"][-1]["kind"], "REQUEST_FULFILLED")
        self.assertIn("azure is asked first for 8,000", self.run_it("--verbose", path).stdout)

    def test_replay(self):
        answer = json.loads(self.run_it("--output", "json", "--verbose", self.write("a.txt", STORY)).stdout)
        acts = [act for act in answer["files"][0]["stories"][0]["trail"] if act["owner"] == "openai"]
        lines = [json.dumps({"body": act, "hash": "0" * 64, "sequence": act["sequence"]}, sort_keys=True,
                            separators=(",", ":")) for act in acts]
        trail = self.write("trail.jsonl", "\n".join(lines) + "\n")
        draft = self.write("draft.yaml", AGREEMENT.read_text().replace("window: 3d", "window: 8h"))
        same = json.loads(self.run_it("--replay", trail, "--agreement", str(AGREEMENT), "--output", "json").stdout)
        self.assertEqual(same["requests"][0]["recorded"], same["requests"][0]["draft"])
        self.assertEqual(same["draft"]["commitments"][0]["drawn"], "14400000 USD")
        self.assertEqual(same["draft"]["meanTimeToPlacement"], "36000s")
        shorter = json.loads(self.run_it("--replay", trail, "--agreement", draft, "--output", "json").stdout)
        self.assertEqual(shorter["requests"][0]["draft"]["state"], "UNFILLED")
        self.assertTrue(any("azure took 10h" in words for words in shorter["requests"][0]["assumed"]))
        self.assertEqual(shorter["draft"]["commitments"][0]["shortfall"], "10000000000 USD")
        told = self.run_it("--replay", trail, "--agreement", draft, "--assume", "accept")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn("stargate-oracle 8,000", told.stdout)
        self.assertIn("stargate-oracle was never asked; assumed: takes all", told.stdout)
        for words in (["--replay", trail], ["--replay", str(AGREEMENT), "--agreement", draft],
                      ["--replay", trail, "--agreement", draft, "--assume", "maybe"]):
            done = self.run_it(*words)
            self.assertEqual(done.returncode, 2, done.stdout)


if __name__ == "__main__":
    unittest.main()
