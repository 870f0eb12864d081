"""docs/rules.md: every rule, edge case and kind of decision names a function and a test that exist, and every reason to
pass over a provider is in a story."""

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


# (kind, rule) of every row of kinds.h.
KINDS = re.findall(r"(?m)^  X\(([A-Z_]+),[^\"]*?(\d+),\s*\\?\s*\"", (ROOT / "broker/trail/kinds.h").read_text())
# Rules that are agreed and not carried out yet.
OPEN = {"R32"}


def rows(of):
    """The rows of the table whose first cell begins with this letter and a number: (name, cells)."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if found := re.match(rf"\s*\[?({of}\d+)\b", cells[0]):
            yield found[1], cells


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
        self.assertEqual(list(found), [f"R{n}" for n in range(1, 33)])
        for name, cells in found.items():
            with self.subTest(name):
                if name in OPEN:  # Until it is carried out: then its row names a function.
                    self.assertEqual(cells[2], "not carried out yet")
                    continue
                self.check_function(name, cells[2])
                self.check_tests(name, cells[3])

    def test_every_rule_in_words(self):
        book = (ROOT / "docs/rulebook.md").read_text()
        sections = re.findall(r'<a id="(r\d+)"></a>\n## (R\d+) ', book)
        self.assertEqual(sections, [(f"r{n}", f"R{n}") for n in range(1, 33)])

    def test_every_edge_case(self):
        found = dict(rows("E"))
        self.assertEqual(list(found), [f"E{n}" for n in range(1, 14)])
        for name, cells in found.items():
            with self.subTest(name):
                self.check_function(name, cells[1])
                self.check_tests(name, cells[2])

    def test_every_kind(self):
        kinds = [kind for kind, _ in KINDS]
        self.assertGreater(len(kinds), 70)
        decided = "\n".join(text for file, text in CODE.items() if re.match(r"broker/(deciding|routing)/", file))
        golden = STORIES + TESTS
        for kind in kinds:
            with self.subTest(kind):
                self.assertTrue(re.search(rf"Kind::{kind}\b", decided), f"{kind} is decided nowhere")
                self.assertTrue(re.search(rf"(?m)(^(then)?\s+|\"){kind}\b", golden), f"{kind} is in no golden trail")

    def test_the_console_names_the_rule_of_every_kind(self):
        page = (ROOT / "services/console/page/rules.js").read_text()
        under = page[page.index("const kUnder"):page.index("const ruleOfKind")]
        named = [(kind, rule) for rule, kinds in re.findall(r"R(\d+): ((?:'[^']*'\s*\+?\s*)+)", under)
                 for kind in re.findall(r"[A-Z_]{3,}", kinds)]
        by_facts = {"OFFER_OPENED", "RIGHT_WAIVED"}  # By the kind of question, and by how the right ended.
        self.assertEqual(sorted(named), sorted(row for row in KINDS if row[0] not in by_facts))

    def test_every_reason_to_pass_over(self):
        reasons = set(re.findall(r'\bskip\("([A-Z_]+)"', CODE["broker/routing/fallback.cc"]))
        self.assertGreater(len(reasons), 8)
        holders = set(re.findall(r'PassOverHolder\([^;]*"([A-Z_]+)"\);', CODE["broker/deciding/request_draft_rights.cc"]))
        self.assertGreater(len(holders), 2)
        for reason in reasons:
            with self.subTest(reason):
                self.assertRegex(STORIES, rf"PROVIDER_SKIPPED \S+ {reason}\n")
        for reason in holders:
            with self.subTest("holder", reason=reason):
                self.assertRegex(STORIES, rf"PROVIDER_SKIPPED \S+ {reason} \S+/\d+/\S+\n")


if __name__ == "__main__":
    unittest.main()
