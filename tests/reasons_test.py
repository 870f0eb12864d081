"""Every reason that the program refuses with is in the API's list of reasons, for clients to test against."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROTO = "proto/capbroker/v1/error_reason.proto"
ERRORS = "services/messages/errors.cc"
WORD = re.compile(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"')


def listed(text):
    return set(re.findall(r"^  ERROR_REASON_([A-Z0-9_]+) = [1-9]", text, re.M))


def arguments(text, start):
    """The arguments of a call whose opening parenthesis is just before `start`, as text."""
    out, depth, quoted, at = [""], 0, False, start
    while depth >= 0:
        character = text[at]
        if quoted:
            quoted = character != '"'
            if character == "\\":
                out[-1] += character
                at += 1
                character = text[at]
        elif character == '"':
            quoted = True
        elif character in "({[":
            depth += 1
        elif character in ")}]":
            depth -= 1
        elif character == "," and depth == 0:
            out.append("")
            at += 1
            continue
        out[-1] += character
        at += 1
    return out


def refused_with(text):
    """[(line, [reason])] of every call of Refuse, in which a reason may be one of two."""
    calls = []
    for call in re.finditer(r"\bRefuse\(", text):
        given = arguments(text, call.end())
        if given[0].startswith("absl::StatusCode code"):  # The declaration.
            continue
        calls.append((text.count("\n", 0, call.start()) + 1, WORD.findall(given[1])))
    return calls


def translated(text):
    """kApiWords of errors.cc: what the API calls the reasons of broker/."""
    table = text[text.index("kApiWords = {{"):]
    return dict(re.findall(r'\{"([A-Z_]+)", "([A-Z_]+)"\}', table[:table.index("}};")]))


class ReasonsTest(unittest.TestCase):
    def test_every_reason_is_listed(self):
        reasons = listed((ROOT / PROTO).read_text(encoding="utf-8"))
        errors = (ROOT / ERRORS).read_text(encoding="utf-8")
        words = translated(errors)
        self.assertTrue(reasons and words)
        complaints, found = [], 0
        for word in list(words.values()) + re.findall(r'return "([A-Z_]+)";', errors):
            if word not in reasons:
                complaints.append(f"{ERRORS}: {word} is not in {PROTO}")
        for folder in ("broker", "services"):
            for path in sorted((ROOT / folder).rglob("*.cc")):
                for line, given in refused_with(path.read_text(encoding="utf-8")):
                    found += len(given)
                    at = f"{path.relative_to(ROOT)}:{line}"
                    complaints += [f"{at}: {word} is not in {PROTO}" for word in given
                                   if words.get(word, word) not in reasons]
        self.assertGreater(found, 20)
        self.assertEqual(complaints, [], "\n" + "\n".join(complaints))

    def test_calls_are_read(self):
        self.assertEqual(refused_with('Refuse(absl::StatusCode::kAborted,\n  a(b, "X,Y") ? "ONE" : "OTHER_1",\n'
                                      '  Cat("NOT_THIS \\"", c), {{"k", "ALSO_NOT"}});\nx = Refuse(code, reason, m);'),
                         [(1, ["ONE", "OTHER_1"]), (4, [])])
        self.assertEqual(listed("  ERROR_REASON_UNSPECIFIED = 0;\n  ERROR_REASON_A_B = 12;"), {"A_B"})


if __name__ == "__main__":
    unittest.main()
