"""What the recipes of CONTRIBUTING.md cost: each names an example, and the hand-written source files that know it."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("broker", "proto", "services", "storage")
SOURCES = {".cc", ".h", ".js", ".proto", ".py", ".sql"}
# "Example: `min_remaining` (4): `broker/agreements/agreement.h`, ..." at a recipe's end.
EXAMPLE = re.compile(r"Example: `(\w+)` \((\d+)\):\s((?:`[^`]+`[,\s]*)+)")
# What a recipe may cost at most, by its first words.
MOST = {"A field of a clause": 4, "A fallback policy": 4, "A kind of decision": 4, "A command": 12}


def code(path):
    """The text of a source file without its comments."""
    text = path.read_text()
    return re.sub(r"--[^\n]*" if path.suffix == ".sql" else r"#[^\n]*" if path.suffix == ".py" else r"//[^\n]*", "", text)


def knows(name):
    """The source files that know a name, or what it is called there: `kCheapest` or `KIND_CHEAPEST` of `CHEAPEST`, and
    `kVoidOffer` or `VoidOfferRequest` of `VoidOffer`."""
    constant = "k" + "".join(part.capitalize() for part in name.split("_"))
    word = re.compile(rf"\b(?:{constant}|(?:KIND_|k)?{name}(?:Request)?)\b")
    return {str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("*")
            if path.suffix in SOURCES and word.search(code(path))}


def recipes():
    """{first words: text} of the recipes."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    part = text[text.index("## How to add"):text.index("## Documents")]
    return {words.rstrip(".,"): body for words, body in re.findall(r"^\*\*(.+?)\*\*(.*?)(?=^\*\*|\Z)", part, re.S | re.M)}


class RecipesTest(unittest.TestCase):
    def test_an_example_is_known_to_the_files_it_names(self):
        found = {}
        for words, body in recipes().items():
            for name, count, files in EXAMPLE.findall(body):
                with self.subTest(words, example=name):
                    named = set(re.findall(r"`([^`]+)`", files))
                    self.assertEqual(named, knows(name))
                    self.assertEqual(int(count), len(named))
                    found[words] = len(named)
        for words, most in MOST.items():
            with self.subTest(words):
                mine = [count for recipe, count in found.items() if recipe.startswith(words)]
                self.assertTrue(mine, "no example")
                self.assertLessEqual(mine[0], most)


if __name__ == "__main__":
    unittest.main()
