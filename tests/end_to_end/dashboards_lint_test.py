"""Static checks of the dashboards and alerts: every panel has a description, every metric is documented, every alert
can fire and has its runbook, whose commands exist."""

import copy
import json
import re
import subprocess
import unittest

from stage import BINARY, ROOT

DASHBOARDS = {file.stem: json.loads(file.read_text())
              for file in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))}
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ALERTS = (ROOT / "deploy/prometheus/alerts.yml").read_text()


def documented():
    """{metric: type} of the tables of docs/operations.md; "" where the table leaves the type to the client's usage."""
    metrics = {}
    for line in OPERATIONS.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`([a-z_]+)`", cells[0])
        if len(cells) != 4 or not names:
            continue
        for name in names:  # `capbroker_commitment_committed`, `_reserved`
            full = names[0].rsplit("_", 1)[0] + name if name.startswith("_") else name
            metrics[full] = cells[1] or ("counter" if full.endswith("_total") else "gauge")
    return metrics


METRICS = documented()


def metrics_of(expression):
    """[(name as written, type, function around it, its range)]; the type is None if the metric is not documented."""
    found = []
    for match in re.finditer(r"\b(capbroker_\w+|grpc_server_\w+|process_\w+|up)\b(\{[^}]*\})?(\[[^\]]*\])?", expression):
        name = match[1]
        plain = name if name in METRICS else re.sub("_(bucket|sum|count)$", "", name)
        kind = "gauge" if name == "up" else METRICS.get(plain)
        function = re.search(r"(\w+) ?\($", expression[:match.start()])
        found.append((name, kind, function[1] if function else "", match[3]))
    return found


def lint(board):
    """The faults of a dashboard, in sentences."""
    wrong = []
    if not re.fullmatch("capbroker-[a-z]+", board["uid"]) or not board["title"] or not board["description"]:
        wrong.append("a dashboard without uid, title or description")
    variables = {variable["name"] for variable in board["templating"]["list"]}
    taken = {}
    for item in board["panels"]:
        where = f'{board.get("title")}: {item.get("title")!r}'
        fields = item["fieldConfig"]["defaults"]
        if not item.get("title"):
            wrong.append(f"{where}: no title")
        if not re.fullmatch(r"[A-Z].{20,}\.", item.get("description", ""), re.S):
            wrong.append(f"{where}: no description in a sentence")
        if not fields.get("unit"):
            wrong.append(f"{where}: no unit")
        if not fields.get("noValue"):
            wrong.append(f"{where}: no text where there is nothing to show")
        if item["type"] == "timeseries" and not item["options"]["legend"]["showLegend"]:
            wrong.append(f"{where}: no legend")
        place = item["gridPos"]
        if place["x"] + place["w"] > 24:
            wrong.append(f"{where}: beyond the grid")
        columns, lines = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        for cell in [(x, y) for x in columns for y in lines]:
            if taken.setdefault(cell, item["title"]) != item["title"]:
                wrong.append(f"{where}: overlaps {taken[cell]!r}")
                break
        if not item["targets"]:
            wrong.append(f"{where}: no query")
        for target in item["targets"]:
            source = re.fullmatch(r"\$\{(\w+)\}", target["datasource"]["uid"])
            if not source or source[1] not in variables or target["datasource"] != item["datasource"]:
                wrong.append(f"{where}: a data source that is not one of the variables")
            query = target.get("expr") or target.get("rawSql")
            for name in re.findall(r"\$\{?([a-z]\w*)", query):
                if name not in variables:
                    wrong.append(f"{where}: ${name} is no variable")
            if "expr" not in target:
                continue
            if not target.get("legendFormat") or target["legendFormat"] == "__auto":
                wrong.append(f"{where}: no legend")
            for name, kind, function, window in metrics_of(query):
                if kind is None:
                    wrong.append(f"{where}: {name} is not in docs/operations.md")
                if kind in ("counter", "histogram") and function not in ("rate", "increase"):
                    wrong.append(f"{where}: {name} is a {kind}, and not under rate or increase")
                if kind == "gauge" and function in ("rate", "increase"):
                    wrong.append(f"{where}: {name} is a gauge under {function}")
                # The last value of a series of rates belongs to one instant; a total belongs to all that is shown.
                if window and window != ("[$__range]" if target["instant"] else "[$__rate_interval]"):
                    wrong.append(f"{where}: {name}{window}")
            if 'job="$job"' not in query and "capbroker_verify_" not in query:
                wrong.append(f"{where}: a query over every job")
    return wrong


class LintTest(unittest.TestCase):
    def test_dashboards(self):
        self.assertEqual(sorted(DASHBOARDS), ["broker", "offers", "rights", "trail"])
        for board in DASHBOARDS.values():
            self.assertEqual(lint(board), [])
        self.assertEqual(len({board["uid"] for board in DASHBOARDS.values()}), len(DASHBOARDS))

    def test_the_lint_finds_each_fault(self):
        def query(text):
            return lambda item: item["targets"][0].update(expr=text)
        faults = {
            "no title": lambda item: item.update(title=""),
            "no description": lambda item: item.update(description="Figures."),
            "no unit": lambda item: item["fieldConfig"]["defaults"].update(unit=""),
            "nothing to show": lambda item: item["fieldConfig"]["defaults"].pop("noValue"),
            "no legend": lambda item: item["targets"][0].update(legendFormat=""),
            "overlaps": lambda item: item["gridPos"].update(x=4),
            "beyond the grid": lambda item: item["gridPos"].update(x=22),
            "not one of the variables": lambda item: item["targets"][0]["datasource"].update(uid="p1"),
            "is no variable": query('sum(capbroker_serving{job="$job",a="$b"})'),
            "not in docs": query('sum(capbroker_servings{job="$job"})'),
            "not under rate": query('sum(capbroker_commands_total{job="$job"})'),
            "gauge under rate": query('rate(capbroker_serving{job="$job"}[$__range])'),
            "[5m]": query('sum(increase(capbroker_commands_total{job="$job"}[5m]))'),
            "every job": query("sum(capbroker_serving)"),
        }
        for want, spoil in faults.items():
            board = copy.deepcopy(DASHBOARDS["broker"])
            spoil(board["panels"][0])
            self.assertTrue(any(want in sentence for sentence in lint(board)), f"{want}: {lint(board)}")

    def test_the_files_are_what_the_generator_writes(self):
        done = subprocess.run([ROOT / "deploy/grafana/generate", "--check"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.returncode, 0)

    def test_promtool(self):
        for command in (["check", "config", "deploy/prometheus/prometheus.yml"],
                        ["check", "rules", "deploy/prometheus/alerts.yml"],
                        ["test", "rules", "deploy/prometheus/alerts_test.yml"]):
            done = subprocess.run(["promtool", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True)
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_every_alert_has_its_runbook_and_its_test(self):
        names = re.findall(r"- alert: (\w+)", ALERTS)
        self.assertGreaterEqual(len(names), 10)
        headings = re.findall(r"^### (Capbroker\w+)$", OPERATIONS, re.M)
        self.assertEqual(sorted(names), sorted(headings))
        tested = (ROOT / "deploy/prometheus/alerts_test.yml").read_text()
        for rule in ALERTS.split("- alert: ")[1:]:
            name = rule.split()[0]
            for part in ("summary:", "description:", "severity:", f"runbook_url: docs/operations.md#{name.lower()}\n"):
                self.assertIn(part, rule, name)
            self.assertRegex(tested, rf"alertname: {name}\n +eval_time: \S+\n +exp_alerts:\n", f"{name} never fires")
            if name != "CapbrokerLapseRatioHigh":  # There its neighbours in the same test are below.
                self.assertRegex(tested, rf"alertname: {name}, eval_time: \S+, exp_alerts: \[\]", f"{name} always fires")
            for written, kind, _, _ in metrics_of(rule.split("annotations:")[0]):
                self.assertIsNotNone(kind, f"{name}: {written} is not in docs/operations.md")

    def test_what_is_said_twice_is_the_same(self):
        commit = next(item for item in DASHBOARDS["broker"]["panels"] if item["title"] == "Commit")
        line = commit["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
        self.assertRegex(ALERTS, rf"capbroker_batch_commit_seconds_bucket\[5m\]\)\)\) > {line}\n")
        sources = (ROOT / "deploy/grafana/provisioning/datasources/capbroker.yaml").read_text()
        for board in DASHBOARDS.values():
            for variable in board["templating"]["list"]:
                if variable["type"] == "datasource":
                    name, uid = variable["current"]["text"], variable["current"]["value"]
                    self.assertIn(f"name: {name}\n    uid: {uid}\n    type: {variable['query']}", sources)

    def test_what_runbooks_tell_to_run_is_there(self):
        runbooks = OPERATIONS[OPERATIONS.index("## Alerts"):OPERATIONS.index("## Verification")]
        commands = set(re.findall(r"`capbroker ([a-z -]+?)(?= [A-Z-]|`| --| \")", runbooks.replace("\n   ", " ")))
        self.assertGreaterEqual(len(commands), 8, commands)
        for command in sorted(commands):
            done = subprocess.run([BINARY, *command.split(), "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}")
            flags = re.findall(rf"`capbroker {command} [^`]*`", runbooks.replace("\n   ", " "))
            for flag in set(re.findall(r" (--[a-z-]+)", " ".join(flags))):
                self.assertIn(flag + " ", done.stdout, command)


if __name__ == "__main__":
    unittest.main(verbosity=2)
