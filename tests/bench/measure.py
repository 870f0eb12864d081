"""Cost of a case apart from its client: CPU by process and thread, bytes of WAL, batches and decisions of the
broker."""

import pathlib
import re
import subprocess
import time
import urllib.request


class Sql:
    """One session that stays open: a new one for each query would cost more than its answer."""

    def __init__(self, database):
        self.process = subprocess.Popen(["psql", "-XAtq", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1)
        self.pid = int(self.ask("SELECT pg_backend_pid()"))

    def ask(self, statement):
        self.process.stdin.write(statement + ";\n")
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def threads(pid):
    """CPU nanoseconds of each thread now: {(pid, tid): (name, nanoseconds)}."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        try:
            name = (task / "comm").read_text().strip()
            found[pid, task.name] = (name, int((task / "schedstat").read_text().split()[0]))
        except OSError:
            pass  # It ended meanwhile.
    return found


def server_processes(postmaster, but):
    """The same of PostgreSQL's processes, named by what they are; the backends of clients are all called "backend"."""
    found = {}
    children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in [str(postmaster), *children]:
        if int(pid) in but:
            continue
        try:
            title = pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
            nanoseconds = int(pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])
        except OSError:
            continue
        kind = re.match(r"postgres: (walwriter|checkpointer|background writer|autovacuum \w+)", title)
        name = kind.group(1) if kind else "backend" if title.startswith("postgres: ") else "postmaster"
        found[pid] = (name, nanoseconds)
    return found


def broker_metrics(admin):
    """Every series of the broker, {name and labels: value}."""
    text = urllib.request.urlopen(f"http://{admin}/metrics", timeout=10).read().decode()
    return {name: float(value) for name, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


class Sample:
    def __init__(self, stage, sql):
        self.time = time.monotonic()
        self.wal = int(float(sql.ask("SELECT pg_current_wal_insert_lsn() - '0/0'")))
        self.broker = threads(stage.broker.pid)
        self.postgres = server_processes(stage.postmaster(), {sql.pid})
        self.metrics = broker_metrics(stage.admin)


def between(before, after):
    """What was used between two samples: CPU in seconds by name; of PostgreSQL's backends, "writer" is the busiest."""
    cpu = {}

    def add(name, nanoseconds):
        if nanoseconds > 0:
            cpu[name] = cpu.get(name, 0) + nanoseconds / 1e9

    for key, (name, used) in after.broker.items():
        add(f"broker {name}", used - before.broker.get(key, (name, 0))[1])
    backends = []
    for pid, (name, used) in after.postgres.items():
        used -= before.postgres.get(pid, (name, 0))[1]
        if name == "backend":
            backends.append(used)
        else:
            add(f"postgres {name}", used)
    for at, used in enumerate(sorted(backends, reverse=True)):
        add("postgres writer" if at == 0 else "postgres other backends", used)

    def grown(name):
        return sum(value - before.metrics.get(series, 0) for series, value in after.metrics.items()
                   if series == name or series.startswith(name + "{"))

    batches, acts = grown("capbroker_batch_acts_count"), grown("capbroker_batch_acts_sum")
    return {"cpu_seconds": cpu, "wal_bytes": after.wal - before.wal, "elapsed": after.time - before.time,
            "batches": batches, "acts": acts, "decisions": grown("capbroker_decisions_total"),
            "acts_per_batch": acts / batches if batches else 0,
            "commit_milliseconds": 1e3 * grown("capbroker_batch_commit_seconds_sum") / batches if batches else 0}
