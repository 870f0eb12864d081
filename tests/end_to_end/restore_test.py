"""The restore drill of docs/operations.md with its own commands: a broker's database is backed up while it serves,
restored to a new server, found whole, and served from."""

import os
import pathlib
import re
import subprocess
import unittest

from stage import BINARY, ROOT, StageTest


def commands(tool):
    """The block of the drill that uses this tool."""
    drill = (ROOT / "docs/operations.md").read_text().split("### Drill\n")[1]
    (found,) = [block for block in re.findall(r"```bash\n(.*?)```", drill, re.S) if tool in block]
    return found


class RestoreTest(StageTest):
    windows = "72h"

    def setUp(self):
        self.old_url, self.old_cluster, self.old_target = self.stage.database, self.stage.cluster, self.stage.target
        self.new_cluster = self.stage.directory / f"new-{self.id().rsplit('.', 1)[1]}"
        self.addCleanup(self.back)

    def back(self):
        """Restores the stage for the next test and for its end."""
        self.stage.cluster = self.new_cluster
        self.stage.postgres("kill", check=False)
        self.stage.database, self.stage.cluster, self.stage.target = self.old_url, self.old_cluster, self.old_target

    def drill(self, tool, **environment):
        path = f"{pathlib.Path(BINARY).parent}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands(tool)], cwd=self.stage.directory,
                              env={**os.environ, "PATH": path, "DATABASE_URL": self.old_url, **environment},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        return done.returncode, done.stdout

    def checkpoint(self):
        said = self.stage.run("decisions", "checkpoint", "--owner", "openai", who="auditor-lex").stdout
        (found,) = re.findall(r"\b[0-9a-f]{64}\b", said)
        return found

    def start_new(self):
        self.stage.cluster = self.new_cluster
        return self.stage.postgres("start")

    def work(self):
        """One request that is placed, and one whose offer is open."""
        placed = self.stage.create("--provider", "stargate-oracle")
        self.stage.run("offer", "accept", placed + "/offers/1", "--provider", "azure", who="provider-azure")
        return self.stage.create("--provider", "stargate-oracle")

    def deadline(self, request):
        said = self.stage.run("offer", "list", "--provider", "azure", "--state", "OPEN", "--output", "json",
                              who="provider-azure").stdout
        (found,) = re.findall(rf'"name": ?"{request}/offers/1".*?"deadline": ?"([^"]+)"', said, re.S)
        return found

    def serve_from(self, url, request, acts, deadline):
        """A new broker on the restored database continues where the old one was."""
        self.stage.kill_broker()
        self.stage.database, self.stage.target = url, ""
        self.stage.start_broker()
        restored = self.stage.acts("--owner", "openai")
        self.assertEqual(restored[:len(acts)], acts)
        more = [decision["kind"] for act in restored[len(acts):] for decision in act["decisions"]]
        self.assertEqual(more, ["RECOVERY_RESUMED"])
        self.assertEqual(self.deadline(request), deadline)
        self.stage.run("offer", "accept", request + "/offers/1", "--provider", "azure", who="provider-azure")
        self.stage.run("decisions", "verify", "--database", url)
        self.stage.kill_broker()
        self.stage.database, self.stage.cluster, self.stage.target = self.old_url, self.old_cluster, self.old_target
        self.stage.start_broker()  # For the next test.

    def test_a_dump(self):
        request = self.work()
        checkpoint, acts, deadline = self.checkpoint(), self.stage.acts("--owner", "openai"), self.deadline(request)
        url = self.start_new()
        code, said = self.drill("pg_dump", RESTORED_URL=url, CHECKPOINT=checkpoint)
        self.assertEqual(code, 0, said)
        self.assertIn(checkpoint, said)
        # Verification reports a checkpoint that the backup does not reach.
        wrong = self.stage.run("decisions", "verify", "--database", url, "--owner", "openai", "--head", "0" * 64, want=4)
        self.assertIn("the last hash is not that of --head", wrong.stdout)
        whose = self.stage.run("decisions", "verify", "--database", url, "--head", checkpoint, want=2)
        self.assertIn("--head: got no --owner", whose.stderr)
        self.serve_from(url, request, acts, deadline)

    def test_a_base_backup(self):
        request = self.work()
        checkpoint, acts, deadline = self.checkpoint(), self.stage.acts("--owner", "openai"), self.deadline(request)
        self.new_cluster.mkdir()
        code, said = self.drill("pg_basebackup", RESTORED_DATA=str(self.new_cluster / "data"))
        self.assertEqual(code, 0, said)
        if os.geteuid() == 0:  # It was taken as root, as whom PostgreSQL does not run.
            subprocess.run(["chown", "-R", "postgres:", self.new_cluster], check=True)
        url = self.start_new()
        self.stage.run("decisions", "verify", "--database", url, "--owner", "openai", "--head", checkpoint)
        self.serve_from(url, request, acts, deadline)


if __name__ == "__main__":
    unittest.main(verbosity=2)
