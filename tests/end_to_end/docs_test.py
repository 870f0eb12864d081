"""Checks the documents: commands run, output has the shape shown, examples are accepted, links lead somewhere, and what
is named exists. CONTRIBUTING.md explains how blocks are marked."""

import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import unittest

import examples_test
import stage

ROOT = stage.ROOT
DEMO = "/tmp/capbroker-demo"  # As the pages have it; deploy/demo itself takes another place from CAPBROKER_DEMO.
PAGES = ["README.md", "docs/examples/README.md",
         *sorted(page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/*.md"))]

# Commands that are not run though their block is: how they begin, and why.
NOT_RUN = {
    "deploy/demo": "has its own test, demo_test.py",
    "tests/run": "would run this test",
}

# Blocks of any other language, or of none, are neither run nor checked.
MARKS = ("sh", "json", "text", "yaml")

# What differs from run to run, both in the documents and in the output.
VARYING = [(re.compile(pattern), word) for pattern, word in (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?", "TIME"),
    (r"\b[0-9a-f]{64}\b", "HASH"),
    (r"[A-Za-z0-9+/]{43}=", "HASH"),
    (r"[A-Za-z0-9+/=_-]{44,}", "BYTES"),
    (r"^\d+(\.\d+)?s$", "DURATION"),
    (r"\b127\.0\.0\.1:\d+", "ADDRESS"),
)]


class Block:
    """A fenced block: its page and line, the words after the fence, its text."""

    def __init__(self, page, line, info, text):
        self.page, self.line, self.info, self.text = page, line, info.split(), text

    def __str__(self):
        return f"{self.page}:{self.line}"

    @property
    def language(self):
        return self.info[0] if self.info else ""


def blocks_of(page):
    out, fence, start, lines = [], None, 0, []
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        found = re.match(r"^```(.*)$", line)
        if not found:
            lines.append(line)
        elif fence is None:
            fence, start, lines = found[1], number, []
        else:
            out.append(Block(page, start, fence, "\n".join(lines) + "\n"))
            fence = None
    if fence is not None:
        raise AssertionError(f"{page}:{start}: the block has no end")
    return out


def plain(value):
    """The value with everything that varies replaced by a word."""
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str):
        for pattern, word in VARYING:
            value = pattern.sub(word, value)
    return value


def json_values(text):
    """The JSON values that follow each other in the text; the last may be cut off."""
    out, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        try:
            value, end = decoder.raw_decode(text)
        except ValueError:
            break
        out.append(value)
        text = text[end:]
    return out


def lacks(shown, got, where="output"):
    """Where `got` lacks something that is shown; empty if nowhere. It may have more fields, and longer lists."""
    if isinstance(shown, dict):
        if not isinstance(got, dict):
            return f"{where}: got {got!r}, want an object"
        return next(filter(None, (f"{where}: no {key}" if key not in got else lacks(value, got[key], f"{where}.{key}")
                                  for key, value in shown.items())), "")
    if isinstance(shown, list):
        if not isinstance(got, list) or len(got) < len(shown):
            return f"{where}: got {got!r}, want a list of at least {len(shown)}"
        return next(filter(None, (lacks(value, got[i], f"{where}[{i}]") for i, value in enumerate(shown))), "")
    return "" if shown == got else f"{where}: got {got!r}, shown {shown!r}"


def missing(block, output):
    """What the block shows and the output lacks; empty if nothing. `...` on a line of its own stands for any lines."""
    if block.language == "json":
        return lacks(plain(json_values(block.text)), plain(json_values(output)))
    lines = [" ".join(plain(line).split()) for line in output.splitlines()]
    at, skip = 0, True
    for line in block.text.splitlines():
        want = " ".join(plain(line).split())
        if want == "...":
            skip = True
            continue
        rest = lines[at:] if skip else lines[at:at + 1]
        if want not in rest:
            return f"no line {want!r} in {lines[at:]!r}"
        at += rest.index(want) + 1
        skip = False
    return ""


class Runner:
    """Runs a page's commands in order, in a folder that looks like the repository, against a broker of its own that
    stands as `deploy/demo --keep` leaves one. A failure is an AssertionError."""

    def __init__(self, page):
        self.blocks = blocks_of(page)
        self.lines = []  # Of the blocks that are run.
        self.here = stage.Stage()
        self.folder = self.here.directory / "repository"
        self.state = self.here.directory / "state"  # Variables and functions, from block to block.

    def open(self):
        here = self.here
        here.set_up("1h")
        third = re.sub(r"(?m)^version: .*", "version: 3", (here.directory / "v2.yaml").read_text())
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        (here.directory / "v3.yaml").write_text(re.sub(r"(?m)^effective_from: .*", f"effective_from: {now}", third))
        here.run("agreement", "apply", here.directory / "v3.yaml", who="operator-ada")
        here.start("provider-sim", "--provider", "stargate-oracle", "--always", "accept", who="provider-stargate-oracle")
        programs = here.directory / "bin"
        programs.mkdir()
        (programs / "python3").symlink_to(examples_test.PYTHON)  # One that has grpc.
        (here.directory / "env").write_text(
            f"export PATH={programs}:{pathlib.Path(stage.BINARY).parent}:$PATH CAPBROKER_TARGET={here.target} "
            f"DATABASE_URL=\"{here.database}\"\n"
            f"as() {{ CAPBROKER_TOKEN_FILE={here.tokens}/$1 capbroker \"${{@:2}}\"; }}\n")
        self.folder.mkdir()
        for path in ROOT.iterdir():
            (self.folder / path.name).symlink_to(path)
        self.state.write_text("")

    def run(self):
        try:
            self.open()
            for block in self.blocks:
                if block.language in ("yaml", "text") and len(block.info) > 1:
                    file = self.folder / block.info[1]
                    file.parent.mkdir(exist_ok=True)
                    file.write_text(block.text)
            for block, after in zip(self.blocks, [*self.blocks[1:], None]):
                shown = after if after and after.info in (["json"], ["text"]) else None
                if block.language == "sh":
                    (self.watch_block if block.info[1:2] == ["watch"] else self.run_block)(block, shown)
        finally:
            self.here.close()

    def shell(self, block):
        """The block as a script that begins where the block before it ended."""
        kept = []
        for command in re.split(r"(?<!\\)\n", block.text):
            reason = next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)
            self.lines.append(command)
            kept.append(f": {reason}" if reason else command)
        text = "\n".join(kept).replace(DEMO, str(self.here.directory))
        return ["bash", "-c", f"source {self.state}\nset -euo pipefail\n{text}\n"
                f"{{ declare -p | grep -vE '^declare -[a-zA-Z]*r|BASH|FUNCNAME|PIPESTATUS|SHLVL| _='; declare -f; }} "
                f">{self.state}"]

    def run_block(self, block, shown):
        want = int(block.info[2]) if block.info[1:2] == ["exit"] else 0
        done = subprocess.run(self.shell(block), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, timeout=120)
        if done.returncode != want:
            raise AssertionError(f"{block}: exit {done.returncode}, want {want}\n{done.stdout[-4000:]}")
        if shown and missing(shown, done.stdout):
            raise AssertionError(f"{shown}: {missing(shown, done.stdout)}\n{done.stdout[-4000:]}")

    def watch_block(self, block, shown):
        """A command that runs forever: it has to show this, and is then ended."""
        if not shown:
            raise AssertionError(f"{block}: a watch needs its output shown")
        process = subprocess.Popen(self.shell(block), cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        end = threading.Timer(120, os.killpg, (process.pid, signal.SIGKILL))
        end.start()
        out = b""
        try:
            while missing(shown, out.decode(errors="replace")):
                more = os.read(process.stdout.fileno(), 65536)
                if not more:
                    raise AssertionError(f"{shown}: {missing(shown, out.decode())}\n{out.decode()[-4000:]}")
                out += more
        finally:
            end.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()


class DocsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not examples_test.PYTHON:
            raise AssertionError("no Python has grpc and google.protobuf: deploy/install --tests")
        # The parties that `deploy/demo --keep` leaves.
        more = ["stargate-softbank", "openai-own-build"]
        stage.PROVIDERS += more
        stage.PARTIES += [f"provider/{name}" for name in more]

    def test_every_command_runs(self):
        pages = [page for page in PAGES if any(block.language == "sh" for block in blocks_of(page))]
        self.assertGreater(len(pages), 5)
        runners = [Runner(page) for page in pages]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # A page mostly waits: for processes and the disk.
            running = [pool.submit(runner.run) for runner in runners]
        for page, done in zip(pages, running):
            with self.subTest(page):
                done.result()
        for page in PAGES:
            lines = [str(block.line) for block in blocks_of(page) if block.language not in MARKS]
            if lines:
                print(f"{page}: {len(lines)} blocks are not marked for this test, so not run: lines {', '.join(lines)}", flush=True)
        run = [line for runner in runners for line in runner.lines]
        for start in NOT_RUN:
            self.assertTrue(any(line.startswith(start) for line in run), f"NOT_RUN: no page says {start}")

    def test_what_a_block_that_is_run_wants_can_be_read(self):
        for page in PAGES:
            for block in blocks_of(page):
                if block.language == "sh":
                    self.assertTrue(block.info[1:] in ([], ["watch"]) or len(block.info) == 3 and
                                    block.info[1] == "exit" and block.info[2].isdigit(), f"{block}: {block.info}")

    # ----------------------------------------------------------------------------------------------- agreements

    def test_every_clause_of_the_agreements_page_is_accepted(self):
        """A YAML block of clauses is read together with the clauses of the page's whole example that it refers to."""
        examples = [block for block in blocks_of("docs/agreements.md") if block.language == "yaml"]
        whole = next(block.text for block in examples if block.text.startswith("agreement:"))
        own = dict(re.findall(r"(?ms)^  - id: (\w+)\n(.*?)(?=^  - id: |\Z)", whole))
        here = stage.Stage()
        self.addCleanup(here.close)
        here.set_up("1h")
        kinds = set()
        for number, block in enumerate(examples):
            text = block.text
            kinds |= set(re.findall(r"kind: (\w+)", text))
            if not text.startswith("agreement:"):
                needed = set(re.findall(r"\w+", " ".join(re.findall(r"(?:lifted_clause_ids|ended_clause_ids): \[(.*?)\]", text))))
                needed -= set(re.findall(r"- id: (\w+)", text))
                beside = "".join(f"  - id: {name}\n{own[name]}" for name in sorted(needed))
                text = text.replace("clauses:\n", "clauses:\n" + beside)
                text = f"agreement: page-{number}\nowner: openai\nholder: azure\neffective_from: 2024-01-01T00:00:00Z\n" + text
            else:
                text = re.sub(r"(?m)^version: \d+", "version: 1", text.replace("agreement: azure", f"agreement: page-{number}"))
            file = here.directory / f"page-{number}.yaml"
            file.write_text(text)
            with self.subTest(str(block)):
                here.run("agreement", "lint", file)
                here.run("agreement", "apply", file, who="operator-ada")
                shown = here.run("agreement", "show", f"openai/page-{number}", "--output", "yaml", who="operator-ada").stdout
                for name in re.findall(r"^ +([a-z_]+):", re.sub(r"#.*", "", block.text), re.M):
                    self.assertIn(f"{name}:", shown, f"{block}: {name} was lost")
        records = (ROOT / "broker/agreements/agreement.h").read_text()
        self.assertEqual(kinds, {"EXCLUSIVITY", "FIRST_REFUSAL", "WAIVER", "COMMITMENT", "TERM", "TRIGGER", "NOTED"})
        page = (ROOT / "docs/agreements.md").read_text()
        codes = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', (ROOT / "broker/deciding/lint.cc").read_text()))
        codes.add("REFUSED")  # What the broker finds beside them.
        self.assertGreater(len(codes), 10)
        tables = re.findall(r"(?ms)^\| (?:error|warning) \| \|\n(.*?)\n\n", page)
        self.assertEqual(codes, set(re.findall(r"(?m)^\| ([A-Z_]+) \|", "\n".join(tables))))
        fields = set(re.findall(r'\bfield\("([a-z_]+)"', records))
        self.assertGreater(len(fields), 40)
        fields -= {"asking", "closed_lists", "content", "effective_to"}  # No names of a file, or refused.
        for field in sorted(fields):
            self.assertRegex(page, rf"\b{field}\b", f"docs/agreements.md does not name {field}")

    # ------------------------------------------------------------------------------------ links, files, functions

    def test_who_may_call_what_is_as_the_guard_has_it(self):
        guard = (ROOT / "services/access/guard.cc").read_text()
        words = {"None": "", "Own": "own", "Party": "party", "All": "all"}
        want = [(name, *(words[one] for one in reach)) for name, *reach in re.findall(
            r'\{k\w+,\s*"(\w+/\w+)",\s*kBy\w+,\s*(\w+),\s*(\w+),\s*(\w+),\s*(\w+)\}', guard)]
        self.assertGreater(len(want), 40)
        page = (ROOT / "docs/api.md").read_text()
        got = [tuple(cell.strip(" `") for cell in row.strip("|").split("|"))
               for row in re.findall(r"(?m)^\| `\w+Service/\w+` \|.*", page)]
        self.assertEqual(got, want)

    def test_every_link_leads_somewhere(self):
        pages = [ROOT / name for name in subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, check=True, text=True,
            stdout=subprocess.PIPE).stdout.split()]
        self.assertGreater(len(pages), 10)
        for page in pages:
            text = re.sub(r"(?ms)^```.*?^```", "", page.read_text())
            links = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href|srcset)="([^"]+)"', text)
            for link in links:
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                name = f"{page.relative_to(ROOT)}: {link}"
                self.assertTrue(target.exists(), f"{name} is not there")
                if anchor:
                    prose = re.sub(r"(?ms)^```.*?^```", "", target.read_text())
                    headings = re.findall(r"(?m)^#+ (.*)$", prose)
                    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
                    anchors.update(re.findall(r'<a id="([^"]+)"></a>', prose))
                    self.assertIn(anchor, anchors, name)

    def test_what_the_architecture_names_is_there(self):
        """Files, folders and functions between backquotes."""
        files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                               text=True, stdout=subprocess.PIPE).stdout.split()
        code = "\n".join((ROOT / file).read_text() for file in files
                         if re.match(r"(broker|storage|services|proto)/.*\.(cc|h|proto|sql)$", file))
        names = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", (ROOT / "docs/architecture.md").read_text()))
        self.assertGreater(len(names), 50)
        page = re.sub(r"\s+", " ", (ROOT / "docs/architecture.md").read_text())
        placed = re.findall(r"`(?:\w+::)?(\w+)(?:\((\w+)\))?` (?:in |\()`([\w/]+\.(?:cc|h))`", page)
        self.assertGreater(len(placed), 10)
        for name, argument, file in placed:
            at = next((one for one in files if one == file or one.endswith("/" + file)), None)
            self.assertTrue(at, f"no file {file}")
            call = rf"\b{name}\((const )?{argument}\b" if argument else rf"\b{name}\b"
            self.assertTrue(re.search(call, (ROOT / at).read_text()), f"{at} has no {name} {argument}")
        for name in names:
            if re.fullmatch(r"[\w./-]+\.(cc|h|py|sql)", name):
                self.assertTrue(any(file == name or file.endswith("/" + name) for file in files), f"no file {name}")
            elif name.endswith("/"):
                self.assertTrue(any(file.startswith(name) or f"/{name}" in file for file in files), f"no folder {name}")
            elif re.fullmatch(r"\w+(::\w+)+(\(\w+\))?", name):
                owner, function = re.sub(r"\(\w+\)", "", name).split("::")
                self.assertTrue(re.search(rf"\b(class|struct|namespace) {owner}\b", code), f"no {owner}")
                self.assertTrue(re.search(rf"\b{function}\(", code), f"no {name}")
            elif re.fullmatch(r"\w+", name):
                self.assertTrue(re.search(rf"\b{name}\b", code), f"no {name}")

    def test_what_contributors_are_told_to_change_is_there(self):
        page = (ROOT / "CONTRIBUTING.md").read_text()
        for name in re.findall(r"`([\w/*]+(?:\.\w+)+|[\w/*]+/)`", page):
            found = any(any(ROOT.glob(f"{folder}{name}"))
                        for folder in ("", "services/*/", "broker/*/", "storage/"))
            self.assertTrue(found, f"CONTRIBUTING.md: no {name}")
        presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
        for preset in presets:
            if not preset.get("hidden"):
                self.assertRegex(page, rf"`{preset['name']}`")

    def test_the_changelog_has_the_version(self):
        version = re.search(r"project\(capbroker VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
        first = re.search(r"(?m)^## \[([\d.]+)\] - (Unreleased|\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text())
        self.assertEqual(first[1], version)

    def test_the_folders_of_the_architecture_are_all(self):
        page = (ROOT / "docs/architecture.md").read_text()
        for folder in [*(ROOT / "broker").iterdir(), ROOT / "storage", ROOT / "services"]:
            if folder.is_dir():
                self.assertIn(f"| `{folder.relative_to(ROOT)}/` |", page)
        picture = (ROOT / "services/README.md").read_text()
        for folder in (ROOT / "services").iterdir():
            if folder.is_dir():
                self.assertRegex(picture, rf"(?m)^\W+{folder.name}\b")


if __name__ == "__main__":
    unittest.main(verbosity=2)
