"""A running broker as its operator sees it: its metrics are compared with the trail, its readiness with the database,
its log with what callers did."""

import re
import subprocess
import unittest
import urllib.error
import urllib.request

from stage import StageTest, kinds


def samples(text):
    """{name and labels as written: value}."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in found, f"twice: {name}"
            found[name] = float(value)
    return found


class AdminTest(StageTest):
    def get(self, path, data=None, **headers):
        """(status, text) of a page of the admin port."""
        request = urllib.request.Request(f"http://{self.stage.admin}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        status, text = self.get("/metrics")
        self.assertEqual(status, 200)
        return samples(text)


class HostTest(AdminTest):
    def test_no_page_is_read_under_a_name_that_somebody_else_may_have(self):
        for path in ("/metrics", "/livez", "/readyz", "/version", "/loglevel", "/"):
            self.assertEqual(self.get(path, Host="evil.example")[0], 403, path)
            self.assertEqual(self.get(path, Host="127.0.0.1.evil.example:7421")[0], 403, path)
        for path in ("/metrics", "/livez", "/readyz", "/version", "/loglevel"):
            self.assertEqual(self.get(path, Host="broker:7421")[0], 200, path)
        self.assertEqual(self.get("/loglevel", data=b"debug", Host="evil.example")[0], 403)
        self.assertEqual(self.get("/loglevel")[1], "info\n")


class MetricsTest(AdminTest):
    def test_a_small_load_in_numbers(self):
        stage = self.stage
        # One request is taken in part, and the rest by an alternative; one is declined; one is cancelled, and answered
        # after; one waits.
        taken = stage.create("--provider", "stargate-oracle")
        stage.run("offer", "accept", taken + "/offers/1", "--provider", "azure", "--quantity", "5000",
                  who="provider-azure")
        stage.run("offer", "accept", taken + "/offers/2", "--provider", "stargate-oracle", who="provider-stargate-oracle")
        declined = stage.create()
        stage.run("offer", "decline", declined + "/offers/1", "--provider", "azure", "--reason", "NO_CAPACITY",
                  who="provider-azure")
        cancelled = stage.create()
        stage.run("request", "cancel", cancelled, who="owner-openai")
        late = stage.run("offer", "accept", cancelled + "/offers/1", "--provider", "azure", who="provider-azure",
                         want=None)
        self.assertNotEqual(late.returncode, 0)
        waiting = stage.create()

        got = self.metrics()
        acts = stage.acts("--owner", "openai")
        trail = kinds(acts)
        for kind in sorted(set(trail) - {"RECOVERY_RESUMED"}):
            self.assertEqual(got[f'capbroker_decisions_total{{kind="{kind}"}}'], trail.count(kind), kind)
        total = sum(value for name, value in got.items() if name.startswith("capbroker_decisions_total{"))
        self.assertEqual(total, len(trail) + 3, "the rest are the three providers")
        self.assertEqual(got['capbroker_decisions_total{kind="PROVIDER_REGISTERED"}'], 3)

        opened = sum(value for name, value in got.items() if name.startswith("capbroker_offers_opened_total{"))
        ended = sum(value for name, value in got.items() if name.startswith("capbroker_offers_total{"))
        self.assertEqual(opened, trail.count("OFFER_OPENED"))
        for outcome, kind, provider, count in [("PARTIALLY_ACCEPTED", "FIRST_OFFER", "azure", 1),
                                               ("DECLINED", "FIRST_OFFER", "azure", 1),
                                               ("RESCINDED", "FIRST_OFFER", "azure", 1),
                                               ("ACCEPTED", "ALTERNATIVE", "stargate-oracle", 1)]:
            labels = f'{{kind="{kind}",outcome="{outcome}",provider="{provider}"}}'
            self.assertEqual(got["capbroker_offers_total" + labels], count, labels)
            self.assertEqual(got["capbroker_offer_latency_seconds_count" + labels], count, labels)
        still_open = sum(value for name, value in got.items() if name.startswith("capbroker_open_offers{"))
        self.assertEqual(still_open, opened - ended)
        self.assertGreaterEqual(got['capbroker_open_offers{kind="FIRST_OFFER",provider="azure"}'], 1)
        self.assertEqual(got['capbroker_declines_total{provider="azure",reason="NO_CAPACITY"}'], 1)
        self.assertEqual(got['capbroker_partial_acceptance_ratio_sum{provider="azure"}'], 0.625)
        self.assertEqual(got['capbroker_time_to_placement_seconds_count{outcome="FULFILLED"}'], 1)
        self.assertGreater(got['capbroker_deadline_slack_seconds_sum{kind="FIRST_OFFER",provider="azure"}'], 0)

        # The holder's commitment, as the trail has it.
        def micros(amount):
            return float(amount.split()[0])
        drawn = sum(micros(decision["amount"]) for act in acts for decision in act["decisions"]
                    if decision["kind"] == "COMMITMENT_DRAWN")
        shown = {name.split("{")[0]: value for name, value in got.items() if name.startswith("capbroker_commitment_")}
        self.assertAlmostEqual(shown["capbroker_commitment_drawn"], drawn)
        self.assertAlmostEqual(shown["capbroker_commitment_committed"], drawn + shown["capbroker_commitment_left"])

        # Each call is counted once, with the status that its caller got.
        create = 'grpc_type="unary",grpc_service="capbroker.v1.CapacityRequestService",grpc_method="CreateCapacityRequest"'
        self.assertEqual(got[f'grpc_server_handled_total{{{create},grpc_code="OK"}}'], 4)
        self.assertEqual(got[f"grpc_server_started_total{{{create}}}"], 4)
        self.assertEqual(got[f"grpc_server_handling_seconds_count{{{create}}}"], 4)
        accept = create.replace("CapacityRequestService", "OfferService").replace("CreateCapacityRequest", "AcceptOffer")
        self.assertEqual(got[f'grpc_server_handled_total{{{accept},grpc_code="Aborted"}}'], 1)

        # Metrics of the sequencer and the ledger.
        self.assertEqual(got["capbroker_serving"], 1)
        self.assertEqual(got["capbroker_batch_acts_sum"], len(acts) + 3)
        self.assertEqual(got["capbroker_batch_acts_count"], got["capbroker_batch_commit_seconds_count"])
        self.assertGreater(got["capbroker_batch_commit_seconds_sum"], 0)
        self.assertGreater(got["capbroker_sequencer_lag_seconds_count"], 0)
        self.assertEqual(got["capbroker_overdue_deadlines"], 0)
        self.assertEqual(got["capbroker_fencing_losses_total"], 0)
        self.assertEqual(got["capbroker_changes_uncounted_total"], 0)
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                     "process_start_time_seconds", "capbroker_database_sessions_max"):
            self.assertGreater(got[name], 0, name)

        # A new process counts from zero, and knows what is open and owed.
        balance = {name: value for name, value in got.items() if name.startswith("capbroker_commitment_")}
        stage.kill_broker()
        stage.start_broker()
        again = self.metrics()
        self.assertEqual(again['capbroker_decisions_total{kind="OFFER_OPENED"}'], 0)
        self.assertEqual(again['capbroker_open_offers{kind="FIRST_OFFER",provider="azure"}'],
                         got['capbroker_open_offers{kind="FIRST_OFFER",provider="azure"}'])
        self.assertEqual({name: again[name] for name in balance}, balance)
        self.assertGreater(again["capbroker_recovery_downtime_seconds"], 0)
        stage.run("offer", "accept", waiting + "/offers/1", "--provider", "azure", who="provider-azure")
        last = self.metrics()
        self.assertEqual(last['capbroker_offers_total{kind="FIRST_OFFER",outcome="ACCEPTED",provider="azure"}'], 1)
        self.assertEqual(last['capbroker_open_offers{kind="FIRST_OFFER",provider="azure"}'],
                         again['capbroker_open_offers{kind="FIRST_OFFER",provider="azure"}'] - 1)

    def test_the_format_is_prometheus_own(self):
        status, text = self.get("/metrics")
        self.assertEqual(status, 200)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="[^"\\]*",?)*\})? [0-9.e+-]+|'
                                   r'[a-z_]+\{([a-z_]+="[^"\\]*",?)*\} (\+Inf|NaN))$')
        self.assertEqual(len(re.findall(r"^# TYPE (\S+)", text, re.M)), len(set(re.findall(r"^# TYPE (\S+)", text, re.M))))

    def test_pages(self):
        self.assertEqual(self.get("/livez")[0], 200)
        self.assertEqual(self.get("/readyz"), (200, "database: ok\nschema: ok\nlistener: ok\npartitions: ok\ndeadlines: ok\nready\n"))
        version = self.stage.run("version").stdout
        self.assertIn(self.get("/version")[1].strip(), version)
        self.assertEqual(self.get("/nothing")[0], 404)

    def test_the_log_level_changes_and_no_line_has_a_token(self):
        stage = self.stage
        log = stage.directory / "broker.log"
        self.assertEqual(self.get("/loglevel"), (200, "info\n"))
        self.assertEqual(self.get("/loglevel", b"debug"), (200, "debug\n"))
        self.assertEqual(self.get("/loglevel", b"loud")[0], 400)
        self.assertEqual(self.get("/loglevel", b"error", Origin="http://example.org")[0], 403)
        self.assertEqual(self.get("/loglevel"), (200, "debug\n"))
        stage.create()
        self.metrics()  # By now it is counted, and said.
        self.assertEqual(self.get("/loglevel?level=info", b""), (200, "info\n"))
        self.assertRegex(log.read_text(), r" debug decided acts=1 decisions=3 which=openai/\d+\n")
        (stage.tokens / "unknown").write_text("cb_" + "7" * 64)
        stage.run("request", "list", "--owner", "openai", who="unknown", want=1)
        refused = next(line for line in log.read_text().splitlines() if "NO_IDENTITY" in line)
        self.assertRegex(refused, r" info refused method=CapacityRequestService/ListCapacityRequests peer=\S+ "
                                  r"code=UNAUTHENTICATED reason=NO_IDENTITY detail=")
        for token in stage.tokens.iterdir():
            self.assertNotIn(token.read_text().strip(), log.read_text())

    def test_port_taken_is_one_line(self):
        stage = self.stage
        command = [str(part) for part in stage.serve_command()]
        command[command.index("--listen") + 1] = "127.0.0.1:0"
        command[command.index("--admin-listen") + 1] = stage.admin
        done = subprocess.run([*command, "--name", "another"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 10, done.stderr)
        said = [line for line in done.stderr.splitlines() if " info " not in line]
        self.assertEqual(len(said), 1, done.stderr)
        self.assertIn("--admin-listen", done.stderr)
        self.assertIn(stage.admin, done.stderr)
        command[command.index("--admin-listen") + 1] = "nowhere"
        done = subprocess.run([*command, "--name", "another"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("nowhere", done.stderr)


class ReadinessTest(AdminTest):
    def until(self, want):
        """The text of /readyz as soon as its status is this one. Each look is a call, which takes its own time."""
        for _ in range(200):
            status, text = self.get("/readyz")
            if status == want:
                return text
            self.stage.create(want=None)
        raise AssertionError(f"/readyz stays {status}: {text}")

    def test_unready_while_the_database_is_gone(self):
        stage = self.stage
        self.until(200)
        stage.postgres("kill")
        text = self.until(503)
        self.assertIn("not ready", text)
        self.assertRegex(text, "(?m)^(database|partitions): not ")
        self.assertEqual(self.get("/livez")[0], 200, "a restart would not help")
        self.assertEqual(self.get("/metrics")[0], 200)
        stage.postgres("start")
        self.until(200)
        self.assertIsNone(stage.broker.poll(), "it is the same process")


if __name__ == "__main__":
    unittest.main(verbosity=2)
