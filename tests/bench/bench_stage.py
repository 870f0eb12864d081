"""Stage of the benchmarks: a PostgreSQL of its own, a broker on it, and the parties of the load."""

import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/end_to_end"))

# The holder has a first refusal, and a commitment that lasts for tens of millions of requests.
AGREEMENT = """\
agreement: {holder}
owner: {owner}
holder: {holder}
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
# The names of each load's owners, the holder of its right, how long the holder has to answer, and the alternative. Each
# load has parties of its own, so that loads can run side by side.
LOADS = {
    "bench": ("azure", "3d", "stargate-oracle"),
    "lapse": ("lapse-holder", "250ms", "lapse-alternative"),
    "open": ("open-holder", "3d", "stargate-oracle"),
    "calm": ("calm-holder", "3d", "calm-alternative"),
}


def as_load(prefix):
    """The options of lifecycle_bench for these owners and providers."""
    holder, _, alternative = LOADS[prefix]
    return ["--owner-prefix", prefix, "--holder", holder, "--alternative", alternative]


def open_stage(binary):
    """A Stage of tests/end_to_end with the class below; `binary` is the broker's."""
    os.environ["CAPBROKER_BIN"] = str(binary)
    from stage import Stage

    class BenchStage(Stage):
        options = []

        def parties(self, **owners):
            """Creates the owners of each load, bench=64 for bench-0 ... bench-63, with an agreement each; the
            providers; and a token for every party."""
            self.sql("ALTER SYSTEM SET max_connections = 400")  # For the yardstick's clients; nothing else differs.
            self.postgres("stop")
            self.postgres("start")
            self.run("migrate", "--database", self.database)
            names = {f"{load}-{i}": load for load, count in owners.items() for i in range(count)}
            providers = sorted({LOADS[load][at] for load in owners for at in (0, 2)})
            lines = []
            for party in ["operator/ada", "auditor/lex"] + [f"owner/{n}" for n in names] + [f"provider/{p}" for p in providers]:
                role, name = party.split("/")
                out = self.run("token", "--role", role, "--name", name).stdout.splitlines()
                (self.tokens / f"{role}-{name}").write_text(next(line for line in out if line.startswith("cb_")))
                lines += [line for line in out if line.startswith("- ")]
            (self.directory / "principals.yaml").write_text("\n".join(lines) + "\n")
            self.start_broker()
            for provider in providers:
                self.run("provider", "register", provider, who="operator-ada")
            files = []
            for name, load in names.items():
                file = self.directory / f"{name}.yaml"
                file.write_text(AGREEMENT.format(owner=name, holder=LOADS[load][0], window=LOADS[load][1]))
                files.append(file)
            self.run("agreement", "apply", *files, who="operator-ada")

        def serve_command(self):
            return super().serve_command() + self.options

        def restart_broker(self, *options):
            """Restarts the broker with `options` added. Returns the seconds from its start until it served."""
            self.broker.terminate()
            self.broker.wait()
            self.broker.stdout.close()
            self.options = list(options)
            start = time.monotonic()
            self.start_broker()
            return time.monotonic() - start

        def broker_bytes(self):
            """Bytes of memory that the broker holds now."""
            status = pathlib.Path(f"/proc/{self.broker.pid}/status").read_text()
            return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

        def sql(self, statement):
            done = subprocess.run(["psql", "-XAtc", statement, self.database], stdout=subprocess.PIPE, text=True, check=True)
            return done.stdout.strip()

        def postmaster(self):
            return int((self.cluster / "data/postmaster.pid").read_text().split()[0])

    return BenchStage()
