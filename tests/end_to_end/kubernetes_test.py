"""deploy/kubernetes: the files fit each other, the pods are restricted, and what they run (migration, broker, probes)
runs here with the ConfigMap's file."""

import os
import re
import shutil
import subprocess
import unittest
import urllib.request

import yaml

from package_test import version
from stage import BINARY, ROOT, Stage

FOLDER = ROOT / "deploy/kubernetes"


def kustomization():
    return yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def objects():
    """Every object, by (kind, name)."""
    found = {}
    for file in kustomization()["resources"]:
        for one in yaml.safe_load_all((FOLDER / file).read_text()):
            key = one["kind"], one["metadata"]["name"]
            if key in found:
                raise AssertionError(f"{file}: a second {key}")
            found[key] = one
    return found


def selected(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


class KubernetesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.objects = objects()
        cls.workloads = {"broker": cls.objects["Deployment", "capbroker"], "migrate": cls.objects["Job", "capbroker-migrate"]}

    def pod(self, name):
        return self.workloads[name]["spec"]["template"]["spec"]

    def labels(self, name):
        return self.workloads[name]["spec"]["template"]["metadata"]["labels"]

    def container(self, name):
        (container,) = self.pod(name)["containers"]
        return container

    def ports(self):
        return {port["name"]: port["containerPort"] for port in self.container("broker")["ports"]}

    def test_every_file_is_listed(self):
        files = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
        self.assertEqual(set(kustomization()["resources"]), files)

    def test_the_image_is_of_this_version(self):
        (image,) = kustomization()["images"]
        self.assertEqual((image["name"], image["newTag"]), ("capbroker", version()))
        for name in self.workloads:
            self.assertEqual(self.container(name)["image"], image["name"], name)

    def test_selectors_find_the_broker_and_only_it(self):
        deployment = self.workloads["broker"]["spec"]["selector"]["matchLabels"]
        budget = self.objects["PodDisruptionBudget", "capbroker"]["spec"]["selector"]["matchLabels"]
        services = [one["spec"]["selector"] for (kind, _), one in self.objects.items() if kind == "Service"]
        for selector in (deployment, budget, *services):
            self.assertTrue(selected(selector, self.labels("broker")), selector)
            self.assertFalse(selected(selector, self.labels("migrate")), selector)
        policy = self.objects["NetworkPolicy", "capbroker"]["spec"]["podSelector"]["matchLabels"]
        for name in self.workloads:  # Both reach the database, and nothing else.
            self.assertTrue(selected(policy, self.labels(name)), name)
        monitor = self.objects["ServiceMonitor", "capbroker"]["spec"]
        matched = [one for (kind, _), one in self.objects.items()
                   if kind == "Service" and selected(monitor["selector"]["matchLabels"], one["metadata"]["labels"])]
        self.assertEqual([one["metadata"]["name"] for one in matched], ["capbroker-admin"])
        self.assertEqual(matched[0]["metadata"]["labels"][monitor["jobLabel"]], "capbroker")  # The dashboards' job.
        self.assertEqual([end["port"] for end in monitor["endpoints"]], [port["name"] for port in matched[0]["spec"]["ports"]])

    def test_ports_are_those_that_the_broker_opens(self):
        file = self.objects["ConfigMap", "capbroker"]["data"]["capbroker.toml"]
        opened = {"grpc": re.search(r'^listen = "0\.0\.0\.0:(\d+)"', file, re.M), "admin":
                  re.search(r'^admin-listen = "0\.0\.0\.0:(\d+)"', file, re.M)}
        self.assertEqual(self.ports(), {name: int(found.group(1)) for name, found in opened.items()})
        for (kind, name), one in self.objects.items():
            if kind != "Service":
                continue
            for port in one["spec"]["ports"]:
                self.assertEqual(self.ports()[port["targetPort"]], port["port"], name)
        rules = self.objects["NetworkPolicy", "capbroker"]["spec"]["ingress"]
        self.assertEqual({port["port"] for rule in rules for port in rule["ports"]}, set(self.ports()))
        for probe in ("livenessProbe", "startupProbe"):
            self.assertIn(self.container("broker")[probe]["httpGet"]["port"], self.ports())

    def test_what_is_referred_to_is_there_or_told_of(self):
        told = (ROOT / "docs/operations.md").read_text()
        for name in self.workloads:
            pod, container = self.pod(name), self.container(name)
            volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
            self.assertEqual({mount["name"] for mount in container.get("volumeMounts", [])}, set(volumes), name)
            self.assertIn(("ServiceAccount", pod["serviceAccountName"]), self.objects)
            for volume in volumes.values():
                if "configMap" in volume:
                    self.assertIn(("ConfigMap", volume["configMap"]["name"]), self.objects)
            secrets = [volume["secret"]["secretName"] for volume in volumes.values() if "secret" in volume]
            secrets += [variable["valueFrom"]["secretKeyRef"]["name"] for variable in container["env"]
                        if "secretKeyRef" in variable.get("valueFrom", {})]
            for secret in secrets:  # Made by hand, and never here.
                self.assertRegex(told, rf"create secret generic {secret}\b")

    def test_pods_are_restricted(self):
        for name in self.workloads:
            pod, container = self.pod(name), self.container(name)
            self.assertTrue(pod["securityContext"]["runAsNonRoot"], name)
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"}, name)
            self.assertFalse(pod["automountServiceAccountToken"], name)
            self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"], name)
            self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"], name)
            self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]}, name)
            self.assertIn("memory", container["resources"]["limits"], name)
            self.assertEqual({"cpu", "memory"}, set(container["resources"]["requests"]), name)
        (user,) = re.findall(r"^USER (\d+):", (ROOT / "Dockerfile").read_text(), re.M)
        self.assertEqual({self.pod(name)["securityContext"]["runAsUser"] for name in self.workloads}, {int(user)})

    def test_a_second_replica_stands_by_and_no_roll_out_waits_for_it(self):
        spec = self.workloads["broker"]["spec"]
        self.assertEqual(spec["replicas"], 2)
        # One pod is unready by design: with fewer allowed to be unavailable, the last old one would never be told to
        # stop.
        self.assertEqual(spec["strategy"]["rollingUpdate"]["maxUnavailable"], 2)
        self.assertIn("readinessProbe", self.container("broker"))

    def test_a_pod_has_time_to_drain(self):
        file = self.objects["ConfigMap", "capbroker"]["data"]["capbroker.toml"]
        drain = int(re.search(r'^drain = "(\d+)s"', file, re.M).group(1))
        self.assertGreater(self.pod("broker")["terminationGracePeriodSeconds"], drain + 10)


@unittest.skipUnless(shutil.which("openssl"), "no openssl here")
class KubernetesRunTest(unittest.TestCase):
    def test_the_pods_run(self):
        stage = Stage()
        self.addCleanup(stage.close)
        made = stage.directory / "identities"
        made.mkdir()
        subprocess.run([ROOT / "deploy/compose/identities", made], env={**os.environ, "CAPBROKER_BIN": BINARY}, check=True)
        shutil.copy(made / "ca.crt", made / "broker")
        every = objects()

        def run(workload, words, listening=""):
            (container,) = every[workload]["spec"]["template"]["spec"]["containers"]
            text = every["ConfigMap", "capbroker"]["data"]["capbroker.toml"]
            text = text.replace("0.0.0.0:7420", "127.0.0.1:0").replace("0.0.0.0:7421", "127.0.0.1:0")
            text = re.sub('"/(tls|principals)/', f'"{made}/broker/', text)
            text = text.replace("localhost:7420", f"localhost:{listening.rpartition(':')[2]}")
            (stage.directory / "capbroker.toml").write_text(text)
            values = {"POD_NAME": "capbroker-0"}
            for variable in container["env"]:
                if "secretKeyRef" in variable.get("valueFrom", {}):
                    values[variable["name"]] = stage.database
                elif "value" in variable:
                    values[variable["name"]] = variable["value"].replace("/config", str(stage.directory))
            words = [re.sub(r"\$\((\w+)\)", lambda match: values[match.group(1)], word) for word in words or container["args"]]
            process = subprocess.Popen([BINARY, *words], env={**os.environ, **values}, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            stage.started.append(process)
            self.addCleanup(process.stderr.close)
            return process

        def ended(process):
            said, fault = process.communicate(timeout=60)
            return process.returncode, said + fault

        code, said = ended(run(("Job", "capbroker-migrate"), None))
        self.assertEqual(code, 0, said)
        broker = run(("Deployment", "capbroker"), None)
        line = broker.stdout.readline() or broker.stderr.read()
        found = re.match(r"ready listen=(\S+) admin=(\S+)", line)
        self.assertTrue(found, line)
        (container,) = every["Deployment", "capbroker"]["spec"]["template"]["spec"]["containers"]
        program, *probe = container["readinessProbe"]["exec"]["command"]
        self.assertEqual(program, "capbroker")
        while (answer := ended(run(("Deployment", "capbroker"), probe, found.group(1))))[0] == 1:
            self.assertIsNone(broker.poll())  # Health follows by a tenth of a second.
        self.assertEqual(answer, (0, "SERVING\n"))
        path = container["livenessProbe"]["httpGet"]["path"]
        with urllib.request.urlopen(f"http://{found.group(2)}{path}", timeout=30) as reply:
            self.assertEqual(reply.status, 200)
        broker.terminate()
        broker.wait(60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
