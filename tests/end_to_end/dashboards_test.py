"""Every query of every panel has data when it is run against a real Prometheus, which scrapes a real broker under load,
or against the broker's database; and every panel is drawn in a browser.

CAPBROKER_PICTURES=DIR puts the pictures there; CAPBROKER_PICTURES_SECONDS=600 loads the broker for so long before."""

import contextlib
import csv
import http.server
import io
import json
import os
import pathlib
import random
import re
import subprocess
import threading
import time
import unittest
import urllib.parse
import urllib.request

from dashboards_lint_test import METRICS
from stage import ROOT, StageTest

DASHBOARDS = {file.stem: json.loads(file.read_text())
              for file in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))}
PATIENCE = 60  # Seconds until every query has to have data.
SCRAPE = 1     # Seconds between scrapes.


class Page(http.server.BaseHTTPRequestHandler):
    """Stands for the node exporter: serves the file that its textfile collector would read."""

    def do_GET(self):
        text = self.server.file.read_bytes() if self.server.file.exists() else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


DESKS = {
    "azure": "accept 0.5 after 50ms..1500ms; partial 50% 0.12 after 50ms..2s; decline NO_CAPACITY 0.1 after 20ms..1s; "
             "decline PRICE 0.05 after 50ms..1s; decline TERMS 0.03; silent 0.1; slow 0.1",
    "stargate-oracle": "accept 0.7 after 20ms..800ms; decline NO_CAPACITY 0.1; decline TIMING 0.05; silent 0.15",
    "coreweave": "accept 0.8 after 100ms..1900ms; decline POLICY 0.1; silent 0.1",
}


class LiveTest(StageTest):
    windows = "3s"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stage = cls.stage
        # The story's second version, with a right that revives and a waiver that has a cap.
        text = (ROOT / "deploy/agreements/openai-azure-v2.yaml").read_text()
        for old, new in [("version: 2", "version: 3"), ("window: 3d", "window: 3s"),
                         ("effective_from: 2025-01-21T00:00:00Z", "effective_from: 2025-02-01T00:00:00Z"),
                         ("    price_tolerance_ppm: 2%", "    close_within: 4s\n    price_tolerance_ppm: 2%"),
                         ("    min_share_ppm: 50%", "    min_share_ppm: 50%\n    cap_quantity: 3,000,000")]:
            assert old in text, old
            text = text.replace(old, new)
        (stage.directory / "v3.yaml").write_text(text)
        stage.run("agreement", "apply", stage.directory / "v3.yaml", who="operator-ada")
        # Grafana's role, created as the data source's documentation says.
        sources = (ROOT / "deploy/grafana/provisioning/datasources/capbroker.yaml").read_text()
        grants = re.findall(r"^#   (.*;)$", sources, re.M)
        assert len(grants) == 2, grants
        subprocess.run(["psql", stage.database, "-qv", "ON_ERROR_STOP=1", "-c", " ".join(grants)], check=True)
        cls.figures = stage.directory / "capbroker.prom"
        cls.node = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        cls.node.file = cls.figures
        threading.Thread(target=cls.node.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.node.server_close)
        cls.addClassCleanup(cls.node.shutdown)  # The last to be added goes first.
        cls.standby = cls.start_standby()
        cls.prometheus = cls.start_prometheus()
        cls.created = []  # Names of requests.
        cls.called = {"coreweave": "127.0.0.1:0"}  # The others watch.
        cls.began = time.time()

    @classmethod
    def follow(cls, name, command, pattern):
        """Starts a process with its output in a file; returns the match of the first line that matches."""
        log = cls.stage.directory / (name + ".log")
        with open(log, "wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        cls.stage.started.append(process)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            found = re.search(pattern, log.read_text())
            if found:
                return found[1]
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        raise AssertionError(f"{name}: {log.read_text()[-2000:]}")

    @classmethod
    def start_standby(cls):
        """A second replica with TLS: a dashboard shows its certificate's expiry."""
        directory = cls.stage.directory
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "90", "-subj", "/CN=localhost", "-keyout", directory / "tls.key", "-out",
                        directory / "tls.crt"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        command = [part for part in cls.stage.replica_command() if part != "--insecure-loopback"]
        return cls.follow("standby", [*command, "--name", "standby", "--tls-cert", directory / "tls.crt", "--tls-key",
                                      directory / "tls.key"], r"admin (127\.0\.0\.1:\d+)")

    @classmethod
    def start_prometheus(cls):
        """Prometheus with the shipped configuration, but for addresses and the scrape interval."""
        directory = cls.stage.directory
        text = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
        node = "{}:{}".format(*cls.node.server_address)
        for old, new in [('["127.0.0.1:7421"]', f'["{cls.stage.admin}", "{cls.standby}"]'),
                         ('["127.0.0.1:9100"]', f'["{node}"]'),
                         ("scrape_interval: 15s", f"scrape_interval: {SCRAPE}s"),
                         ("evaluation_interval: 15s", f"evaluation_interval: {SCRAPE}s")]:
            assert old in text, old
            text = text.replace(old, new)
        (directory / "prometheus.yml").write_text(text)
        (directory / "alerts.yml").write_bytes((ROOT / "deploy/prometheus/alerts.yml").read_bytes())
        address = cls.follow("prometheus", ["prometheus", f"--config.file={directory}/prometheus.yml",
                                            f"--storage.tsdb.path={directory}/tsdb", "--web.listen-address=127.0.0.1:0"],
                             r'msg="Listening on" address=(127\.0\.0\.1:[1-9]\d*)')
        return f"http://{address}"

    # ---- Queries.

    def variables(self, end):
        """Fills in the variables as Grafana would."""
        return {"$__rate_interval": f"{8 * SCRAPE if end - self.began < 120 else 30}s",
                "$__range": f"{max(int(end - self.began), 5)}s", "$job": "capbroker", "$provider": ".+", "$owner": ".+"}

    def ask(self, path, **parameters):
        url = f"{self.prometheus}/api/v1/{path}"
        with urllib.request.urlopen(url, urllib.parse.urlencode(parameters).encode(), timeout=30) as reply:
            answer = json.loads(reply.read())
        self.assertEqual(answer["status"], "success")
        self.assertFalse(answer.get("warnings"))
        return answer["data"]

    def run_target(self, target, end):
        """The answer of Prometheus or PostgreSQL to a panel's query."""
        if "rawSql" in target:
            return self.run_sql(target["rawSql"], self.longest_request())
        query = target["expr"]
        for name, value in self.variables(end).items():
            query = query.replace(name, value)
        self.assertNotIn("$", query)
        if target["instant"]:
            return {"result": self.ask("query", query=query, time=end)["result"]}
        step = max(1, round((end - self.began) / 240))
        return {"result": self.ask("query_range", query=query, start=self.began, end=end, step=step)["result"]}

    def run_sql(self, sql, request):
        quoted = {"${request:sqlstring}": "'" + request.replace("'", "''") + "'",
                  "${provider:sqlstring}": "'azure','coreweave','stargate-oracle'"}
        for name, value in quoted.items():
            sql = sql.replace(name, value)
        self.assertNotIn("$", sql)
        command = ["psql", self.stage.database, "-qv", "ON_ERROR_STOP=1", "--csv", "-c", "SET ROLE grafana", "-c", sql]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = list(csv.reader(io.StringIO(done.stdout)))
        return {"columns": lines[0], "rows": lines[1:]}

    def longest_request(self):
        sql = ("SELECT owner || '/' || request_id FROM decision WHERE request_id IS NOT NULL GROUP BY owner, request_id "
               "ORDER BY count(*) DESC LIMIT 1")
        return self.run_sql(sql, "")["rows"][0][0]

    @staticmethod
    def has_data(answer):
        if "rows" in answer:
            return bool(answer["rows"])
        samples = [value for series in answer["result"] for _, value in series.get("values") or [series["value"]]]
        return any(value not in ("NaN", "+Inf", "-Inf") for value in samples)

    # ---- Load.

    def start_desk(self, provider):
        called = provider in self.called
        where = ["--serve", self.called[provider]] if called else []
        desk = self.stage.start("provider-sim", "--provider", provider, "--script", DESKS[provider], *where,
                                who="provider-" + provider)
        if called:  # On the same port after a restart.
            self.called[provider] = desk.stdout.readline().split()[-1]
            self.stage.run("provider", "endpoint", provider, "--at", self.called[provider], who="operator-ada")
        threading.Thread(target=desk.stdout.read, daemon=True).start()  # Nobody reads what it says.
        return desk

    def start_load(self, number):
        stage = self.stage
        qos = "BE" if number % 3 == 2 else "LS"
        command = stage.command("load", "--requests", 150, "--quantity", 3000, "--qos", qos, "--desks", "external",
                                "--concurrency", 6, "--step-window", "2s", "--tokens", stage.tokens, "--target",
                                stage.target)
        with open(stage.directory / "load.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        stage.started.append(process)
        return process

    def create_one(self, dice):
        """One request of the kinds that the story knows; some of them meet an error."""
        stage = self.stage
        alternatives = ["--provider", "stargate-oracle", "--provider", "coreweave", "--step-window", "2s"]
        pick = dice.random()
        quantity = dice.randrange(1000, 2000, 8)
        if pick < 0.15:
            stage.create(*alternatives, workload="API_SERVING", quantity=quantity)
        elif pick < 0.3:
            stage.create(*alternatives, "--purpose", "TRAINING", workload="MODEL_DEVELOPMENT", quantity=quantity)
        elif pick < 0.35:
            stage.run("request", "cancel", stage.create(*alternatives, quantity=quantity), who="owner-openai", want=None)
        elif pick < 0.4:
            stage.run("request", "get", "openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f", who="owner-openai", want=None)
        elif pick < 0.45 and len(self.created) > 40:  # By now it is answered, or has lapsed.
            stage.run("offer", "accept", self.created[-40] + "/offers/1", "--provider", "azure", who="provider-azure",
                      want=None)
        elif pick < 0.6:
            self.say_in_a_session()
        else:
            self.created.append(stage.create(*alternatives, quantity=2 * quantity))

    def say_in_a_session(self):
        """One command that is refused, and counted."""
        token = (self.stage.tokens / "owner-openai").read_text().strip()
        cancel = {"name": "owners/openai/capacityRequests/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f", "request_id": "none"}
        subprocess.run([ROOT / "build/tools/node_modules/.bin/buf", "curl", "--schema", ROOT / "proto", "--protocol", "grpc",
                        "--http2-prior-knowledge", "-H", f"authorization: Bearer {token}",
                        "-d", json.dumps({"parent": "owners/openai", "commands": [{"cancel": cancel}]}),
                        f"http://{self.stage.target}/capbroker.v1.SessionService/OwnerSession"],
                       check=True, stdout=subprocess.DEVNULL)

    def test_every_query_has_data_and_every_panel_is_drawn(self):
        stage = self.stage
        seconds = float(os.environ.get("CAPBROKER_PICTURES_SECONDS", "0"))
        dice = random.Random(11)
        desks = {provider: self.start_desk(provider) for provider in DESKS}
        self.start_load(2)
        load, loads = self.start_load(0), 1
        pending = {(name, item["id"], target["refId"]): target for name, board in DASHBOARDS.items()
                   for item in board["panels"] for target in item["targets"]}
        queries = len(pending)
        end = time.monotonic() + max(PATIENCE, seconds + 30)
        verified_at = 0
        while (pending or time.time() - self.began < max(seconds, 15)) and time.monotonic() < end:
            passed = time.time() - self.began
            self.create_one(dice)
            if passed - verified_at > max(8, seconds / 4):
                stage.run("decisions", "verify", "--database", stage.database, "--metrics-file", self.figures)
                verified_at = time.time() - self.began
            if load.poll() is not None:
                load, loads = self.start_load(loads), loads + 1
            away = seconds > 0 and 0.5 < passed / seconds < 0.65  # Two desks that are away for a while.
            for provider in ("azure", "coreweave"):
                if away and desks[provider].poll() is None:
                    desks[provider].terminate()
                    desks[provider].wait()
                if not away and desks[provider].poll() is not None:
                    desks[provider] = self.start_desk(provider)
            if passed > 6:
                now = time.time()
                pending = {key: target for key, target in pending.items()
                           if not self.has_data(self.run_target(target, now))}
        self.assertEqual({key: target.get("expr") or target.get("rawSql") for key, target in pending.items()}, {},
                         "queries without data")
        print(f"{queries} queries have data after {time.time() - self.began:.0f} s", flush=True)
        self.check_verification()
        self.check_rules()
        self.check_sql()
        self.draw(time.time())

    def check_verification(self):
        text = self.figures.read_text()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        figures = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
        self.assertEqual(figures["capbroker_verify_findings"], "0")
        self.assertEqual(figures["capbroker_verify_trails"], "2", "openai's and the providers'")
        self.assertGreater(int(figures["capbroker_verify_decisions"]), 100)
        self.assertLess(abs(float(figures["capbroker_verify_completed_timestamp_seconds"]) - time.time()), 600)
        for flags in (["--owner", "openai"], []):  # A part of the database; none at all.
            command = ["decisions", "verify", *flags, "--metrics-file", self.figures]
            self.stage.run(*command, *(["--database", self.stage.database] if flags else ["missing.jsonl"]), want=2)
        self.stage.run("decisions", "verify", "--database", self.stage.database, "--metrics-file", "/nowhere/at.prom",
                       want=2)

    def check_rules(self):
        """The alerts are evaluated, and none is firing that somebody would have to get up for."""
        with urllib.request.urlopen(f"{self.prometheus}/api/v1/rules", timeout=30) as reply:
            rules = [rule for group in json.loads(reply.read())["data"]["groups"] for rule in group["rules"]]
        self.assertGreaterEqual(len(rules), 10)
        for rule in rules:
            self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""), rule["name"])
            if rule["labels"]["severity"] == "page":
                self.assertNotEqual(rule["state"], "firing", rule)
        # An alert over a metric that nobody emits never fires.
        for rule in rules:
            selectors = re.findall(r"\b(?:capbroker_\w+|up)\b(?:\{[^}]*\})?", rule["query"])
            self.assertTrue(selectors, rule["name"])
            for selector in selectors:
                self.assertTrue(self.is_emitted(selector), f"{rule['name']}: nothing is {selector}")
        for name, kind in METRICS.items():
            self.assertTrue(self.is_emitted(name + "_count" if kind == "histogram" else name), f"{name} is only documented")
        self.assertFalse(self.is_emitted("capbroker_nothing_total"))
        expiry = self.ask("query", query="min(capbroker_server_certificate_expiry_timestamp_seconds) - time()")["result"]
        self.assertAlmostEqual(float(expiry[0]["value"][1]) / 86400, 90, delta=0.1)

    def is_emitted(self, selector):
        return bool(self.ask("series", **{"match[]": selector, "start": self.began, "end": time.time() + 1}))

    def check_sql(self):
        """What somebody types where the request goes is a value, never a part of the query."""
        trail = DASHBOARDS["trail"]["panels"][0]["targets"][0]["rawSql"]
        for nothing in ("", "openai", "'; DROP TABLE act; --"):
            self.assertEqual(self.run_sql(trail, nothing)["rows"], [])
        got = self.run_sql(trail, self.longest_request())
        kinds = [row[got["columns"].index("kind")] for row in got["rows"]]
        self.assertEqual(kinds[0], "REQUEST_RECEIVED")

    def draw(self, end):
        out = pathlib.Path(os.environ.get("CAPBROKER_PICTURES") or self.stage.directory)
        drawings = []
        for name, board in DASHBOARDS.items():
            answers = {item["id"]: {target["refId"]: self.run_target(target, end) for target in item["targets"]}
                       for item in board["panels"]}
            data = out / f"{name}.data.json"
            data.write_text(json.dumps({"from": self.began, "to": end, "answers": answers,
                                        "variables": {"job": "capbroker", "provider": "All", "owner": "All",
                                                      "request": self.longest_request()}}))
            drawings += [ROOT / f"deploy/grafana/dashboards/{name}.json", data, out / f"{name}.png"]
        # Also on the first day, without a broker and without data.
        empty = {item["id"]: {target["refId"]: {"result": []} for target in item["targets"]}
                 for item in DASHBOARDS["offers"]["panels"]}
        data = self.stage.directory / "empty.data.json"
        data.write_text(json.dumps({"from": self.began, "to": end, "answers": empty, "variables": {}}))
        drawings += [ROOT / "deploy/grafana/dashboards/offers.json", data, self.stage.directory / "empty.png"]
        done = subprocess.run(["node", ROOT / "tests/tools/dashboards/draw_dashboards", *drawings], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        *reports, bare = json.loads(done.stdout)
        self.assertEqual(bare["errors"], [])
        self.assertEqual([(item["marks"], item["nothing"]) for item in bare["panels"]],
                         [(0, item["fieldConfig"]["defaults"]["noValue"]) for item in DASHBOARDS["offers"]["panels"]])
        for (name, board), report in zip(DASHBOARDS.items(), reports, strict=True):
            self.assertEqual(report["errors"], [], name)
            self.assertEqual([item["title"] for item in report["panels"]], [item["title"] for item in board["panels"]])
            for item in report["panels"]:
                self.assertGreater(item["marks"], 0, f"{name}: {item['title']} is drawn empty")
            self.assertGreater((out / f"{name}.png").stat().st_size, 10_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
