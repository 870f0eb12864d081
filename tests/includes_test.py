"""Reads every #include of the program and fails on one that points upward or sideways."""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folder -> the folders of ours that it may include, besides itself. A new folder gets its place here: below those that
# include it, above those that it includes.
BROKER = ("broker/values", "broker/agreements", "broker/trail", "broker/routing", "broker/deciding")
MAY_INCLUDE = {
    "proto": set(),
    "broker/values": set(),
    "broker/agreements": {"broker/values"},
    "broker/trail": {"broker/agreements", "broker/values"},
    "broker/routing": {"broker/trail", "broker/agreements", "broker/values"},
    "broker/deciding": {"broker/routing", "broker/trail", "broker/agreements", "broker/values"},
    "storage": {"broker/trail", "broker/agreements", "broker/values"},
    "services/concurrency": {"broker/values"},
    "services/files": {"broker/values"},
    "services/notation": {"broker/values"},
    "services/simulation": {"services/notation", *BROKER},
    "services/sequencing": {"storage", *BROKER},
    "services/log": {"broker/values"},
    "services/messages": {"storage", "proto", *BROKER},
    "services/edge": {"broker/values"},
    "services/access": {"services/messages", "services/edge", "services/files", "broker/values"},
    "services/rpc": {"services/access", "services/messages", "services/edge", "services/log", "services/sequencing", "storage", "proto",
                     *BROKER},
    "services/delivery": {"services/rpc", "services/concurrency", "services/access", "services/messages", "services/edge", "services/log", "services/sequencing",
                          "storage", "proto", *BROKER},
    "services/admin": {"services/access", "services/edge", "broker/values"},
    "services/observability": {"services/admin", "services/edge", "services/access", "services/concurrency", "services/delivery", "services/rpc", "services/log",
                               "services/sequencing", "storage", *BROKER},
    "services/console": {"services/client", "services/edge", "services/concurrency", "services/admin", "services/access", "services/rpc", "services/messages", "proto", "broker/values"},
    "services/client": {"services/concurrency", "services/files", "proto", "broker/values"},
    "services/workload": {"services/client", "services/concurrency", "services/files", "services/notation", "proto", "broker/trail", "broker/values"},
    "services/server": {"services/console", "services/edge", "services/files", "services/observability", "services/delivery", "services/rpc",
                        "services/log", "services/sequencing", "services/client", "storage", "broker/values"},
    "services/cli": {"services/server", "services/workload", "services/files", "services/client", "services/simulation",
                     "services/notation", "services/rpc", "services/messages", "services/edge", "services/log", "storage", "proto",
                     *BROKER},
    "services": {"services/cli"},
}
TOP_FOLDERS = {folder.split("/")[0] for folder in MAY_INCLUDE} | {"tests"}

# broker/ decides from values alone: of third-party code it may include these prefixes, and of the standard library
# nothing that brings a clock, a lock, a thread or a file.
BROKER_THIRD_PARTY = ("absl/", "openssl/evp.h", "openssl/sha.h", "rapidjson/")
BROKER_REFUSED = re.compile(
    r"absl/(synchronization|debugging|random)/|absl/time/clock\.h|absl/base/(thread_annotations|call_once)\.h|"
    r"(atomic|barrier|condition_variable|filesystem|fstream|future|latch|mutex|random|semaphore|shared_mutex|"
    r"stop_token|thread)$")
NO_WIRE = (*BROKER, "storage", "services/edge", "services/concurrency", "services/files", "services/sequencing", "services/notation", "services/simulation")
GRPC = re.compile(r"grpc|google/(protobuf|rpc)/|.*\.pb\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def folder_of(path):
    """The folder of MAY_INCLUDE, or the unknown one, that a path written from the root belongs to."""
    parts = path.split("/")
    if parts[0] in ("broker", "services") and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def owner_of(included):
    """Our folder that an include names, or None for third-party code."""
    if GRPC.match(included) and included.endswith(".pb.h"):
        return "proto"
    return folder_of(included) if included.split("/")[0] in TOP_FOLDERS else None


def refusal(source, included):
    """Why `source` may not include `included`; None if it may."""
    folder, target = folder_of(source), owner_of(included)
    if folder not in MAY_INCLUDE:
        return f"{folder} has no place among the layers yet; give it one in tests/includes_test.py"
    if target is not None:
        if target == folder or target in MAY_INCLUDE[folder]:
            return None
        return f"{folder} may include only {', '.join(sorted(MAY_INCLUDE[folder])) or 'itself'} of ours"
    if "pqxx" in included or included == "libpq-fe.h":
        return None if folder == "storage" else "only storage knows SQL"
    if GRPC.match(included) and folder in NO_WIRE:
        return f"{folder} does not know the wire"
    if folder in BROKER:
        if BROKER_REFUSED.match(included):
            return "broker admits no clock, lock, thread, chance or file"
        # The standard library's headers have no folder and no suffix.
        if not re.fullmatch(r"[a-z_0-9]+", included) and not included.startswith(BROKER_THIRD_PARTY):
            return "broker knows only Abseil, the standard library, OpenSSL's SHA and RapidJSON"
    return None


def check(root):
    """(files read, [complaint])."""
    files, complaints = 0, []
    for top in sorted(TOP_FOLDERS - {"tests"}):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".cc", ".h"):
                continue
            files += 1
            source = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                found = INCLUDE.match(line)
                reason = found and refusal(source, found[1] or found[2])
                if reason:
                    complaints.append(f"{source}:{number}: {line.strip()}: {reason}")
    return files, complaints


class IncludesTest(unittest.TestCase):
    def test_arrows_point_down(self):
        files, complaints = check(ROOT)
        self.assertGreater(files, 0)
        self.assertEqual(complaints, [], "\n" + "\n".join(complaints))

    def test_a_bad_tree_is_refused(self):
        bad = {
            "broker/values/a.h": '#include "storage/ledger.h"',
            "broker/trail/b.cc": '#include "capbroker/v1/offer.pb.h"',
            "broker/values/c.cc": "#include <mutex>",
            "broker/routing/d.cc": '#include "absl/time/clock.h"',
            "broker/deciding/e.cc": "  #  include <sys/socket.h>",
            "storage/a.cc": '#include "services/sequencing/sequencer.h"',
            "storage/b.cc": "#include <grpcpp/grpcpp.h>",
            "services/sequencing/a.cc": '#include "services/rpc/server.h"',
            "services/sequencing/b.cc": "#include <pqxx/pqxx>",
            "services/rpc/a.cc": '#include "services/cli/flags.h"',
            "services/cli/a.cc": '#include "tests/end_to_end/fixture.h"',
            "services/elsewhere/a.cc": "#include <string>",
            "proto/a.cc": '#include "broker/trail/book.h"',
        }
        good = {
            "broker/deciding/good.cc": '#include "broker/trail/a.h"\n#include <vector>\n#include "absl/status/status.h"\n'
                              "#include <openssl/sha.h>\n#include <rapidjson/document.h>\n#include \"absl/time/time.h\"",
            "storage/good.cc": '#include <pqxx/pqxx>\n#include "broker/trail/a.h"\n#include <mutex>',
            "services/rpc/good.cc": '#include <grpcpp/grpcpp.h>\n#include "capbroker/v1/offer.pb.h"\n'
                                    '#include "services/sequencing/a.h"',
            "services/main.cc": '#include "services/cli/run.h"',
        }
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**bad, **good}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text + "\n", encoding="utf-8")
            files, complaints = check(root)
        self.assertEqual(files, len(bad) + len(good))
        self.assertEqual(sorted(line.split(":")[0] for line in complaints), sorted(bad))


if __name__ == "__main__":
    unittest.main()
