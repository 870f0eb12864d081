"""What is generated from the parser: docs/configuration.md is what the binary prints, the manual page is well formed,
and bash completes what the binary takes."""

import shutil
import subprocess
import unittest

from stage import BINARY, ROOT


def reference(form):
    return subprocess.run([BINARY, "reference", "--format", form], stdout=subprocess.PIPE, text=True, check=True).stdout


def complete(*words):
    """What bash offers for the last of these words."""
    script = reference("bash") + '''
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _capbroker; printf '%s\\n' "${COMPREPLY[@]}"'''
    done = subprocess.run(["bash", "-euc", script, "-", "capbroker", *words], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


class ReferenceTest(unittest.TestCase):
    maxDiff = None

    def test_the_page_is_what_the_binary_says(self):
        page = (ROOT / "docs/configuration.md").read_text()
        self.assertEqual(page, reference("markdown"),
                         "mend it with: capbroker reference --format markdown >docs/configuration.md")

    def test_the_page_names_every_way_to_give_a_value(self):
        self.assertIn("| `--listen TEXT` | `CAPBROKER_SERVE_LISTEN` | `serve.listen` | `127.0.0.1:7420` |",
                      reference("markdown"))

    @unittest.skipUnless(shutil.which("man"), "no man here")
    def test_the_manual_page_has_no_faults(self):
        done = subprocess.run(["man", "--warnings", "-Tascii", "-l", "-"], input=reference("man"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=True)
        self.assertEqual(done.stderr, "")
        self.assertIn("CAPBROKER_SERVE_DATABASE", done.stdout)

    def test_bash_completes_verbs_flags_and_values(self):
        self.assertEqual(complete("serv"), ["serve"])
        self.assertEqual(complete("request", "cre"), ["create"])
        self.assertEqual(complete("--target", "x", "serve", "--admin"), ["--admin-listen", "--admin-host"])
        self.assertIn("--token-file", complete("serve", "--tok"))
        self.assertEqual(complete("serve", "--log-format", ""), ["text", "json"])
        self.assertEqual(complete("provider", "list", "--output", "j"), ["json"])
        self.assertEqual(complete("serve", "--database", ""), [])  # Left to bash: file names.

    @unittest.skipUnless(shutil.which("shellcheck"), "no shellcheck here")
    def test_the_completion_is_sound_shell(self):
        subprocess.run(["shellcheck", "-s", "bash", "-"], input=reference("bash"), text=True, check=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
