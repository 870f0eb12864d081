#!/usr/bin/env python3
"""A provider that is called about its offers: takes what fits into its stock, and refuses the rest.

    provider_pushed.py [--listen 127.0.0.1:7430] [--stock 5000] [--cert C --key K --broker-ca CA]
    capbroker provider register azure --endpoint 127.0.0.1:7430
"""

import argparse
import concurrent.futures
import pathlib
import threading

import grpc

from broker import part_of
from stubs import called, called_stubs


class Desk:
    """CapacityProvider. The same offer gets the same answer, and is counted once, however often it comes."""

    def __init__(self, stock):
        self.stock = stock
        self.answers = {}  # By the offer's name. A real desk keeps them in its database, with the stock.
        self.lock = threading.Lock()

    def ConsiderOffer(self, request, context):
        offer = request.offer
        with self.lock:
            if request.HasField("refusal"):  # Our last answer was not taken, and the offer is still open.
                print(f"{offer.name}: refused: {request.refusal.reason} {request.refusal.detail}", flush=True)
                self.stock += self.answers.pop(offer.name, (None, 0))[1]
            if offer.name not in self.answers:
                self.answers[offer.name] = self.consider(offer)
            return self.answers[offer.name][0]

    def consider(self, offer):
        """The answer, and what it takes of the stock."""
        part = part_of(offer, self.stock)
        if part is None:
            print(f"{offer.name}: {offer.quantity} {offer.terms.resource_type}, declined", flush=True)
            refusal = {"reason": "DECLINE_REASON_NO_CAPACITY", "text": f"{self.stock} left"}
            return called.ConsiderOfferResponse(decline=refusal), 0
        self.stock -= part
        print(f"{offer.name}: {part} of {offer.quantity} {offer.terms.resource_type}, {self.stock} left", flush=True)
        taken = {"terms_hash": offer.terms_hash, "quantity": part if part < offer.quantity else 0}
        return called.ConsiderOfferResponse(accept=taken), part


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--listen", default="127.0.0.1:7430")
    flags.add_argument("--stock", type=int, default=5000, help="units to give away")
    flags.add_argument("--cert", help="our certificate, PEM; without it plain text, for this machine alone")
    flags.add_argument("--key")
    flags.add_argument("--broker-ca", help="who signs the broker's certificate, PEM")
    flags = flags.parse_args()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    desk = Desk(flags.stock)
    called_stubs.add_CapacityProviderServicer_to_server(desk, server)
    if flags.cert:
        key, cert, ca = (pathlib.Path(f).read_bytes() for f in (flags.key, flags.cert, flags.broker_ca))
        port = server.add_secure_port(flags.listen, grpc.ssl_server_credentials([(key, cert)], ca, True))
    else:
        port = server.add_insecure_port(flags.listen)
    server.start()
    print(f"called at {flags.listen.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
