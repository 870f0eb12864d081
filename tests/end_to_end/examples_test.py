"""The example clients of docs/examples against a real broker: owners and providers in two languages, and refusals."""

import os
import re
import subprocess
import sys
import unittest

from stage import ROOT, StageTest

EXAMPLES = ROOT / "docs/examples"
# The Python that has Debian's python3-grpcio need not be the one that runs this test.
PYTHON = next((path for path in (sys.executable, "/usr/bin/python3")
               if subprocess.run([path, "-c", "import google.protobuf, grpc"], stderr=subprocess.DEVNULL,
                                 check=False).returncode == 0), None)
ENVIRONMENT = os.environ | {"NODE_PATH": str(ROOT / "build/tools/node_modules")}


class ExamplesTest(StageTest):
    def setUp(self):
        self.assertTrue(PYTHON, "no Python has grpc and google.protobuf: deploy/install --tests")

    def start(self, file, token, *arguments):
        """Starts an example as this party, with its output in a pipe."""
        interpreter = PYTHON if file.endswith(".py") else "node"
        process = subprocess.Popen(
            [interpreter, EXAMPLES / file, "--target", self.stage.target, "--token-file", self.stage.tokens / token,
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
        self.stage.started.append(process)
        return process

    def desk(self, file, provider, *arguments):
        """Starts a provider's example that answers once; returns when it watches."""
        process = self.start(file, f"provider-{provider}", "--provider", provider, "--answers", "1", *arguments)
        self.read_until(process, r"watching$")
        return process

    def own(self, file, *arguments):
        return self.start(file, "owner-openai", "--owner", "openai", *arguments)

    def read_until(self, process, pattern):
        """The first line that matches; the lines before it are dropped."""
        before = ""
        for line in process.stdout:
            before += line
            if re.match(pattern, line):
                return line
        self.fail(f"got {before!r}, want a line {pattern}")

    def end(self, process, want):
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, want, out)
        return out

    def check_partial(self, owner_file, desk_file):
        desk = self.desk(desk_file, "azure", "--accept", "5004")
        other = self.desk(desk_file, "coreweave", "--accept", "8000")
        out = self.end(self.own(owner_file, "--fallback", "coreweave"), 0)
        # 5,004 is no multiple of the clause's step of 8.
        self.assertRegex(out, r"awarded azure 5000\nawarded coreweave 3000\nFULFILLED, 8000 of 8000\n$")
        self.assertRegex(self.end(desk, 0), r"answered \S+/offers/1 PARTIALLY_ACCEPTED 5000\n$")
        self.assertRegex(self.end(other, 0), r"answered \S+/offers/2 ACCEPTED 3000\n$")

    def test_an_owner_in_python_and_providers_in_node(self):
        self.check_partial("owner.py", "provider.js")

    def test_an_owner_in_node_and_providers_in_python(self):
        self.check_partial("owner.js", "provider.py")

    def test_all_decline(self):
        for owner_file in ("owner.py", "owner.js"):
            desk = self.desk("provider.py", "azure", "--decline", "NO_CAPACITY")
            other = self.desk("provider.js", "coreweave", "--decline", "PRICE")
            out = self.end(self.own(owner_file, "--fallback", "coreweave"), 1)
            self.assertRegex(out, r"not azure: DECLINED:NO_CAPACITY\n")
            self.assertRegex(out, r"not coreweave: DECLINED:PRICE\nUNFILLED, 0 of 8000\n$")
            self.assertRegex(self.end(desk, 0), r"answered \S+ DECLINED\n$")
            self.assertRegex(self.end(other, 0), r"answered \S+ DECLINED\n$")

    def test_watches_resume_after_the_broker_was_killed(self):
        for owner_file, desk_file in (("owner.py", "provider.js"), ("owner.js", "provider.py")):
            desk = self.desk(desk_file, "coreweave", "--accept", "8000")
            arguments = ["--fallback", "coreweave", "--request-id", f"resumes-{owner_file}"]
            owner = self.own(owner_file, *arguments)
            name = self.read_until(owner, "created ").split()[1]
            self.read_until(owner, "offer 1 to azure OPEN")
            self.stage.kill_broker()
            self.stage.start_broker()
            self.stage.run("offer", "decline", f"{name}/offers/1", "--reason", "PRICE", who="provider-azure")
            # Both were there before, and learn what happened since; nothing is sent twice.
            again = r"watching again after UNAVAILABLE.*\n"
            self.assertRegex(self.end(desk, 0), again + r"(.*\n)*answered \S+/offers/2 ACCEPTED 8000\n$")
            self.assertRegex(self.end(owner, 0), again + r"(offer .*\n)*awarded coreweave 8000\nFULFILLED, 8000 of 8000\n$")
            # A creation that is repeated with its key returns what was created the first time.
            self.assertRegex(self.end(self.own(owner_file, *arguments), 0), rf"^created {name}\n(.*\n)*FULFILLED, ")

    def test_refusals_are_one_clear_line(self):
        (self.stage.tokens / "wrong").write_text("cb_" + "0" * 43 + "\n")
        for file in ("owner.py", "owner.js"):
            out = self.end(self.start(file, "wrong", "--owner", "openai"), 1)
            self.assertEqual(out, f"{file}: UNAUTHENTICATED NO_IDENTITY: the token is not known\n")
            out = self.end(self.start(file, "provider-azure", "--owner", "openai"), 1)
            self.assertRegex(out, rf"^{file}: PERMISSION_DENIED NOT_PERMITTED: the role provider may not call .*\n$")
            out = self.end(self.own(file, "--quantity", "0", "--workload", "x"), 1)
            self.assertRegex(out, rf"^{file}: INVALID_ARGUMENT INVALID_FIELD: capacity_request\.segments\[0\]\."
                             r"workload_class: got \"x\", want .*; capacity_request\.segments\[0\]\.quantity: got 0, .*\n$")
        for file in ("provider.py", "provider.js"):
            out = self.end(self.start(file, "wrong", "--provider", "azure"), 1)
            self.assertEqual(out, f"{file}: UNAUTHENTICATED NO_IDENTITY: the token is not known\n")
            out = self.end(self.start(file, "provider-azure", "--provider", "coreweave"), 1)
            self.assertRegex(out, rf"^{file}: PERMISSION_DENIED NOT_PERMITTED: provider/azure may not call .*\n$")

    def test_each_is_short(self):
        for file in sorted(EXAMPLES.glob("*.[pj]*")):
            self.assertLess(len(file.read_text().splitlines()), 100, file.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
