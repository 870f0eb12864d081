"""The benchmark's cases: what each runs, and the figures that it returns."""

import dataclasses
import json
import re
import subprocess

import bench_stage
import measure

QUANTILES = ["p50", "p90", "p99", "p99.9"]


@dataclasses.dataclass
class Case:
    name: str
    program: str  # lifecycle, echo or pgbench.
    options: list = dataclasses.field(default_factory=list)
    broker: tuple = ()  # Options of serve.
    clients: int = 64


def lifecycle(name, *options, broker=()):
    """A name such as session/declined/64 gives the transport, the mix and the concurrency."""
    transport, mix, clients = name.split("/")[:3]
    load = ["--transport", transport, "--mix", mix]
    if clients.isdigit():
        load += ["--concurrency", clients]
    if mix == "lapse":
        load += bench_stage.as_load("lapse")
    return Case(name, "lifecycle", load + list(options), broker)


def all_cases(concurrencies, rate):
    cases = []
    for n in concurrencies:
        cases += [Case(f"pgbench/{n}", "pgbench", clients=n), Case(f"echo/{n}", "echo", clients=n)]
        cases += [lifecycle(f"{transport}/accepted/{n}") for transport in ("unary", "session")]
    middle = 64 if 64 in concurrencies else concurrencies[-1]
    for transport in ("unary", "session"):
        cases += [lifecycle(f"{transport}/{mix}/{middle}") for mix in ("declined", "partial", "lapse")]
        cases += [lifecycle(f"{transport}/accepted/{n}/owners", "--owners", "64") for n in concurrencies if n >= middle]
        cases.append(lifecycle(f"{transport}/accepted/rate-{rate}", "--rate", str(rate)))
    # Last, since the broker restarts for them.
    cases += [lifecycle(f"{transport}/accepted/{middle}/batch-of-one", broker=("--batch-bound", "1"))
              for transport in ("unary", "session")]
    return cases


PGBENCH = """\
INSERT INTO yardstick VALUES (nextval('yardstick_sequence'), now(),
  lpad(to_hex(currval('yardstick_sequence')), 32, '0')::uuid, 4, 7, 'bench-0', sha256('x'), :body);
"""
YARDSTICK = """\
CREATE SEQUENCE yardstick_sequence CACHE 100;
CREATE TABLE yardstick (sequence bigint PRIMARY KEY, time timestamptz NOT NULL, request_id uuid NOT NULL,
  decisions integer NOT NULL, partition_id smallint NOT NULL, owner text COLLATE "C" NOT NULL, hash bytea NOT NULL,
  body text NOT NULL);
CREATE INDEX ON yardstick (request_id);
"""


class Bench:
    """Runs cases on a stage."""

    def __init__(self, stage, build, seconds, warm_up, client_options=()):
        self.stage, self.build, self.seconds, self.warm_up = stage, build, seconds, warm_up
        self.client_options = list(client_options)
        self.sql = measure.Sql(stage.database)
        self.act_bytes = 0

    def close(self):
        self.sql.close()

    def measure_acts(self):
        """The size of an act's text in the accepted mix, which the yardstick's rows then have."""
        self.run_client(lifecycle("unary/accepted/8"), 0.5, 0)
        self.act_bytes = round(float(self.stage.sql(
            "SELECT avg(octet_length(body)) FROM act WHERE request_id IS NOT NULL")))
        self.stage.sql(YARDSTICK)
        (self.stage.directory / "pgbench.sql").write_text(PGBENCH)
        return self.act_bytes

    def run(self, case):
        """The figures of one case. `errors` lists what went wrong; other figures may then be missing."""
        if case.program != "echo" and tuple(self.stage.options) != case.broker:
            self.stage.restart_broker(*case.broker)
        self.stage.sql("CHECKPOINT")  # Nobody pays for what another left behind.
        if case.program == "pgbench":
            return self.run_pgbench(case)
        return self.run_client(case, self.seconds, self.warm_up)

    def command(self, case):
        if case.program == "echo":
            return [self.build / "tests/bench/echo_bench", "--concurrency", str(case.clients)]
        return [self.build / "tests/bench/lifecycle_bench", "--target", self.stage.target, "--tokens", self.stage.tokens,
                *case.options, *self.client_options]

    def run_client(self, case, seconds, warm_up):
        command = [*self.command(case), "--seconds", str(seconds), "--warm-up", str(warm_up)]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.stage.started.append(client)
        marks, noise = {}, []
        for line in client.stderr:
            if line.strip() in ("begin", "end"):
                marks[line.strip()] = measure.Sample(self.stage, self.sql)
            else:
                noise.append(line.strip())
        out = client.stdout.read()
        client.stderr.close()
        client.stdout.close()
        self.stage.started.remove(client)
        code = client.wait()
        figures = json.loads(out) if out.startswith("{") else {"errors": []}
        if code != 0 and not figures["errors"]:
            figures["errors"] = noise[-3:] or [f"exit code {code}"]
        if not figures["errors"] and "end" in marks:
            figures["beside"] = measure.between(marks["begin"], marks["end"])
            if case.program == "lifecycle":
                figures["beside"]["cpu_seconds"]["client"] = figures["cpu_seconds"]
                figures["decisions_per_second"] = figures["beside"]["decisions"] / figures["beside"]["elapsed"]
        return figures

    def run_pgbench(self, case):
        # The time of every transaction if there are few, otherwise of a tenth of them, so that writing them costs
        # nothing.
        share = 1 if case.clients == 1 else 0.1
        prefix = self.stage.directory / "pgbench_log"
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(case.clients), "-j", str(min(2, case.clients)), "-T",
                   str(max(1, round(self.seconds))), "-f", self.stage.directory / "pgbench.sql", "-D",
                   "body=" + "x" * self.act_bytes, "-l", f"--log-prefix={prefix}", f"--sampling-rate={share}",
                   self.stage.database]
        before = measure.Sample(self.stage, self.sql)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        after = measure.Sample(self.stage, self.sql)
        found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        if done.returncode != 0 or not found:
            return {"errors": [done.stderr[-300:]]}
        times = []
        for file in self.stage.directory.glob("pgbench_log*"):
            times += [int(line.split()[2]) for line in file.read_text().splitlines()]
            file.unlink()
        times.sort()
        call = {q: times[min(len(times) - 1, int(len(times) * float(q[1:]) / 100))] / 1e3 for q in QUANTILES} if times else {}
        return {"per_second": float(found.group(1)), "milliseconds": {"call": call}, "errors": [],
                "beside": measure.between(before, after)}
