"""What the Python clients share: flags, safe calls, a watch that resumes, errors in one line, and how much to take."""

import argparse
import pathlib
import sys
import time

import grpc

from stubs import details, status_pb2

AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)


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


def part_of(offer, most):
    """How much to take of it: all, or the largest part within its bounds; None where no part fits."""
    if most >= offer.quantity:
        return offer.quantity
    part = most - most % max(offer.quantity_step, 1)
    return part if offer.min_quantity and part >= offer.min_quantity else None


class Broker:
    """A channel and a token. Plain text reaches only a broker on this machine; elsewhere give the CA's certificate."""

    def __init__(self, arguments):
        self.metadata = [("authorization", "Bearer " + pathlib.Path(arguments.token_file).read_text().strip())]
        self.channel = grpc.insecure_channel(arguments.target) if not arguments.tls_ca else grpc.secure_channel(
            arguments.target, grpc.ssl_channel_credentials(pathlib.Path(arguments.tls_ca).read_bytes()))

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


def parser_of(description):
    """Has the flags of the connection."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="127.0.0.1:7420")
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--tls-ca", default="", help="the CA's certificate; without it plain text, to this machine")
    return parser


def main(name, run, arguments):
    """Runs a program's main part; what the broker refused is one line, and exit code 1."""
    try:
        sys.exit(run(arguments))
    except grpc.RpcError as failed:
        sys.exit(f"{name}: {line_of(failed)}")
    except OSError as failed:
        sys.exit(f"{name}: {failed}")
    except KeyboardInterrupt:
        pass
