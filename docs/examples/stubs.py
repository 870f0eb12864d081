"""The API's Python modules, generated when the program starts, into a folder that is removed once they are imported.

Needs Debian's python3-grpcio and python3-protobuf, and either grpc_tools (python3-grpc-tools) or protoc with its plugin
(protobuf-compiler-grpc).
"""

import importlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

import google

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def generate(*names):
    """Imports the modules of these names."""
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
        return [importlib.import_module(name) for name in names]


(requests, request_calls, request_stubs, offers, offer_calls, offer_stubs, called, called_stubs, details,
 status_pb2) = generate(
    "capbroker.v1.capacity_request_pb2", "capbroker.v1.capacity_request_service_pb2",
    "capbroker.v1.capacity_request_service_pb2_grpc", "capbroker.v1.offer_pb2", "capbroker.v1.offer_service_pb2",
    "capbroker.v1.offer_service_pb2_grpc", "capbroker.v1.capacity_provider_pb2",
    "capbroker.v1.capacity_provider_pb2_grpc", "google.rpc.error_details_pb2", "google.rpc.status_pb2")
