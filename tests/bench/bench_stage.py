"""What is measured: a PostgreSQL of its own, a broker on it, and the parties of the load."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/end_to_end"))

# The holder has a first refusal and a commitment that lasts for tens of millions of requests.
AGREEMENT = """\
agreement: azure
owner: {owner}
holder: azure
version: 1
effective_from: 2025-01-21T00:00:00Z
text: A right of first refusal and a commitment, as deploy/agreements/openai-azure-v2.yaml
clauses:
  - id: C1
    kind: EXCLUSIVITY
    scope: {{classes: [API_SERVING], new_capacity_only: true}}
    window: 3d
    partial: {{min: 1000, step: 8}}
    toll_over: 5m
  - id: C2
    kind: FIRST_REFUSAL
    mode: FIRST_OFFER
    scope: {{new_capacity_only: true}}
    window: {window}
    partial: {{min: 1000, step: 8}}
    price_tolerance: 2%
    start_tolerance: 7d
    toll_over: 5m
  - id: C3
    kind: WAIVER
    lifts: [C2]
    scope: {{purposes: [RESEARCH, TRAINING]}}
    min_share: 50%
  - id: C4
    kind: COMMITMENT
    amount: 9,000,000,000,000 USD
  - id: C5
    kind: TERM
    until: 2051-01-01T00:00:00Z
"""
PROVIDERS = ["azure", "stargate-oracle"]


def open_stage(binary):
    """A Stage of tests/end_to_end with the class below; `binary` is the broker's."""
    os.environ["CAPBROKER_BIN"] = str(binary)
    from stage import Stage

    class BenchStage(Stage):
        options = []

        def parties(self, owners, lapse_owners, lapse_window):
            """Owners bench-0 ... and lapse-0 ..., the latter with short windows; both desks; their tokens."""
            self.sql("ALTER SYSTEM SET max_connections = 400")  # For the yardstick's clients; nothing else differs.
            self.postgres("stop")
            self.postgres("start")
            self.run("migrate", "--database", self.database)
            names = [f"bench-{i}" for i in range(owners)] + [f"lapse-{i}" for i in range(lapse_owners)]
            lines = []
            for party in ["operator/ada", "auditor/lex"] + [f"owner/{n}" for n in names] + [f"provider/{p}" for p in PROVIDERS]:
                role, name = party.split("/")
                out = self.run("token", "--role", role, "--name", name).stdout.splitlines()
                (self.tokens / f"{role}-{name}").write_text(next(line for line in out if line.startswith("cb_")))
                lines += [line for line in out if line.startswith("- ")]
            (self.directory / "principals.yaml").write_text("\n".join(lines) + "\n")
            self.start_broker()
            for provider in PROVIDERS:
                self.run("provider", "register", provider, who="operator-ada")
            files = []
            for name in names:
                file = self.directory / f"{name}.yaml"
                file.write_text(AGREEMENT.format(owner=name, window=lapse_window if name.startswith("lapse") else "3d"))
                files.append(file)
            self.run("agreement", "apply", *files, who="operator-ada")

        def serve_command(self):
            return super().serve_command() + self.options

        def restart_broker(self, *options):
            """With these options more."""
            if self.broker:
                self.broker.terminate()
                self.broker.wait()
                self.broker.stdout.close()
            self.options = list(options)
            self.start_broker()

        def sql(self, statement):
            done = subprocess.run(["psql", "-XAtc", statement, self.database], stdout=subprocess.PIPE, text=True, check=True)
            return done.stdout.strip()

        def postmaster(self):
            return int((self.cluster / "data/postmaster.pid").read_text().split()[0])

    return BenchStage()
