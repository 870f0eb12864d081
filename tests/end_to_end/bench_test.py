"""The benchmark works: every case runs, every lifecycle comes out right, and every figure is there. Speed is not
tested."""

import json
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from stage import BINARY, ROOT

SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments):
    return subprocess.run([ROOT / "tests/bench/run", *map(str, arguments), "--build", pathlib.Path(BINARY).parent],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class BenchTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.out = pathlib.Path(directory.name)

    def results(self):
        return json.loads((self.out / "results.json").read_text())

    def test_every_case_gives_every_figure(self):
        done = run("--quick", "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout)
        listed = run("--quick", "--list").stdout.split()
        results = self.results()
        self.assertEqual(list(results["cases"]), listed)
        for name, case in results["cases"].items():
            with self.subTest(name):
                self.assertGreater(case["per_second"]["median"], 0)
                if "/" in name[len("session/"):]:
                    self.check_lifecycles(name, case)
        self.assertEqual({goal["number"] for goal in results["goals"]}, {4})  # The others are at 64 and 256.

    def check_lifecycles(self, name, case):
        mix = name.split("/")[1]
        calls = {"award", "create", "accept"} | {"declined": {"decline"}, "lapse": {"lapse"}}.get(mix, set())
        self.assertEqual(set(case["milliseconds"]), calls)
        for of in case["milliseconds"].values():
            self.assertLessEqual(of["p50"]["median"], of["p99.9"]["median"])
        for figure in ("decisions_per_second", "acts_per_batch", "wal_bytes_per_lifecycle"):
            self.assertGreater(case[figure]["median"], 0, figure)
        self.assertLessEqual({"client", "broker sequencer", "postgres writer"},
                             set(case["cpu_microseconds_per_lifecycle"]))
        if name.endswith("batch-of-one"):
            self.assertLess(case["acts_per_batch"]["median"], 1.5)

    def test_the_curves_are_drawn(self):
        done = run("--quick", "--out", self.out, "--only", "unary/accepted/[18]", "pgbench/[18]")
        self.assertEqual(done.returncode, 0, done.stdout)
        picture = xml.etree.ElementTree.parse(self.out / "latency.svg").getroot()
        dots = [dot.get("class") for dot in picture.iter(SVG + "circle")]
        self.assertEqual(sorted(set(dots)), ["dot pgbench", "dot unary"])
        self.assertEqual(len(dots), 2 * 2 * 2)  # Two curves each at two concurrencies.

    def test_the_long_cases_give_every_row(self):
        done = run("--quick", "--out", self.out, "--only", "million", "history", "watchers", "overload")
        self.assertEqual(done.returncode, 0, done.stdout)
        numbers = [goal["number"] for goal in self.results()["goals"]]
        self.assertEqual([numbers.count(n) for n in (5, 6, 7, 8)], [4, 6, 3, 10])
        for goal in self.results()["goals"]:
            self.assertGreaterEqual(goal["median"], 0, goal["of"])
            if goal["of"].startswith("commits of 20 ms") and "refused / offered" in goal["of"]:
                self.assertGreater(goal["median"], 0)

    def test_a_wrong_outcome_fails_the_run(self):
        # A holder whose provider process does not run: it is silent where the mix wants it to accept.
        done = run("--quick", "--only", "unary/accepted/1", "--client", "--holder=stargate-oracle --alternative=azure")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("WRONG", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
