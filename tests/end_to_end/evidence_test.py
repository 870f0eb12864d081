"""Three verifiers of an exported trail, which share no code: the command line, the script in Python, and the console's page.
What one of them refuses, all refuse."""

import json
import subprocess
import sys
import unittest

from stage import ROOT, StageTest

PAGE = """
import {readFileSync} from 'node:fs';
import {webcrypto} from 'node:crypto';
globalThis.crypto ??= webcrypto;
const {verifyChain} = await import('data:text/javascript,' + encodeURIComponent(readFileSync(process.argv[1], 'utf8')));
const {findings} = await verifyChain(readFileSync(process.argv[2], 'utf8'), 'openai');
if (findings.length) console.error(findings.join('\\n'));
process.exit(findings.length ? 1 : 0);
"""


def replaced(line, old, new):
    def tamper(lines):
        assert old in lines[line]
        lines[line] = lines[line].replace(old, new, 1)
    return tamper


def appended(line, member):
    def tamper(lines):
        lines[line] = lines[line][:-2] + "," + member + "}\n"
    return tamper


def forged(lines):
    """A second body: readers that take the last of two members show it."""
    appended(3, '"body":' + json.dumps(json.loads(lines[3])["body"] | {"time": "2020-01-01T00:00:00.000000Z"}))(lines)


TAMPERED = {
    "an act is dropped": lambda lines: lines.pop(3),
    "the first act is dropped": lambda lines: lines.pop(1),
    "the first line is missing": lambda lines: lines.pop(0),
    "a second first line": lambda lines: lines.insert(1, lines[0]),
    "the first line has a second owner": appended(0, '"owner":"other"'),
    "the first line has an unknown member": appended(0, '"note":1'),
    "another version": replaced(0, '"evidence":1', '"evidence":2'),
    "a forged body": replaced(2, '"owner":"openai"', '"owner":"opena1"'),
    "a second body": forged,
    "a second hash": appended(2, '"hash":"' + "0" * 64 + '"'),
    "an unknown member": appended(2, '"note":1'),
    "bytes behind an act": replaced(2, "}\n", "} \x01\n"),
    "bytes behind the last act": lambda lines: lines.append("x"),
    "an empty line": lambda lines: lines.insert(2, "\n"),
    "the last bracket is another": lambda lines: lines.__setitem__(2, lines[2][:-2] + "]\n"),
    "the end is cut": lambda lines: lines.__setitem__(-1, lines[-1][:-1]),
    "brackets": lambda lines: lines.__setitem__(slice(None), ["[" * 1_000_000]),
    "objects": lambda lines: lines.__setitem__(slice(None), ['{"body":' * 200_000 + "\n"]),
    "a deep body": lambda lines: lines.__setitem__(
        1, '{"sequence":1,"hash":"' + "0" * 64 + '","body":' + "[" * 200_000 + "]" * 200_000 + "}\n"),
}


class EvidenceTest(StageTest):
    def verdicts(self, file):
        """Exit code of each, and what it said."""
        node = ["node", "--input-type=module", "-e", PAGE, ROOT / "services/console/page/verify.js", file]
        verifiers = {"cli": self.stage.command("decisions", "verify", file), "page": node,
                     "python": [sys.executable, ROOT / "tests/verify_evidence.py", file]}
        done = {name: subprocess.run(command, capture_output=True, text=True, timeout=120)
                for name, command in verifiers.items()}
        return {name: (one.returncode, one.stdout + one.stderr) for name, one in done.items()}

    def test_what_is_tampered_with_is_found(self):
        for _ in range(2):
            self.stage.run("request", "cancel", self.stage.create(), who="owner-openai")
        file = self.stage.directory / "openai.jsonl"
        self.stage.run("decisions", "export", "--owner", "openai", "--out", file, who="owner-openai")
        whole = file.read_text()
        self.assertEqual({name: code for name, (code, _) in self.verdicts(file).items()},
                         {"cli": 0, "page": 0, "python": 0}, self.verdicts(file))
        self.assertGreater(len(whole.splitlines()), 5)
        for name, tamper in TAMPERED.items():
            with self.subTest(name):
                lines = whole.splitlines(keepends=True)
                tamper(lines)
                file.write_text("".join(lines))
                for verifier, (code, said) in self.verdicts(file).items():
                    self.assertEqual(code, 4 if verifier == "cli" else 1, f"{verifier}: {said[:300]}")
                    self.assertNotIn("Traceback", said)


if __name__ == "__main__":
    unittest.main()
