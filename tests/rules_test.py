"""docs/rules.md: every rule, edge case and kind of decision has a function and a test, and both are there. Every reason to
pass somebody over is in a story."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read(*patterns):
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for pattern in patterns
        for path in sorted(ROOT.glob(pattern))
    }


PAGE = (ROOT / "docs/rules.md").read_text()
CODE = read("broker/*/*.cc", "services/*/*.cc")
TESTS = "\n".join(read("tests/broker/**/*.cc", "tests/services/**/*.cc", "tests/storage/*.cc").values())
STORIES = "\n".join(read("tests/simulation/*.txt").values())


def rows(of):
    """The rows of the table whose first cell begins with this letter and a number: (name, cells)."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.match(rf"^\s*{of}\d+\b", cells[0]):
            yield cells[0].split()[0], cells


class Rules(unittest.TestCase):
    def check_function(self, name, cell):
        found = re.findall(r"`([^`]+)` (\S+\.cc)", cell)
        self.assertTrue(found, f"{name} names no function")
        for function, file in found:
            self.assertIn(file, CODE, f"{name}: no such file")
            text = re.sub(r"\s+", " ", CODE[file])
            plain = function.split("::")[-1] if "(" not in function else function
            want = re.escape(plain) + ("" if "(" in function else r"\(")
            self.assertTrue(re.search(want, text), f"{name}: {file} has no {function}")

    def check_tests(self, name, cell):
        stories = re.findall(r'"((?:[^"]|"(?=\w))*)"', cell)
        cases = re.findall(r"\b([A-Z]\w*)\.([A-Z]\w*)\b", re.sub(r'"[^"]*"', "", cell))
        files = re.findall(r"tests/\S+\.py", cell)
        self.assertTrue(stories or cases or files, f"{name} names no test")
        for story in stories:
            self.assertTrue(f"story {story}" in STORIES.splitlines(), f"{name}: no story {story}")
        for suite, case in cases:
            self.assertTrue(re.search(rf"\({suite},\s*{case}\b", TESTS), f"{name}: no test {suite}.{case}")
        for file in files:
            self.assertTrue((ROOT / file).exists(), f"{name}: no {file}")

    def test_every_rule(self):
        found = dict(rows("R"))
        self.assertEqual(list(found), [f"R{n}" for n in range(1, 30)])
        for name, cells in found.items():
            with self.subTest(name):
                self.check_function(name, cells[2])
                self.check_tests(name, cells[3])

    def test_every_edge_case(self):
        found = dict(rows("E"))
        self.assertEqual(list(found), [f"E{n}" for n in range(1, 9)])
        for name, cells in found.items():
            with self.subTest(name):
                self.check_function(name, cells[1])
                self.check_tests(name, cells[2])

    def test_every_kind(self):
        kinds = re.findall(r"X\(([A-Z_]+)\)", (ROOT / "broker/trail/decision.h").read_text())
        self.assertGreater(len(kinds), 70)
        decided = "\n".join(text for file, text in CODE.items() if re.match(r"broker/(deciding|routing)/", file))
        golden = STORIES + TESTS
        for kind in kinds:
            with self.subTest(kind):
                self.assertTrue(re.search(rf"Kind::{kind}\b", decided), f"{kind} is decided nowhere")
                self.assertTrue(re.search(rf"(?m)(^(then)?\s+|\"){kind}\b", golden), f"{kind} is in no golden trail")

    def test_every_reason_to_pass_over(self):
        reasons = set(re.findall(r'\bskip\("([A-Z_]+)"', CODE["broker/routing/fallback.cc"]))
        self.assertGreater(len(reasons), 8)
        holders = set(re.findall(r'PassOverHolder\([^;]*"([A-Z_]+)"\);', CODE["broker/deciding/rounds_rights.cc"]))
        self.assertGreater(len(holders), 2)
        for reason in reasons:
            with self.subTest(reason):
                self.assertRegex(STORIES, rf"PROVIDER_SKIPPED \S+ {reason}\n")
        for reason in holders:
            with self.subTest("holder", reason=reason):
                self.assertRegex(STORIES, rf"PROVIDER_SKIPPED \S+ {reason} \S+/\d+/\S+\n")


if __name__ == "__main__":
    unittest.main()
