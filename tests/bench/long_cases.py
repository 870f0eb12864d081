"""The goals that take long, each on a stage of its own: a million open offers, a long history, watchers, overload.

Each case returns rows as goals.judge does, with the size that it was run at in their words.
"""

import contextlib
import json
import pathlib
import subprocess

import bench_stage
import cases
import goals
import measure

MIB = 1 << 20
LOADED_RATE = 1000  # Lifecycles a second beside a million open offers.
LAPSE_RATE = 200    # Deadlines a second, the same.


class WrongOutcome(Exception):
    pass


def row(number, of, value, goal, more, unit="", known=None):
    """A row of the table; `value` is a spread or one figure."""
    found = value if isinstance(value, dict) else goals.spread([value])
    reached = found["median"] >= goal if more else found["median"] <= goal
    return {"number": number, "of": of, "unit": unit, "goal": goal, "more_is_better": more, "reached": reached, **found,
            **(known or {})}


class Long:
    """What the long cases share: the build, the sizes, and how a load is run and checked."""

    def __init__(self, directory, options, log):
        self.directory, self.options, self.log = directory, options, log
        self.transport = options.long_transport

    @contextlib.contextmanager
    def bench(self, **owners):
        stage = bench_stage.open_stage(self.directory / "capbroker")
        bench = None
        try:
            stage.parties(**owners)
            bench = cases.Bench(stage, self.directory, self.options.seconds, self.options.warm_up,
                                self.options.client.split())
            yield bench
        finally:
            if bench:
                bench.close()
            stage.close()

    def checked(self, what, figures):
        if figures["errors"]:
            raise WrongOutcome(f"{what}: {'; '.join(figures['errors'][:3])}")
        return figures

    def load(self, bench, name, *options, broker=()):
        """Runs one case of the usual length."""
        figures = self.checked(name, bench.run(cases.lifecycle(name, *options, broker=broker)))
        self.log(f"  {name:<34}{figures['per_second']:>9,.0f}/s   p99 {figures['milliseconds']['award']['p99']:8.2f} ms")
        return figures

    def count(self, bench, what, transport, mix, count, *options):
        """Runs `count` lifecycles as fast as possible."""
        case = cases.Case(what, "lifecycle", ["--transport", transport, "--mix", mix, "--count", str(count), *options])
        figures = self.checked(what, bench.run_client(case, 1, 0))
        self.log(f"  {what}: {figures['lifecycles']:,} at {figures['per_second']:,.0f}/s")
        return figures

    def start_client(self, bench, *options, transport=None):
        case = cases.Case("", "lifecycle", ["--transport", transport or self.transport, *map(str, options)])
        client = subprocess.Popen(bench.command(case), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        bench.stage.started.append(client)
        return client

    def finish_client(self, bench, client, what):
        out, noise = client.communicate(timeout=600)
        bench.stage.started.remove(client)
        if not out.startswith("{"):
            raise WrongOutcome(f"{what}: {noise[-300:]}")
        return self.checked(what, json.loads(out))


def million(long):
    """Goal 5."""
    offers = long.options.open_offers
    with long.bench(bench=1, lapse=1, open=64) as bench:
        stage = bench.stage
        long.load(bench, f"{long.transport}/accepted/64")  # So that what it keeps at hand anyway is there.
        before = stage.broker_bytes()
        long.count(bench, "open offers", long.transport, "open", offers, "--owners", "64", "--concurrency", "2048",
                   *bench_stage.as_load("open"))
        each = (stage.broker_bytes() - before) / offers
        seconds = max(1.0, 4 * long.options.seconds)
        lapsing = long.start_client(bench, "--mix", "lapse", "--rate", LAPSE_RATE, "--warm-up", 1, "--seconds", seconds,
                                    *bench_stage.as_load("lapse"))
        placing = long.start_client(bench, "--mix", "accepted", "--rate", LOADED_RATE, "--warm-up", 1, "--seconds", seconds)
        lapses = long.finish_client(bench, lapsing, "lapses beside open offers")
        placed = long.finish_client(bench, placing, "lifecycles beside open offers")
        late = lapses["milliseconds"]["lapse"]
        long.log(f"  {placed['per_second']:,.0f} lifecycles/s beside, award p99 {placed['milliseconds']['award']['p99']:.1f} ms; "
                 f"deadlines told {late['p50']:.1f} ms late at the median")
        restart = stage.restart_broker()
        after = stage.broker_bytes() / offers
        words = f"{offers:,} open offers: "
        return [row(5, words + "bytes of broker memory each", each, 1024, False, "B"),
                row(5, words + "bytes each after a restart, all of it", after, 1024, False, "B"),
                row(5, words + f"deadline to told p99, {LOADED_RATE:,}/s", late["p99"], 20, False, "ms"),
                row(5, words + "restart to ready", restart, 15, False, "s")]


def decisions_of(bench):
    return int(bench.stage.sql("SELECT coalesce(sum(decisions), 0) FROM act"))


def read(long, bench, names):
    """The quantiles of reads of these requests."""
    done = subprocess.run([long.directory / "tests/bench/read_bench", "--target", bench.stage.target, "--token",
                           bench.stage.tokens / "owner-bench-0", "--names", names, "--seconds",
                           str(2 * long.options.seconds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise WrongOutcome(f"reads: {done.stderr[-300:]}")
    return json.loads(done.stdout)["milliseconds"]


def history(long):
    """Goal 6. The history is real: brokered by this broker, over the API."""
    wanted = long.options.decisions
    load = f"{long.transport}/accepted/64"
    with long.bench(bench=64) as empty, long.bench(bench=64) as full:
        def fill(share):
            missing = int(wanted * share) - decisions_of(full)
            if missing > 0:
                long.count(full, "lifecycles of history", long.transport, "accepted", max(64, missing // per_lifecycle),
                           "--owners", "64", "--concurrency", "1024")

        long.count(full, "lifecycles", long.transport, "accepted", 640, "--owners", "64", "--concurrency", "64")
        per_lifecycle = max(1, decisions_of(full) // 640)
        fill(0.1)
        young = full.stage.broker_bytes()
        fill(1)
        old = full.stage.broker_bytes()
        full.stage.sql("VACUUM ANALYZE")  # As autovacuum would by and by.
        held = decisions_of(full)
        ratios = []
        for _ in range(long.options.rounds):
            without = long.load(empty, load)
            ratios.append(long.load(full, load)["per_second"] / without["per_second"])
        names = full.stage.directory / "names"
        some = full.stage.sql("SELECT 'owners/bench-0/capacityRequests/' || request_id FROM request_by_name "
                              "WHERE owner = 'bench-0' ORDER BY md5(request_id::text) LIMIT 5000")
        names.write_text(some + "\n")
        times = read(long, full, names)
        full.stage.restart_broker()
        empty.stage.restart_broker()
        again = full.stage.broker_bytes() / empty.stage.broker_bytes()
    words = f"{held:,} decisions: "
    return [row(6, words + "lifecycles/s / those of an empty one", goals.spread(ratios), 0.9, True),
            *(row(6, words + f"{what} p99", times[call]["p99"], 5, False, "ms")
              for call, what in (("get", "Get"), ("list", "List, first page"), ("trail", "trail of a request"))),
            row(6, words + "broker memory / at a tenth of it", old / young, 1.1, False),
            row(6, words + "broker memory after a restart / of an empty one", again, 1.1, False)]


@contextlib.contextmanager
def watching(long, bench, names, stalled=0):
    """Watches these names meanwhile; yields a list that gets the counts of the watchers."""
    file = bench.stage.directory / "watched"
    file.write_text("\n".join(names) + "\n")
    process = subprocess.Popen([long.directory / "tests/bench/watch_bench", "--target", bench.stage.target, "--tokens",
                                bench.stage.tokens, "--names", file, "--stalled", str(stalled)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    bench.stage.started.append(process)
    counts = []
    try:
        if process.stdout.readline().strip() != "ready":
            raise WrongOutcome("the watchers did not get the present state")
        yield counts
    finally:
        out, _ = process.communicate()
        bench.stage.started.remove(process)
    counts.append(json.loads(out))
    if counts[0]["broken"] and not stalled:
        raise WrongOutcome(f"{counts[0]['broken']} watches ended by themselves")


def watchers(long):
    """Goal 7. Each watcher follows one unfinished request of the owners of the load."""
    watched = long.options.watchers
    load = f"{long.transport}/accepted/64/owners"
    one = f"{long.transport}/accepted/64"
    with long.bench(bench=64) as bench:
        stage = bench.stage
        long.count(bench, "requests to be watched", "unary", "open", watched, "--owners", "64", "--concurrency", "64")
        rows = stage.sql("SELECT 'owners/' || owner || '/capacityRequests/' || request_id FROM request_by_name WHERE state < 6 "
                         f"LIMIT {watched}").splitlines()
        ratios, stalls, grown, heard = [], [], [], 0
        for _ in range(long.options.rounds):
            without = long.load(bench, load, "--owners", "64")
            with watching(long, bench, rows) as counts:
                ratios.append(long.load(bench, load, "--owners", "64")["per_second"] / without["per_second"])
            heard += counts[0]["messages"]
            alone = long.load(bench, one)
            before = stage.broker_bytes()
            with watching(long, bench, ["owners/bench-0"], stalled=1):
                stalls.append(long.load(bench, one)["per_second"] / alone["per_second"])
                grown.append((stage.broker_bytes() - before) / MIB)
        long.log(f"  the watchers got {heard:,} messages")
    words = f"{watched:,} watchers of open requests"
    return [row(7, words + ": lifecycles/s / with none", goals.spread(ratios), 0.8, True),
            row(7, "a watcher that does not read: lifecycles/s / without", goals.spread(stalls), 0.9, True),
            row(7, "a watcher that does not read: broker memory more", goals.spread(grown), 32, False, "MiB")]


def overload(long):
    """Goal 8, over unary calls: a session's excess waits in its stream, by its contract, and is not refused. Ten times
    what the broker can do is more than a client on the same cores can ask for; ten times what it can do with a slow
    disk is not."""
    with long.bench(bench=1, calm=1) as bench:
        rows = overloaded(long, bench, "", ())
        for setting in ("commit_delay = 20000", "commit_siblings = 0"):  # Microseconds; however few commit.
            bench.stage.sql(f"ALTER SYSTEM SET {setting}")
        bench.stage.sql("SELECT pg_reload_conf()")
        return rows + overloaded(long, bench, "commits of 20 ms, ", ("--batch-bound", "64"))


def overloaded(long, bench, which, broker):
    seconds = long.options.overload_seconds
    after = min(5.0, seconds)
    best = max(long.load(bench, f"unary/accepted/{n}", broker=broker)["per_second"] for n in (64, 256) for _ in range(2))

    def start(*more):
        return long.start_client(bench, "--mix", "accepted", "--channels", 8, *more, transport="unary")

    def calm():  # May be refused while it warms up.
        return start("--rate", "200", "--overload", "--warm-up", after, "--seconds", after, *bench_stage.as_load("calm"))

    normal = long.finish_client(bench, calm(), "before the overload")
    client = start("--rate", f"{10 * best:.0f}", "--overload", "--warm-up", 1, "--seconds", seconds)
    later, most = None, 0
    for line in client.stderr:
        if line.strip() == "begin":
            before = measure.Sample(bench.stage, bench.sql)
        if line.strip() == "end":  # What it has not been refused is still brought to its end.
            used = measure.between(before, measure.Sample(bench.stage, bench.sql))
            most = bench.stage.broker_bytes()
            later = calm()
            break
    over = long.finish_client(bench, client, "overload")
    recovered = long.finish_client(bench, later, f"{after:g} s after the overload")
    offered = over["started"] / (seconds + 1) / best
    excess = max(1.0, (offered - 1) * best * seconds)
    ended = over["refused"] + over["lifecycles"]
    share = over["refused"] / max(1, ended)
    bare = over["bare_refusals"] / max(1, over["refused"] + over["answers_refused"])
    long.log(f"  offered {offered:.1f} x the best, {share:.0%} refused, answers repeated {over['answers_refused']:,}; a refusal "
             f"took {over['milliseconds']['refusal']['p50']:.1f} ms, p99 {over['milliseconds']['refusal']['p99']:.1f}; "
             f"award p99 {over['milliseconds']['award']['p99']:,.0f} ms; broker {most / MIB:.0f} MiB; "
             f"CPU {', '.join(f'{name} {s:.1f} s' for name, s in sorted(used['cpu_seconds'].items(), key=lambda x: -x[1])[:6])}")
    words = f"{which}{offered:.1f} x for {seconds:g} s: "
    return [row(8, words + "goodput / the best", over["per_second"] / best, 0.9, True),
            row(8, words + "refused / offered beyond the best", over["refused"] / excess, 0.9, True),
            row(8, words + "refused without RetryInfo, share", bare, 0, False),
            row(8, words + f"refused {after:g} s later", recovered["refused"], 0, False),
            row(8, words + f"award p99 {after:g} s later / before",
                recovered["milliseconds"]["award"]["p99"] / normal["milliseconds"]["award"]["p99"], 2, False)]


LONG = {"million": million, "history": history, "watchers": watchers, "overload": overload}
