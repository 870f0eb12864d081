"""Faults around a broker: the database, its schema, the port, the configuration, a second replica; and mistakes of
callers. Each leads to one clear line or one clear error, and nothing that was acknowledged is lost."""

import json
import os
import re
import signal
import subprocess
import unittest
import unittest.mock
import urllib.request

from stage import BINARY, ROOT, Stage, StageTest, kinds


class FaultsTest(StageTest):
    def serve(self, *arguments, want):
        """Runs a broker that cannot start: its exit code and its last line."""
        done = subprocess.run([BINARY, "serve", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, want, done.stderr)
        self.assertNotIn("ready", done.stdout)
        return done.stderr.strip().splitlines()[-1]

    def test_port_taken(self):
        stage = self.stage
        command = stage.serve_command()[2:]
        line = self.serve(*command, "--name", "another", want=10)
        self.assertIn(stage.target, line)

    def test_configuration(self):
        stage = self.stage
        command = stage.serve_command()[2:]
        broken = stage.directory / "broken.yaml"
        broken.write_text("- {role: king, name: azure, token_sha256: " + "0" * 64 + "}\n")
        line = self.serve("--database", stage.database, "--listen", "127.0.0.1:0", "--insecure-loopback",
                          "--principals", broken, want=2)
        self.assertIn("broken.yaml:1", line)
        self.assertIn("role", line)
        line = self.serve(*[a for a in command if a != "--insecure-loopback"], want=2)
        self.assertIn("--insecure-loopback", line)
        line = self.serve("--database", stage.database, "--listen", "0.0.0.0:0", "--insecure-loopback", "--principals",
                          stage.directory / "principals.yaml", want=2)
        self.assertIn("0.0.0.0", line)
        self.serve("--no-such-flag", want=2)

    def test_database_missing_or_of_another_schema(self):
        stage = self.stage
        rest = ["--listen", "127.0.0.1:0", "--insecure-loopback", "--principals", stage.directory / "principals.yaml"]
        nowhere = f"host={stage.directory} user=postgres dbname=capbroker"
        self.assertIn("database", self.serve("--database", nowhere, *rest, want=11))
        self.psql("CREATE DATABASE empty")
        empty = stage.database.replace("dbname=capbroker", "dbname=empty")
        self.assertIn("capbroker migrate", self.serve("--database", empty, *rest, want=12))
        stage.run("migrate", "--database", empty)
        self.assertIn("nothing to do", stage.run("migrate", "--database", empty).stdout)
        self.psql("INSERT INTO schema_migration SELECT version + 1, name, checksum FROM schema_migration "
                  "ORDER BY version DESC LIMIT 1", "empty")
        self.assertIn("schema", self.serve("--database", empty, *rest, want=12))

    def test_a_database_that_may_lose_what_it_acknowledged(self):
        stage = self.stage
        self.psql("CREATE DATABASE unsafe")
        self.psql("ALTER DATABASE unsafe SET synchronous_commit = off")
        url = stage.database.replace("dbname=capbroker", "dbname=unsafe")
        stage.run("migrate", "--database", url)
        command = ["--database", url, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--insecure-loopback"]
        line = self.serve(*command, want=15)
        self.assertIn("got off for synchronous_commit", line)
        broker = subprocess.Popen([BINARY, "serve", *command, "--allow-unsafe-database"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        stage.started.append(broker)
        admin = re.search(r"admin=(\S+)", broker.stdout.readline())[1]
        with urllib.request.urlopen(f"http://{admin}/metrics") as page:
            self.assertIn("\ncapbroker_database_unsafe 1\n", page.read().decode())
        broker.terminate()
        self.assertIn("got off for synchronous_commit", broker.communicate(timeout=60)[1])

    def test_a_time_zone_that_this_machine_does_not_know(self):
        stage = self.stage
        text = """agreement: hours
owner: other
holder: coreweave
effective_from: 2026-01-01
calendars:
  - {id: office, time_zone: Europe/%s, hours: [MON-FRI 09:00-17:00]}
clauses:
  - {id: C1, kind: FIRST_REFUSAL, window: 16h, calendar: office}
"""
        file = stage.directory / "hours.yaml"
        file.write_text(text % "Nowhere")
        refused = stage.run("agreement", "apply", file, who="operator-ada", want=2)
        self.assertIn('time_zone: got "Europe/Nowhere"', refused.stderr)
        file.write_text(text % "Berlin")
        stage.run("agreement", "apply", file, who="operator-ada")
        stage.kill_broker()
        with unittest.mock.patch.dict(os.environ, {"TZDIR": str(stage.directory)}):  # Without any zones.
            stage.start_broker()
        stage.create()
        stage.broker.terminate()
        stage.broker.communicate(timeout=60)
        log = (stage.directory / "broker.log").read_text()
        self.assertIn("this machine does not know the time zone of other/hours/1: Europe/Berlin", log)
        stage.start_broker()

    def test_a_log_that_nobody_reads_keeps_no_process_alive(self):
        stage = self.stage
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(writer, b"x")
        os.set_blocking(writer, True)
        self.psql("CREATE DATABASE unread")
        url = stage.database.replace("dbname=capbroker", "dbname=unread")
        command = [BINARY, "serve", "--database", url, "--listen", "127.0.0.1:0", "--admin-listen", "off"]
        failed = subprocess.run(command, stderr=writer, timeout=60)
        self.assertEqual(failed.returncode, 12)  # Its schema is missing.
        stage.run("migrate", "--database", url)
        broker = subprocess.Popen([*command, "--insecure-loopback"], stdout=subprocess.PIPE, stderr=writer, text=True)
        stage.started.append(broker)
        self.assertIn("ready", broker.stdout.readline())
        broker.terminate()
        self.assertEqual(broker.wait(timeout=60), 0)
        os.close(reader)
        os.close(writer)

    def test_no_message_has_a_part_of_the_password(self):
        for url in ("postgresql://u:s3cr%zzet@localhost/x", "postgres://u:s3c/ret@localhost/x", "host=localhost s3cret"):
            for verb in (["serve"], ["migrate"], ["decisions", "verify"]):
                done = self.stage.run(*verb, "--database", url, want=2)
                self.assertIn("--database: got a text that is not shown", done.stderr)
                self.assertNotRegex(done.stdout + done.stderr, "s3c|zz|ret@")

    def test_a_line_break_at_the_end_is_no_part_of_a_value(self):
        stage = self.stage
        token = (stage.tokens / "owner-openai").read_text().strip()
        variables = {"CAPBROKER_TOKEN": token + "\n", "CAPBROKER_TARGET": stage.target + "\r\n",
                     "CAPBROKER_OWNER": "openai\n"}
        done = subprocess.run([BINARY, "request", "list"], env=os.environ | variables, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([BINARY, "request", "list", "--owner", "openai\n", "--token", token + "\n", "--target",
                               stage.target + "\n"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def psql(self, statement, database="capbroker"):
        url = self.stage.database.replace("dbname=capbroker", f"dbname={database}")
        subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", url, "-c", statement], check=True)

    def test_second_replica_stands_by(self):
        # Without --name both have the host's.
        for name in (["--name", "another"], []):
            with self.subTest(name=name):
                self.stands_by(name)

    def stands_by(self, name):
        stage = self.stage
        standby = subprocess.Popen([*stage.replica_command(), *name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
        stage.started.append(standby)
        for line in standby.stderr:
            if "is held by" in line:
                break
        else:
            self.fail("it does not say who holds the partitions")
        standby.send_signal(signal.SIGTERM)
        standby.communicate(timeout=60)
        stage.create()  # The first one has not noticed.

    def test_who_may_do_what(self):
        stage = self.stage
        name = stage.create()
        # Another party's resource does not exist for a caller.
        stage.run("request", "get", name, who="owner-other", want=1)
        stage.run("offer", "accept", name + "/offers/1", "--provider", "coreweave", who="provider-coreweave", want=1)
        stage.run("agreement", "apply", ROOT / "deploy/agreements/openai-azure-v3.yaml", who="owner-openai", want=1)
        (stage.tokens / "nobody").write_text("cb_" + "0" * 64)
        done = stage.run("request", "list", "--owner", "openai", who="nobody", want=1)
        self.assertIn("NO_IDENTITY", done.stderr)
        self.assertEqual(kinds(stage.acts("--request", name)), ["REQUEST_RECEIVED", "ROUTE_FIRST_REFUSAL", "OFFER_OPENED"])

    def test_bad_input_changes_nothing(self):
        stage = self.stage
        before = stage.last_sequence()
        for flags, field in [
            (["--price", "2.5 DOLLARS"], "price"), (["--end", "+10d"], "end"), (["--quantity", "-5"], "quantity"),
            (["--quantity", "99999999999999999999"], "quantity"), (["--class", "two words"], "class"),
            (["--provider", "nobody"], "providers[0]"), (["--smallest", "9000"], "smallest"),
            (["--expire", "2020-01-01T00:00:00Z"], "expire"), (["--region", "x" * 64], "region"),
        ]:
            arguments = {"--quantity": "8000", "--end": "+90d", "--price": "2.5 USD", "--class": "PRODUCT_INFERENCE",
                         "--region": "us-east"} | dict([flags])
            line = stage.run("request", "create", "--owner", "openai", "--resource", "h100", "--unit", "gpu", "--start",
                             "+60d", *[word for pair in arguments.items() for word in pair], who="owner-openai",
                             want=None)
            self.assertIn(line.returncode, (1, 2), flags)
            self.assertIn(field, line.stderr)
        name = stage.create()
        offer = name + "/offers/1"
        for quantity in ("1001", "8001", "992", "0x10"):
            line = stage.run("offer", "accept", offer, "--provider", "azure", "--quantity", quantity,
                             who="provider-azure", want=2)
            self.assertIn("quantity", line.stderr)
        self.assertEqual(stage.last_sequence(), before + 1)

    def test_same_key_same_answer(self):
        stage = self.stage
        key = ["--request-id", "the-key"]
        # The terms must be identical, so they have no relative times.
        times = ["--start", "2031-06-01T00:00:00Z", "--end", "2031-07-01T00:00:00Z"]

        def create(quantity, want=0):
            return stage.run("request", "create", "--owner", "openai", "--resource", "h100", "--region", "us-east",
                             "--quantity", quantity, "--unit", "gpu", *times, "--price", "2.5 USD", "--class", "X",
                             "--output", "json", *key, who="owner-openai", want=want)

        first = create(100).stdout
        sequence = stage.last_sequence()
        stage.kill_broker()
        stage.start_broker()
        self.assertEqual(json.loads(create(100).stdout)["name"], json.loads(first)["name"])
        self.assertIn("IDEMPOTENCY_CONFLICT", create(101, want=1).stderr)
        received = [a for a in stage.acts("--owner", "openai") if a["sequence"] > sequence and a.get("request")]
        self.assertEqual(received, [])

    def test_drains_on_sigterm(self):
        stage = self.stage
        name = stage.create()
        stage.broker.send_signal(signal.SIGTERM)
        self.assertEqual(stage.broker.wait(timeout=60), 0)
        stage.broker.stdout.close()
        stage.start_broker()
        stage.run("offer", "accept", name + "/offers/1", "--provider", "azure", who="provider-azure")


class DatabaseGoneTest(StageTest):
    def test_nothing_acknowledged_is_lost_and_service_resumes(self):
        stage = self.stage
        before = stage.create()
        stage.postgres("kill")
        done = stage.create(want=3)
        self.assertRegex(done.stderr, "UNAVAILABLE|LEDGER_UNAVAILABLE|database")
        stage.postgres("start")
        # By itself, with the next call that gets through.
        for _ in range(200):
            done = stage.create(want=None)
            if done.returncode == 0:
                break
            self.assertEqual(done.returncode, 3, done.stderr)
        else:
            self.fail("the broker did not come back")
        self.assertIsNone(stage.broker.poll(), "it is the same process")
        stage.run("offer", "accept", before + "/offers/1", "--provider", "azure", who="provider-azure")
        self.assertEqual(kinds(stage.acts("--request", before))[-1], "REQUEST_FULFILLED")
        stage.run("decisions", "verify", "--database", stage.database)


class EvidenceTest(StageTest):
    def test_an_export_is_checked_without_a_broker(self):
        stage = self.stage
        name = stage.create()
        stage.run("offer", "decline", name + "/offers/1", "--provider", "azure", "--reason", "NO_CAPACITY",
                  who="provider-azure")
        file = stage.directory / "openai.jsonl"

        def verified(*head):
            """Verifies with the broker's binary and with the short script, which have to agree."""
            script = subprocess.run([ROOT / "tests/verify_evidence.py", file, *head], capture_output=True, text=True)
            stage.run("decisions", "verify", file, *head, want=0 if script.returncode == 0 else 4)
            return script.returncode == 0

        stage.run("decisions", "export", "--request", name, "--out", file, who="auditor-lex")
        self.assertIn("AGREEMENT_ACTIVATED", file.read_text(), "what governs the request")
        self.assertTrue(verified())
        self.assertIn(name.rpartition("/")[2], file.read_text().splitlines()[0])
        file.write_text(file.read_text().replace(name.rpartition("/")[2], "0" * 8 + "-0000-7000-8000-" + "0" * 12, 1))
        self.assertFalse(verified(), "about another request")

        stage.run("decisions", "export", "--owner", "openai", "--out", file, who="auditor-lex")
        whole = file.read_text()
        lines = whole.splitlines(keepends=True)
        head = json.loads(lines[-1])["hash"]
        self.assertTrue(verified())
        self.assertTrue(verified("--head", head))
        for tampered in [whole.replace("NO_CAPACITY", "PRICE"), "".join(lines[:-2] + lines[-1:]),
                         "".join(lines[:-2] + [lines[-1], lines[-2]]), "".join(lines[:1] + lines[2:]),
                         "".join(lines[1:]), lines[0]]:
            self.assertNotEqual(tampered, whole)
            file.write_text(tampered)
            self.assertFalse(verified(), tampered)
        file.write_text("".join(lines[:-1]))
        self.assertTrue(verified(), "an owner's file of an earlier day")
        self.assertFalse(verified("--head", head))

    def test_tampering_in_the_database_is_refused_and_found(self):
        stage = self.stage
        stage.create()

        def psql(statement):
            return subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", stage.database, "-c", statement],
                                  stderr=subprocess.PIPE, text=True)

        change = ("UPDATE act SET body = replace(body, 'h100', 'h200')"
                  " WHERE owner_id = (SELECT owner_id FROM owner WHERE name = 'openai')")
        self.assertIn("append-only", psql(change).stderr)
        psql(f"SET session_replication_role = replica; {change}")
        done = stage.run("decisions", "verify", "--database", stage.database, want=4)
        self.assertIn("openai", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
