"""What both Python clients share: stubs, a channel, safe calls, a watch that resumes, and errors in one line.

Needs Debian's python3-grpcio and python3-protobuf, and either grpc_tools (python3-grpc-tools) or protoc with its plugin
(protobuf-compiler-grpc). The stubs are generated when the program starts, into a folder that is removed when it ends.
"""

import importlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import google
import grpc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)


def generate():
    """Imports the stubs: a module for each name asked for."""
    with tempfile.TemporaryDirectory() as out:
        files = [str(path.relative_to(PROTO)) for folder in ("capbroker/v1", "google/rpc")
                 for path in sorted((PROTO / folder).glob("*.proto"))]
        arguments = [f"-I{PROTO}", f"--python_out={out}", f"--grpc_python_out={out}", *files]
        try:
            from grpc_tools import protoc
            protoc.main(["protoc", *arguments])
        except ImportError:
            plugin = shutil.which("grpc_python_plugin")
            subprocess.run(["protoc", f"--plugin=protoc-gen-grpc_python={plugin}", *arguments], check=True)
        sys.path.insert(0, out)
        google.__path__.append(f"{out}/google")  # google.rpc beside the google.protobuf that is installed.
        return [importlib.import_module(name) for name in (
            "capbroker.v1.capacity_request_pb2", "capbroker.v1.capacity_request_service_pb2",
            "capbroker.v1.capacity_request_service_pb2_grpc", "capbroker.v1.offer_pb2",
            "capbroker.v1.offer_service_pb2", "capbroker.v1.offer_service_pb2_grpc",
            "google.rpc.error_details_pb2", "google.rpc.status_pb2")]


requests, request_calls, request_stubs, offers, offer_calls, offer_stubs, details, status_pb2 = generate()


def details_of(error, kind):
    """The google.rpc detail of this kind that came with the error, or an empty one."""
    out = kind()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                packed.Unpack(out)  # Nothing happens where it is of another kind.
    return out


def line_of(error):
    """One line: the code, the reason, each field at fault, else the message."""
    reason = details_of(error, details.ErrorInfo).reason
    fields = [f"{one.field}: {one.description}" for one in details_of(error, details.BadRequest).field_violations]
    return " ".join(filter(None, [error.code().name, reason])) + ": " + ("; ".join(fields) or error.details())


def pause_after(error):
    """As long as the broker says (RetryInfo), else a second."""
    delay = details_of(error, details.RetryInfo).retry_delay
    time.sleep(delay.seconds + delay.nanos / 1e9 or 1)


class Broker:
    """A channel and a token. Plain text reaches only a broker on this machine; elsewhere give the CA's certificate."""

    def __init__(self, target, token_file, ca_file=""):
        self.metadata = [("authorization", "Bearer " + pathlib.Path(token_file).read_text().strip())]
        self.channel = grpc.insecure_channel(target) if not ca_file else grpc.secure_channel(
            target, grpc.ssl_channel_credentials(pathlib.Path(ca_file).read_bytes()))

    def call(self, method, message, deadline=5, tries=6):
        """One call with a deadline. No answer is no refusal: the same message, with the same request_id, again."""
        for left in range(tries - 1, -1, -1):
            try:
                return method(message, metadata=self.metadata, timeout=deadline)
            except grpc.RpcError as error:
                if error.code() not in AGAIN or not left:
                    raise
                pause_after(error)

    def watch(self, method, message):
        """The messages of a watch, for ever: after a break it watches again, and what is present comes again."""
        while True:
            try:
                yield from method(message, metadata=self.metadata)
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                print(f"watching again after {line_of(error)}", file=sys.stderr, flush=True)
                pause_after(error)
